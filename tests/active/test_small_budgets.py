"""Strategies for the first labels, wrappers, and batch strategies: their idea on a few rows."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.active import (
    BAIT,
    BALD,
    CLUE,
    QUIRE,
    ActiveLearner,
    BatchBALD,
    Budgeted,
    ClassBalanced,
    ClusterMargin,
    DropQuery,
    EntropySampling,
    Falcun,
    Herding,
    MarginSampling,
    McPAL,
    PowerSampling,
    RandomSampling,
    Subsampled,
    TypiClust,
    run_loop,
)


def blobs(n_rows=30, scale=0.1, seed=0):
    generator = np.random.default_rng(seed)
    centers = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    y = np.arange(3 * n_rows) % 3
    return centers[y] + scale * generator.normal(size=(3 * n_rows, 3)), y


X, Y = blobs()
LEARNER = LogisticRegression().fit(X[:30], Y[:30])


@pytest.mark.parametrize("strategy", [Herding(), TypiClust(), McPAL(), Herding(kernel="cosine")])
def test_the_first_labels_are_one_of_each_class(strategy):
    for seed in range(5):
        X, y = blobs(seed=seed)
        picks = strategy(LogisticRegression(), X, 3)[0]
        assert set(y[picks]) == {0, 1, 2}
    # What is labeled already is not bought again.
    picks = strategy(LogisticRegression(), X, 2, labeled=(X[:3][y[:3] == 0], y[:3][y[:3] == 0]))[0]
    assert set(y[picks]) == {1, 2}


@pytest.mark.parametrize("strategy", [Herding(), TypiClust(), McPAL(), Herding(kernel="tophat")])
def test_units_and_offsets_change_nothing(strategy):
    picks = strategy(LEARNER, X, 6, labeled=(X[:2], Y[:2]))[0]
    moved = X * 1e4 + 1e5
    assert strategy(LEARNER, moved, 6, labeled=(moved[:2], Y[:2]))[0].tolist() == picks.tolist()
    # One column in other units would decide everything.
    wide = np.column_stack([X, 1e6 * np.random.default_rng(0).normal(size=(len(X), 1))])
    assert len(set(Y[strategy(LEARNER, wide, 6, labeled=(wide[:2], Y[:2]))[0]])) >= 2


def test_herding_beats_chance_by_five_points_and_margin_too_with_few_labels():
    X, y = load_digits(return_X_y=True)
    gains = {"herding": [], "margin": []}
    for seed in range(3):
        pool, X_test, y_pool, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=seed)
        model = LogisticRegression(max_iter=500, C=0.01)

        def curve(strategy, first, pool=pool, y_pool=y_pool, model=model, X_test=X_test, y_test=y_test):
            learner = ActiveLearner(model, strategy)
            learner.query_strategy = first
            run_loop(learner, pool, y_pool, 1, 10, verbose=0)
            learner.query_strategy = strategy
            found = run_loop(learner, pool, y_pool, 3, 10, verbose=0,
                             scorers={"accuracy": lambda learner: learner.score(X_test, y_test)})  # fmt: skip
            return np.mean([record["accuracy"] for record in found])

        random = RandomSampling(random_state=seed)
        chance = curve(random, random)
        gains["herding"].append(curve(Herding(uncertainty="margin"), Herding()) - chance)
        gains["margin"].append(curve(MarginSampling(), random) - chance)
    assert np.mean(gains["herding"]) > 0.05 and np.mean(gains["herding"]) > np.mean(gains["margin"])


def test_uncertainty_weighs_what_is_covered():
    pool = np.vstack([X[Y == 0], X[Y == 1], X[Y == 2]])
    confidence = np.repeat([1.0, 1.0, 0.4], 30)

    class Known:
        classes_ = np.arange(3)

        def predict_proba(self, rows):
            proba = np.full((len(rows), 3), 0.0)
            certain = confidence[: len(rows)]
            proba[:, 0], proba[:, 1:] = certain, (1 - certain[:, None]) / 2
            return proba

        def fit(self, X, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

    assert Herding(uncertainty="margin", bandwidth=0.5)(Known(), pool, 1)[0][0] >= 60
    assert Herding(uncertainty="entropy", bandwidth=0.5)(Known(), pool, 1)[0][0] >= 60


def test_a_loop_starts_without_a_label():
    def run(strategy, model, n_instances):
        return run_loop(ActiveLearner(model, strategy), X, Y, 3, n_instances, verbose=0,
                        scorers={"accuracy": lambda learner: learner.score(X, Y)})  # fmt: skip

    for model in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
        history = run(Herding(uncertainty="margin"), model, 3)
        assert [record["n_labeled"] for record in history] == [0, 3, 6, 9]
        assert np.isnan(history[0]["accuracy"]) and history[-1]["accuracy"] > 0.9
    # One label at a time: nothing can be fitted before the second class.
    history = run(Herding(), LogisticRegression(), 1)
    assert np.isnan([record["accuracy"] for record in history[:2]]).all() and history[-1]["accuracy"] > 0.9
    with pytest.raises(ValueError, match="learner has no labeled rows yet.*Herding"):
        run(MarginSampling(), LogisticRegression(), 3)


def test_a_cold_loop_goes_on_after_a_crash(tmp_path):
    def run(oracle, **facts):
        learner = ActiveLearner(LogisticRegression(), Herding(uncertainty="margin"))
        return [record["indices"].tolist() for record in run_loop(learner, X, oracle, 3, 2, verbose=0, **facts)]

    asked = []

    def killed(row):
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(row)
        return Y[row]

    with pytest.raises(KeyboardInterrupt):
        run(killed, checkpoint=tmp_path)
    assert run(Y, checkpoint=tmp_path) == run(Y)


def test_power_sampling_takes_any_score():
    pool = X[30:]
    near = PowerSampling(beta=1e5)(LEARNER, pool, 5)[0]
    assert near.tolist() == MarginSampling()(LEARNER, pool, 5)[0].tolist()
    given = PowerSampling(base=MarginSampling(), beta=1e5)(LEARNER, pool, 5)[0]
    assert given.tolist() == near.tolist()
    entropy = PowerSampling(base=EntropySampling(), beta=1e5)(LEARNER, pool, 5)[0]
    assert entropy.tolist() == EntropySampling()(LEARNER, pool, 5)[0].tolist()
    assert len({tuple(PowerSampling(random_state=seed)(LEARNER, pool, 5)[0]) for seed in range(5)}) > 1
    with pytest.raises(ValueError, match="'base' parameter"):
        PowerSampling(base=Herding())(LEARNER, pool, 5)


def test_subsampled_maps_positions_back():
    pool = X[30:]
    picks = Subsampled(strategy=EntropySampling(), n_candidates=20)(LEARNER, pool, 5)[0]
    assert len(set(picks.tolist())) == 5
    by = Subsampled(strategy=Herding(), n_candidates=10, by="uncertainty")(LEARNER, pool, 5)[0]
    assert set(by.tolist()) <= set(MarginSampling()(LEARNER, pool, 10)[0].tolist())
    whole = Subsampled(n_candidates=1000)(LEARNER, pool, 5)[0]
    assert whole.tolist() == MarginSampling()(LEARNER, pool, 5)[0].tolist()
    near = Subsampled(n_candidates=40, by="neighbors")(LEARNER, pool, 5, labeled=(X[:3], Y[:3]))[0]
    assert len(set(near.tolist())) == 5


def test_budgeted_spends_well():
    pool, cost = X[30:], np.tile([1.0, 4.0], 30)
    scores = 1 + MarginSampling()(LEARNER, pool, 60)[1]
    assert scores.min() >= 0
    picks = Budgeted()(LEARNER, pool, 60, cost=cost, budget=9.0)[0]
    assert cost[picks].sum() <= 9 and len(picks) > 2
    plain = Budgeted()(LEARNER, pool, 10)[0]
    assert plain.tolist() == MarginSampling()(LEARNER, pool, 10)[0].tolist()
    exact = Budgeted(method="exact")(LEARNER, pool, 60, cost=cost, budget=9.0)[0]
    assert cost[exact].sum() <= 9
    with pytest.raises(ValueError, match="cost must be larger than 0"):
        Budgeted()(LEARNER, pool, 2, cost=0.0)
    with pytest.raises(ValueError, match="cost has shape"):
        Budgeted()(LEARNER, pool, 2, cost=[1.0])


def test_class_balance_around_another_strategy():
    pool, y = np.vstack([X[Y == 0], X[Y == 1][:5]]), np.repeat([0, 1], [30, 5])
    picks = ClassBalanced(strategy=Herding())(LEARNER, pool, 6, labeled=(X[:6], Y[:6]))[0]
    assert np.bincount(y[picks]).tolist() == [3, 3]


@pytest.mark.parametrize("strategy", [CLUE(), ClusterMargin(oversample=3), BAIT(), Falcun(), Herding()])
def test_copies_are_bought_less_often_than_by_margin(strategy):
    generator = np.random.default_rng(1)
    rows = np.repeat(X[30:60] + 0.3 * generator.normal(size=(30, 3)), 4, axis=0)
    rows = rows + 1e-6 * generator.normal(size=rows.shape)

    def distinct(strategy):
        return len(set((strategy(LEARNER, rows, 12, labeled=(X[:30], Y[:30]))[0] // 4).tolist()))

    assert distinct(strategy) > distinct(MarginSampling()) + 1


def test_small_models_of_their_own():
    forest = RandomForestClassifier(20, random_state=0).fit(X[:30], Y[:30])
    between = np.vstack([X[30:40], (X[30:33] + X[31:34]) / 2])
    assert BatchBALD()(forest, between, 2)[0][0] >= 10
    with pytest.raises(TypeError, match="needs a network with dropout"):
        PowerSampling(base=BALD())(forest, between, 1)
    assert QUIRE()(LEARNER, between, 1, labeled=(X[:30], Y[:30]))[0].shape == (1,)
    assert DropQuery(n_passes=9)(LEARNER, between, 3, labeled=(X[:30], Y[:30]))[1][0] > 0.3
