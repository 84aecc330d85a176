"""The strategies to compare with: chance, and the uncertainty of one classifier."""

import numpy as np

from skweak.active.base import SEED, QueryStrategy, ScoreStrategy
from skweak.active.scores import confidence_score


class RandomSampling(QueryStrategy):
    """Rows drawn uniformly without replacement, the yardstick of every other strategy.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed. Each round has its own draw; None draws anew at every call.
    verbose : int, default=0
        Accepted like everywhere; there is no pass over the pool to show.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> learner = DummyClassifier().fit([[0], [1]], [0, 1])
    >>> indices, scores = RandomSampling()(learner, np.zeros((100, 1)), n_instances=3)
    >>> len(set(indices.tolist()))
    3
    """

    _cold_start = True
    _parameter_constraints = QueryStrategy._parameter_constraints | {"random_state": SEED}

    def __init__(self, *, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.random_state = random_state

    def _select(self, view, n_instances):
        scores = np.random.default_rng(view.seed(self.random_state)).random(view.n_pool)
        indices = np.argsort(-scores, kind="stable")[:n_instances]
        return indices, scores[indices]


class _UncertaintySampling(ScoreStrategy):
    _kind = None

    _offset = 0.0

    def _row_score(self, view):
        return lambda rows: self._offset - confidence_score(view.predict_proba(rows), kind=self._kind)


class LeastConfidenceSampling(_UncertaintySampling):
    """Rows whose most probable class is least probable.

    Parameters
    ----------
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``1 - max p``, in [0, 1 - 1 / C].

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> LeastConfidenceSampling()(learner, [[-3.0], [0.0], [2.0]], n_instances=2)[0]
    array([1, 2])
    """

    _kind, _offset = "least_confidence", 1.0


class MarginSampling(_UncertaintySampling):
    """Rows whose two most probable classes are closest.

    The usual first choice among the uncertainties: it ignores the classes that are out of the question.

    Parameters
    ----------
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``-(p1 - p2)``, in [-1, 0].

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> MarginSampling()(learner, [[-3.0], [0.0], [2.0]], n_instances=2)
    (array([1, 2]), array([ 0.        , -0.58814918]))
    """

    _kind = "margin"


class EntropySampling(_UncertaintySampling):
    """Rows whose predicted distribution has the largest entropy.

    With many classes it prefers rows on which everything is possible, which are often outliers.

    Parameters
    ----------
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``-sum p log p``, in [0, log C].

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> indices, scores = EntropySampling()(learner, [[-3.0], [0.0], [2.0]])
    >>> indices, scores.round(3)
    (array([1]), array([0.693]))
    """

    _kind = "entropy"
