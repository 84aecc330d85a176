"""BAIT, the light form: design of experiments for the last layer (arXiv:2106.09675)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import QueryStrategy
from skweak.active.scores import fisher_greedy


class BAIT(QueryStrategy):
    """Rows after which the last layer would be known well wherever the pool needs it.

    Among the best at medium and large budgets; the first rows are better left to `Herding`.

    Parameters
    ----------
    ridge : float > 0, default=1.0
        Added to the information of the labeled rows; large values choose long embeddings.
    oversample : float >= 1, default=2.0
        That many times the batch are chosen, then the least useful rows are given back.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    A row informs in proportion to ``(1 - sum p²) h h'`` with its embedding h, to which a 1 is appended: the trace of
    the C d x C d information of the paper's form. Columns are brought to unit mean square first. The score is the
    decrease of the pool's mean variance. Time n d per pick.

    References
    ----------
    Ash et al., arXiv:2106.09675.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[-1.0], [1.0]]), [0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> BAIT()(learner, np.array([[9.0], [0.1], [8.0]]), n_instances=1, labeled=(X, y))[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "ridge": [Interval(Real, 0, None, closed="neither")],
        "oversample": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(self, *, ridge=1.0, oversample=2.0, verbose=0):
        super().__init__(verbose=verbose)
        self.ridge = ridge
        self.oversample = oversample

    def _select(self, view, n_instances):
        weight = 1 - (view.map(view.predict_proba).astype(np.float64) ** 2).sum(axis=1)
        embedding = np.asarray(view.embedding(), dtype=np.float64)
        scale = np.sqrt((embedding**2).mean(axis=0))
        scale = np.where(scale > 0, scale, 1)
        known = known_weight = None
        if view.labeled is not None:
            rows = view.labeled[0]
            known = _with_bias(np.asarray(view.embed(rows), dtype=np.float64) / scale)
            known_weight = 1 - (view.predict_proba(rows).astype(np.float64) ** 2).sum(axis=1)
            known_weight = np.maximum(known_weight, 0)
        return fisher_greedy(
            _with_bias(embedding / scale), np.maximum(weight, 0), n_instances, labeled_features=known,
            labeled_weight=known_weight, ridge=self.ridge, oversample=self.oversample,
        )  # fmt: skip


def _with_bias(rows):
    return np.column_stack([rows, np.ones(len(rows))])
