"""Covering a pool: greedy choice of the rows that most others lie near."""

import numpy as np

from skweak.utils._checks import as_array, as_classes, check_count, check_row_count

KERNELS = ("rbf", "tophat", "cosine")
# Gains closer than this share of the total weight are ties: rounding must not tell two copies of a row apart.
_TIE = 1e-9


def greedy_coverage(
    features, n_instances, *, labeled_features=None, weight=None, kernel="rbf", bandwidth=1.0, block_size=4096
):
    """Return the rows that cover the pool best, chosen one after the other.

    A row is covered as far as its most similar chosen or labelled row resembles it. Each pick is the row that adds
    most coverage, which ends within 1 - 1 / e of the best batch.

    Parameters
    ----------
    features : array of shape (n, d)
        Features of the pool.
    n_instances : int
        Rows to choose; all of them when there are fewer.
    labeled_features : array of shape (m, d), optional
        Rows that cover their surroundings already.
    weight : array of shape (n,), optional
        How much covering each row is worth, at least 0; 1 by default.
    kernel : {"rbf", "tophat", "cosine"}, default="rbf"
        Similarity: ``exp(-(dist / bandwidth)**2)``, ``dist <= bandwidth``, or ``(1 + cosine) / 2``.
    bandwidth : float > 0, default=1.0
        Reach of a row. Towards 0 a row covers itself alone and the weights decide; the larger, the more one row
        stands for the whole pool. Not used by "cosine".
    block_size : int, default=4096
        Rows of a block of similarities; the memory is ``n * block_size`` numbers at most.

    Returns
    -------
    index : array of shape (b,)
        int64, best first, ``b = min(n_instances, n)``.
    gain : array of shape (b,)
        Coverage that each added, never increasing. When nothing is left to gain, the rest follows by weight and index.

    Notes
    -----
    Maximises ``sum_i w_i max_{j in S and L} k(x_i, x_j)``. A pick changes the gains only through the rows that it
    covers better than before, about n / b at the b-th pick: O(n² d log b) altogether.

    References
    ----------
    arXiv:2407.12212 (MaxHerding), arXiv:2412.20644 (UHerding), arXiv:2205.11320 (ProbCover).

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import greedy_coverage
    >>> features = np.array([[0.0], [0.1], [0.2], [5.0], [5.1]])
    >>> greedy_coverage(features, 2, kernel="tophat", bandwidth=0.15)
    (array([1, 3]), array([3., 2.]))
    """
    check_count(n_instances, "n_instances")
    check_count(block_size, "block_size", 1)
    features = _as_features(features, "features")
    n = len(features)
    weight = np.ones(n) if weight is None else as_array(weight, "weight").astype(np.float64)
    check_row_count(weight, "weight", n)
    if (weight < 0).any():
        raise ValueError("weight must be at least 0.")
    similarity = _similarity(kernel, bandwidth, features)
    covered = np.zeros(n)
    if labeled_features is not None and len(labeled_features):
        known = _as_features(labeled_features, "labeled_features")
        if known.shape[1] != features.shape[1]:
            raise ValueError(
                f"labeled_features has {known.shape[1]} columns but features {features.shape[1]}; give both the same."
            )
        for start in range(0, len(known), block_size):
            np.maximum(covered, similarity(features, known[start : start + block_size]).max(axis=1), out=covered)
    unit = _TIE * max(float(weight.sum()), np.finfo(float).tiny)
    fill = np.lexsort((np.arange(n), -weight))

    def drop(rows, old, new):
        """Return how much of every row's gain is lost when the coverage of some rows grows (n,)."""
        total, size = np.zeros(n), max(1, min(block_size, 2**24 // max(1, n)))
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            found = similarity(features[rows[part]], features)
            lost = np.maximum(found - old[part, None], 0)
            np.subtract(found, new[part, None], out=found)
            lost -= np.maximum(found, 0, out=found)
            total += weight[rows[part]] @ lost
        return total

    everything = np.flatnonzero(weight > 0)
    gain = drop(everything, covered[everything], np.full(len(everything), np.inf))
    picks, found, open_rows = [], [], np.ones(n, dtype=bool)
    for _ in range(min(n_instances, n)):
        row = int(np.where(open_rows, np.round(gain / unit), -1).argmax())
        if round(gain[row] / unit) <= 0:
            break
        picks.append(row)
        found.append(float(gain[row]))
        open_rows[row] = False
        grown = np.maximum(covered, similarity(features, features[[row]])[:, 0])
        changed = np.flatnonzero((grown > covered) & (weight > 0))
        gain -= drop(changed, covered[changed], grown[changed])
        covered = grown
    rest = fill[open_rows[fill]][: min(n_instances, n) - len(picks)]
    found = np.minimum.accumulate([*found, *np.zeros(len(rest))])
    return np.array([*picks, *rest], dtype=np.int64), found


def _as_features(value, name):
    return as_array(value, name, 2).astype(np.float64, copy=False)


def _similarity(kernel, bandwidth, features):
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {list(KERNELS)}, got {kernel!r}.")
    if not bandwidth > 0:
        raise ValueError(f"bandwidth must be larger than 0, got {bandwidth!r}.")
    if kernel == "cosine":
        return lambda a, b: (1 + np.clip(_unit(a) @ _unit(b).T, -1, 1)) / 2
    # Differences of points far from the origin would lose digits.
    center = features.mean(axis=0) if len(features) else 0.0

    def of_distance(a, b):
        squared = squared_distances(a - center, b - center)
        if kernel == "tophat":
            # A row at the very radius must not depend on rounding.
            return (squared <= bandwidth**2 * (1 + 1e-12)).astype(np.float64)
        squared /= -(bandwidth**2)
        return np.exp(squared, out=squared)

    return of_distance


def _unit(rows):
    norm = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norm > 0, norm, 1)[:, None]


def squared_distances(a, b):
    """Return squared Euclidean distances (len(a), len(b)); what rounding leaves of equal rows is 0."""
    norm_a, norm_b = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
    result = a @ b.T
    result *= -2
    result += norm_a[:, None]
    result += norm_b
    result[result < 1e-13 * (norm_a[:, None] + norm_b)] = 0
    return result


def coverage_bandwidth(labeled_features, *, rule="median"):
    """Return the reach of a labelled row: the distance to its nearest labelled neighbour.

    Parameters
    ----------
    labeled_features : array of shape (m, d)
        Features of the labelled rows.
    rule : {"median", "min"}, default="median"
        Median of the distances, or the smallest as in UHerding. Copies at distance 0 do not count.

    Returns
    -------
    float
        1.0 when fewer than two different rows are given.

    References
    ----------
    arXiv:2412.20644

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import coverage_bandwidth
    >>> coverage_bandwidth(np.array([[0.0], [1.0], [3.0]]))
    1.0
    >>> coverage_bandwidth(np.array([[0.0], [2.0], [7.0]]))
    2.0
    """
    features = _as_features(labeled_features, "labeled_features")
    if rule not in ("median", "min"):
        raise ValueError(f"rule must be 'median' or 'min', got {rule!r}.")
    features = features - features.mean(axis=0) if len(features) else features
    nearest = np.full(len(features), np.inf)
    for start in range(0, len(features), 1024):
        squared = squared_distances(features[start : start + 1024], features)
        nearest[start : start + 1024] = np.where(squared > 0, squared, np.inf).min(axis=1)
    nearest = np.sqrt(nearest[np.isfinite(nearest)])
    if not len(nearest):
        return 1.0
    return float(np.median(nearest) if rule == "median" else nearest.min())


def purity_radius(features, clusters, *, purity=0.95):
    """Return the largest radius whose balls hold rows of one cluster, for a share of the rows.

    Parameters
    ----------
    features : array of shape (n, d)
        Features.
    clusters : array of shape (n,)
        Cluster of each row, integers from 0.
    purity : float in (0, 1], default=0.95
        Share of the rows whose whole ball is of their own cluster. The larger, the smaller the radius.

    Returns
    -------
    float
        Larger than 0; with a single cluster the largest distance to the mean, doubled.

    Notes
    -----
    A ball is pure up to the nearest row of another cluster, so the radius is a quantile of these distances, exactly.

    References
    ----------
    arXiv:2205.11320

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import purity_radius
    >>> radius = purity_radius(np.array([[0.0], [1.0], [4.0]]), np.array([0, 0, 1]), purity=1.0)
    >>> round(radius, 6)
    3.0
    """
    features = _as_features(features, "features")
    clusters = as_classes(clusters, "clusters", 0)
    check_row_count(clusters, "clusters", len(features))
    if not 0 < purity <= 1:
        raise ValueError(f"purity must be in (0, 1], got {purity!r}.")
    features = features - features.mean(axis=0)
    nearest = np.empty(len(features))
    for start in range(0, len(features), 1024):
        part = slice(start, start + 1024)
        squared = squared_distances(features[part], features)
        squared[clusters[part, None] == clusters] = np.inf
        nearest[part] = np.sqrt(squared.min(axis=1))
    if not np.isfinite(nearest).any():
        return float(2 * np.sqrt(np.einsum("ij,ij->i", features, features).max())) or 1.0
    # Just below the distance at which one row too many becomes impure.
    n_impure = int(np.floor((1 - purity) * len(nearest) + 1e-9))
    radius = float(np.sort(nearest)[n_impure]) * (1 - 1e-9)
    return radius or float(np.finfo(float).tiny)
