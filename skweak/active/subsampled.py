"""Large pools for strategies whose cost grows with their square."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from tqdm.auto import tqdm

from skweak.active.base import SEED, QueryStrategy
from skweak.active.features import Features
from skweak.active.scores import top_k
from skweak.active.scores.coverage import squared_distances
from skweak.active.uncertainty import MarginSampling

# Pool rows that each labeled row brings in.
_N_NEIGHBORS = 100


class Subsampled(QueryStrategy):
    """Another strategy on a part of the pool.

    Parameters
    ----------
    strategy : strategy or None, default=None
        What chooses in the end; None is `MarginSampling`.
    n_candidates : int, default=10_000
        Rows that it may choose from; a whole batch at least.
    by : {"random", "uncertainty", "neighbors"}, default="random"
        Which rows: drawn, those of the smallest margin, or the 100 nearest of every labeled row (and drawn ones, where
        these are too few). Uncertainty in front of a strategy of coverage makes a batch of hard but different rows;
        neighbors find rare classes.
    random_state : int or None, default=0
        Seed of the draw.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    Wei et al., "Submodularity in data subset selection and active learning", ICML 2015; Coleman et al.,
    arXiv:2007.00077.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> Subsampled(n_candidates=2, by="uncertainty")(learner, np.array([[-9.0], [0.0], [0.5]]))[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "strategy": [HasMethods("_select"), None],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "by": [StrOptions({"random", "uncertainty", "neighbors"})],
        "random_state": SEED,
    }

    def __init__(self, *, strategy=None, n_candidates=10_000, by="random", random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.strategy = strategy
        self.n_candidates = n_candidates
        self.by = by
        self.random_state = random_state

    @property
    def _cold_start(self):
        return self.by != "uncertainty" and getattr(self.strategy, "_cold_start", False)

    def _select(self, view, n_instances, **kw):
        strategy = MarginSampling() if self.strategy is None else self.strategy
        strategy._validate_params()
        rows = self._rows(view, max(self.n_candidates, n_instances), n_instances)
        if rows is None:
            return strategy._select(view, n_instances, **kw)
        picks, scores = strategy._select(view.narrowed(rows), n_instances, **kw)
        return rows[np.asarray(picks)], scores

    def _rows(self, view, n_rows, n_instances):
        drawn = view.draw(n_rows, view.seed(self.random_state))
        if drawn is None or self.by == "random":
            return drawn
        if self.by == "uncertainty":
            return np.sort(top_k(view.uncertainty("margin"), n_rows))
        near = self._near(view)
        if len(near) < n_instances:
            near = np.union1d(near, drawn[:n_instances])
        return near if len(near) <= n_rows else np.sort(np.random.default_rng(view.seed(self.random_state)).choice(
            near, n_rows, replace=False))  # fmt: skip

    def _near(self, view):
        """Return the pool rows nearest to the labeled ones, ascending."""
        features = Features(view, "input")
        labeled, found = features.labeled(), np.zeros(view.n_pool, dtype=bool)
        k, size = min(_N_NEIGHBORS, view.n_pool), max(1, 2**23 // view.n_pool)
        starts = range(0, len(labeled), size)
        for start in tqdm(starts, desc=view.owner, unit="block", disable=not view.verbose):
            squared = squared_distances(labeled[start : start + size], features.pool)
            found[np.argpartition(squared, k - 1, axis=1)[:, :k]] = True
        return np.flatnonzero(found)
