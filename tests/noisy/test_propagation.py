"""Values that spread along edges: by hand, at the limits, and what stays as it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skweak.engine import Adjacency
from skweak.noisy import propagate
from skweak.noisy.propagation import neighbour_graph, smooth

CHAIN = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_two_steps_by_hand():
    # Means of neighbours: 0 and 1/2 at the ends after one step of [1, 0, 0] are [0, 1/2, 0].
    once = propagate(CHAIN, [[1.0], [0.0], [0.0]], alpha=0.25, steps=1)
    np.testing.assert_allclose(once.ravel(), [0.25, 0.375, 0])
    twice = propagate(Adjacency(CHAIN), [[1.0], [0.0], [0.0]], alpha=0.25, steps=2)
    np.testing.assert_allclose(twice.ravel(), [0.25**2 + 0.75 * 0.375, 0.75 * 0.125 + 0.25 * 0.375, 0.75 * 0.375])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(n=st.integers(1, 9), alpha=st.floats(0, 1), steps=st.integers(0, 4), seed=st.integers(0, 99))
def test_laws(n, alpha, steps, seed):
    random = np.random.RandomState(seed)
    A, Y = np.triu(random.rand(n, n) < 0.5, 1) * random.rand(n, n), random.rand(n, 3)
    A = A + A.T
    found = propagate(A, Y, alpha, steps)
    assert np.array_equal(propagate(A, Y, 1.0, steps), Y) and np.array_equal(propagate(A, Y, alpha, 0), Y)
    assert (found >= 0).all() and (found <= Y.max() + 1e-12).all()
    np.testing.assert_allclose(propagate(sparse.csr_matrix(7 * A), Y[:, ::-1], alpha, steps), found[:, ::-1])
    alone = ~A.any(1)
    np.testing.assert_allclose(found[alone], alpha**steps * Y[alone])


def test_smoothed_rows_are_means_and_those_without_edges_stay():
    A = sparse.csr_matrix(np.pad(CHAIN, (0, 1)))
    X = np.array([[0.0], [3.0], [0.0], [5.0]])
    # One step with itself among the neighbours: [3/2, 1, 3/2, 5].
    np.testing.assert_allclose(smooth(A, X, 0.5, steps=1), [[0.75], [2.0], [0.75], [5.0]])
    np.testing.assert_allclose(smooth(A, sparse.csr_matrix(X), 0.5).toarray(), smooth(A, X, 0.5))
    assert np.array_equal(smooth(A, X, 0.0), X)


def test_graph_of_nearest_rows_is_symmetric_and_as_large_as_rows_allow():
    graph = neighbour_graph(np.array([[0.0], [1.0], [10.0]]), 1, "euclidean").toarray()
    assert np.array_equal(graph, CHAIN)
    assert neighbour_graph(np.zeros((1, 2)), 5, "euclidean").nnz == 0
    assert neighbour_graph(np.eye(4), 9, "cosine").nnz == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"A": CHAIN[:2]}, "square"), ({"A": -CHAIN}, "at least 0"), ({"Y": [[1.0]]}, "Y has 1 rows, but A has 3"),
     ({"alpha": 1.5}, "alpha"), ({"steps": -1}, "steps")],
)  # fmt: skip
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        propagate(**{"A": CHAIN, "Y": np.eye(3)} | arguments)
