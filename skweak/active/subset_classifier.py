"""Any classifier, fitted on the part of its table that a selector chooses."""

from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, indexable, validate_data

from skweak.active.subset_selector import ScoreDiversitySelector
from skweak.fit import refuse_facts
from skweak.fit.links import Documented
from skweak.labels.markers import read_labels


def _has(name):
    return available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), name))


class SubsetClassifier(Documented, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Classifier that chooses rows first and fits another one on them alone.

    A step of a Pipeline may not change the number of rows; this is the place where it may.

    Parameters
    ----------
    estimator : classifier
        Left as it is; a clone is fitted.
    selector : object with ``fit(X, y)`` and ``selected_``, or None, default=None
        Such as `ScoreDiversitySelector`, which None stands for, or `DataPruner`; a clone is fitted.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on the chosen rows.
    selected_ : ndarray of shape (m,)
        Their positions.
    classes_ : ndarray of shape (C,)
    n_features_in_ : int

    References
    ----------
    arXiv:2408.02193.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SubsetClassifier(LogisticRegression(), ScoreDiversitySelector(n_select=30)).fit(X, y)
    >>> len(clf.selected_), bool(clf.score(X, y) > 0.9)
    (30, True)
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"])],
        "selector": [HasMethods(["fit"]), None],
    }

    def __init__(self, estimator, selector=None):
        self.estimator = estimator
        self.selector = selector

    def fit(self, X, y, **facts):
        """Choose rows of ``X`` (n, ...) with labels ``y`` (n,), and fit on them."""
        refuse_facts(self, facts)
        self._validate_params()
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        X, y = indexable(X, y)
        validate_data(self, X, skip_check_array=True)
        check_classification_targets(y)
        y = column_or_1d(read_labels(y), warn=True)
        selector = ScoreDiversitySelector() if self.selector is None else clone(self.selector)
        self.selected_ = selector.fit(X, y).selected_
        self.estimator_ = clone(self.estimator).fit(_safe_indexing(X, self.selected_), y[self.selected_])
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        """Return the predicted labels (n,)."""
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @_has("predict_proba")
    def predict_proba(self, X):
        """Return class probabilities (n, C)."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @_has("decision_function")
    def decision_function(self, X):
        """Return the decision values of the fitted classifier."""
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    @classmethod
    def _test_params(cls):
        return {"estimator": LogisticRegression(), "selector": ScoreDiversitySelector(n_select=0.8)}
