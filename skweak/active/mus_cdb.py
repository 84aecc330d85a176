"""MUS-CDB: uncertain objects of doubtful images, balanced over the classes (arXiv:2212.02804)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import QueryStrategy
from skweak.active.scores import balanced_picks, mixed_uncertainty
from skweak.utils._checks import as_proba


class MUSCDB(QueryStrategy):
    """Rows that are uncertain in groups that are, such as objects of an image, with a larger share for rare classes.

    Parameters
    ----------
    min_confidence : float in [0, 1], default=0.05
        Rows with at most this probability of their class do not count in their group.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The call keyword ``groups=`` names the group of every row of the pool; each row is one by default. The score is the
    entropy times 1 less the mean confidence of the group. The share of a class, which is the predicted one, is
    ``n_instances * softmax(1 - its labeled rows / all)``; what does not fit in comes last, in the order of the score.

    References
    ----------
    arXiv:2212.02804.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[-1.0], [-1.1], [-1.2], [1.0]]), [0, 0, 0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> MUSCDB()(learner, np.array([[-0.2], [2.0], [-0.3], [-0.4]]), 2, labeled=(X, y))[0]
    array([0, 1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "min_confidence": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, *, min_confidence=0.05, verbose=0):
        super().__init__(verbose=verbose)
        self.min_confidence = min_confidence

    def _select(self, view, n_instances, *, groups=None):
        proba = as_proba(view.map(view.predict_proba))
        if groups is not None:
            groups = np.asarray(groups)
            if groups.shape != (view.X_pool.shape[0],):
                raise ValueError(f"groups has shape {groups.shape}; give one per row of X_pool.")
            groups = groups if view.candidates is None else groups[view.candidates]
            groups = np.unique(groups, return_inverse=True)[1]
        scores = mixed_uncertainty(proba, groups, min_confidence=self.min_confidence)
        counts = (view.require_labeled()[1][:, None] == np.asarray(view.estimator.classes_)).sum(axis=0)
        picks = balanced_picks(scores, proba.argmax(axis=1), counts, n_instances)
        return picks, scores[picks]
