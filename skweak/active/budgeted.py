"""Rows that are worth their price."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skweak.active.base import QueryStrategy
from skweak.active.scores import top_k, within_budget
from skweak.active.uncertainty import MarginSampling


class Budgeted(QueryStrategy):
    """Another strategy where labels differ in cost: the highest score per cost first.

    Pass what each row costs as ``cost=`` when it is called, and ``budget=`` to spend at most so much; the batch may
    then be smaller than ``n_instances``. `run_loop` does so with ``costs=`` and ``budget=``.

    Parameters
    ----------
    strategy : strategy or None, default=None
        What scores the rows; None is `MarginSampling`.
    gamma : float >= 0, default=1.0
        Scores are divided by ``cost**gamma``. 0 ignores the cost but for the budget, large values buy what is cheap.
    method : {"greedy", "exact"}, default="greedy"
        Best score per cost first, or the best set, for at most 5,000 rows and whole costs.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Scores are shifted so that the smallest is 0. Of a strategy that picks rows in turn, the score of a row is what it
    was worth when it was picked.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> pool = np.array([[-9.0], [0.0], [0.1], [0.2]])
    >>> Budgeted()(learner, pool, n_instances=4, cost=[1.0, 9.0, 1.0, 1.0], budget=2.0)[0]
    array([2, 3])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "strategy": [HasMethods("_select"), None],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "method": [StrOptions({"greedy", "exact"})],
    }

    def __init__(self, *, strategy=None, gamma=1.0, method="greedy", verbose=0):
        super().__init__(verbose=verbose)
        self.strategy = strategy
        self.gamma = gamma
        self.method = method

    @property
    def _cold_start(self):
        return getattr(self.strategy, "_cold_start", False)

    def _select(self, view, n_instances, *, cost=1.0, budget=None, **kw):
        strategy = MarginSampling() if self.strategy is None else self.strategy
        strategy._validate_params()
        cost = cost_of_rows(cost, view)
        if hasattr(strategy, "_score"):
            scores = np.asarray(strategy._score(view, **kw), dtype=np.float64)
        else:
            picks, found = strategy._select(view, view.n_pool, **kw)
            scores = np.empty(view.n_pool)
            scores[picks] = np.minimum.accumulate(np.asarray(found, dtype=np.float64))
        scores = scores - min(0.0, float(scores.min()))
        value = scores / cost**self.gamma
        if budget is None:
            picks = top_k(value, n_instances)
        else:
            # within_budget divides by the cost itself.
            picks = within_budget(value * cost, cost, budget, method=self.method)[:n_instances]
        return picks, value[picks]


def cost_of_rows(cost, view):
    """Return the cost of each row that may be chosen, of one number or of one per row of the pool."""
    cost = np.asarray(cost, dtype=np.float64)
    n_rows = view.X_pool.shape[0]
    if cost.ndim and cost.shape != (n_rows,):
        raise ValueError(f"cost has shape {cost.shape}; give one number, or one per row of X_pool, ({n_rows},).")
    if not (np.isfinite(cost) & (cost > 0)).all():
        raise ValueError("cost must be larger than 0 and finite; leave out what is free, or give it a small cost.")
    cost = np.broadcast_to(cost, n_rows)
    return cost if view.candidates is None else cost[view.candidates]
