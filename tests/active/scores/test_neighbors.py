import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.active.scores import neighbors, reverse_neighbor_counts

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


def reference_counts(labeled, target, pool, n_classes, n_neighbors):
    counts = np.zeros((len(pool), n_classes + 1))
    for features, label in zip(labeled, target, strict=True):
        cosine = [features @ row / (np.linalg.norm(features) * np.linalg.norm(row)) for row in pool]
        for j in sorted(range(len(pool)), key=lambda j: -cosine[j])[:n_neighbors]:
            counts[j, label] += 1
    size = np.bincount(target, minlength=n_classes + 1)
    mean = size[:n_classes].mean() if size[n_classes] else size.mean()
    return np.where(size > 0, counts * mean / np.maximum(size, 1), 0)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    n_labeled, n, d, n_classes = (draw(st.integers(1, high)) for high in (9, 7, 4, 3))
    target = rng.integers(draw(st.sampled_from([n_classes, n_classes + 1])), size=n_labeled)
    return rng.normal(size=(n_labeled, d + 1)), target, rng.normal(size=(n, d + 1)), n_classes


def test_counts_by_hand():
    labeled = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [-1.0, 0.0]])
    pool = np.array([[3.0, 0.0], [0.0, 2.0], [-5.0, 0.0]])
    counts = reverse_neighbor_counts(labeled, np.array([0, 0, 1, 2]), pool, n_classes=2, n_neighbors=1)
    # N = 2, 1, 1; mean of the known ones 1.5: weights 1.5 / 2, 1.5, 1.5
    np.testing.assert_allclose(counts, [[1.5, 0, 0], [0, 1.5, 0], [0, 0, 1.5]])


def test_without_labelled_unknowns_their_zero_counts_in_the_mean():
    labeled, pool = np.eye(2), np.eye(2)
    counts = reverse_neighbor_counts(labeled, np.array([0, 1]), pool, n_classes=2, n_neighbors=1)
    # mean(1, 1, 0) = 2/3
    np.testing.assert_allclose(counts, [[2 / 3, 0, 0], [0, 2 / 3, 0]])


@COMMON
@given(problems(), st.integers(1, 8), st.sampled_from([1, 7, 2**24]))
def test_counts_equal_a_loop_in_any_block_size(case, n_neighbors, block_elements):
    labeled, target, pool, n_classes = case
    options = {"n_classes": n_classes, "n_neighbors": n_neighbors}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "BLOCK_ELEMENTS", block_elements)
        counts = reverse_neighbor_counts(labeled, target, pool, **options)
    assert counts.dtype == np.float64
    np.testing.assert_allclose(counts, reference_counts(labeled, target, pool, n_classes, n_neighbors))
    np.testing.assert_allclose(
        reverse_neighbor_counts(labeled[::-1], target[::-1], pool[::-1], **options), counts[::-1]
    )
    scaled = reverse_neighbor_counts(7 * labeled, target, 0.1 * pool, **options)
    np.testing.assert_allclose(scaled, counts)


@COMMON
@given(problems(), st.integers(1, 8))
def test_every_labelled_row_reaches_the_same_number_of_pool_rows(case, n_neighbors):
    labeled, target, pool, n_classes = case
    counts = reverse_neighbor_counts(labeled, target, pool, n_classes=n_classes, n_neighbors=n_neighbors)
    size = np.bincount(target, minlength=n_classes + 1)
    mean = size[:n_classes].mean() if size[n_classes] else size.mean()
    reached = np.where(size > 0, min(n_neighbors, len(pool)) * mean, 0)
    np.testing.assert_allclose(counts.sum(axis=0), reached)


def test_ties_go_to_the_first_rows_and_zero_features_are_safe():
    pool = np.array([[1.0, 0.0], [0.0, 0.0], [2.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    counts = reverse_neighbor_counts(np.array([[1.0, 0.0]]), [0], pool, n_classes=1, n_neighbors=2)
    np.testing.assert_array_equal(np.flatnonzero(counts[:, 0]), [0, 2])
    counts = reverse_neighbor_counts(np.zeros((1, 2)), [0], pool, n_classes=1, n_neighbors=4)
    np.testing.assert_array_equal(np.flatnonzero(counts[:, 0]), [0, 1, 2, 3])


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e200), (np.float64, 1e-200), (np.float32, 1e30)])
def test_size_of_the_features_does_not_matter(dtype, size):
    rng = np.random.default_rng(0)
    labeled, pool = rng.normal(size=(6, 3)).astype(dtype), rng.normal(size=(9, 3)).astype(dtype)
    options = {"n_classes": 2, "n_neighbors": 3}
    target = np.array([0, 1, 2, 0, 1, 2])
    expected = reverse_neighbor_counts(labeled, target, pool, **options)
    result = reverse_neighbor_counts(labeled * dtype(size), target, pool * dtype(size), **options)
    np.testing.assert_array_equal(result, expected)


def test_arguments_stay_unchanged():
    labeled, pool = np.ones((2, 2)), np.full((3, 2), 5.0)
    reverse_neighbor_counts(labeled, np.array([0, 1]), pool, n_classes=2)
    assert (labeled == 1).all() and (pool == 5).all()


F, Y = np.ones((2, 3)), np.array([0, 1])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((F, Y, F[:, :2]), {}, ValueError, "pool_features has 2 columns but labeled_features 3"),
        ((F, Y[:1], F), {}, ValueError, "labeled_target has 1 rows"),
        ((F, np.array([0, 3]), F), {}, ValueError, r"labeled_target contains 3.*0\.\.2"),
        ((F, np.array([0.0, 1.0]), F), {}, TypeError, "labeled_target"),
        ((F * np.nan, Y, F), {}, ValueError, "labeled_features contains 6 non-finite"),
        ((F, Y, F * np.inf), {}, ValueError, "pool_features contains 6 non-finite"),
        ((F, Y, F[:0]), {}, ValueError, "pool_features is empty"),
        ((F[0], Y, F), {}, ValueError, "labeled_features.*2 dimensions"),
        ((F, Y, F), {"n_neighbors": 0}, ValueError, "n_neighbors"),
        ((F, Y, F), {"n_classes": 0}, ValueError, "n_classes"),
    ],
)
def test_errors_name_the_parameter(arguments, options, error, message):
    with pytest.raises(error, match=message):
        reverse_neighbor_counts(*arguments, **{"n_classes": 2, **options})
