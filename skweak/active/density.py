"""Information density."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.active.base import ScoreStrategy
from skweak.active.scores import confidence_score
from skweak.active.scores.confidence import KINDS
from skweak.utils.statistics import min_max


class DensityWeighted(ScoreStrategy):
    """Uncertain rows that resemble many others, so that outliers are not chosen for being unusual.

    Parameters
    ----------
    kind : {"margin", "least_confidence", "entropy"}, default="entropy"
        Uncertainty.
    power : float >= 0, default=1.0
        Exponent of the density (beta); 0 is plain uncertainty, large values prefer the middle of the pool.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``u * density ** power``: the uncertainty scaled to [0, 1] over the pool, times the mean cosine
    similarity to the pool, brought to [0, 1] by ``(1 + s) / 2``. The mean over all pairs is the product with the mean
    direction, so the cost grows as n d, not n².

    References
    ----------
    B. Settles and M. Craven, "An analysis of active learning strategies for sequence labeling tasks", EMNLP 2008.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0, 1.0], [1.0, 1.0]], [0, 1])
    >>> DensityWeighted()(learner, np.array([[0.0, -1.0], [0.0, 1.0], [1.0, 1.0], [3.0, 3.0]]))[0]
    array([1])
    """

    _parameter_constraints = ScoreStrategy._parameter_constraints | {
        "kind": [StrOptions(set(KINDS))],
        "power": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, kind="entropy", power=1.0, verbose=0):
        super().__init__(verbose=verbose)
        self.kind = kind
        self.power = power

    def _score(self, view):
        uncertainty = min_max(
            view.map(lambda rows: -confidence_score(view.predict_proba(rows), kind=self.kind)), constant=1.0
        )
        embedding = view.embedding()
        norm = np.sqrt(np.einsum("ij,ij->i", embedding, embedding, dtype=np.float64))
        inverse = 1 / np.where(norm > 0, norm, 1)
        mean = (embedding.T @ inverse.astype(embedding.dtype)).astype(np.float64) / len(norm)
        similarity = (embedding @ mean.astype(embedding.dtype)).astype(np.float64) * inverse
        return uncertainty * ((1 + np.clip(similarity, -1, 1)) / 2) ** self.power
