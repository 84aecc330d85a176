"""A part of a table that is worth labeling, or training on (arXiv:2408.02193, arXiv:2507.02378)."""

from numbers import Integral, Real

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples

from skweak.active.base import SEED, QueryStrategy
from skweak.active.kmeans import k_means
from skweak.active.scores import el2n, ratio_score, select_subset
from skweak.active.scores.subsets import SUBSET_METHODS
from skweak.active.view import as_uncertainty

_FOLDS, _OF_LABELS = 3, ("loss", "el2n", "ratio")


class ScoreDiversitySelector(QueryStrategy):
    """The rows of a table that are worth training on, by difficulty and diversity; also a query strategy.

    ``fit`` chooses from a table that is there, `SubsetClassifier` trains on what was chosen. Called like any other
    strategy it chooses rows of a pool. Labels may be wrong, and the hardest rows are the mislabeled ones: with labels
    it takes easy rows unless told otherwise.

    Parameters
    ----------
    n_select : int or float in (0, 1], default=0.4
        Rows that ``fit`` chooses, or their share.
    method : {"auto", "cluster", "kcenter", "facility", "parametric", "easy", "window"}, default="auto"
        See `skweak.active.scores.select_subset`. "auto" is "cluster" where there are scores, else "parametric".
    score : {"auto", "loss", "el2n", "ratio", "entropy", "margin"}, callable or None, default="auto"
        Difficulty: of the given label (the first three), out of fold, or of the prediction. "ratio" drops rows whose
        label the features speak against. A callable is given ``(X, y)``. "auto" is "loss" with labels, None without.
    direction : {"auto", "easy", "hard"}, default="auto"
        "auto" is easy in ``fit`` and hard in a query, where no label can be wrong yet.
    n_clusters : int or None, default=None
        For "cluster"; more clusters give more diverse rows.
    embed : callable, estimator with ``embed``, or None, default=None
        What makes rows comparable; None scales the columns.
    estimator : classifier or None, default=None
        Judges the labels in ``fit``; None is logistic regression on scaled columns.
    random_state : int or None, default=0
        Of folds, clusters and prototypes.
    verbose : int, default=0
        1 shows a progress bar for each pass over a pool.

    Attributes
    ----------
    selected_ : ndarray of shape (n_select,)
        Positions in the order of choice. Every class has a row among them, where there is room.
    score_ : ndarray of shape (n,) or None
        Of the given labels; nan for the only row of a class, which no fold can judge and which counts as easy.
    cluster_ : ndarray of shape (n,) or None
        Cluster of each row, for "cluster".

    References
    ----------
    arXiv:2408.02193, arXiv:2504.12687, arXiv:2507.02378, arXiv:2502.06434.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> selector = ScoreDiversitySelector(n_select=30).fit(X, y)
    >>> selector.selected_.shape, bool(selector.score_[selector.selected_].mean() < selector.score_.mean())
    ((30,), True)
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "n_select": [Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="right")],
        "method": [StrOptions({"auto", *SUBSET_METHODS})],
        "score": [StrOptions({"auto", "entropy", "margin", *_OF_LABELS}), callable, None],
        "direction": [StrOptions({"auto", "easy", "hard"})],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "embed": [callable, HasMethods(["embed"]), None],
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "random_state": SEED,
    }

    def __init__(
        self, *, n_select=0.4, method="auto", score="auto", direction="auto", n_clusters=None, embed=None,
        estimator=None, random_state=0, verbose=0,
    ):  # fmt: skip
        super().__init__(verbose=verbose)
        self.n_select = n_select
        self.method = method
        self.score = score
        self.direction = direction
        self.n_clusters = n_clusters
        self.embed = embed
        self.estimator = estimator
        self.random_state = random_state

    @property
    def _cold_start(self):
        return self.score in ("auto", None)

    def fit(self, X, y=None):
        """Choose rows of ``X`` (n, ...), whose labels ``y`` (n,) may be given and need not be right."""
        self._validate_params()
        n = _num_samples(X)
        m = int(round(self.n_select * n)) if isinstance(self.n_select, Real) and not isinstance(
            self.n_select, Integral) else int(self.n_select)  # fmt: skip
        if not 1 <= m <= n:
            raise ValueError(f"n_select={self.n_select} asks for {m} of {n} rows; give 1 to {n}, or a share.")
        name = ("loss" if y is not None else None) if self.score == "auto" else self.score
        if y is None and name in _OF_LABELS:
            raise ValueError(f"score={name!r} judges labels; give y, or take 'entropy', 'margin' or None.")
        classes, target = (None, None) if y is None else np.unique(np.asarray(y), return_inverse=True)
        score, kept = self._judge(name, X, y, target), np.arange(n)
        if name == "ratio":
            kept = np.flatnonzero(~(score >= 1))
            if len(kept) < m:
                raise ValueError(f"score='ratio' finds {n - len(kept)} of {n} labels implausible; {m} rows are wanted.")
        embedding = self._embed(X)
        direction = "easy" if self.direction == "auto" else self.direction
        part = None if score is None else score[kept]
        picks = kept[self._choose(embedding[kept], m, part, direction, None if y is None else target[kept])]
        if classes is not None and m >= len(classes):
            picks = _with_every_class(picks, target, np.zeros(n) if score is None else score)
        self.selected_, self.score_, self.cluster_ = picks, score, None
        if self._method(score) == "cluster":
            size = min(n, self.n_clusters or max(10, m // 2 if m <= 200 else 10))
            self.cluster_ = k_means(embedding, size, self.random_state).labels_.astype(np.int64)
        return self

    def _method(self, score):
        return self.method if self.method != "auto" else "parametric" if score is None else "cluster"

    def _choose(self, embedding, n_rows, score, direction, target=None):
        return select_subset(
            embedding, n_rows, score=score, method=self._method(score), direction=direction, target=target,
            n_clusters=None if self.n_clusters is None else min(self.n_clusters, len(embedding)),
            random_state=self.random_state,
        )  # fmt: skip

    def _embed(self, X):
        if self.embed is not None:
            found = self.embed.embed(X) if hasattr(self.embed, "embed") else self.embed(X)
            return np.asarray(found).reshape(_num_samples(X), -1)
        rows = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
        return StandardScaler().fit_transform(rows.reshape(len(rows), -1).astype(np.float64))

    def _judge(self, name, X, y, target):
        """Return the difficulty of each row, None where there is none."""
        if name is None:
            return None
        if callable(name):
            return np.asarray(name(X, y), dtype=np.float64)
        if y is None:
            raise ValueError(f"score={name!r} needs predictions: give y to fit, or call it with a fitted learner.")
        counts = np.bincount(target)
        # The only row of a class can be judged by no fold.
        rows = np.flatnonzero(counts[target] > 1)
        score = np.full(len(target), np.nan)
        names, found = np.unique(target[rows], return_inverse=True)
        if len(names) < 2:
            return score
        model = self.estimator
        if model is None:
            scaler = StandardScaler(with_mean=not hasattr(X, "toarray"))
            model = make_pipeline(scaler, LogisticRegression(max_iter=500))
        folds = StratifiedKFold(min(_FOLDS, counts[names].min()), shuffle=True, random_state=self.random_state)
        proba = cross_val_predict(model, _safe_indexing(X, rows), found, cv=folds, method="predict_proba")
        if name in ("entropy", "margin"):
            score[rows] = as_uncertainty(proba, name)
        elif name == "el2n":
            score[rows] = el2n(proba, found)
        elif name == "ratio":
            score[rows] = ratio_score(proba, found, np.bincount(found) / len(found))
        else:
            score[rows] = -np.log(np.maximum(proba[np.arange(len(found)), found], 1e-12))
        return score

    def _select(self, view, n_instances):
        name = None if self.score == "auto" else self.score
        if name in _OF_LABELS:
            raise ValueError(f"score={name!r} judges labels, which a pool has not; take 'entropy', 'margin' or None.")
        X = view.pool()
        if callable(name):
            score = np.asarray(name(X, None), dtype=np.float64)
        else:
            score = None if name is None else view.uncertainty(name)
        picks = self._choose(self._embed(X), n_instances, score, "hard" if self.direction == "auto" else self.direction)
        return picks, np.arange(len(picks), 0, -1)


def _with_every_class(picks, target, score):
    """Return picks in which each missing class takes the place of a row of the most frequent one."""
    picks = picks.copy()
    for missing in np.setdiff1d(target, target[picks]):
        rows = np.flatnonzero(target == missing)
        frequent = np.bincount(target[picks]).argmax()
        picks[np.flatnonzero(target[picks] == frequent)[-1]] = rows[np.argmin(np.nan_to_num(score[rows]))]
    return picks
