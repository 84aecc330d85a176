"""modAL's learners on scikit-learn of today.

This module is not imported with the package: it needs modAL 0.4.2.1, which asks for an old skorch and is therefore
installed by ``pip install --no-deps modAL-python==0.4.2.1`` (and pandas).
"""

from importlib import metadata

import numpy as np
from sklearn.utils import _safe_indexing, check_X_y

from skweak.active.answers import as_answers, is_marked, join_labels
from skweak.active.base import check_strategy
from skweak.active.rows import as_rows, stack_rows
from skweak.active.view import marker_of, unlabeled_of

_WANTED = "0.4.2.1"
_REMEDY = f"install it with: pip install --no-deps modAL-python=={_WANTED}"


def _check_version():
    try:
        version = metadata.version("modAL-python")
    except metadata.PackageNotFoundError:
        raise ImportError(f"skweak.active.modal needs modAL {_WANTED}, which is not installed; {_REMEDY}") from None
    if version != _WANTED:
        raise ImportError(
            f"skweak.active.modal needs modAL {_WANTED}, found {version}, whose strategies return something else; "
            f"{_REMEDY}"
        )


_check_version()

# modAL.expected_error names a type of numpy that is gone, in an annotation which is read once.
_had_float = "float" in vars(np)
if not _had_float:
    np.float = float
try:
    import modAL.expected_error  # noqa: E402, F401
finally:
    if not _had_float:
        del np.float

from modAL.models import ActiveLearner as _ActiveLearner  # noqa: E402
from modAL.models import BayesianOptimizer as _BayesianOptimizer  # noqa: E402
from modAL.models import Committee as _Committee  # noqa: E402


def _query(learner, X_pool, return_metrics, query_args, query_kwargs):
    """Ask the strategy once. modAL's own learners call one that fails a second time, and so do they Ctrl-C."""
    X_pool = as_rows(X_pool)
    result = learner.query_strategy(learner, X_pool, *query_args, **query_kwargs)
    indices, metrics = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    rows = _safe_indexing(X_pool, np.atleast_1d(indices))
    return (indices, rows, metrics) if return_metrics else (indices, rows)


def _chosen(query_strategy):
    """Return the strategy as a keyword, or none where modAL's default is wanted."""
    if query_strategy is None:
        return {}
    check_strategy(query_strategy)
    return {"query_strategy": query_strategy}


def _refuse_how(only_new, bootstrap, fit_kwargs):
    """Raise where rows are only added and yet it is said how to train on them."""
    given = [*(["only_new"] if only_new else []), *(["bootstrap"] if bootstrap else []), *fit_kwargs]
    if given:
        raise ValueError(f"train=False does not train, but {given[0]}= says how; leave one of them out.")


class ActiveLearner(_ActiveLearner):
    """modAL's ActiveLearner with the three methods mended that need an argument which scikit-learn 1.8 renamed.

    Frames are accepted everywhere, an exception of a strategy reaches the user once, and the batches that were taught
    are counted, from which the open-set strategies learn how pure the last ones were.

    Parameters
    ----------
    estimator : estimator
    query_strategy : callable
        Any of `skweak.active` or of modAL.
    X_training, y_training : array-like, optional
        First labeled rows.
    bootstrap_init : bool, default=False
    on_transformed : bool, default=False
        For the strategies of modAL; ours look through a Pipeline anyway.
    force_all_finite : bool, default=True
        False lets missing values pass to estimators that can handle them.
    **fit_kwargs
        Handed to the estimator's ``fit``.

    Attributes
    ----------
    batch_sizes : list of int
        Rows of each batch taught since the first rows.
    """

    def __init__(self, estimator, query_strategy=None, X_training=None, y_training=None, bootstrap_init=False,
                 on_transformed=False, force_all_finite=True, **fit_kwargs):  # fmt: skip
        super().__init__(estimator, on_transformed=on_transformed, **_chosen(query_strategy))
        self.force_all_finite = force_all_finite
        self.bootstrap_init = bootstrap_init
        self.batch_sizes = []
        if X_training is not None:
            self.fit(X_training, y_training, bootstrap=bootstrap_init, **fit_kwargs)

    def _check(self, X, y):
        X, y = as_rows(X), as_answers(y, marker_of(self), unlabeled=unlabeled_of(self))
        # The marker may be nan or of another type than the classes; only they are checked.
        marks = is_marked(y, marker_of(self)) | is_marked(y, unlabeled_of(self))
        checked = y
        if marks.any() and y.ndim == 1:
            checked = np.zeros(len(y)) if marks.all() else np.where(marks, y[~marks][:1], y)
        check_X_y(X, checked, accept_sparse=True, ensure_2d=False, allow_nd=True, multi_output=True, dtype=None,
                  ensure_all_finite=self.force_all_finite)  # fmt: skip
        return X, y

    def _add_training_data(self, X, y):
        X, y = self._check(X, y)
        if self.X_training is None:
            self.X_training, self.y_training = X, y
        else:
            self.X_training = stack_rows(self.X_training, X)
            self.y_training = join_labels(self.y_training, y, marker_of(self), unlabeled_of(self))
            self.batch_sizes = [*self.batch_sizes, len(y)]

    def _fit_to_known(self, bootstrap=False, **fit_kwargs):
        return self._fit_rows(self.X_training, self.y_training, bootstrap, **fit_kwargs)

    def _fit_on_new(self, X, y, bootstrap=False, **fit_kwargs):
        return self._fit_rows(X, y, bootstrap, **fit_kwargs)

    def _fit_rows(self, X, y, bootstrap, **fit_kwargs):
        if bootstrap:
            rows = np.random.choice(len(y), len(y), replace=True)
            X, y = _safe_indexing(X, rows), y[rows]
        self.estimator.fit(X, y, **fit_kwargs)
        return self

    def fit(self, X, y, bootstrap=False, **fit_kwargs):
        """Forget all rows, keep ``X`` and ``y`` and fit the estimator on them."""
        self.X_training, self.y_training = self._check(X, y)
        self.batch_sizes = []
        return self._fit_to_known(bootstrap=bootstrap, **fit_kwargs)

    def query(self, X_pool, *query_args, return_metrics=False, **query_kwargs):
        """Return indices and rows chosen by the strategy, with ``return_metrics`` also its scores."""
        return _query(self, X_pool, return_metrics, query_args, query_kwargs)

    def teach(self, X, y, bootstrap=False, only_new=False, *, train=True, **fit_kwargs):
        """Add labeled rows and fit the estimator on all of them; with ``only_new`` on the new ones alone.

        With ``train=False`` the rows are only added; the next `teach`, or `retrain`, learns them with all others.
        """
        if not train:
            _refuse_how(only_new, bootstrap, fit_kwargs)
            self._add_training_data(X, y)
        elif only_new:
            self._fit_on_new(*self._check(X, y), bootstrap=bootstrap, **fit_kwargs)
        else:
            self._add_training_data(X, y)
            self._fit_to_known(bootstrap=bootstrap, **fit_kwargs)


    def retrain(self, bootstrap=False, **fit_kwargs):
        """Fit the estimator anew on all rows so far, those included that were only added."""
        if self.X_training is None:
            raise ValueError("The learner has no labeled rows yet; teach it some first.")
        return self._fit_to_known(bootstrap=bootstrap, **fit_kwargs)


