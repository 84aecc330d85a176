"""One query for many models: rows drawn by Lewis weights (arXiv:2405.14121)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.active.base import SEED, QueryStrategy
from skweak.active.scores import lewis_weights, systematic_sample


class LewisSampling(QueryStrategy):
    """Rows on which linear fits depend most, for all given embeddings at once; nothing needs to be trained before.

    Labels are bought once and serve every model: fit a last layer on each of the embeddings with the rows' weights.

    Parameters
    ----------
    p : float >= 1, default=2.0
        Norm of the fits; 2 is least squares.
    draw : {"iid", "systematic"}, default="iid"
        With replacement until enough different rows are found, or without.
    random_state : int or None, default=0
        Seed. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar for the pass over the pool.

    Notes
    -----
    The call keyword ``features=`` takes a list of arrays (n, d), one for each model, with a row for every row of the
    pool; by default the embeddings of the learner, or the rows themselves. The score of a row is the largest of its
    Lewis weights. `weights` returns for the same call what the loss of each row must be multiplied by, so that sums
    over the chosen rows estimate those over the pool.

    References
    ----------
    arXiv:2405.14121.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> pool = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    >>> LewisSampling(draw="systematic")(LogisticRegression(), pool, n_instances=2)[0].tolist()[0]
    2
    """

    _cold_start = True
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "p": [Interval(Real, 1, None, closed="left")],
        "draw": [StrOptions({"iid", "systematic"})],
        "random_state": SEED,
    }

    def __init__(self, *, p=2.0, draw="iid", random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.p = p
        self.draw = draw
        self.random_state = random_state

    def weights(self, learner, X_pool, n_instances=1, **kw):
        """Return indices and weights (n_instances,) of the rows that a call with the same arguments chooses."""
        found = {}
        indices, _ = self(learner, X_pool, n_instances, found=found, **kw)
        return indices, found.get("weight", np.empty(0))

    def _select(self, view, n_instances, *, features=None, found=None):
        tables = [view.embedding()] if features is None else list(features)
        rows = slice(None) if view.candidates is None else view.candidates
        n_rows = view.X_pool.shape[0]
        for table in tables if features is not None else ():
            if np.ndim(table) != 2 or len(table) != n_rows:
                raise ValueError(f"features must be arrays (n, d) of {n_rows} rows, got the shape {np.shape(table)}.")
        tables = tables if features is None else [np.asarray(table)[rows] for table in tables]
        score = np.max([lewis_weights(table, p=self.p) for table in tables], axis=0)
        # Rows that no fit depends on are there to fill a batch up.
        chance = np.maximum(score, 1e-12 * max(1e-300, score.max(initial=0)))
        seed = view.seed(self.random_state)
        if self.draw == "systematic":
            inclusion = _inclusion(chance, n_instances)
            picks = systematic_sample(inclusion, random_state=seed)
            weight = 1 / inclusion[picks]
        else:
            picks, weight = _until(chance / chance.sum(), n_instances, np.random.default_rng(seed))
        order = np.lexsort((picks, -np.round(score[picks], 12)))
        if found is not None:
            found["weight"] = weight[order]
        return picks[order], score[picks[order]]


def _inclusion(chance, n_instances):
    """Return ``min(1, c chance)`` with the c that makes the sum ``n_instances``."""
    sure = np.zeros(len(chance), dtype=bool)
    while True:
        left = n_instances - sure.sum()
        found = np.where(sure, 1.0, chance * (left / max(chance[~sure].sum(), 1e-300)))
        if left <= 0 or not (found > 1 + 1e-12).any():
            return np.clip(found, 0, 1)
        sure |= found > 1


def _until(chance, n_instances, generator):
    """Return different rows drawn with replacement until there are enough, and the weight of each.

    The times between new rows are waiting times: exponential clocks find the order, and how often a row has been drawn
    by the time of the last new one follows from its rate.
    """
    arrival = generator.exponential(size=len(chance)) / chance
    picks = np.argsort(arrival, kind="stable")[:n_instances]
    time = arrival[picks[-1]]
    again = generator.poisson(chance[picks] * (time - arrival[picks]))
    draws = 1 + again
    return picks, draws / (draws.sum() * chance[picks])
