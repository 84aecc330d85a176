"""Block models: every pair of nodes is linked with the probability of its classes, and features follow the classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.datasets import make_block_model


def test_all_and_none_of_the_edges_by_hand():
    _, y, adjacency = make_block_model(7, 2, p_in=1, p_out=0, random_state=0)
    assert np.array_equal(adjacency.toarray(), (y[:, None] == y) & ~np.eye(7, dtype=bool))
    _, y, adjacency = make_block_model(7, 3, p_in=0, p_out=1, random_state=0)
    assert np.array_equal(adjacency.toarray(), y[:, None] != y)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    n=st.integers(4, 40), n_classes=st.integers(2, 4), p_in=st.floats(0, 1), p_out=st.floats(0, 1),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_graphs_are_simple_and_classes_even(n, n_classes, p_in, p_out, seed):
    X, y, adjacency = make_block_model(n, n_classes, n_features=3, p_in=p_in, p_out=p_out, random_state=seed)
    dense = adjacency.toarray()
    assert np.array_equal(dense, dense.T) and not dense.diagonal().any() and set(np.unique(dense)) <= {0, 1}
    sizes = np.bincount(y, minlength=n_classes)
    assert X.shape == (n, 3) and sizes.sum() == n and sizes.max() - sizes.min() <= 1


def test_shares_of_linked_pairs_are_the_probabilities():
    _, y, adjacency = make_block_model(2000, 4, p_in=0.03, p_out=0.01, random_state=0)
    same = y[:, None] == y
    pairs = np.tril(np.ones_like(same), -1)
    linked = adjacency.toarray() > 0
    # Every row has its share too, whatever its place among those of its class.
    assert linked[same & pairs].mean() == pytest.approx(0.03, abs=0.001)
    assert linked[~same & pairs].mean() == pytest.approx(0.01, abs=0.0005)
    degree = linked.sum(1)
    assert degree.min() > 5 and degree.max() < 70 and abs(np.corrcoef(np.arange(2000), degree)[0, 1]) < 0.1


def test_features_are_as_far_apart_as_asked():
    for separation in (0.0, 5.0):
        X, y, _ = make_block_model(4000, 2, n_features=50, separation=separation, random_state=0)
        gap = X[y == 0].mean(0) - X[y == 1].mean(0)
        # Two means around a centre: the squared distance is 2 separation^2 / n_features in each column.
        assert np.square(gap).sum() == pytest.approx(2 * separation**2, rel=0.35, abs=0.1)
        assert X[y == 0].std(0).mean() == pytest.approx(1, abs=0.02)


def test_the_seed_decides_and_large_graphs_need_no_matrix_of_pairs():
    first, second, other = (make_block_model(50, p_in=0.5, random_state=seed) for seed in (0, 0, 1))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert (first[2] != second[2]).nnz == 0 and (first[2] != other[2]).nnz > 0
    _, _, large = make_block_model(100_000, n_features=1, p_in=1e-4, p_out=1e-6, random_state=0)
    assert large.nnz == pytest.approx(100_000 * (100_000 / 3 * 1e-4 + 200_000 / 3 * 1e-6), rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"n_samples": 2}, "n_samples must be at least 3"), ({"n_classes": 1}, "n_classes"), ({"p_in": 1.5}, "p_in"),
     ({"p_out": -0.1}, "p_out"), ({"separation": -1.0}, "separation"), ({"n_features": 0}, "n_features")],
)  # fmt: skip
def test_what_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_block_model(**wrong)
