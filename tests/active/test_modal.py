"""modAL's learners, mended: every kind of row, and our strategies in them."""

import sys
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier

pytest.importorskip("modAL")
from skweak.active import EntropySampling, KCenterGreedy, MarginSampling, QueryByCommittee, modal, run_loop  # noqa: E402
from skweak.nn import MLP, SmallCNN  # noqa: E402

X, Y = load_iris(return_X_y=True)
DIGITS, TARGET = load_digits(return_X_y=True)
IMAGES = (DIGITS / 16).reshape(-1, 1, 8, 8).astype(np.float32)
START = np.arange(0, 150, 25)


def logistic(**facts):
    return modal.ActiveLearner(LogisticRegression(max_iter=200), MarginSampling(), X[START], Y[START], **facts)


@pytest.mark.parametrize(
    "container", [np.asarray, pd.DataFrame, sparse.csr_matrix], ids=["array", "frame", "csr"]
)  # fmt: skip
def test_query_teach_repeat(container):
    learner = modal.ActiveLearner(LogisticRegression(max_iter=200), MarginSampling(), container(X[START]), Y[START])
    for number in range(3):
        indices, rows = learner.query(container(X), n_instances=2)
        learner.teach(rows, Y[indices])
        assert learner.X_training.shape == (8 + 2 * number, 4)
    assert learner.batch_sizes == [2, 2, 2]
    expected = LogisticRegression(max_iter=200).fit(learner.X_training, learner.y_training)
    np.testing.assert_allclose(learner.predict_proba(container(X)), expected.predict_proba(container(X)))


def test_the_rows_of_a_query_of_two_are_two():
    indices, rows, scores = logistic().query(X, n_instances=2, return_metrics=True)
    assert indices.shape == scores.shape == (2,) and rows.shape == (2, 4)


def test_an_exception_reaches_the_user_once():
    calls = []

    def broken(learner, X_pool, n_instances=1):
        calls.append(1)
        raise KeyboardInterrupt

    learner = modal.ActiveLearner(LogisticRegression(), broken, X[START], Y[START])
    with pytest.raises(KeyboardInterrupt):
        learner.query(X)
    assert calls == [1]
    learner.query_strategy = lambda learner, X_pool, n_instances=1: (calls.append(2) or np.arange(3), np.zeros(3))
    learner.query(X, n_instances=3)
    assert calls == [1, 2]
    with pytest.raises(ValueError, match="n_instances=151 rows are asked for, but X_pool has only 150"):
        logistic().query(X, n_instances=151)


def test_modals_own_strategies_work():
    from modAL.batch import uncertainty_batch_sampling
    from modAL.uncertainty import uncertainty_sampling

    for strategy in (uncertainty_sampling, uncertainty_batch_sampling, None):
        learner = modal.ActiveLearner(LogisticRegression(max_iter=200), strategy, X[START], Y[START])
        indices, rows = learner.query(X, n_instances=2)
        learner.teach(rows, Y[indices])
        assert learner.X_training.shape == (8, 4)


def test_a_pipeline_with_and_without_on_transformed_queries_the_same():
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    chosen = [
        modal.ActiveLearner(pipe, KCenterGreedy(), X[START], Y[START], on_transformed=flag).query(X, n_instances=5)[0]
        for flag in (True, False)
    ]
    assert chosen[0].tolist() == chosen[1].tolist()
    plain = modal.ActiveLearner(LogisticRegression(), KCenterGreedy(), X[START], Y[START]).query(X, n_instances=5)[0]
    assert plain.tolist() != chosen[0].tolist()


