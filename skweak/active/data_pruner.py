"""Pruning a labeled table before a student learns it from a teacher (arXiv:2403.07854)."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples

from skweak.active.scores import el2n
from skweak.labels.markers import read_labels


class DataPruner(BaseEstimator):
    """The same share of every class of a labeled table, drawn or by difficulty; smaller shares lie in larger ones.

    With a teacher at hand drawn rows serve as well as chosen ones, whatever their share: fit a student of
    `skweak.distill` on what is kept, with more weight on the teacher the less that is.

    Parameters
    ----------
    fraction : float in (0, 1], default=0.5
        Share of the rows that is kept.
    score : {"random", "el2n", "grand", "prototype"}, default="random"
        Distance of the teacher's prediction from the label; the same times the length of the embedding, a bound of the
        last layer's gradient; distance from the mean of the class.
    keep : {"hard", "easy"}, default="easy"
        Which end of the scores. Hard rows are the mislabeled ones first, where labels may be wrong.
    teacher : fitted classifier or None, default=None
        Gives probabilities, and embeddings where it has ``embed``; only drawing and prototypes do without.
    random_state : int, default=0
        Of the draw.

    Attributes
    ----------
    selected_ : ndarray of shape (m,)
        Positions of the rows kept, ascending.
    score_ : ndarray of shape (n,)
        Difficulty of every row; for "random" its place in the draw.

    References
    ----------
    arXiv:2403.07854; arXiv:2107.07075.

    Examples
    --------
    >>> import numpy as np
    >>> DataPruner(0.5).fit(np.zeros((8, 1)), [0, 0, 0, 0, 1, 1, 1, 1]).selected_.shape
    (4,)
    """

    _parameter_constraints = {
        "fraction": [Interval(Real, 0, 1, closed="right")],
        "score": [StrOptions({"random", "el2n", "grand", "prototype"})],
        "keep": [StrOptions({"hard", "easy"})],
        "teacher": [HasMethods(["predict_proba"]), None],
        "random_state": ["random_state"],
    }

    def __init__(self, fraction=0.5, *, score="random", keep="easy", teacher=None, random_state=0):
        self.fraction = fraction
        self.score = score
        self.keep = keep
        self.teacher = teacher
        self.random_state = random_state

    def fit(self, X, y):
        """Choose rows of ``X`` (n, ...) with labels ``y`` (n,)."""
        self._validate_params()
        n, y = _num_samples(X), read_labels(y)
        if y.shape != (n,):
            raise ValueError(f"y has shape {y.shape}, X has {n} rows; give one label per row.")
        classes, target = np.unique(y, return_inverse=True)
        m = int(round(self.fraction * n))
        if m < len(classes):
            raise ValueError(f"fraction={self.fraction} keeps {m} rows of {len(classes)} classes; keep one of each.")
        self.score_ = self._judge(X, y, target)
        value = self.score_ if self.keep == "easy" or self.score == "random" else -self.score_
        order = np.lexsort((value, target))
        counts = np.bincount(target)
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n) - (np.cumsum(counts) - counts)[target[order]]
        # By its place in its class, the first of every class before all others: so every share holds the smaller ones.
        place = np.where(rank == 0, -1.0, (rank + 0.5) / counts[target])
        self.selected_ = np.sort(np.lexsort((value, place))[:m])
        return self

    def _judge(self, X, y, target):
        if self.score == "random":
            return np.random.RandomState(self.random_state).permutation(len(y)).astype(np.float64)
        if self.score == "prototype":
            rows = self._embedding(X)
            means = np.stack([rows[target == label].mean(axis=0) for label in range(target.max() + 1)])
            return np.sqrt(((rows - means[target]) ** 2).sum(axis=1))
        if self.teacher is None:
            raise ValueError(f"score={self.score!r} needs teacher=, a fitted classifier.")
        known = np.searchsorted(self.teacher.classes_, y)
        distance = el2n(self.teacher.predict_proba(X), known)
        if self.score == "el2n":
            return distance
        rows = self._embedding(X)
        return distance * np.sqrt(1 + np.einsum("ij,ij->i", rows, rows))

    def _embedding(self, X):
        if hasattr(self.teacher, "embed"):
            return np.asarray(self.teacher.embed(X), dtype=np.float64)
        rows = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=np.float64)
        return rows.reshape(len(rows), -1)
