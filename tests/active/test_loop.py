"""The learner and the loop: modAL's interface, the history, and exact resume."""

import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.active import ActiveLearner, KCenterGreedy, MarginSampling, RandomSampling, run_loop
from skweak.noisy import CrossEntropyClassifier

X, Y = load_iris(return_X_y=True)
START, POOL = np.arange(0, 150, 25), np.setdiff1d(np.arange(150), np.arange(0, 150, 25))


def logistic_learner(strategy=None):
    return ActiveLearner(LogisticRegression(max_iter=200), strategy, X[START], Y[START])


def fingerprint(history):
    plain = [{k: v for k, v in record.items() if k != "seconds"} for record in history]
    return json.dumps(plain, default=lambda value: value.tolist())


@pytest.mark.parametrize(
    "container", [np.asarray, pd.DataFrame, sparse.csr_matrix, lambda X: X.tolist()],
    ids=["array", "frame", "csr", "list"],
)  # fmt: skip
def test_query_and_teach_in_every_container(container):
    learner = ActiveLearner(LogisticRegression(max_iter=200), None, container(X[START]), Y[START])
    pool = container(X[POOL])
    indices, rows = learner.query(pool, n_instances=4)
    learner.teach(rows, Y[POOL][indices])
    dense = learner.X_training.toarray() if sparse.issparse(learner.X_training) else np.asarray(learner.X_training)
    np.testing.assert_array_equal(dense, np.vstack([X[START], X[POOL][indices]]))
    np.testing.assert_array_equal(learner.y_training, np.append(Y[START], Y[POOL][indices]))
    assert learner.batch_sizes == [4]
    expected = LogisticRegression(max_iter=200).fit(dense, learner.y_training)
    np.testing.assert_allclose(learner.predict_proba(container(X)), expected.predict_proba(X))
    assert learner.score(container(X), Y) == expected.score(X, Y)
    np.testing.assert_array_equal(learner.predict(container(X)), expected.predict(X))


def test_images_and_networks():
    digits, y = load_digits(return_X_y=True)
    images = (digits / 16).reshape(-1, 1, 8, 8).astype(np.float32)
    learner = ActiveLearner(CrossEntropyClassifier(max_epochs=1, random_state=0), KCenterGreedy(), images[:50], y[:50])
    indices, rows = learner.query(images[50:90], n_instances=3)
    assert rows.shape == (3, 1, 8, 8)
    learner.teach(rows, y[50:90][indices])
    assert learner.X_training.shape == (53, 1, 8, 8)


def test_a_pipeline_is_a_learner():
    learner = ActiveLearner(make_pipeline(StandardScaler(), LogisticRegression()), None, X[START], Y[START])
    indices, rows, scores = learner.query(X[POOL], 3, return_metrics=True)
    expected = MarginSampling()(learner.estimator, X[POOL], 3)
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_array_equal(scores, expected[1])


def test_foreign_strategies_may_return_bare_indices_and_are_called_once():
    calls = []

    def first_two(learner, X_pool, n_instances=1):
        calls.append(n_instances)
        return np.arange(2)

    indices, rows, scores = logistic_learner(first_two).query(X, 2, return_metrics=True)
    assert indices.tolist() == [0, 1] and rows.shape == (2, 4) and scores is None and calls == [2]


def test_an_error_in_a_strategy_is_raised_once():
    calls = []

    def broken(learner, X_pool, n_instances=1):
        calls.append(1)
        raise RuntimeError("out of coffee")

    with pytest.raises(RuntimeError, match="out of coffee"):
        logistic_learner(broken).query(X)
    assert calls == [1]


def test_only_new_continues_where_the_estimator_can():
    sgd = ActiveLearner(SGDClassifier(random_state=0), None, X[START], Y[START])
    expected = SGDClassifier(random_state=0).fit(X[START], Y[START]).partial_fit(X[:5], Y[:5])
    sgd.teach(X[:5], Y[:5], only_new=True)
    np.testing.assert_array_equal(sgd.estimator.coef_, expected.coef_)
    assert len(sgd.y_training) == 11
    warm = ActiveLearner(LogisticRegression(warm_start=True), None, X[START], Y[START])
    warm.teach(X[::10], Y[::10], only_new=True)
    with pytest.raises(ValueError, match="only_new=True needs an estimator with partial_fit or warm_start"):
        logistic_learner().teach(X[:5], Y[:5], only_new=True)


def test_a_failed_teach_changes_nothing():
    learner = logistic_learner()
    with pytest.raises(ValueError, match="NaN"):
        learner.teach(np.full((1, 4), np.nan), [0])
    assert len(learner.y_training) == 6 and learner.batch_sizes == []


@pytest.mark.parametrize(
    ("X_new", "y_new", "message"),
    [(X[:2], [0], "X has 2 rows and y has shape"), (X[:0], [], "have 0 rows"), (X[:1, :2], [0], "new rows of shape"),
     (X[:1], ["cat"], "y holds <U3 labels, but the labels so far are int64")],
    ids=["lengths", "empty", "width", "type"],
)  # fmt: skip
def test_batches_that_do_not_fit_are_refused(X_new, y_new, message):
    with pytest.raises(ValueError, match=message):
        logistic_learner().teach(X_new, y_new)


