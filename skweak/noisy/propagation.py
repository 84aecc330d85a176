"""Values that spread along the edges of a graph, and the graph of nearest rows where none is given."""

import numpy as np
from scipy import sparse
from sklearn.neighbors import kneighbors_graph
from sklearn.utils.validation import check_array

from skweak.engine import Adjacency
from skweak.losses._checks import check_interval


def propagate(A, Y, alpha=0.5, steps=5):
    """Let values spread along edges: each node takes the mean of its neighbours' values and keeps a share of its own.

    Parameters
    ----------
    A : sparse matrix or array-like of shape (n, n)
        Weights of the edges, none negative; `skweak.engine.Adjacency` is accepted.
    Y : array-like of shape (n, k)
        Values of the nodes, such as labels of some as rows of 0 and 1.
    alpha : float in [0, 1], default=0.5
        Share of its own value that a node keeps at each step. 1 changes nothing; 0 forgets it at once.
    steps : int >= 0, default=5
        More spread farther; very many give all nodes of a connected graph the same values.

    Returns
    -------
    ndarray of float64 of shape (n, k)
        A node without neighbours keeps ``alpha ** steps`` of its values.

    Raises
    ------
    ValueError
        If shapes disagree, an edge is negative, or a number is out of range.

    Notes
    -----
    ``Y <- (1 - alpha) D^-1 A Y + alpha Y`` with the row sums D of A.

    References
    ----------
    arXiv:2312.08852

    Examples
    --------
    >>> from skweak.noisy import propagate
    >>> chain = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> propagate(chain, [[1.0], [0.0], [0.0]], alpha=0.5, steps=1).ravel().tolist()
    [0.5, 0.25, 0.0]
    """
    A = (A if isinstance(A, Adjacency) else Adjacency(A)).matrix
    Y = check_array(Y, dtype=np.float64, input_name="Y")
    if len(Y) != A.shape[0]:
        raise ValueError(f"Y has {len(Y)} rows, but A has {A.shape[0]} nodes; give one row per node.")
    if A.nnz and A.data.min() < 0:
        raise ValueError(f"A must hold weights of at least 0, got {A.data.min():g}.")
    check_interval(alpha, "alpha", 0, 1)
    check_interval(steps, "steps", 0, float("inf"), include_high=False)
    return spread(normalise(A), Y, alpha, int(steps))


def normalise(A):
    """Return D^-1 A of a csr matrix with the row sums D; rows without entries stay empty."""
    degree = np.asarray(A.sum(axis=1)).ravel()
    return sparse.diags(np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)) @ A


def spread(P, Y, alpha, steps):
    """Return ``Y`` after ``steps`` of ``(1 - alpha) P Y + alpha Y``, of arrays or of tensors."""
    for _ in range(steps):
        Y = (1 - alpha) * (P @ Y) + alpha * Y
    return Y


def smooth(A, X, share, steps=10):
    """Return rows as weighted means of themselves and of those that walks of up to ``steps`` edges reach.

    A walk goes on with probability ``share`` at each node, where it may also stay; so rows without edges remain as they
    are. ``X`` is an array or sparse.
    """
    P = normalise(A + sparse.eye(A.shape[0], format="csr"))
    result = X
    for _ in range(steps if share else 0):
        result = share * (P @ result) + (1 - share) * X
    return result


def neighbour_graph(X, n_neighbors, metric):
    """Return the symmetric graph (csr) of the nearest rows of an array or sparse table, each linked with weight 1."""
    n = X.shape[0]
    k = min(n_neighbors, n - 1)
    if not k:
        return sparse.csr_matrix((n, n))
    graph = kneighbors_graph(X, k, metric=metric)
    return graph.maximum(graph.T)
