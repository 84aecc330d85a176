"""k-means as the strategies need it: quick, seeded, and silent about pools with fewer distinct rows than clusters."""

import warnings

from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning

# Beyond, batches of rows are enough.
_MANY_CLUSTERS, _MANY_ROWS = 50, 10_000


def k_means(features, n_clusters, seed, weight=None):
    """Return a fitted k-means.

    Examples
    --------
    >>> import numpy as np
    >>> labels = k_means(np.array([[0.0], [0.1], [5.0]]), 2, 0).labels_
    >>> bool(labels[0] == labels[1] != labels[2])
    True
    """
    large = n_clusters > _MANY_CLUSTERS and len(features) > _MANY_ROWS
    make = MiniBatchKMeans if large else KMeans
    model = make(n_clusters=min(n_clusters, len(features)), n_init=1, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, sample_weight=weight)