class BayesianOptimizer(ActiveLearner, _BayesianOptimizer):
    """modAL's BayesianOptimizer, which looks for the row of the largest value, mended as `ActiveLearner` is.

    Parameters
    ----------
    estimator : regressor
        Its ``predict`` accepts ``return_std=True``, as that of GaussianProcessRegressor.
    query_strategy : callable, default=modAL.acquisition.max_EI
    X_training, y_training, bootstrap_init, on_transformed, force_all_finite, **fit_kwargs
        As in `ActiveLearner`; ``y_training`` holds values, not classes.

    Attributes
    ----------
    X_max, y_max : array and float
        The best row so far and its value.
    batch_sizes : list of int
        Rows of each batch taught since the first rows.
    """

    def fit(self, X, y, bootstrap=False, **fit_kwargs):
        """Forget all rows and their maximum, keep ``X`` and ``y`` and fit the estimator on them."""
        super().fit(X, y, bootstrap=bootstrap, **fit_kwargs)
        self.X_max, self.y_max = None, -np.inf
        self._set_max(self.X_training, self.y_training)
        return self

    def teach(self, X, y, bootstrap=False, only_new=False, *, train=True, **fit_kwargs):
        """Add rows with their values and fit the estimator; the new rows are kept with ``only_new`` as well.

        With ``train=False`` the rows are only added; the next `teach`, or `retrain`, learns them with all others.
        """
        X, y = self._check(X, y)
        if not train:
            _refuse_how(only_new, bootstrap, fit_kwargs)
        self._add_training_data(X, y)
        if train and only_new:
            self._fit_on_new(X, y, bootstrap=bootstrap, **fit_kwargs)
        elif train:
            self._fit_to_known(bootstrap=bootstrap, **fit_kwargs)
        self._set_max(X, y)


class Committee(_Committee):
    """modAL's Committee of the mended learners.

    Labels may be strings, and it keeps no rows of its own: those of its first member are its labeled rows.

    Parameters
    ----------
    learner_list : list of ActiveLearner
        Of this module.
    query_strategy : callable
    on_transformed : bool, default=False
    """

    def __init__(self, learner_list, query_strategy=None, on_transformed=False):
        super().__init__(learner_list, on_transformed=on_transformed, **_chosen(query_strategy))

    @property
    def batch_sizes(self):
        """Rows of each batch taught since the first rows."""
        return getattr(self.learner_list[0], "batch_sizes", None)

    def query(self, X_pool, return_metrics=False, *query_args, **query_kwargs):
        """Return indices and rows chosen by the strategy, with ``return_metrics`` also its scores.

        As in modAL, ``return_metrics`` comes second here and is a keyword in the learners.
        """
        return _query(self, X_pool, return_metrics, query_args, query_kwargs)

    def teach(self, X, y, bootstrap=False, only_new=False, *, train=True, **fit_kwargs):
        """Add labeled rows to every member and fit all; with ``train=False`` the rows are only added."""
        if train:
            super().teach(X, y, bootstrap=bootstrap, only_new=only_new, **fit_kwargs)
        else:
            _refuse_how(only_new, bootstrap, fit_kwargs)
            self._add_training_data(X, y)

    def retrain(self, bootstrap=False, **fit_kwargs):
        """Fit all members anew on all rows so far, those included that were only added."""
        for learner in self.learner_list:
            learner.retrain(bootstrap=bootstrap, **fit_kwargs)
        self._set_classes()
        return self

    def vote(self, X, **predict_kwargs):
        """Return the label (n, members) that each member predicts."""
        return np.column_stack([learner.predict(X, **predict_kwargs) for learner in self.learner_list])
