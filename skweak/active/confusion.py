"""APIE: rows about which a model contradicts itself (arXiv:2508.10036)."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, ScoreStrategy
from skweak.active.committee import QueryByCommittee
from skweak.active.scores import introspective_confusion


class ConfusionQuery(ScoreStrategy):
    """Rows about which several answers differ, in their form and in their content.

    Parameters
    ----------
    passes : int >= 2, default=10
        Members of a committee that has to be fitted; a committee or an ensemble brings its own.
    weight : float in [0, 1], default=0.5
        Share of the form. Answers of a classifier all have the same form, so that this scales the scores alone; see
        `skweak.active.scores.introspective_confusion` for sets of labels and answers that cannot be read.
    random_state : int or None, default=0
        Seed of the committee. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``(1 - weight)`` times the share of pairs of members that disagree.

    References
    ----------
    arXiv:2508.10036, whose constants are reconstructed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1]
    >>> forest = RandomForestClassifier(random_state=0).fit(X, y)
    >>> ConfusionQuery()(forest, np.array([[-3.0], [0.1], [3.0]]))[0]
    array([1])
    """

    _parameter_constraints = ScoreStrategy._parameter_constraints | {
        "passes": [Interval(Integral, 2, None, closed="left")],
        "weight": [Interval(Real, 0, 1, closed="both")],
        "random_state": SEED,
    }

    def __init__(self, *, passes=10, weight=0.5, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.passes = passes
        self.weight = weight
        self.random_state = random_state

    def _row_score(self, view):
        committee = QueryByCommittee(n_members=self.passes, random_state=self.random_state)
        return committee._committee(
            view, lambda proba: introspective_confusion(proba.argmax(axis=2), weight=self.weight)
        )

    @classmethod
    def _test_params(cls):
        return {"passes": 3}
