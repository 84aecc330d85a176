"""Batches made of clusters, of chance and of both."""

import numpy as np

from skweak.active.scores.coverage import squared_distances
from skweak.utils._checks import as_array, as_classes, as_proba, check_count, check_row_count
from skweak.utils.statistics import min_max


def typical_rows(features, clusters, n_instances, *, labeled_counts=None, n_neighbors=20, min_cluster_size=6):
    """Return the most typical row of each cluster, clusters without labelled rows first.

    Parameters
    ----------
    features : array of shape (n, d)
        Features of the pool.
    clusters : array of shape (n,)
        Cluster of each row, integers from 0.
    n_instances : int
        Rows to choose; all of them when there are fewer.
    labeled_counts : array of shape (K,), optional
        Labelled rows in each cluster; none by default.
    n_neighbors : int, default=20
        Neighbours within the cluster that tell how typical a row is, at most half the cluster. More look at a wider
        surrounding.
    min_cluster_size : int, default=6
        Smaller clusters are left for the end: they are outliers more often than classes.

    Returns
    -------
    array of shape (b,)
        int64, in the order of choice.

    Notes
    -----
    Typicality is ``1 / (mean distance to the nearest neighbours + 1e-5)``. Clusters are visited by labelled rows
    ascending, then by size descending, again and again.

    References
    ----------
    arXiv:2202.02794

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import typical_rows
    >>> features = np.array([[0.0], [0.4], [1.0], [5.0], [5.5]])
    >>> typical_rows(features, np.array([0, 0, 0, 1, 1]), 2, min_cluster_size=1)
    array([0, 3])
    """
    check_count(n_instances, "n_instances")
    check_count(n_neighbors, "n_neighbors", 1)
    features = as_array(features, "features", 2)
    clusters = as_classes(clusters, "clusters", 0)
    check_row_count(clusters, "clusters", len(features))
    n_clusters = int(clusters.max(initial=-1)) + 1
    labeled = np.zeros(n_clusters, dtype=np.int64)
    if labeled_counts is not None:
        given = as_classes(labeled_counts, "labeled_counts", 0)
        n_clusters = max(n_clusters, len(given))
        labeled = np.pad(given, (0, n_clusters - len(given)))
    sizes = np.bincount(clusters, minlength=n_clusters)
    large = sizes >= (min_cluster_size if sizes.max(initial=0) >= min_cluster_size else 0)
    order = np.lexsort((-sizes, labeled, ~large))
    queues = [_by_typicality(features, np.flatnonzero(clusters == k), n_neighbors) for k in order if sizes[k]]
    n_large = int((large & (sizes > 0)).sum())
    picks = []
    for group in (queues[:n_large], queues[n_large:]):
        depth = max((len(queue) for queue in group), default=0)
        picks += [queue[turn] for turn in range(depth) for queue in group if turn < len(queue)]
    return np.array(picks[:n_instances], dtype=np.int64)


