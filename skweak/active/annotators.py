"""Several annotators: which row to ask, and whom."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.active.cell_base import CellStrategy, take_cells
from skweak.active.scores.annotators import (
    active_label_quality,
    interval_estimate,
    labeler_quality,
    majority,
    relabel_uncertainty,
    vote_counts,
    weighted_consensus,
)
from skweak.active.view import as_uncertainty


def class_proba(view, rows, n_classes):
    """Return probabilities of the classes 0 .. C-1, also where the estimator has not met all."""
    proba = np.asarray(view.estimator.predict_proba(rows), dtype=np.float64)
    classes = np.asarray(getattr(view.estimator, "classes_", np.arange(proba.shape[1])))
    return _spread(proba, classes, n_classes)


def _spread(proba, classes, n_classes):
    if classes.dtype.kind not in "iu" or classes.min() < 0 or len(classes) != proba.shape[1]:
        raise ValueError("annotations are classes 0 .. C-1, so the classes of the estimator must be such integers.")
    if proba.shape[1] == n_classes:
        return proba
    whole = np.zeros((len(proba), n_classes))
    whole[:, classes] = proba
    return whole


def _n_classes(view, y_pool):
    classes = np.asarray(getattr(view.estimator, "classes_", [0, 1]))
    known = int(classes.max()) if classes.dtype.kind in "iu" else len(classes) - 1
    return max(2, known + 1, int(y_pool.max(initial=0)) + 1)


class IEThreshold(CellStrategy):
    """The most uncertain rows, each asked of all annotators who may be nearly as good as the best.

    Parameters
    ----------
    epsilon : float in (0, 1], default=0.8
        Share of the best upper bound that an annotator must reach; 1 asks the best only, 0 nearly everybody.
    alpha : float in (0, 1), default=0.05
        Level of the interval; the smaller, the more those with few answers are tried.
    max_annotators : int or None, default=None
        Annotators of one row.
    random_state : int or None, default=0
        Seed of the order in which cells are asked while nothing is fitted.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    P. Donmez, J. Carbonell and J. Schneider, KDD 2009.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> known = np.array([[-1, -1], [-1, -1], [1, 1]])
    >>> IEThreshold()(learner, np.array([[-9.0], [0.0], [1.0]]), n_instances=2, y_pool=known)[0].tolist()
    [[1, 0], [1, 1]]
    """

    query_kind = "annotations"
    label_kind = "crowd"
    _parameter_constraints = CellStrategy._parameter_constraints | {
        "epsilon": [Interval(Real, 0, 1, closed="right")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "max_annotators": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, *, epsilon=0.8, alpha=0.05, max_annotators=None, random_state=0, verbose=0):
        super().__init__(random_state=random_state, verbose=verbose)
        self.epsilon = epsilon
        self.alpha = alpha
        self.max_annotators = max_annotators

    def _cells(self, view, y_pool, closed, n_instances):
        n_classes = _n_classes(view, y_pool)
        uncertainty = as_uncertainty(view.map(lambda rows: class_proba(view, rows, n_classes)), "margin")
        bound = interval_estimate(y_pool, weighted_consensus(y_pool, n_classes), alpha=self.alpha)
        n_best = self.max_annotators or len(bound)
        chosen = np.argsort(-bound, kind="stable")[:n_best]
        chosen = chosen[bound[chosen] >= self.epsilon * bound.max()]
        # Whole rows in the order of their uncertainty, the annotators within a row by their bound; the others last.
        order = np.lexsort((np.arange(len(uncertainty)), -np.round(uncertainty, 12)))
        place = np.empty(len(order))
        place[order] = np.arange(len(order))
        scores = -(place[:, None] * (len(bound) + 1) + np.argsort(np.argsort(-bound, kind="stable"), kind="stable"))
        outside = np.setdiff1d(np.arange(len(bound)), chosen)
        scores[:, outside] -= scores.size * 2.0 + len(order) * (len(bound) + 1)
        scores[closed] = -np.inf
        return take_cells(scores, n_instances)


class LabelerCost(CellStrategy):
    """Row and annotator together: uncertainty times the annotator's quality near the row, over the price (CEAL).

    Parameters
    ----------
    costs : array-like of shape (A,) or None, default=None
        Price of an answer of each annotator; None is the same for all.
    n_neighbors : int, default=10
        Answered rows that tell how good an annotator is near a row.
    max_per_row : int, default=1
        Answers to one row in a batch, as long as other rows are left.
    random_state : int or None, default=0
        Seed of the order in which cells are asked while nothing is fitted.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    S.-J. Huang, J.-L. Chen, X. Mu and Z.-H. Zhou, IJCAI 2017.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> known = np.array([[-1, -1], [-1, -1], [1, 1]])
    >>> pool = np.array([[-9.0], [0.0], [1.0]])
    >>> LabelerCost(costs=[2.0, 1.0])(learner, pool, n_instances=1, y_pool=known)[0].tolist()
    [[1, 1]]
    """

    query_kind = "annotations"
    label_kind = "crowd"
    _parameter_constraints = CellStrategy._parameter_constraints | {
        "costs": ["array-like", None],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "max_per_row": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, costs=None, n_neighbors=10, max_per_row=1, random_state=0, verbose=0):
        super().__init__(random_state=random_state, verbose=verbose)
        self.costs = costs
        self.n_neighbors = n_neighbors
        self.max_per_row = max_per_row

    def _cells(self, view, y_pool, closed, n_instances):
        n_classes, n_annotators = _n_classes(view, y_pool), y_pool.shape[1]
        costs = np.ones(n_annotators) if self.costs is None else np.asarray(self.costs, dtype=np.float64)
        if costs.shape != (n_annotators,) or not (costs > 0).all():
            raise ValueError(f"costs must be {n_annotators} numbers larger than 0, one per annotator.")
        uncertainty = as_uncertainty(view.map(lambda rows: class_proba(view, rows, n_classes)), "margin")
        features = np.asarray(view.embedding(), dtype=np.float64)
        answered = np.flatnonzero((y_pool >= 0).any(axis=1))
        quality = np.full(y_pool.shape, 0.5)
        if len(answered):
            posterior = weighted_consensus(y_pool[answered], n_classes)
            quality = labeler_quality(
                features[answered], y_pool[answered], posterior, features, n_neighbors=self.n_neighbors
            )
        scores = np.round(uncertainty[:, None] * quality / costs, 12)
        scores[closed] = -np.inf
        return take_cells(scores, n_instances, max_per_row=self.max_per_row)


class ActiveLab(CellStrategy):
    """New rows and rows to be asked again, on one scale (arXiv:2301.11856).

    Parameters
    ----------
    rule : {"activelab", "relabel"}, default="activelab"
        Doubt in the consensus of annotators and classifier; or doubt in the votes, times that of the classifier.
    annotator : {"best", "random"}, default="best"
        Who is asked: the one who agrees most with the consensus, or one by chance.
    n_folds : int, default=3
        Parts in which the classifier is fitted anew, so that it judges answered rows that it has not learned. 1 saves
        that, and every answered row then looks certain.
    random_state : int or None, default=0
        Seed of folds and of random annotators.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    Goh and Mueller, arXiv:2301.11856; V. Sheng, F. Provost and P. Ipeirotis, KDD 2008.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> known = np.array([[0, 0, -1], [0, 1, -1], [1, 1, -1]])
    >>> pool = np.array([[-2.0], [0.0], [2.0]])
    >>> ActiveLab(n_folds=1)(learner, pool, n_instances=1, y_pool=known)[0].tolist()
    [[1, 2]]
    """

    query_kind = "annotations"
    label_kind = "crowd"
    _parameter_constraints = CellStrategy._parameter_constraints | {
        "rule": [StrOptions({"activelab", "relabel"})],
        "annotator": [StrOptions({"best", "random"})],
        "n_folds": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, rule="activelab", annotator="best", n_folds=3, random_state=0, verbose=0):
        super().__init__(random_state=random_state, verbose=verbose)
        self.rule = rule
        self.annotator = annotator
        self.n_folds = n_folds

    def _cells(self, view, y_pool, closed, n_instances):
        n_classes = _n_classes(view, y_pool)
        proba = view.map(lambda rows: class_proba(view, rows, n_classes))
        self._cross_fit(view, y_pool, proba)
        if self.rule == "activelab":
            value = 1 - active_label_quality(proba, y_pool)
        else:
            doubt = relabel_uncertainty(vote_counts(y_pool, n_classes))
            value = np.sqrt(doubt * as_uncertainty(proba, "margin"))
        if self.annotator == "best":
            agree = np.take_along_axis(weighted_consensus(y_pool, n_classes), np.maximum(y_pool, 0), axis=1)
            asked = y_pool >= 0
            person = np.broadcast_to(((agree * asked).sum(axis=0) + 1) / (asked.sum(axis=0) + 2), y_pool.shape)
        else:
            person = np.random.default_rng(view.seed(self.random_state)).random(y_pool.shape)
        # The row decides; among the annotators of a row the person does.
        scores = np.round(value, 9)[:, None] + 1e-10 * person
        scores[closed] = -np.inf
        cells, found = take_cells(scores, n_instances, max_per_row=1)
        return cells, found

    def _cross_fit(self, view, y_pool, proba):
        """Replace the probabilities of answered rows by those of classifiers that have not seen them."""
        rows = np.flatnonzero((y_pool >= 0).any(axis=1))
        target = majority(y_pool[rows]) if len(rows) else np.empty(0, dtype=np.int64)
        # The only row of a class has nobody else who could judge it; it keeps the probabilities of the full model.
        sizes = np.bincount(target, minlength=1)
        judged = sizes[target] > 1
        rows, target = rows[judged], target[judged]
        n_folds = min(self.n_folds, int(sizes.max()))
        if n_folds < 2 or len(np.unique(target)) < 2:
            return
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=view.seed(self.random_state))
        X = _safe_indexing(view.pool(), rows)
        with warnings.catch_warnings():
            # A class with fewer rows than folds is judged in as many folds as it has rows.
            warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
            found = cross_val_predict(clone(view.estimator), X, target, cv=folds, method="predict_proba")
        proba[rows] = _spread(np.asarray(found, dtype=np.float64), np.unique(target), proba.shape[1])
