"""ActiveGCD: labels for classes that have none yet (arXiv:2403.04272)."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import QueryStrategy
from skweak.active.scores import novel_picks
from skweak.utils._checks import as_proba


class ActiveGCD(QueryStrategy):
    """Rows that seem to belong to classes without labeled rows: surely at first, later the uncertain ones.

    For a learner whose outputs outnumber the labeled classes, such as one that clusters the rest. The opposite of the
    open-set strategies, which avoid such rows.

    Parameters
    ----------
    old_classes : array-like or None, default=None
        Classes of the learner that are known; None takes those that have labeled rows.
    adaptive_round : int >= 0, default=2
        Batches that take the most certain rows, before the least certain ones follow; 0 asks for these at once.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Certainty is the margin. Every novel class has the same share of a batch; further novel rows and then old ones of
    small margin fill it up. The score counts down. Which output stands for which class must be found anew as labels
    come in: see `skweak.active.scores.match_outputs`.

    References
    ----------
    arXiv:2403.04272.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [0.0], [1.0]], [0, 1, 2])
    >>> ActiveGCD(old_classes=[0])(learner, np.array([[-9.0], [9.0], [0.0], [4.0]]), n_instances=2)[0]
    array([1, 2])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "old_classes": ["array-like", None],
        "adaptive_round": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, *, old_classes=None, adaptive_round=2, verbose=0):
        super().__init__(verbose=verbose)
        self.old_classes = old_classes
        self.adaptive_round = adaptive_round

    def _select(self, view, n_instances):
        proba = as_proba(view.map(view.predict_proba))
        old = view.require_labeled()[1] if self.old_classes is None else np.asarray(self.old_classes)
        classes = np.asarray(view.estimator.classes_)
        strange = [] if self.old_classes is None else np.setdiff1d(old, classes).tolist()
        if strange:
            raise ValueError(f"The 'old_classes' parameter names {strange}, the learner knows {classes.tolist()}.")
        novel = ~np.isin(classes, old)
        n_rounds = len(view.bought or ())
        picks = novel_picks(proba, novel, n_instances, uncertain=n_rounds >= self.adaptive_round)
        return picks, np.arange(len(picks), 0, -1)
