"""Rules that stop: by hand, combined, alone and in the loop."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skweak.active import ActiveLearner, MarginSampling, run_loop, stopping
from skweak.active.stopping import (
    ClassificationChange,
    ConfidenceDrop,
    CostOptimum,
    DeltaF,
    KappaAverage,
    MaxConfidence,
    MaxCost,
    MaxQueries,
    MaxTime,
    OverallUncertainty,
    Plateau,
    PoolShare,
    SelectedAccuracy,
)


def decisions(rule, records):
    return [rule.update(record) for record in records]


def test_measures_by_hand():
    generator = np.random.default_rng(0)
    first, second = generator.integers(3, size=5000), generator.integers(3, size=5000)
    assert abs(stopping.prediction_kappa(first, second)) < 0.05
    assert stopping.prediction_kappa([1, 1], [1, 1]) == 1 and stopping.prediction_change([[0, 1]], [[0, 0]]) == 1
    # Class 0: in both 1, in one 1; class 1: in both 1, in one 1.
    assert stopping.predicted_f_change([0, 1, 0], [0, 1, 1]) == pytest.approx(1 - 2 / 3)
    assert stopping.predicted_f_change([[0, 0]], [[0, 0]]) == 0
    assert stopping.overall_uncertainty(np.full((2, 4), 0.25)) == pytest.approx(1)
    assert stopping.overall_uncertainty(np.full((2, 3), 0.5)) == pytest.approx(1)
    with pytest.raises(ValueError, match="of one shape"):
        stopping.prediction_kappa([1], [1, 2])


@pytest.mark.parametrize(("rule", "first"), [(KappaAverage(), 3), (DeltaF(), 3), (ClassificationChange(), 1)])
def test_constant_predictions_stop_when_the_window_is_full(rule, first):
    fired = decisions(rule, [{"predictions": np.zeros(5)}] * 6)
    assert fired == [number >= first for number in range(6)]
    # Reset begins anew.
    assert rule.reset().update({"predictions": np.zeros(5)}) is False


def test_counts_money_and_time():
    records = [{"round": n, "cost": 2.0 * n, "elapsed": n, "n_pool": 10, "pool_size": 10 - n} for n in range(5)]
    for rule, first in ((MaxQueries(3), 3), (MaxCost(5.0), 3), (MaxTime(2), 2), (PoolShare(0.4), 4)):
        assert decisions(rule, records).index(True) == first
    # Nothing stops a loop before its first round.
    assert MaxQueries(0).update(records[0]) is False


def test_confidence_and_scores():
    sure, unsure = np.array([[1.0, 0.0]] * 3), np.array([[0.6, 0.4]] * 3)
    assert decisions(OverallUncertainty(), [{"proba": p} for p in (unsure, unsure, sure)]) == [False, False, True]
    assert decisions(MaxConfidence(), [{"proba": p} for p in (unsure, unsure, sure)]) == [False, False, True]
    falling = [{"proba": np.array([[1 - 0.1 * n, 0.1 * n]])} for n in range(5)]
    assert decisions(ConfidenceDrop(), falling) == [False, False, False, True, True]
    batches = [{"batch_predictions": [1, 1], "answers": [1, n % 2]} for n in range(3)]
    assert decisions(SelectedAccuracy(), batches) == [False, True, False]
    scores = [{"accuracy": value} for value in (0.5, 0.6, 0.7, 0.7, 0.7, 0.7)]
    assert decisions(Plateau(window=2), scores) == [False, False, False, False, True, True]
    with pytest.raises(KeyError, match="Plateau watches 'accuracy'"):
        Plateau().update({})
    errors = [{"error": value, "cost": 10.0 * n} for n, value in enumerate((0.5, 0.3, 0.2, 0.195))]
    assert decisions(CostOptimum(n_future=1000, window=1), errors) == [False, False, False, True]


def test_rules_combine():
    records = [{"round": n, "cost": 2.0 * n} for n in range(6)]
    assert decisions(MaxQueries(4) | MaxCost(6.0), records).index(True) == 3
    assert decisions(MaxQueries(4) & MaxCost(6.0), records).index(True) == 4
    with pytest.raises(TypeError, match="stop must be a rule"):
        MaxQueries(4) | 3
    assert repr(clone(KappaAverage(window=5))) == "KappaAverage(window=5)"


def test_a_loop_is_stopped_in_time_and_not_far_from_its_best(tmp_path):
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:1200], order[1200:]

    def run(stop, n_queries=25, **facts):
        learner = ActiveLearner(
            LogisticRegression(max_iter=200, C=0.01), MarginSampling(), X[train[:30]], y[train[:30]]
        )
        return run_loop(learner, X[train[30:]], y[train[30:]], n_queries, 20, stop=stop, verbose=0,
                        scorers={"accuracy": lambda learner: learner.score(X[test], y[test])}, **facts)  # fmt: skip

    stopped = run(KappaAverage(threshold=0.97), checkpoint=tmp_path)
    assert 5 < len(stopped) < 26
    assert stopped[-1]["accuracy"] > run(None)[-1]["accuracy"] - 0.04
    again = run(KappaAverage(threshold=0.97), checkpoint=tmp_path)
    assert [record["accuracy"] for record in again] == [record["accuracy"] for record in stopped]
    assert len(run(MaxQueries(3))) == 4
    with pytest.raises(TypeError, match="stop must be a rule"):
        run(KappaAverage)