def test_constructor_errors():
    with pytest.raises(TypeError, match="query_strategy must be callable, got 'margin'"):
        ActiveLearner(LogisticRegression(), "margin")
    with pytest.raises(ValueError, match="X_training and y_training must be given together"):
        ActiveLearner(LogisticRegression(), X_training=X)
    with pytest.raises(NotFittedError):
        ActiveLearner(LogisticRegression()).query(X)
    with pytest.raises(ValueError, match="learner has no labeled rows yet"):
        run_loop(ActiveLearner(LogisticRegression().fit(X, Y)), X, Y)


def test_fit_forgets():
    learner = logistic_learner()
    learner.teach(X[:3], Y[:3])
    learner.fit(X[START], Y[START])
    assert len(learner.y_training) == 6 and learner.batch_sizes == []
    assert "6 labeled rows" in repr(learner)


def test_the_history_says_what_happened():
    learner = logistic_learner()
    scorers = {"accuracy": lambda learner: learner.score(X, Y)}
    history = run_loop(learner, X[POOL], Y[POOL], 3, 7, scorers=scorers, verbose=0)
    assert [record["n_labeled"] for record in history] == [6, 13, 20, 27]
    assert [len(record["indices"]) for record in history] == [0, 7, 7, 7]
    bought = np.concatenate([record["indices"] for record in history])
    assert len(set(bought)) == 21
    np.testing.assert_array_equal(learner.X_training[6:], X[POOL][bought])
    np.testing.assert_array_equal(learner.y_training[6:], Y[POOL][bought])
    assert history[-1]["accuracy"] == learner.score(X, Y)
    assert [record["query_precision"] for record in history[1:]] == [1, 1, 1]
    # 150 rows are known in all; 13, 20 and 27 of them were labeled after each round.
    np.testing.assert_allclose([record["query_recall"] for record in history[1:]], [13 / 150, 20 / 150, 27 / 150])
    assert pd.DataFrame(history).shape == (4, 10)


class KnowsOfJunk(LogisticRegression):
    """Takes -1 for an answer that names no class."""

    unknown_label = -1

    def fit(self, X, y):
        return super().fit(X[y != -1], y[y != -1])


def test_unknown_answers_are_counted():
    y = np.where(Y == 2, -1, Y)
    start = np.r_[0:3, 50:53]
    learner = ActiveLearner(KnowsOfJunk(), RandomSampling(), X[start], y[start])
    history = run_loop(learner, X, y, 2, 20, verbose=0)
    n_known = [int((y[record["indices"]] != -1).sum()) for record in history[1:]]
    assert [record["n_known"] for record in history[1:]] == n_known
    assert [record["n_unknown"] for record in history[1:]] == [20 - n for n in n_known]
    np.testing.assert_allclose([record["query_precision"] for record in history[1:]], np.array(n_known) / 20)
    # 100 known rows in the pool and 6 known rows at the start.
    np.testing.assert_allclose([r["query_recall"] for r in history[1:]], (6 + np.cumsum(n_known)) / 106)


def test_a_function_answers_row_by_row_and_the_pool_may_end():
    asked = []

    def oracle(row):
        asked.append(row)
        return Y[row]

    learner = logistic_learner()
    history = run_loop(learner, X[:10], oracle, 5, 4, verbose=0)
    assert [len(record["indices"]) for record in history] == [0, 4, 4, 2]
    assert sorted(asked) == list(range(10))
    assert np.isnan(history[-1]["query_recall"]) and history[-1]["query_precision"] == 1


def test_the_callback_sees_every_round_and_may_stop():
    seen = []

    def callback(learner, record):
        seen.append((record["round"], len(learner.y_training)))
        return record["round"] == 2

    history = run_loop(logistic_learner(), X[POOL], Y[POOL], 5, 2, callback=callback, verbose=0)
    assert seen == [(1, 8), (2, 10)] and len(history) == 3


def test_the_loop_shows_its_progress(capsys):
    scorers = {"accuracy": lambda learner: 0.5}
    run_loop(logistic_learner(), X[POOL], Y[POOL], 2, 2, scorers=scorers)
    shown = capsys.readouterr().err
    assert "MarginSampling: 100%" in shown and "accuracy=0.5" in shown


def test_a_memory_map_is_not_copied(tmp_path):
    pool = np.memmap(tmp_path / "pool", dtype=np.float64, mode="w+", shape=X.shape)
    pool[:] = X
    seen = []

    class Watch(MarginSampling):
        def _select(self, view, n_instances):
            seen.append(view.X_pool)
            return super()._select(view, n_instances)

    run_loop(logistic_learner(Watch()), pool, Y, 2, 3, verbose=0)
    assert all(np.shares_memory(rows, pool) for rows in seen)