def _by_typicality(features, rows, n_neighbors):
    """Return the rows of one cluster, most typical first."""
    k = min(n_neighbors, max(1, len(rows) // 2))
    if len(rows) == 1:
        return rows.tolist()
    members = features[rows].astype(np.float64)
    members -= members.mean(axis=0)
    distance = np.empty(len(rows))
    for start in range(0, len(rows), 1024):
        squared = squared_distances(members[start : start + 1024], members)
        # The row itself is the nearest.
        nearest = np.partition(squared, k, axis=1)[:, : k + 1]
        distance[start : start + 1024] = np.sqrt(nearest).sum(axis=1) / k
    return rows[np.lexsort((rows, np.round(distance, 9)))].tolist()


def sample_by_score(scores, n_instances, *, kind="power", beta=1.0, random_state=None):
    """Draw rows without replacement, the higher their score the more often.

    Parameters
    ----------
    scores : array of shape (n,)
        Utility; at least 0 for "power", where rows of score 0 come last.
    n_instances : int
        Rows to draw; all of them when there are fewer.
    kind : {"power", "softmax", "rank"}, default="power"
        Rows are drawn in proportion to ``s**beta``, ``exp(beta s)`` or ``rank**-beta``.
    beta : float >= 0, default=1.0
        0 draws uniformly; the larger, the nearer to the top scores.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    array of shape (b,)
        int64, first drawn first.

    References
    ----------
    arXiv:2106.12059

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import sample_by_score
    >>> sample_by_score(np.array([0.0, 1.0, 0.0]), 1, random_state=0)
    array([1])
    """
    scores = as_array(scores, "scores").astype(np.float64)
    check_count(n_instances, "n_instances")
    if not beta >= 0:
        raise ValueError(f"beta must be at least 0, got {beta!r}.")
    generator = np.random.default_rng(
        random_state if random_state is None or isinstance(random_state, int | np.integer)
        else random_state.randint(2**31)
    )  # fmt: skip
    noise = generator.gumbel(size=len(scores))
    last = np.zeros(len(scores), dtype=bool)
    if kind == "power":
        if (scores < 0).any():
            raise ValueError('scores must be at least 0 with kind="power"; shift them, or take kind="rank".')
        last = (scores == 0) & (beta > 0)
        keys = beta * np.log(np.where(scores > 0, scores, 1)) + noise
    elif kind == "softmax":
        keys = beta * scores + noise
    elif kind == "rank":
        rank = np.empty(len(scores))
        rank[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
        keys = -beta * np.log(rank) + noise
    else:
        raise ValueError(f"kind must be one of ['power', 'softmax', 'rank'], got {kind!r}.")
    return np.lexsort((-keys, last))[:n_instances]


def round_robin(groups, scores, n_instances, *, order="smallest", random_state=None):
    """Take one row of each group in turn.

    Parameters
    ----------
    groups : array of shape (n,)
        Group of each row, integers from 0.
    scores : array of shape (n,)
        Within a group the largest goes first; constant scores with ``random_state`` draw.
    n_instances : int
        Rows to choose; all of them when there are fewer.
    order : {"smallest", "best"}, default="smallest"
        Groups with fewest rows first, or those with the best row.
    random_state : int or None, default=None
        With a seed ties are broken by chance; else by index.

    Returns
    -------
    array of shape (b,)
        int64, in the order of choice.

    References
    ----------
    arXiv:2107.14263

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import round_robin
    >>> round_robin(np.array([0, 0, 0, 1]), np.array([3.0, 2.0, 1.0, 0.0]), 3)
    array([3, 0, 1])
    """
    groups = as_classes(groups, "groups", 0)
    scores = as_array(scores, "scores")
    check_row_count(scores, "scores", len(groups))
    check_count(n_instances, "n_instances")
    if order not in ("smallest", "best"):
        raise ValueError(f"order must be 'smallest' or 'best', got {order!r}.")
    n = len(groups)
    tie = np.arange(n) if random_state is None else np.random.default_rng(random_state).permutation(n)
    within = np.lexsort((tie, -scores, groups))
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    turn = np.empty(n, dtype=np.int64)
    turn[within] = np.arange(n) - starts[groups[within]]
    if order == "smallest":
        key = sizes.astype(np.float64)
    else:
        key = np.zeros(len(sizes))
        filled = np.flatnonzero(sizes)
        key[filled] = -scores[within[starts[filled]]]
    return np.lexsort((groups, key[groups], turn))[:n_instances]


def nearest_to_centers(features, centers, *, center_weight=None):
    """Return the nearest row of each center, every row once.

    Parameters
    ----------
    features : array of shape (n, d)
        Rows; at least as many as centers.
    centers : array of shape (k, d)
        Centers.
    center_weight : array of shape (k,), optional
        The heaviest center chooses first; the first center by default.

    Returns
    -------
    array of shape (k,)
        Distinct int64 rows, in the order in which the centers chose.

    References
    ----------
    arXiv:2010.08666

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import nearest_to_centers
    >>> nearest_to_centers(np.array([[0.0], [1.0], [5.0]]), np.array([[0.1], [0.2]]))
    array([0, 1])
    """
    features = as_array(features, "features", 2).astype(np.float64)
    centers = as_array(centers, "centers", 2).astype(np.float64)
    if len(centers) > len(features):
        raise ValueError(f"centers has {len(centers)} rows but features only {len(features)}; give fewer centers.")
    weight = np.zeros(len(centers)) if center_weight is None else as_array(center_weight, "center_weight")
    check_row_count(weight, "center_weight", len(centers))
    taken, picks = np.zeros(len(features), dtype=bool), []
    for center in np.argsort(-weight, kind="stable"):
        difference = features - centers[center]
        distance = np.einsum("ij,ij->i", difference, difference)
        picks.append(int(np.where(taken, np.inf, distance).argmin()))
        taken[picks[-1]] = True
    return np.array(picks, dtype=np.int64)


def falcun(proba, n_instances, *, gamma=10.0, rescale=True, random_state=None):
    """Draw rows that are uncertain and whose predictions differ from those drawn before.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities.
    n_instances : int
        Rows to draw; all of them when there are fewer.
    gamma : float >= 0, default=10.0
        0 draws uniformly; the larger, the more the best row is certain to be drawn.
    rescale : bool, default=True
        Bring the diversity to [0, 1] after every draw, as the authors' code does. False keeps distances as they are
        and scales a copy.
    random_state : int or None, default=None
        Seed.

    Returns
    -------
    array of shape (b,)
        int64, first drawn first.

    Notes
    -----
    A row is drawn in proportion to ``(u + d)**gamma`` with the margin uncertainty u and the diversity d, the smallest
    L1 distance between its prediction and those drawn before; at first d = u. O(n C) per draw.

    References
    ----------
    Gilhuber et al., "FALCUN: A simple and efficient deep active learning strategy", ECML PKDD 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import falcun
    >>> falcun(np.array([[1.0, 0.0], [0.5, 0.5]]), 1, random_state=0)
    array([1])
    """
    proba = as_proba(proba)
    check_count(n_instances, "n_instances")
    if not gamma >= 0:
        raise ValueError(f"gamma must be at least 0, got {gamma!r}.")
    generator = np.random.default_rng(random_state)
    top = np.sort(proba, axis=1)[:, -2:]
    uncertainty = 1 - (top[:, -1] - top[:, 0]) if proba.shape[1] > 1 else np.zeros(len(proba))
    raw = diversity = uncertainty
    left, picks = np.ones(len(proba), dtype=bool), []
    for _ in range(min(n_instances, len(proba))):
        total = np.where(left, uncertainty + diversity, 0.0)
        chance = np.where(left, (total / (total.max() or 1.0)) ** gamma, 0.0)
        if not chance.sum() > 0:
            chance = left.astype(np.float64)
        mass = chance.cumsum()
        row = int(np.searchsorted(mass, generator.random() * mass[-1], side="right"))
        picks.append(row)
        left[row] = False
        raw = np.minimum(raw, np.abs(proba - proba[row]).sum(axis=1))
        diversity = min_max(raw)
        raw = diversity if rescale else raw
    return np.array(picks, dtype=np.int64)