@pytest.mark.parametrize("kind", ["table", "images"])
def test_a_skorch_net_is_taught(kind):
    torch.manual_seed(0)
    rows = IMAGES if kind == "images" else IMAGES.reshape(-1, 64)
    module = {"module": SmallCNN, "module__n_channels": 1} if kind == "images" else {
        "module": MLP, "module__n_features": 64}  # fmt: skip
    net = NeuralNetClassifier(**module, module__n_outputs=10, criterion=torch.nn.CrossEntropyLoss, max_epochs=2,
                              train_split=None, verbose=0)  # fmt: skip
    learner = modal.ActiveLearner(net, EntropySampling(), rows[:60], TARGET[:60])
    indices, new = learner.query(rows[60:200], n_instances=3)
    learner.teach(new, TARGET[60:200][indices])
    assert learner.X_training.shape == (63, *rows.shape[1:]) and learner.X_training.dtype == np.float32


def test_teaching_only_the_new_rows_keeps_modals_meaning():
    learner = logistic()
    learner.teach(X[::10], Y[::10], only_new=True)
    assert len(learner.y_training) == 6
    expected = LogisticRegression(max_iter=200).fit(X[::10], Y[::10])
    np.testing.assert_allclose(learner.predict_proba(X), expected.predict_proba(X))


