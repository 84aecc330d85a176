"""Cluster-Margin (arXiv:2107.14263)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.kmeans import k_means
from skweak.active.scores import round_robin, top_k


class ClusterMargin(QueryStrategy):
    """Rows of small margin, taken in turn from clusters of such rows, small clusters first.

    Made for very large batches: the hard rows of the pool without the many that are hard for the same reason.

    Parameters
    ----------
    oversample : float >= 1, default=10.0
        That many times the batch are the rows of smallest margin from which it is taken. 1 is `MarginSampling`; the
        larger, the more variety and the less uncertainty.
    random_state : int or None, default=0
        Seed of k-means.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The candidates alone are clustered, by k-means with one cluster per wanted row. Within a cluster the most uncertain
    row goes first, where the paper draws. The score is one less the margin.

    References
    ----------
    Citovsky et al., arXiv:2107.14263.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> ClusterMargin(oversample=1.5)(learner, np.array([[-9.0], [0.0], [0.01], [8.0]]), n_instances=2)[0]
    array([3, 1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "oversample": [Interval(Real, 1, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, oversample=10.0, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.oversample = oversample
        self.random_state = random_state

    def _select(self, view, n_instances):
        uncertainty = view.uncertainty("margin")
        rows = np.sort(top_k(uncertainty, int(np.ceil(min(self.oversample * n_instances, view.n_pool)))))
        embedding = np.asarray(view.embedding()[rows], dtype=np.float64)
        clusters = k_means(embedding, n_instances, view.seed(self.random_state)).labels_.astype(np.int64)
        picks = rows[round_robin(clusters, uncertainty[rows], n_instances)]
        return picks, uncertainty[picks]
