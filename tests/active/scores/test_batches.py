"""Batches of clusters and chance, quotas and budgets."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.active.scores import (
    class_quotas,
    falcun,
    label_disagreement,
    nearest_to_centers,
    round_robin,
    sample_by_score,
    typical_rows,
    within_budget,
)

SEEDS = st.integers(0, 10_000)


def test_typical_rows_by_hand():
    features = np.array([[0.0], [1.0], [2.0], [9.0], [10.0], [11.0], [30.0]])
    clusters = np.array([0, 0, 0, 1, 1, 1, 2])
    # Half of three neighbours is one: all distances are 1 and the first of them wins.
    picks = typical_rows(features, clusters, 7, min_cluster_size=2)
    assert picks.tolist() == [0, 3, 1, 4, 2, 5, 6]
    assert typical_rows(features, clusters, 1, min_cluster_size=2, labeled_counts=[1, 0, 0]).tolist() == [3]
    middle = np.array([[0.0], [1.0], [1.5], [2.5], [4.0]])
    # Two neighbours: mean distances 1.25, 0.75, 0.75, 1.25, 2.
    assert typical_rows(middle, np.zeros(5, dtype=int), 1).tolist() == [1]


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_typical_rows_do_not_depend_on_place_and_scale(seed):
    generator = np.random.default_rng(seed)
    features, clusters = generator.normal(size=(40, 3)), generator.integers(5, size=40)
    picks = typical_rows(features, clusters, 5, min_cluster_size=1)
    assert typical_rows(features * 7 + 3, clusters, 5, min_cluster_size=1).tolist() == picks.tolist()
    assert len(set(clusters[picks])) == len(set(clusters))


def test_sampling_by_score():
    scores = np.array([1.0, 2.0, 5.0, 0.0])
    drawn = np.array([sample_by_score(scores, 1, random_state=seed)[0] for seed in range(4000)])
    share = np.bincount(drawn, minlength=4) / 4000
    np.testing.assert_allclose(share, scores / scores.sum(), atol=0.03)
    uniform = np.array([sample_by_score(scores, 1, beta=0, random_state=seed)[0] for seed in range(4000)])
    np.testing.assert_allclose(np.bincount(uniform, minlength=4) / 4000, 0.25, atol=0.03)
    for kind in ("power", "softmax", "rank"):
        assert sample_by_score(scores, 4, kind=kind, beta=1e4, random_state=0).tolist() == [2, 1, 0, 3]
    with pytest.raises(ValueError, match="scores must be at least 0"):
        sample_by_score(-scores, 1)
    with pytest.raises(ValueError, match="kind must be one of"):
        sample_by_score(scores, 1, kind="linear")


def test_round_robin_and_centers():
    groups, scores = np.array([0, 0, 0, 1, 2, 2]), np.array([1.0, 3.0, 2.0, 0.0, 5.0, 4.0])
    assert round_robin(groups, scores, 6).tolist() == [3, 4, 1, 5, 2, 0]
    assert round_robin(groups, scores, 3, order="best").tolist() == [4, 1, 3]
    features, centers = np.array([[0.0], [1.0], [9.0]]), np.array([[0.4], [0.3]])
    assert nearest_to_centers(features, centers).tolist() == [0, 1]
    assert nearest_to_centers(features, np.array([[9.0], [0.0]]), center_weight=[1, 2]).tolist() == [0, 2]
    with pytest.raises(ValueError, match="centers has 2 rows but features only 1"):
        nearest_to_centers(features[:1], centers)


def test_falcun_is_greedy_in_the_limit():
    proba = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [1.0, 0, 0], [0, 0.45, 0.55]])
    # The copy of the first pick adds no diversity; the other uncertain row does.
    assert falcun(proba, 2, gamma=1e4, random_state=0).tolist()[0] in (0, 1)
    assert falcun(proba, 2, gamma=200.0, random_state=0).tolist()[1] == 3
    assert sorted(falcun(proba, 9, random_state=0).tolist()) == [0, 1, 2, 3]
    assert sorted(falcun(np.eye(3), 3, random_state=1, rescale=False).tolist()) == [0, 1, 2]


def test_label_disagreement_counts():
    assert label_disagreement(np.array([[0, 1], [1, 1], [2, 1]]), np.array([0, 1])).tolist() == [2 / 3, 0]
    with pytest.raises(ValueError, match="predictions"):
        label_disagreement(np.zeros((2, 3)), np.zeros(2))


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_quotas_make_classes_as_equal_as_possible(seed):
    generator = np.random.default_rng(seed)
    counts, available = generator.integers(0, 6, size=3), generator.integers(0, 6, size=3)
    size = int(generator.integers(0, 12))
    quota = class_quotas(counts, available, size)
    wanted = min(size, int(available.sum()))
    assert quota.sum() == wanted and (quota <= available).all() and (quota >= 0).all()
    ways = [way for way in product(*(range(a + 1) for a in available)) if sum(way) == wanted]
    # The best division has the lexicographically largest sorted totals.
    assert sorted(counts + quota) == max(sorted(counts + np.array(way)) for way in ways)


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_budgets_are_kept_and_well_spent(seed):
    generator = np.random.default_rng(seed)
    scores, costs = generator.random(7), generator.integers(1, 5, size=7).astype(float)
    budget = float(generator.integers(0, 12))
    sets = [rows for size in range(8) for rows in combinations(range(7), size) if costs[list(rows)].sum() <= budget]
    best = max(scores[list(rows)].sum() for rows in sets)
    exact, greedy = (within_budget(scores, costs, budget, method=method) for method in ("exact", "greedy"))
    assert costs[exact].sum() <= budget and costs[greedy].sum() <= budget
    np.testing.assert_allclose(scores[exact].sum(), best)
    assert scores[greedy].sum() >= best / 2 - 1e-12


def test_errors_of_budgets():
    with pytest.raises(ValueError, match="costs must be larger than 0"):
        within_budget([1.0], [0.0], 1)
    with pytest.raises(ValueError, match="whole numbers"):
        within_budget([1.0], [0.5], 1, method="exact")
    with pytest.raises(ValueError, match="budget must be at least 0"):
        within_budget([1.0], [0.5], -1)
    assert within_budget([1.0], [2.0], 1).shape == (0,)
