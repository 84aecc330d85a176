"""The greedy choosers against plain loops over all rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skweak.active import greedy
from skweak.active.greedy import Distances, k_center, k_means_plus_plus

QUICK = settings(max_examples=25, deadline=None, derandomize=True)


def plain_k_center(X, centers, n_picks):
    nearest = np.min([np.sum((X - c) ** 2, axis=1) for c in centers], axis=0)
    picks, radii = [], []
    for _ in range(n_picks):
        row = int(nearest.argmax())
        picks.append(row)
        radii.append(nearest[row] ** 0.5)
        nearest = np.minimum(nearest, np.sum((X - X[row]) ** 2, axis=1))
        nearest[picks] = -1
    return picks, radii


@QUICK
@given(seed=st.integers(0, 10**6), n=st.integers(20, 120), d=st.integers(1, 5), front=st.sampled_from([1, 4, 1024]))
def test_k_center_picks_what_the_plain_loop_picks(seed, n, d, front):
    generator = np.random.default_rng(seed)
    X, centers = generator.normal(size=(n, d)), generator.normal(size=(3, d))
    distances = Distances(X)
    distances.update(Distances(centers, shift=distances.shift))
    kept = greedy._FRONT_ROWS
    greedy._FRONT_ROWS = front
    try:
        picks, radii = k_center(distances, 10)
    finally:
        greedy._FRONT_ROWS = kept
    expected, expected_radii = plain_k_center(X, centers, 10)
    assert picks.tolist() == expected
    np.testing.assert_allclose(radii, expected_radii, atol=1e-9)


def test_k_center_breaks_ties_by_position_also_outside_the_front(monkeypatch):
    monkeypatch.setattr(greedy, "_FRONT_ROWS", 2)
    X = np.array([[0.0], [1.0], [1.0], [1.0], [1.0]])
    distances = Distances(X, shift=np.zeros(1))
    distances.update(distances, [0])
    picks, radii = k_center(distances, 3)
    # Row 1 covers its copies; then all are at distance 0 and only their positions count.
    assert picks.tolist() == [1, 0, 2]
    assert radii.tolist() == [1, 0, 0]


def test_distances_in_single_precision_survive_a_far_origin():
    X = np.array([[0.0], [1.0], [3.0]], dtype=np.float32) + np.float32(10_000)
    distances = Distances(X)
    distances.update(distances, [0])
    np.testing.assert_allclose(distances.nearest, [0, 1, 9], atol=1e-4)


def test_factored_distances_are_those_of_the_outer_products():
    generator = np.random.default_rng(0)
    A, H = generator.normal(size=(2, 30, 4))
    G = np.einsum("ni,nj->nij", A, H).reshape(30, -1)
    distances = Distances(H, A)
    expected = ((G[:, None] - G[[3, 5]]) ** 2).sum(axis=2)
    np.testing.assert_allclose(distances.between(slice(None), (distances, [3, 5])), expected, atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_features_without_a_finite_norm_are_refused(bad):
    X = np.ones((4, 2))
    X[2, 1] = bad
    with pytest.raises(ValueError, match="X_pool has . rows whose features are not finite"):
        Distances(X, shift=np.zeros(2))


def test_k_means_plus_plus_draws_in_proportion_to_the_squared_distance():
    # Norms 0, 1, 4, 25: row 3 is first; squared distances from it are 25, 16, 9.
    X = np.array([[0.0], [1.0], [2.0], [5.0]])
    counts = np.zeros(4)
    for seed in range(2000):
        picks, _ = k_means_plus_plus(Distances(X, shift=np.zeros(1)), 2, np.random.default_rng(seed))
        assert picks[0] == 3
        counts[picks[1]] += 1
    assert counts[3] == 0
    assert stats.chisquare(counts[:3], 2000 * np.array([25, 16, 9]) / 50).pvalue > 0.01


def test_later_draws_of_k_means_plus_plus_use_all_earlier_picks():
    # After 10 and 0 every other row is within 1 of a pick but for 5, at squared distance 25 from both.
    X = np.array([[10.0], [0.0], [5.0], [9.9], [0.1]])
    counts = np.zeros(5)
    for seed in range(500):
        picks, scores = k_means_plus_plus(Distances(X, shift=np.zeros(1)), 3, np.random.default_rng(seed))
        if picks[1] == 1:
            counts[picks[2]] += 1
            assert scores[2] == pytest.approx(25 if picks[2] == 2 else 0.01)
    assert counts[2] / counts.sum() > 0.99


def test_k_means_plus_plus_without_distances_takes_distinct_rows():
    picks, scores = k_means_plus_plus(Distances(np.zeros((6, 2))), 6, np.random.default_rng(0))
    assert sorted(picks) == list(range(6))
    assert scores.tolist() == [0] * 6


@QUICK
@given(seed=st.integers(0, 10**6), n=st.integers(5, 80))
def test_k_means_plus_plus_scores_are_the_distances_to_the_picks_before(seed, n):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    picks, scores = k_means_plus_plus(Distances(X, shift=np.zeros(3)), min(n, 40), np.random.default_rng(seed))
    assert len(set(picks.tolist())) == len(picks)
    for place in range(1, len(picks)):
        expected = ((X[picks[:place]] - X[picks[place]]) ** 2).sum(axis=1).min()
        assert scores[place] == pytest.approx(expected, abs=1e-9)
