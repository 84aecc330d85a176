"""Greedy coverage: by hand, its limits, its guarantee."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.active.scores import coverage_bandwidth, greedy_coverage, purity_radius

SEEDS = st.integers(0, 10_000)


def coverage(features, rows, bandwidth=1.0, weight=None):
    distance = np.linalg.norm(features[:, None] - features[None, list(rows)], axis=2)
    kernel = np.exp(-((distance / bandwidth) ** 2)).max(axis=1)
    return kernel.sum() if weight is None else weight @ kernel


def test_by_hand():
    features = np.array([[0.0], [1.0], [2.0], [10.0]])
    index, gain = greedy_coverage(features, 2)
    assert index.tolist() == [1, 3] and index.dtype == np.int64
    np.testing.assert_allclose(gain, [1 + 2 * np.exp(-1), 1.0])
    index, gain = greedy_coverage(features, 1, labeled_features=np.array([[1.0]]))
    # A labelled row covers its surroundings: what is far away is left.
    assert index.tolist() == [3]
    np.testing.assert_allclose(gain, [1.0])


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_gains_fall_add_up_and_reach_the_guarantee(seed):
    features = np.random.default_rng(seed).normal(size=(10, 2))
    weight = np.random.default_rng(seed).random(10)
    index, gain = greedy_coverage(features, 3, weight=weight)
    assert (np.diff(gain) <= 1e-12).all() and len(set(index.tolist())) == 3
    np.testing.assert_allclose(gain.sum(), coverage(features, index, weight=weight), rtol=1e-6)
    best = max(coverage(features, rows, weight=weight) for rows in combinations(range(10), 3))
    assert gain.sum() >= 0.63 * best


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.sampled_from(["rbf", "tophat", "cosine"]))
def test_order_of_rows_blocks_and_shift_do_not_matter(seed, kernel):
    generator = np.random.default_rng(seed)
    features, order = generator.normal(size=(30, 3)), generator.permutation(30)
    facts = {"kernel": kernel, "bandwidth": 0.8}
    weight = generator.random(30)
    plain = greedy_coverage(features, 5, weight=weight, **facts)[0].tolist()
    # Rows that cover the same rows are ties, which go to the first: always with "tophat", else without weights.
    if kernel != "tophat":
        turned = greedy_coverage(features[order], 5, weight=weight[order], **facts)[0]
        assert order[turned].tolist() == plain
    assert greedy_coverage(features, 5, weight=weight, block_size=7, **facts)[0].tolist() == plain
    if kernel != "cosine":
        assert greedy_coverage(features + 100, 5, weight=weight, **facts)[0].tolist() == plain


def test_limits():
    features = np.random.default_rng(0).normal(size=(20, 2))
    weight = np.random.default_rng(1).random(20)
    # A row that reaches nobody covers its own weight.
    assert greedy_coverage(features, 4, weight=weight, bandwidth=1e-6)[0].tolist() == np.argsort(-weight)[:4].tolist()
    # One labelled row stands for everything: the weight fills the batch.
    index, gain = greedy_coverage(features, 4, weight=weight, bandwidth=1e9, labeled_features=features[:1])
    assert index.tolist() == np.argsort(-weight)[:4].tolist() and not gain.any()
    alone = np.zeros(20)
    alone[7] = 1
    assert greedy_coverage(features, 1, weight=alone)[0].tolist() == [7]
    assert sorted(greedy_coverage(features, 99)[0].tolist()) == list(range(20))


def test_no_copy_is_taken_while_something_is_left():
    features = np.repeat(np.random.default_rng(0).normal(size=(6, 2)), 3, axis=0)
    assert len(set((greedy_coverage(features, 6)[0] // 3).tolist())) == 6


def test_errors():
    features = np.zeros((3, 2))
    for facts, message in (
        ({"kernel": "box"}, "kernel must be one of"), ({"bandwidth": 0}, "bandwidth must be larger than 0"),
        ({"weight": [-1, 0, 0]}, "weight must be at least 0"), ({"weight": [1, 1]}, "weight"),
        ({"labeled_features": np.zeros((1, 3))}, "labeled_features has 3 columns"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            greedy_coverage(features, 1, **facts)


def test_bandwidth():
    rows = np.array([[0.0], [0.0], [1.0], [5.0]])
    # Copies do not count; the distances are 1, 1, 1 and 4.
    assert coverage_bandwidth(rows) == 1.0 and coverage_bandwidth(rows * 2, rule="min") == 2.0
    assert coverage_bandwidth(rows[:2]) == 1.0
    with pytest.raises(ValueError, match="rule must be"):
        coverage_bandwidth(rows, rule="max")


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_the_radius_is_the_largest_pure_one(seed):
    features = np.random.default_rng(seed).normal(size=(30, 2))
    clusters = (features[:, 0] > 0).astype(int)
    clusters[:2] = 0, 1

    def share(radius):
        near = np.linalg.norm(features[:, None] - features, axis=2) <= radius
        return (near <= (clusters[:, None] == clusters)).all(axis=1).mean()

    radius = purity_radius(features, clusters, purity=0.8)
    assert share(radius) >= 0.8 > share(radius * (1 + 1e-6))
