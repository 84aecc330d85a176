"""Graphs whose nodes of one class are linked more often than others."""

import numpy as np
from scipy import sparse
from sklearn.utils.random import sample_without_replacement

from ._checks import check_count, check_generator, check_rate


def make_block_model(
    n_samples=900, n_classes=3, *, n_features=32, separation=1.5, p_in=0.02, p_out=0.003, random_state=None
):
    """Draw a stochastic block model: nodes with features, a class each, and edges that prefer nodes of one class.

    Neither features nor edges alone tell the classes apart as well as both together. Make some labels wrong afterwards,
    with `make_noisy_labels`, and hide others with `make_unlabeled`.

    Parameters
    ----------
    n_samples : int >= 2, default=900
        Nodes (n).
    n_classes : int >= 2, default=3
        Classes (C), whose sizes differ by one node at most.
    n_features : int >= 1, default=32
        Columns of ``X``.
    separation : float >= 0, default=1.5
        Distance of the class means from their centre (root mean square), where nodes scatter by 1 around their mean in
        every column. 0 makes the features say nothing; large values let them say all.
    p_in : float in [0, 1], default=0.02
        Probability of an edge between two nodes of one class.
    p_out : float in [0, 1], default=0.003
        Probability of an edge between nodes of different classes. Equal to ``p_in``, the edges say nothing.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    X : ndarray of float64 of shape (n, n_features)
    y : ndarray of int64 of shape (n,)
        Classes 0 to C - 1 in random order.
    adjacency : csr matrix of float64 of shape (n, n)
        1 for each edge in both directions; no node is linked to itself. Give it to ``fit`` as
        `skweak.engine.Adjacency` where folds shall cut it.

    Raises
    ------
    ValueError
        If a parameter is out of range, or there are fewer nodes than classes.

    Notes
    -----
    Features are ``separation * g_y / sqrt(n_features) + e`` with normal ``g`` and ``e``. Time and memory grow with the
    nodes and edges, not with pairs of nodes.

    References
    ----------
    Holland, Laskey and Leinhardt, Stochastic blockmodels, Social Networks 5 (1983).

    Examples
    --------
    >>> from skweak.datasets import make_block_model
    >>> X, y, adjacency = make_block_model(60, p_in=0.5, p_out=0.01, random_state=0)
    >>> X.shape, adjacency.shape, [int((y == c).sum()) for c in range(3)]
    ((60, 32), (60, 60), [20, 20, 20])
    >>> source, target = adjacency.nonzero()
    >>> bool((y[source] == y[target]).mean() > 0.9)
    True
    """
    n_classes = check_count(n_classes, "n_classes", low=2)
    n_samples = check_count(n_samples, "n_samples", low=n_classes)
    n_features = check_count(n_features, "n_features")
    separation = check_rate(separation, "separation", high=np.inf, open_high=True)
    p_in, p_out = check_rate(p_in, "p_in"), check_rate(p_out, "p_out")
    generator = check_generator(random_state)
    y = generator.permutation(np.arange(n_samples) % n_classes)
    centers = separation / np.sqrt(n_features) * generator.standard_normal((n_classes, n_features))
    X = centers[y] + generator.standard_normal((n_samples, n_features))
    members = [np.flatnonzero(y == c) for c in range(n_classes)]
    ends = [
        _draw_pairs(members[a], members[b], p_in if a == b else p_out, a == b, generator)
        for a in range(n_classes)
        for b in range(a, n_classes)
    ]
    source, target = np.concatenate(ends, axis=1)
    edges = sparse.coo_matrix((np.ones(len(source)), (source, target)), shape=(n_samples, n_samples))
    return X, y, (edges + edges.T).tocsr()


def _draw_pairs(first, second, probability, same, generator):
    """Return both ends (2, m) of pairs drawn independently, of one group each unordered pair once."""
    n, total = len(first), len(first) * (len(first) - 1) // 2 if same else len(first) * len(second)
    count = generator.binomial(total, probability)
    drawn = sample_without_replacement(total, count, random_state=generator).astype(np.int64)
    if not same:
        return np.stack([first[drawn // len(second)], second[drawn % len(second)]])
    # Numbers 0, 1, 2, ... stand for the pairs (1, 0), (2, 0), (2, 1), ...
    high = ((1 + np.sqrt(1 + 8.0 * drawn)) / 2).astype(np.int64)
    return np.stack([first[high], first[drawn - high * (high - 1) // 2]]) if n > 1 else np.empty((2, 0), dtype=int)
