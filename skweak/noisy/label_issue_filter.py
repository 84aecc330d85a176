"""Any classifier, fitted on the rows whose label holds water."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone, is_regressor
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, indexable, validate_data

from skweak.fit import refuse_facts
from skweak.fit.frames import Framed
from skweak.metrics.label_quality import QUALITY_KINDS
from skweak.noisy.issues import FILTERS, METHODS, check_given_labels, flag_labels, judge_labels


def _has(name):
    return available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), name))


class LabelIssueFilter(Framed, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Classifier that finds suspicious labels first and fits any scikit-learn classifier without them.

    Labels are judged by clones of the classifier that have not seen them (or by their neighbours), as in
    `find_label_issues`; then the classifier is fitted on the rest, or on all rows with less weight for suspects. Prefer
    it to the robust networks if trees or a linear model suit the data; it can be no better than the classifier's own
    out-of-fold predictions.

    Parameters
    ----------
    estimator : classifier
        Left as it is; needs ``predict_proba`` for ``method="confident_learning"``, and ``sample_weight`` for
        ``action="weight"``.
    method : {"confident_learning", "neighbors", "neighbor_rank"}, default="confident_learning"
        See `find_label_issues`.
    filter_by : str, default="prune_by_noise_rate"
        How confident learning decides; see `find_label_issues`.
    quality : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}, default="self_confidence"
        What ``label_quality_`` holds.
    action : {"drop", "weight"}, default="drop"
        Drop suspicious rows, or give them their label quality as weight.
    cv : int >= 2 or splitter, default=5
        Folds, as in `find_label_issues`; a number means stratified and shuffled folds. More folds cost more fits and
        give better judges.
    n_neighbors : int >= 3, default=10
        Rows that vote, for the methods of neighbours.
    n_jobs : int or None, default=None
        Folds fitted at the same time.
    random_state : int, RandomState or None, default=None
        Shuffles the rows before they are split into `cv` folds; an int gives the same folds at every call.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on what was kept.
    classes_ : ndarray of shape (C,)
    label_quality_ : ndarray of shape (n,)
        In [0, 1]; low is suspicious. It is nan where no fold can judge the row, as in a class of one row; such a row
        is kept.
    noise_mask_ : ndarray of bool of shape (n,)
        Suspicious rows.
    n_features_in_ : int

    References
    ----------
    arXiv:1911.00068; the neighbours arXiv:2110.06283.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.noisy import LabelIssueFilter
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, wrong, _ = make_noisy_labels(y[:1000], "symmetric_exclusive:0.4", random_state=0)
    >>> plain = LogisticRegression(max_iter=200).fit(X[:1000] / 16, y_noisy)
    >>> clf = LabelIssueFilter(LogisticRegression(max_iter=200)).fit(X[:1000] / 16, y_noisy)
    >>> bool(clf.score(X[1000:] / 16, y[1000:]) > plain.score(X[1000:] / 16, y[1000:]) + 0.03)
    True
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"])],
        "method": [StrOptions(set(METHODS))],
        "filter_by": [StrOptions(set(FILTERS))],
        "quality": [StrOptions(set(QUALITY_KINDS))],
        "action": [StrOptions({"drop", "weight"})],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split", "get_n_splits"])],
        "n_neighbors": [Interval(Integral, 3, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator, *, method="confident_learning", filter_by="prune_by_noise_rate",
        quality="self_confidence", action="drop", cv=5, n_neighbors=10, n_jobs=None,
        random_state=None,
    ):  # fmt: skip
        self.estimator = estimator
        self.method = method
        self.filter_by = filter_by
        self.quality = quality
        self.action = action
        self.cv = cv
        self.n_neighbors = n_neighbors
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y, groups=None, **facts):
        """Judge the labels ``y`` (n,) of ``X``, then fit on what holds.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            What the classifier takes.
        y : array-like of shape (n,)
            Given labels.
        groups : array-like of shape (n,) or None, default=None
            Rows of one group are never in two folds.

        Returns
        -------
        self
        """
        refuse_facts(self, facts)
        self._validate_params()
        if not hasattr(self.estimator, "__sklearn_tags__"):
            name = type(self.estimator).__name__
            raise TypeError(
                f"estimator must be a scikit-learn classifier, got {name}, which has no __sklearn_tags__; derive it "
                f"from sklearn.base: class {name}(ClassifierMixin, BaseEstimator)."
            )
        if is_regressor(self.estimator):
            raise TypeError(
                f"estimator must be a classifier, got the regressor {type(self.estimator).__name__}; give a classifier."
            )
        if self.action == "weight" and not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"action='weight' needs sample_weight, which {type(self.estimator).__name__}.fit does not take; use "
                "action='drop'."
            )
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        X, y = indexable(X, check_given_labels(y, X))
        validate_data(self, X, skip_check_array=True)
        check_classification_targets(y)
        classes, mask, score = np.unique(y), np.zeros(len(y), dtype=bool), np.ones(len(y))
        if len(classes) > 1:
            judge = self.estimator if self.method == "confident_learning" else None
            proba, classes, shares = judge_labels(
                judge, X, y, self.method, self.cv, self.n_neighbors, n_jobs=self.n_jobs, groups=groups,
                random_state=self.random_state,
            )  # fmt: skip
            mask, score = flag_labels(y, proba, classes, self.method, self.filter_by, self.quality, shares)
        if self.action == "weight":
            fitted = clone(self.estimator).fit(X, y, sample_weight=np.where(mask, score, 1.0))
        else:
            kept = np.flatnonzero(~mask)
            fitted = clone(self.estimator).fit(_safe_indexing(X, kept), y[kept])
        self.estimator_, self.classes_, self.noise_mask_, self.label_quality_ = fitted, classes, mask, score
        return self

    def predict(self, X):
        """Return the predicted labels (n,) of the fitted classifier."""
        return self._ask("predict", X)

    @_has("predict_proba")
    def predict_proba(self, X):
        """Return its class probabilities (n, C)."""
        return self._ask("predict_proba", X)

    @_has("predict_proba")
    def predict_log_proba(self, X):
        """Return the natural logarithm of `predict_proba`; minus infinity of a probability that is zero."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @_has("decision_function")
    def decision_function(self, X):
        """Return its decision function."""
        return self._ask("decision_function", X)

    def _ask(self, name, X):
        check_is_fitted(self)
        return getattr(self.estimator_, name)(X)

    @classmethod
    def _test_params(cls):
        from sklearn.linear_model import LogisticRegression

        return {"estimator": LogisticRegression(C=1.0), "cv": 3}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if not hasattr(self.estimator, "__sklearn_tags__"):
            return tags
        inner = get_tags(self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        # Nothing but a ClassifierMixin sets these, and a classifier can do without it.
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        return tags
