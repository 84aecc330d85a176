"""Herding: coverage of the pool (arXiv:2407.12212, arXiv:2412.20644, arXiv:2205.11320)."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.active.base import SEED, QueryStrategy
from skweak.active.features import REPRESENTATION, Features
from skweak.active.kmeans import k_means
from skweak.active.scores import coverage_bandwidth, greedy_coverage, purity_radius
from skweak.active.scores.coverage import KERNELS


class Herding(QueryStrategy):
    """Rows that stand for as much of the pool as possible, given what the labeled rows stand for already.

    The first choice while there are few labels, the very first ones included: it asks the classifier nothing unless
    told to. With ``uncertainty`` it goes on to prefer what the classifier finds hard, and so serves large budgets too.

    Parameters
    ----------
    uncertainty : {"margin", "entropy"} or None, default=None
        Weight of the rows to be covered; None weighs all alike (MaxHerding), the others are UHerding. Without a fitted
        classifier all weights are 1.
    kernel : {"rbf", "tophat", "cosine"}, default="rbf"
        Similarity; "tophat" is ProbCover, "cosine" facility location.
    bandwidth : float > 0 or "auto", default="auto"
        Reach of a row, as a distance between rows of length 1. "auto" is 1.0 without uncertainty, the median distance
        of a labeled row to the nearest other with it, and for "tophat" the largest radius whose balls are pure in 95 %
        of the cases. Small values choose by weight alone, large ones rows near the middle.
    representation : {"input", "learner"} or callable, default="input"
        What is compared: the rows, the estimator's embeddings, or what a function makes of the rows. A network that was
        trained on few labels embeds poorly; a pretrained one is best.
    n_candidates : int, default=10_000
        Rows of the pool that are drawn first; the cost grows with its square.
    random_state : int or None, default=0
        Seed of that draw.
    verbose : int, default=0
        1 shows a progress bar for the pass over the pool.

    Notes
    -----
    Greedily maximizes ``sum_i w_i max_j k(x_i, x_j)`` over chosen and labeled rows j. Rows are centered, columns of
    very unequal spread are scaled, and every row is brought to length 1. The score is the coverage that a row adds.

    References
    ----------
    Bae et al., arXiv:2407.12212 and arXiv:2412.20644; Yehuda et al., arXiv:2205.11320.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1], [1.0, 0.2]])
    >>> Herding()(LogisticRegression(), X, n_instances=2)[0]
    array([3, 0])
    """

    _cold_start = True
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "uncertainty": [StrOptions({"margin", "entropy"}), None],
        "kernel": [StrOptions(set(KERNELS))],
        "bandwidth": [Interval(Real, 1e-100, 1e100, closed="both"), StrOptions({"auto"})],
        "representation": REPRESENTATION,
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(
        self, *, uncertainty=None, kernel="rbf", bandwidth="auto", representation="input", n_candidates=10_000,
        random_state=0, verbose=0,
    ):  # fmt: skip
        super().__init__(verbose=verbose)
        self.uncertainty = uncertainty
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.representation = representation
        self.n_candidates = n_candidates
        self.random_state = random_state

    def _select(self, view, n_instances):
        seed = view.seed(self.random_state)
        drawn = view.draw(max(self.n_candidates, n_instances), seed)
        features = Features(view, self.representation, drawn)
        labeled, weight = features.labeled(), None
        if self.uncertainty is not None and view.can_predict:
            weight = view.uncertainty(self.uncertainty, drawn)
        index, gain = greedy_coverage(
            features.pool, n_instances, labeled_features=labeled, weight=weight, kernel=self.kernel,
            bandwidth=self._reach(view, features.pool, labeled, weight, seed),
        )  # fmt: skip
        return index if drawn is None else drawn[index], gain

    def _reach(self, view, pool, labeled, weight, seed):
        if self.bandwidth != "auto":
            return self.bandwidth
        if self.kernel == "tophat":
            n_classes = max(2, len(getattr(view.estimator, "classes_", [])))
            return purity_radius(pool, k_means(pool, n_classes, seed).labels_.astype(np.int64))
        return 1.0 if weight is None or len(labeled) < 2 else coverage_bandwidth(labeled)
