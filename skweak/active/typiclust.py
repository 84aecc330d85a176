"""TypiClust: the most typical row of every cluster (arXiv:2202.02794)."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.features import REPRESENTATION, Features
from skweak.active.kmeans import k_means
from skweak.active.scores import typical_rows

# More clusters than this are no longer classes.
_MAX_CLUSTERS = 500


class TypiClust(QueryStrategy):
    """The most typical row of each cluster that has no labeled row yet.

    For the first labels: it looks at the rows alone. Leave it for another strategy after a few rounds; where classes
    are unequal it then falls behind chance.

    Parameters
    ----------
    n_neighbors : int, default=20
        Neighbors in the cluster that tell how typical a row is; more look at a wider surrounding.
    representation : {"input", "learner"} or callable, default="input"
        What is clustered: the rows, the estimator's embeddings, or what a function makes of the rows.
    n_candidates : int, default=50_000
        Rows of the pool that are drawn first.
    random_state : int or None, default=0
        Seed of that draw and of k-means.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    k-means with one cluster per labeled and wanted row, 500 at most, over labeled rows and pool; clusters by labeled
    rows ascending, then by size descending; of each the row with the smallest mean distance to its neighbors. The score
    counts down.

    References
    ----------
    Hacohen et al., arXiv:2202.02794.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.array([[0.0, 1.0], [0.1, 1.0], [0.2, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> TypiClust()(LogisticRegression(), X, n_instances=2)[0]
    array([0, 3])
    """

    _cold_start = True
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "representation": REPRESENTATION,
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, n_neighbors=20, representation="input", n_candidates=50_000, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.n_neighbors = n_neighbors
        self.representation = representation
        self.n_candidates = n_candidates
        self.random_state = random_state

    def _select(self, view, n_instances):
        seed = view.seed(self.random_state)
        drawn = view.draw(max(self.n_candidates, n_instances), seed)
        features = Features(view, self.representation, drawn)
        labeled = features.labeled()
        n_clusters = min(len(labeled) + n_instances, _MAX_CLUSTERS)
        clusters = k_means(np.vstack([labeled, features.pool]), n_clusters, seed).labels_.astype(np.int64)
        counts = np.bincount(clusters[: len(labeled)], minlength=n_clusters)
        picks = typical_rows(
            features.pool, clusters[len(labeled) :], n_instances, labeled_counts=counts, n_neighbors=self.n_neighbors
        )
        return picks if drawn is None else drawn[picks], np.arange(len(picks), 0, -1)
