"""Rows that are alike and have different labels, and what the nearest rows say."""

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

# Rows are nearly the same when this much nearer than the nearest rows usually are.
_NEAR = 0.1


def equal_rows(X):
    """Return a number for each row (n,), the same for rows that are equal bit for bit; gaps equal gaps.

    Examples
    --------
    >>> import numpy as np
    >>> equal_rows(np.array([[1.0, 2.0], [3.0, np.nan], [1.0, 2.0], [3.0, np.nan]])).tolist()
    [0, 1, 0, 1]
    """
    import pandas as pd
    from pandas.util import hash_pandas_object

    if sparse.issparse(X):
        X = X.tocsr().copy()
        X.sum_duplicates()
        ends = X.indptr
        parts = zip(ends[:-1], ends[1:], strict=True)
        hashes = [hash((X.indices[start:end].tobytes(), X.data[start:end].tobytes())) for start, end in parts]
        return _numbered(np.array(hashes))
    if not hasattr(X, "iloc"):
        X = np.asarray(X)
        X = pd.DataFrame(X.reshape(len(X), -1))
    return _numbered(hash_pandas_object(X, index=False).to_numpy())


def _numbered(hashes):
    """Number values in the order in which they first occur."""
    _, first, codes = np.unique(hashes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]


def agreement_of_equals(groups, codes):
    """Share of the rows equal to each one, itself among them, that have its label (n,); 1 where no other is equal.

    Examples
    --------
    >>> agreement_of_equals(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0])).round(2).tolist()
    [0.67, 0.67, 0.33, 1.0]
    """
    pairs = groups.astype(np.int64) * (codes.max() + 1) + codes
    _, where, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return counts[where] / np.bincount(groups)[groups]


def nearest_rows(features, n_neighbors=10):
    """Return distances and positions (n, k) of the nearest other rows; no distance matrix is kept."""
    n_neighbors = min(n_neighbors, len(features) - 1)
    return NearestNeighbors(n_neighbors=n_neighbors).fit(features).kneighbors()


def near_duplicates(distance, neighbor, codes, groups):
    """Return pairs of rows (m, 2) that are nearly but not quite equal and have different labels, nearest first."""
    usual = distance[:, 0][distance[:, 0] > 0]
    if not len(usual):
        return np.empty((0, 2), dtype=int), np.empty(0)
    row, place = np.nonzero(distance < _NEAR * np.median(usual))
    other = neighbor[row, place]
    kept = (codes[row] != codes[other]) & (groups[row] != groups[other])
    pairs = np.sort(np.c_[row[kept], other[kept]], axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    gap = distance[row, place][kept][first]
    order = np.argsort(gap, kind="stable")
    return pairs[order], gap[order]


def neighbor_majority(neighbor, codes, n_classes):
    """Return the most frequent label among the neighbours of each row (n,), and its share (n,)."""
    votes = np.zeros((len(neighbor), n_classes))
    for place in neighbor.T:
        votes[np.arange(len(neighbor)), codes[place]] += 1
    return votes.argmax(axis=1), votes.max(axis=1) / neighbor.shape[1]
