"""Scores on a graph of the rows (Locle, arXiv:2412.11983)."""

import numpy as np
from scipy import sparse
from scipy.special import xlogy

from skweak.active.kmeans import k_means
from skweak.utils._checks import as_array, as_proba, check_count, check_row_count

_GROWTH, _STEPS = 1.5, 2


def _degrees(graph, n_rows):
    graph = sparse.csr_matrix(graph, dtype=np.float64)
    if graph.shape != (n_rows, n_rows):
        raise ValueError(f"graph has shape {graph.shape}; give one row and one column per row, ({n_rows}, {n_rows}).")
    return graph, np.asarray(graph.sum(axis=1)).ravel()


def disharmony(graph, proba):
    """Return how far the prediction of each row is from the mean one of its neighbours.

    Parameters
    ----------
    graph : array or sparse matrix of shape (n, n)
        Weights of edges, at least 0.
    proba : array of shape (n, C)

    Returns
    -------
    array of shape (n,)
        In [0, 2]; 0 for rows without neighbours.

    References
    ----------
    arXiv:2412.11983

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import disharmony
    >>> disharmony(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    array([2., 2., 0.])
    """
    proba = as_proba(proba).astype(np.float64)
    graph, degree = _degrees(graph, len(proba))
    mean = (graph @ proba) / np.where(degree > 0, degree, 1)[:, None]
    return np.where(degree > 0, np.abs(proba - mean).sum(axis=1), 0.0)


def critical_rows(proba, graph, n_instances):
    """Return rows that are uncertain and at odds with their neighbours.

    Parameters
    ----------
    proba : array of shape (n, C)
    graph : array or sparse matrix of shape (n, n)
    n_instances : int
        All rows when there are fewer.

    Returns
    -------
    array of shape (b,)
        int64: rows among the first of both orders, entropy and `disharmony`, then the first of either in turn.

    References
    ----------
    arXiv:2412.11983

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import critical_rows
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [0.9, 0.1], [0.0, 1.0]])
    >>> critical_rows(proba, np.eye(4)[[1, 0, 3, 2]], 2)
    array([0, 2])
    """
    check_count(n_instances, "n_instances")
    proba = as_proba(proba).astype(np.float64)
    values = np.stack([-xlogy(proba, proba).sum(axis=1), disharmony(graph, proba)])
    order = np.argsort(-np.round(values, 12), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    both = np.flatnonzero((rank < n_instances).all(axis=0))
    both = both[np.argsort(rank[:, both].max(axis=0), kind="stable")]
    turns = order[:, :n_instances].T.ravel()
    # Of each row the first time that it is met.
    joined = np.concatenate([both, turns])
    return joined[np.sort(np.unique(joined, return_index=True)[1])][:n_instances]


def subspace_rows(features, graph, n_instances, n_clusters, *, random_state=0):
    """Return rows near the centres of clusters in the leading subspace of smoothed features: the first to be labelled.

    Parameters
    ----------
    features : array of shape (n, d)
    graph : array or sparse matrix of shape (n, n)
        Weights of edges, at least 0, symmetric.
    n_instances : int
        At most n.
    n_clusters : int
        As many as there are classes.
    random_state : int, default=0
        Of k-means.

    Returns
    -------
    array of shape (n_instances,)
        int64, the nearest first.

    Notes
    -----
    Features are smoothed twice by the normalised graph with loops, the second time weighing 1.5 times the first.

    References
    ----------
    arXiv:2412.11983

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import subspace_rows
    >>> subspace_rows(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.zeros((3, 3)), 1, 2).shape
    (1,)
    """
    features = as_array(features, "features", 2)
    check_count(n_instances, "n_instances", 1)
    check_count(n_clusters, "n_clusters", 1)
    graph, degree = _degrees(graph, len(features))
    scale = sparse.diags(1 / np.sqrt(degree + 1))
    smooth = scale @ (graph + sparse.eye(len(features))) @ scale
    total, power = features.copy(), features
    for step in range(1, _STEPS + 1):
        power = smooth @ power
        total += _GROWTH**step * power
    left = np.linalg.svd(total, full_matrices=False)[0][:, :n_instances]
    check_row_count(left, "features", len(features))
    model = k_means(left, n_clusters, random_state)
    distance = np.sqrt(((left - model.cluster_centers_[model.labels_]) ** 2).sum(axis=1))
    return np.argsort(np.round(distance, 12), kind="stable")[:n_instances]
