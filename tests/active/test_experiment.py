"""Splits, paired comparisons, hierarchies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skweak.active import active_split, compare_runs
from skweak.multilabel import propagate


def test_splits_are_disjoint_complete_and_have_every_class():
    y = np.repeat([0, 1, 2], [60, 37, 3])
    splits = list(active_split(y, n_splits=8, random_state=3))
    for labeled, pool, test in splits:
        assert sorted([*labeled, *pool, *test]) == list(range(100)) and len(test) == 30
        assert set(y[labeled]) == {0, 1, 2} and len(labeled) == 4
    assert len({tuple(test) for _, _, test in splits}) == 8
    again = next(active_split(y, n_splits=1, random_state=3))
    assert again[0].tolist() == splits[0][0].tolist()


def test_splits_of_several_labels():
    y = (np.random.default_rng(0).random((50, 4)) < [0.5, 0.1, 0.9, 0.04]).astype(int)
    y[0, 3] = 1
    for labeled, _, _ in active_split(y, ensure="positives", n_splits=5):
        assert (y[labeled].max(axis=0) == 1).all() and (y[labeled].min(axis=0) == 0).all()
    with pytest.raises(ValueError, match="label 0 has no row with 1"):
        next(active_split(np.zeros((9, 2)), ensure="positives"))
    with pytest.raises(ValueError, match="does not fit labels of shape"):
        next(active_split(y))
    with pytest.raises(ValueError, match="test_size must be"):
        next(active_split([0, 1], test_size=1.0))


def test_comparison_by_hand():
    generator = np.random.default_rng(0)
    chance = np.cumsum(generator.random((8, 5)), axis=1) / 5
    better = chance + 0.1 + 0.02 * generator.random((8, 5))
    same = chance + 0.02 * generator.normal(size=(8, 5))
    cost = np.array([0, 10, 20, 40, 80])
    table = compare_runs({"random": chance, "better": better, "same": same}, cost=cost)
    area = np.trapezoid(better, cost, axis=1) / 80
    assert table.loc["better", "area"] == pytest.approx(area.mean())
    gain = area - np.trapezoid(chance, cost, axis=1) / 80
    raw = stats.ttest_rel(area, area - gain).pvalue
    # Of two methods the smaller p-value is doubled.
    assert table.loc["better", "p_t"] == pytest.approx(2 * raw)
    assert table.better["better"] is True and table.better["same"] is False and table.better["random"] is None
    assert table.loc["better", ["won", "tied", "lost"]].tolist() == [5, 0, 0] and table.loc["random", "tied"] == 5
    assert table.loc["better", "cost_to_match"] < 80
    assert table.loc["random", "cost_to_match"] == pytest.approx(80)
    assert np.isnan(compare_runs({"random": chance, "worse": chance - 1})["cost_to_match"]["worse"])
    few = compare_runs({"random": chance[:4], "better": better[:4]})
    assert np.isnan(few["p_t"]).all() and few.better.tolist() == [None, None]


def test_errors_of_comparisons():
    for results, facts, message in (
        ({"a": [[0, 1]]}, {}, "baseline 'random' is none"), ({"random": [[0, 1]], "a": [[0]]}, {}, "of one shape"),
        ({"random": [[0, 1]]}, {"cost": [1, 1]}, "growing numbers"), ({"random": [[0, 1]]}, {"alpha": 0}, "alpha must"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            compare_runs(results, **facts)


@given(st.integers(0, 10_000))
def test_propagation_is_idempotent_and_keeps_what_is_known(seed):
    generator = np.random.default_rng(seed)
    parents = np.array([-1, 0, 0, 1, 1, 3])
    # Whole truths that obey the tree, partly hidden.
    truth = generator.integers(0, 2, size=(6, 6))
    for label in range(1, 6):
        truth[:, label] &= truth[:, parents[label]]
    known = np.where(generator.random((6, 6)) < 0.5, truth, -1)
    filled = propagate(known, parents)
    assert (filled[known >= 0] == known[known >= 0]).all()
    assert (filled[filled >= 0] == truth[filled >= 0]).all()
    np.testing.assert_array_equal(propagate(filled, parents), filled)


def test_errors_of_hierarchies():
    with pytest.raises(ValueError, match="row 0 has label 1 but not its ancestor 0"):
        propagate([[0, 1]], [-1, 0])
    with pytest.raises(ValueError, match="row 0 has label 1 but not its ancestor 0"):
        propagate([[0, -1, 1]], [-1, 0, 1])
    with pytest.raises(ValueError, match="form a circle"):
        propagate([[0, 1]], [1, 0])
