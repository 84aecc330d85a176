"""The transition matrix from neighbours: counts by hand, recovery of known noise, laws and messages."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skweak.metrics import neighbor_transition_matrix
from skweak.metrics.consensus import clean_shares, label_frequencies

fast = settings(max_examples=15, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def clusters():
    """Three tight directions, of unequal size, and a matrix that is symmetric in nothing."""
    random = np.random.RandomState(0)
    truth = np.repeat([0, 1, 2], [900, 1200, 900])
    X = np.eye(3)[truth] + 0.05 * random.randn(3000, 3)
    matrix = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    given = (random.rand(3000, 1) > matrix[truth].cumsum(1)).sum(1)
    return X, truth, given, matrix


def test_frequencies_by_hand():
    # On the line through the origin at 0, 10, 21 and 33 degrees; nearest two of each: (1, 2), (0, 2), (1, 3), (2, 1).
    angle = np.radians([0, 10, 21, 33])
    X, y = np.column_stack([np.cos(angle), np.sin(angle)]), [0, 1, 1, 0]
    one, two, three = label_frequencies(X, y)
    # Labels of row, nearest, second: 0 1 1, 1 0 1, 1 1 0, 0 1 1.
    np.testing.assert_allclose(one, [0.5, 0.5])
    np.testing.assert_allclose(two, [[0, 0.5], [0.25, 0.25]])
    expected = np.zeros((2, 2, 2))
    expected[0, 1, 1], expected[1, 0, 1], expected[1, 1, 0] = 0.5, 0.25, 0.25
    np.testing.assert_allclose(three, expected)


@fast
@given(st.integers(0, 10_000))
def test_frequencies_equal_a_slow_loop(seed):
    random = np.random.RandomState(seed)
    X, y = random.randn(15, 3), random.randint(0, 3, 15)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    counts = np.zeros((3, 3, 3))
    for i in range(15):
        first, second = [j for j in np.argsort(-(unit @ unit[i])) if j != i][:2]
        counts[y[i], y[first], y[second]] += 1 / 15
    np.testing.assert_allclose(label_frequencies(X, y, [0, 1, 2])[2], counts, atol=1e-12)


def test_known_noise_is_found(clusters):
    X, truth, given, matrix = clusters
    found = neighbor_transition_matrix(X, given)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found, matrix, atol=0.06)
    right = [(truth[given == c] == c).mean() for c in range(3)]
    np.testing.assert_allclose(clean_shares(X, given, np.arange(3)), right, atol=0.06)


def test_right_labels_stay_right(clusters):
    X, truth, _, _ = clusters
    np.testing.assert_allclose(neighbor_transition_matrix(X, truth), np.eye(3), atol=0.02)
    assert clean_shares(X, truth, np.arange(3)).min() > 0.97


def test_names_and_order_of_rows_and_classes_do_not_matter(clusters):
    X, _, given, _ = clusters
    rows = np.random.RandomState(1).permutation(3000)
    names, found = np.array(["m", "z", "a"]), neighbor_transition_matrix(X, given)
    moved = neighbor_transition_matrix(7 * X[rows], names[given[rows]], classes=names)
    np.testing.assert_allclose(moved, found, atol=1e-3)
    # Sums in another order are rounded differently, which four hundred steps enlarge.
    in_order = neighbor_transition_matrix(sparse.csr_matrix(X), names[given])
    np.testing.assert_allclose(in_order, found[np.ix_([2, 0, 1], [2, 0, 1])], atol=1e-3)


def test_it_leaves_generators_and_gradient_mode_alone(clusters):
    X, _, given, _ = clusters
    state = torch.random.get_rng_state()
    with torch.no_grad():
        found = neighbor_transition_matrix(X[::10], given[::10])
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(found, neighbor_transition_matrix(X[::10], given[::10]))


def test_a_class_that_nobody_was_given_is_finite(clusters):
    X, _, given, _ = clusters
    found = neighbor_transition_matrix(X[::10], given[::10], classes=[0, 1, 2, 3])
    assert np.isfinite(found).all() and found.shape == (4, 4) and found[:3, 3].max() < 0.05
    assert np.isfinite(clean_shares(X[::10], given[::10], np.arange(4))).all()


@pytest.mark.parametrize(
    ("rows", "labels", "classes", "message"),
    [
        (3, [0, 1, 0], None, "X must have at least 4 rows.* got 3"),
        (5, [0, 1], None, "y has 2 labels but X has 5 rows"),
        (5, [0, 1, 2, 0, 1], [0, 1], "y holds .*2.*, which is not among classes"),
    ],
    ids=["rows", "labels", "classes"],
)
def test_what_does_not_fit_is_named(rows, labels, classes, message):
    with pytest.raises(ValueError, match=message):
        neighbor_transition_matrix(np.random.RandomState(0).randn(rows, 2), labels, classes=classes)