def test_a_foreign_strategy_never_sees_a_row_twice():
    pools = []

    def first(learner, X_pool, n_instances=1):
        pools.append(len(X_pool))
        return np.arange(n_instances), np.zeros(n_instances)

    history = run_loop(logistic_learner(first), X[POOL], Y[POOL], 3, 5, verbose=0)
    assert pools == [144, 139, 134]
    assert np.concatenate([r["indices"] for r in history]).tolist() == list(range(15))


@pytest.mark.parametrize("oracle", [Y[:3], lambda row: object()], ids=["length", "not-json"])
def test_oracles_that_do_not_fit(oracle, tmp_path):
    with pytest.raises((ValueError, TypeError), match="oracle has 3 answers|cannot be kept"):
        run_loop(logistic_learner(), X[POOL], oracle, 2, verbose=0, checkpoint=tmp_path)


def strategies():
    return {"margin": MarginSampling(), "random": RandomSampling(random_state=3), "k-center": KCenterGreedy()}


@pytest.mark.parametrize("name", strategies())
def test_resumed_after_any_answer_the_history_is_the_same(name, tmp_path):
    def run(**facts):
        return run_loop(logistic_learner(strategies()[name]), X[POOL], n_queries=4, n_instances=3, verbose=0,
                        scorers={"accuracy": lambda learner: learner.score(X, Y)}, **facts)  # fmt: skip

    whole = fingerprint(run(oracle=Y[POOL]))
    for stop in range(12):
        heard = []

        def oracle(row, stop=stop, heard=heard):
            if len(heard) == stop:
                raise KeyboardInterrupt
            heard.append(row)
            return Y[POOL][row]

        with pytest.raises(KeyboardInterrupt):
            run(oracle=oracle, checkpoint=tmp_path / str(stop))
        asked_again = []
        resumed = run(
            oracle=lambda row, again=asked_again: again.append(row) or Y[POOL][row], checkpoint=tmp_path / str(stop)
        )
        assert set(heard).isdisjoint(asked_again)
        # Only the recall needs all answers in advance.
        assert fingerprint([r | {"query_recall": 0} for r in resumed]) == fingerprint(
            [r | {"query_recall": 0} for r in run(oracle=Y[POOL])]
        )
    assert fingerprint(run(oracle=Y[POOL], checkpoint=tmp_path / "3")) == whole


def endless(directory):
    def slow(row):
        time.sleep(0.002)
        return Y[POOL][row]

    run_loop(logistic_learner(), X[POOL], slow, 8, 5, checkpoint=directory, verbose=0)


def test_killed_at_random_moments_the_loop_ends_with_the_same_history(tmp_path):
    """Real kills of a child process, wherever it happens to be."""
    context = multiprocessing.get_context("fork")
    generator, kills = np.random.default_rng(0), 0
    for _ in range(100):
        child = context.Process(target=endless, args=(tmp_path,))
        child.start()
        # Longer and longer, so that a busy machine gets to the end as well.
        child.join(generator.uniform(0.02, 0.15) * 1.05**kills)
        if not child.is_alive():
            assert child.exitcode == 0
            break
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kills += 1
    assert 0 < kills < 100
    resumed = run_loop(logistic_learner(), X[POOL], Y[POOL], 8, 5, checkpoint=tmp_path, verbose=0)
    assert fingerprint(resumed) == fingerprint(run_loop(logistic_learner(), X[POOL], Y[POOL], 8, 5, verbose=0))


def test_a_loop_goes_on_with_more_rounds(tmp_path):
    run_loop(logistic_learner(), X[POOL], Y[POOL], 2, 3, checkpoint=tmp_path, verbose=0)
    longer = run_loop(logistic_learner(), X[POOL], Y[POOL], 4, 3, checkpoint=tmp_path, verbose=0)
    assert fingerprint(longer) == fingerprint(run_loop(logistic_learner(), X[POOL], Y[POOL], 4, 3, verbose=0))


def other_estimator():
    return ActiveLearner(LogisticRegression(C=3.0), None, X[START], Y[START])


@pytest.mark.parametrize(
    ("learner", "pool", "n_instances", "name"),
    [(other_estimator, X[POOL], 3, "estimator"), (logistic_learner, X[POOL] + 1, 3, "X_pool"),
     (logistic_learner, X[POOL], 2, "n_instances"),
     (lambda: logistic_learner(RandomSampling()), X[POOL], 3, "strategy")],
    ids=["estimator", "pool", "n_instances", "strategy"],
)  # fmt: skip
def test_another_run_is_refused_by_name(learner, pool, n_instances, name, tmp_path):
    run_loop(logistic_learner(), X[POOL], Y[POOL], 2, 3, checkpoint=tmp_path, verbose=0)
    with pytest.raises(ValueError, match=f"belongs to another run: {name} was"):
        run_loop(learner(), pool, Y[POOL], 2, n_instances, checkpoint=tmp_path, verbose=0)


def test_a_query_without_a_seed_cannot_be_resumed(tmp_path):
    def run():
        run_loop(logistic_learner(RandomSampling(random_state=None)), X[POOL], Y[POOL], 2, 3, checkpoint=tmp_path,
                 verbose=0)  # fmt: skip

    run()
    with pytest.raises(ValueError, match="now asks for rows .* give estimator and strategy an integer random_state"):
        run()
