"""Batches with the classes that are still rare."""

import numpy as np
from sklearn.utils._param_validation import HasMethods, StrOptions

from skweak.active.base import QueryStrategy
from skweak.active.scores import class_quotas, confidence_score
from skweak.active.scores.confidence import KINDS


class ClassBalanced(QueryStrategy):
    """Uncertain rows, taken so that the labeled rows and the batch together have as many of each class as possible.

    The class of a pool row is the predicted one. Helps where the pool is unbalanced and plain uncertainty would buy
    the frequent classes over and over.

    Parameters
    ----------
    strategy : strategy or None, default=None
        What orders the rows of one class, for instance `Herding`; None is the uncertainty.
    kind : {"margin", "least_confidence", "entropy"}, default="margin"
        Uncertainty that orders the rows of one class, without a strategy.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Each pick goes to the class with the fewest labeled and chosen rows that has a row left, and of that class to the
    most uncertain row; of classes with equally many the most uncertain row is taken first. The score is minus that
    number of rows. A strategy is asked for the quota of each class among the rows of that class.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[-1.0], [-1.1], [-1.2], [1.0]]), [0, 0, 0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> ClassBalanced()(learner, np.array([[-0.2], [2.0], [1.5], [1.0]]), n_instances=3, labeled=(X, y))
    (array([3, 2, 0]), array([-1., -2., -3.]))
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "strategy": [HasMethods("_select"), None],
        "kind": [StrOptions(set(KINDS))],
    }

    def __init__(self, *, strategy=None, kind="margin", verbose=0):
        super().__init__(verbose=verbose)
        self.strategy = strategy
        self.kind = kind

    def _select(self, view, n_instances):
        def confidence_and_class(rows):
            proba = view.predict_proba(rows)
            return np.column_stack([confidence_score(proba, kind=self.kind), proba.argmax(axis=1)])

        confidence, predicted = view.map(confidence_and_class).T
        predicted = predicted.astype(np.int64)
        classes = np.asarray(view.estimator.classes_)
        counts = (view.require_labeled()[1][:, None] == classes).sum(axis=0)
        if self.strategy is not None:
            return self._by_strategy(view, predicted, counts, n_instances)
        # The k-th most uncertain row of a class is the one that finds (labeled + k) rows of its class before it.
        order = np.lexsort((confidence, predicted))
        starts = np.searchsorted(predicted[order], np.arange(len(classes)))
        before = np.empty(len(order), dtype=np.int64)
        before[order] = np.arange(len(order)) - starts[predicted[order]]
        before += counts[predicted]
        picks = np.lexsort((confidence, before))[:n_instances]
        return picks, -before[picks].astype(np.float64)

    def _by_strategy(self, view, predicted, counts, n_instances):
        self.strategy._validate_params()
        quotas = class_quotas(counts, np.bincount(predicted, minlength=len(counts)), n_instances)
        picks, before = [], []
        for label in np.flatnonzero(quotas):
            rows = np.flatnonzero(predicted == label)
            chosen = self.strategy._select(view.narrowed(rows), int(quotas[label]))[0]
            picks.append(rows[np.asarray(chosen)])
            before.append(counts[label] + np.arange(len(chosen)))
        picks, before = np.concatenate(picks), np.concatenate(before)
        order = np.argsort(before, kind="stable")
        return picks[order], -before[order].astype(np.float64)
