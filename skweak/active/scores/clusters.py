"""Agreement of a clustering with labels."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from skweak.utils._checks import as_classes, check_count, check_row_count


def cluster_match_f1(target, clusters, *, n_known):
    """How well a clustering of labelled rows isolates every known class and the unknown rest.

    The number of clusters that maximises it estimates how many classes hide among the rows labelled unknown.

    Parameters
    ----------
    target : array of shape (n,)
        Integer classes, ``n_known`` stands for unknown.
    clusters : array of shape (n,)
        Cluster of each row, integers from 0.
    n_known : int
        Number of known classes.

    Returns
    -------
    f1 : float
        Geometric mean of the F1 of all labels, in [0, 1]; 0 as soon as one of them is 0, as for a label
        without rows. A known class is predicted by its cluster, unknown by every row outside the clusters of
        the known classes.
    matched : array of shape (n_known + 1,)
        int64 cluster of each label under the one-to-one matching with the largest overlap, -1 where clusters
        ran out.

    References
    ----------
    arXiv:2603.07898

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import cluster_match_f1
    >>> cluster_match_f1(np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 0, 0, 2, 3]), n_known=2)
    (1.0, array([1, 0, 2]))
    """
    check_count(n_known, "n_known", 1)
    target = as_classes(target, "target", 0, n_known)
    clusters = as_classes(clusters, "clusters", 0)
    check_row_count(clusters, "clusters", len(target))
    names, cluster = np.unique(clusters, return_inverse=True)
    n_labels = n_known + 1
    overlap = np.bincount(cluster * n_labels + target, minlength=len(names) * n_labels).reshape(-1, n_labels)
    row, label = linear_sum_assignment(overlap, maximize=True)
    matched = np.full(n_labels, -1)
    matched[label] = row
    known = matched[:n_known]
    taken = np.isin(np.arange(len(names)), known[known >= 0])
    hits, predicted = np.zeros(n_labels), np.zeros(n_labels)
    served = np.flatnonzero(known >= 0)
    hits[served], predicted[served] = overlap[known[served], served], overlap[known[served]].sum(axis=1)
    hits[n_known], predicted[n_known] = overlap[~taken, n_known].sum(), overlap[~taken].sum()
    f1 = 2 * hits / np.maximum(predicted + overlap.sum(axis=0), 1)
    score = float(np.exp(np.log(f1).mean())) if f1.all() else 0.0
    return score, np.where(matched >= 0, names[matched], -1)
