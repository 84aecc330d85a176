"""Batches with the classes that are still rare."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skweak.active.base import QueryStrategy
from skweak.active.scores import confidence_score
from skweak.active.scores.confidence import KINDS


class ClassBalanced(QueryStrategy):
    """Uncertain rows, taken so that the labeled rows and the batch together have as many of each class as possible.

    The class of a pool row is the predicted one. Helps where the pool is unbalanced and plain uncertainty would buy
    the frequent classes over and over.

    Parameters
    ----------
    kind : {"margin", "least_confidence", "entropy"}, default="margin"
        Uncertainty that orders the rows of one class.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Each pick goes to the class with the fewest labeled and chosen rows that has a row left, and of that class to the
    most uncertain row; of classes with equally many the most uncertain row is taken first. The score is minus that
    number of rows.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[-1.0], [-1.1], [-1.2], [1.0]]), [0, 0, 0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> ClassBalanced()(learner, np.array([[-0.2], [2.0], [1.5], [1.0]]), n_instances=3, labeled=(X, y))
    (array([3, 2, 0]), array([-1., -2., -3.]))
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {"kind": [StrOptions(set(KINDS))]}

    def __init__(self, *, kind="margin", verbose=0):
        super().__init__(verbose=verbose)
        self.kind = kind

    def _select(self, view, n_instances):
        def confidence_and_class(rows):
            proba = view.predict_proba(rows)
            return np.column_stack([confidence_score(proba, kind=self.kind), proba.argmax(axis=1)])

        confidence, predicted = view.map(confidence_and_class).T
        predicted = predicted.astype(np.int64)
        classes = np.asarray(view.estimator.classes_)
        counts = (view.require_labeled()[1][:, None] == classes).sum(axis=0)
        # The k-th most uncertain row of a class is the one that finds (labeled + k) rows of its class before it.
        order = np.lexsort((confidence, predicted))
        starts = np.searchsorted(predicted[order], np.arange(len(classes)))
        before = np.empty(len(order), dtype=np.int64)
        before[order] = np.arange(len(order)) - starts[predicted[order]]
        before += counts[predicted]
        picks = np.lexsort((confidence, before))[:n_instances]
        return picks, -before[picks].astype(np.float64)