def test_bootstrap_and_missing_values():
    np.random.seed(0)
    learner = logistic(bootstrap_init=True)
    learner.teach(X[::10], Y[::10], bootstrap=True)
    assert learner.X_training.shape == (21, 4)
    holes = X.copy()
    holes[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        learner.teach(holes[:2], Y[:2])
    from sklearn.ensemble import HistGradientBoostingClassifier

    patient = modal.ActiveLearner(HistGradientBoostingClassifier(max_iter=2), MarginSampling(), holes, Y,
                                  force_all_finite=False)  # fmt: skip
    patient.teach(holes[:2], Y[:2])
    assert len(patient.y_training) == 152


@pytest.mark.parametrize("names", [np.arange(3), np.array(["setosa", "versicolor", "virginica"])], ids=["int", "str"])
def test_a_committee_votes_and_is_taught(names):
    y = names[Y]
    members = [modal.ActiveLearner(LogisticRegression(C=c, max_iter=500), None, X[START], y[START]) for c in (0.01, 1)]
    committee = modal.Committee(members, QueryByCommittee(measure="max_disagreement"))
    indices, rows = committee.query(X, n_instances=3)
    committee.teach(rows, y[indices])
    assert all(len(member.y_training) == 9 for member in committee)
    assert committee.vote(X).shape == (150, 2) and set(committee.predict(X)) <= set(names)
    assert committee.batch_sizes == [3]
    for strategy in (MarginSampling(), KCenterGreedy()):
        committee.query_strategy = strategy
        assert len(committee.query(X, n_instances=3)[0]) == 3


def test_the_loop_runs_modals_learners():
    members = [modal.ActiveLearner(LogisticRegression(C=c, max_iter=500), None, X[START], Y[START]) for c in (0.01, 1)]
    for learner in (logistic(), modal.Committee(members, QueryByCommittee())):
        history = run_loop(learner, X, Y, 2, 4, verbose=0)
        assert [record["n_labeled"] for record in history] == [6, 10, 14]
        assert len(set(np.concatenate([record["indices"] for record in history]))) == 8


def test_learners_are_pickled():
    import pickle

    learner = pickle.loads(pickle.dumps(logistic()))
    assert len(learner.query(X, n_instances=2)[0]) == 2


@pytest.mark.parametrize(
    ("installed", "message"),
    [("0.4.1", "found 0.4.1, whose strategies return something else"), (None, "which is not installed")],
    ids=["old", "none"],
)  # fmt: skip
def test_another_modal_is_refused_with_the_remedy(installed, message, monkeypatch):
    def version(name):
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.delitem(sys.modules, "skweak.active.modal")
    with pytest.raises(ImportError, match=f"{message}.*; install it with: pip install --no-deps"):
        import skweak.active.modal  # noqa: F401


def test_a_committee_takes_return_metrics_second_as_modal_does():
    members = [modal.ActiveLearner(LogisticRegression(C=c, max_iter=500), None, X[START], Y[START]) for c in (0.01, 1)]
    committee = modal.Committee(members, QueryByCommittee())
    indices, rows, scores = committee.query(X, True, 2)
    expected = committee.query(X, n_instances=2, return_metrics=True)
    assert indices.tolist() == expected[0].tolist() and len(rows) == 2
    np.testing.assert_array_equal(scores, expected[2])
    assert len(committee.query(X, False)) == 2


@pytest.mark.parametrize("column", [False, True], ids=["vector", "column"])
def test_a_bayesian_optimizer_climbs(column):
    from modAL.acquisition import max_UCB
    from sklearn.gaussian_process import GaussianProcessRegressor

    points = np.linspace(0, 20, 101).reshape(-1, 1)
    values = np.sin(points) / 2 - (10 - points) ** 2 / 50 + 2
    values = values if column else values[:, 0]
    for strategy in (None, max_UCB):
        optimizer = modal.BayesianOptimizer(GaussianProcessRegressor(optimizer=None), strategy, points[[10, 90]], values[[10, 90]])
        assert float(np.squeeze(optimizer.y_max)) == values[[10, 90]].max()
        for _ in range(20):
            indices, rows = optimizer.query(points)
            optimizer.teach(rows, values[indices])
        assert float(np.squeeze(optimizer.get_max()[1])) == pytest.approx(values.max(), abs=0.02)
        np.testing.assert_allclose(np.ravel(optimizer.get_max()[0]), points[values.argmax()], atol=0.5)
        assert len(optimizer.y_training) == 22 and optimizer.batch_sizes == [1] * 20
    optimizer.teach(points[[50]], values[[50]], only_new=True)
    assert len(optimizer.y_training) == 23
    optimizer.fit(points[:2], values[:2])
    assert float(np.squeeze(optimizer.y_max)) == values[:2].max() and len(optimizer.y_training) == 2


def test_rows_may_be_added_now_and_learned_later():
    members = [modal.ActiveLearner(LogisticRegression(C=c, max_iter=500), None, X[START], Y[START]) for c in (0.01, 1)]
    for learner in (logistic(), modal.Committee(members)):
        before = learner.predict_proba(X)
        learner.teach(X[:5], Y[:5], train=False)
        learner.teach(X[60:70], Y[60:70], train=False)
        np.testing.assert_array_equal(learner.predict_proba(X), before)
        assert learner.batch_sizes == [5, 10]
        learner.retrain()
        member = learner.learner_list[0] if hasattr(learner, "learner_list") else learner
        rows = [*START, *range(5), *range(60, 70)]
        expected = LogisticRegression(C=member.estimator.C, max_iter=500).fit(X[rows], Y[rows])
        np.testing.assert_allclose(member.predict_proba(X), expected.predict_proba(X), atol=1e-6)
        for how in ({"only_new": True}, {"bootstrap": True}, {"sample_weight": np.ones(1)}):
            with pytest.raises(ValueError, match=f"train=False does not train, but {next(iter(how))}= says how"):
                learner.teach(X[:1], Y[:1], train=False, **how)
    with pytest.raises(ValueError, match="no labeled rows yet"):
        modal.ActiveLearner(LogisticRegression()).retrain()


@pytest.mark.parametrize("make", [modal.ActiveLearner, modal.BayesianOptimizer, lambda e, s: modal.Committee([], s)])
def test_a_strategy_class_is_no_strategy(make):
    with pytest.raises(TypeError, match=r"query_strategy is the class MarginSampling, .*give MarginSampling\(\) instead"):
        make(LogisticRegression(), MarginSampling)


def test_the_error_reduction_of_modal_can_be_imported():
    from modAL.expected_error import expected_error_reduction

    learner = modal.ActiveLearner(LogisticRegression(max_iter=200), expected_error_reduction, X[START], Y[START])
    indices, _ = learner.query(X[1:10])
    assert len(np.atleast_1d(indices)) == 1 and "float" not in vars(np)
