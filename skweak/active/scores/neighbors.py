"""Neighbourhoods between labelled rows and the pool."""

import numpy as np

from skweak.utils._checks import as_array, as_classes, check_count, check_row_count

# Similarities held at a time: 64 MiB in float32.
BLOCK_ELEMENTS = 2**24


def reverse_neighbor_counts(labeled_features, labeled_target, pool_features, *, n_classes, n_neighbors=250):
    """Count, for each pool row, the labelled rows of each class that have it among their nearest.

    A pool row that many rows of one class look upon as a neighbour belongs to that class; one that nobody
    reaches is far from everything known.

    Parameters
    ----------
    labeled_features : array of shape (n_labeled, d)
        Features of the labelled rows.
    labeled_target : array of shape (n_labeled,)
        Integer classes, ``n_classes`` stands for unknown.
    pool_features : array of shape (n, d)
        Features of the pool.
    n_classes : int
        Number of known classes.
    n_neighbors : int, default=250
        Pool rows that each labelled row reaches, by cosine similarity; at most the whole pool. As it grows,
        the counts get smoother and tell less.

    Returns
    -------
    array of shape (n, n_classes + 1)
        Counts of each class divided by ``N_c / mean N``, so that frequent classes do not dominate; the last
        column is the unknown class. Classes without labelled rows stay 0.

    Notes
    -----
    ``N_c`` counts the labelled rows of class c; the mean runs over the known classes, and over the unknown
    one as well while no unknown row is labelled: in that case leave the last column out of
    :func:`epistemic_energy`. Cost O(n_labeled n d); similarities are computed in blocks of labelled rows, in
    float32 when all features are.

    References
    ----------
    arXiv:2502.19691

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import reverse_neighbor_counts
    >>> labeled = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> pool = np.array([[2.0, 0.1], [0.1, 2.0], [-1.0, -1.0]])
    >>> reverse_neighbor_counts(labeled, np.array([0, 1]), pool, n_classes=1, n_neighbors=1)
    array([[1., 0.],
           [0., 1.],
           [0., 0.]])
    """
    check_count(n_classes, "n_classes", 1)
    check_count(n_neighbors, "n_neighbors", 1)
    labeled = _unit_rows(labeled_features, "labeled_features")
    pool = _unit_rows(pool_features, "pool_features")
    if labeled.shape[1] != pool.shape[1]:
        raise ValueError(
            f"pool_features has {pool.shape[1]} columns but labeled_features {labeled.shape[1]}; "
            "both must come from the same network."
        )
    target = as_classes(labeled_target, "labeled_target", 0, n_classes)
    check_row_count(target, "labeled_target", len(labeled))
    n, n_columns = len(pool), n_classes + 1
    counts = np.zeros(n * n_columns)
    block = max(1, BLOCK_ELEMENTS // n)
    for start in range(0, len(labeled), block):
        row, neighbor = _nearest(labeled[start : start + block] @ pool.T, min(n_neighbors, n))
        np.add.at(counts, neighbor * n_columns + target[start + row], 1)
    size = np.bincount(target, minlength=n_columns)
    mean = size[:n_classes].mean() if size[n_classes] else size.mean()
    return counts.reshape(n, n_columns) * np.divide(mean, size, out=np.zeros(n_columns), where=size > 0)


def top_similarities(features, anchors, n_top=1):
    """Return the largest cosine similarities (n, n_top) of rows to anchors, and which anchors these are.

    Columns are repeated where there are fewer anchors.

    Examples
    --------
    >>> import numpy as np
    >>> top_similarities(np.array([[3.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 2.0], [1.0, 0.0]]))
    (array([[1.        ],
           [0.70710678]]), array([[1],
           [0]]))
    """
    features, anchors = _unit_rows(features, "features"), _unit_rows(anchors, "anchors")
    n_found = min(n_top, len(anchors))
    values, places = (np.empty((len(features), n_top), dtype=kind) for kind in (features.dtype, np.int64))
    block = max(1, BLOCK_ELEMENTS // len(anchors))
    for start in range(0, len(features), block):
        part = slice(start, start + block)
        # Equal rows at different places of a product may differ in their last digits, which must not rank them.
        similarity = np.round(features[part] @ anchors.T, 6 if features.dtype == np.float32 else 12)
        for column in range(n_top):
            # Few columns are asked for: a maximum for each is cheaper than any sorting, and of equal ones the first.
            if column < n_found:
                best = similarity.argmax(axis=1)[:, None]
                values[part, column] = np.take_along_axis(similarity, best, axis=1)[:, 0]
                np.put_along_axis(similarity, best, -2, axis=1)
            else:
                values[part, column] = values[part, column - 1]
            places[part, column] = best[:, 0]
    return values, places


def _nearest(similarity, n_neighbors):
    """Row and column of the ``n_neighbors`` largest entries of each row; of equal ones the first."""
    cut = similarity.shape[1] - n_neighbors
    bound = np.partition(similarity, cut, axis=1)[:, cut, None]
    chosen = similarity >= bound
    tied = np.flatnonzero(np.count_nonzero(chosen, axis=1) > n_neighbors)
    if len(tied):
        above = similarity[tied] > bound[tied]
        equal = chosen[tied] & ~above
        room = n_neighbors - np.count_nonzero(above, axis=1, keepdims=True)
        chosen[tied] = above | (equal & (equal.cumsum(axis=1) <= room))
    return np.divmod(np.flatnonzero(chosen), similarity.shape[1])


def _unit_rows(features, name):
    features = as_array(features, name, 2, keep_float32=True)
    # Scaling by the largest entry first keeps the squares of huge and tiny features within range.
    largest = np.abs(features).max(axis=1, keepdims=True)
    features = features / np.where(largest > 0, largest, 1)
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(norm > 0, norm, 1)
