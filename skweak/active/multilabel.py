"""Several labels per row: whole rows, or single entries."""

from numbers import Integral, Real

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.active.base import ScoreStrategy
from skweak.active.cell_base import CellStrategy, take_cells
from skweak.active.scores.entries import (
    audi_entries,
    cardinality_inconsistency,
    entry_uncertainty,
    max_loss_reduction,
    separation_margin,
    vector_inconsistency,
)

SCORES = ("mean_entropy", "max_entropy", "least_margin", "lci", "mmu", "adaptive", "mmc", "cvirs")


def label_proba(view, rows):
    """Return the probability of every label (n, L), whatever form the estimator gives it in."""
    found = view.estimator.predict_proba(rows)
    if isinstance(found, list):
        # One pair of columns for each label, as scikit-learn's multi-output classifiers do.
        return np.column_stack([np.asarray(p)[:, -1] if p.shape[1] > 1 else np.zeros(len(p)) for p in found])
    found = np.asarray(found, dtype=np.float64)
    if found.ndim != 2:
        raise TypeError(f"{view.owner} needs probabilities of shape (n, L), got {found.shape}.")
    return found


def mean_cardinality(targets):
    """Return the mean number of labels of a row, of a matrix with -1 for what is not known.

    Examples
    --------
    >>> mean_cardinality(np.array([[1, 0, 1], [1, -1, -1]]))
    2.0
    >>> mean_cardinality(np.array([[1, -1], [0, 1]]))
    1.0
    """
    whole = (targets >= 0).all(axis=1)
    if whole.any():
        return float((targets[whole] == 1).sum(axis=1).mean())
    known = (targets >= 0).sum(axis=0)
    return float(((targets == 1).sum(axis=0) / np.maximum(known, 1)).sum())


def _targets(view):
    """Return the labels (m, L) that the learner holds."""
    y = view.require_labeled()[1]
    y = np.asarray(y)
    if y.ndim != 2:
        raise ValueError(f"{view.owner} needs several labels per row, y of shape (m, L), got {y.shape}.")
    return y


class MultiLabelRows(ScoreStrategy):
    """Rows of which all labels are asked, by a score over the labels.

    Among whole rows the gains are small; where single entries can be asked, `EntryMargin` is worth more.

    Parameters
    ----------
    score : {"mean_entropy", "max_entropy", "least_margin", "lci", "mmu", "adaptive", "mmc", "cvirs"}, \
default="mean_entropy"
        Entropies; distance to the nearest threshold; number of predicted labels against the usual one; gap between
        predicted labels and the others; both of these; loss that the most plausible labels would take away; rank and
        strangeness of the predicted labels.
    beta : float in [0, 1], default=0.5
        Share of the gap in "adaptive"; 0 is the number of labels alone.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    Li and Guo, IJCAI 2013; Yang et al., KDD 2009; Reyes et al., Neurocomputing 2018.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> X, y = np.array([[-1.0], [1.0], [2.0]]), np.array([[1, 0], [0, 1], [0, 1]])
    >>> learner = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    >>> MultiLabelRows()(learner, np.array([[-9.0], [0.0], [9.0]]), labeled=(X, y))[0]
    array([1])
    """

    label_kind = "multilabel"
    _parameter_constraints = ScoreStrategy._parameter_constraints | {
        "score": [StrOptions(set(SCORES))],
        "beta": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, *, score="mean_entropy", beta=0.5, verbose=0):
        super().__init__(verbose=verbose)
        self.score = score
        self.beta = beta

    def _score(self, view):
        thresholds = getattr(view.estimator, "thresholds_", 0.5)
        proba = view.map(lambda rows: label_proba(view, rows))
        if self.score in ("mean_entropy", "max_entropy"):
            entropy = entry_uncertainty(proba, kind="entropy")
            return entropy.mean(axis=1) if self.score == "mean_entropy" else entropy.max(axis=1)
        if self.score == "least_margin":
            return entry_uncertainty(proba, thresholds=thresholds).max(axis=1)
        if self.score == "mmu":
            return separation_margin(proba, thresholds=thresholds)
        targets = _targets(view)
        if self.score in ("lci", "adaptive"):
            size = mean_cardinality(targets)
            lci = cardinality_inconsistency(proba, mean_cardinality=size, thresholds=thresholds)
            if self.score == "lci":
                # Many rows have the same number of labels; of these the most uncertain go first.
                return lci + 1e-3 * entry_uncertainty(proba, kind="entropy").mean(axis=1)
            gap = separation_margin(proba, thresholds=thresholds)
            return gap**self.beta * (lci + 1) ** (1 - self.beta)
        if self.score == "mmc":
            return max_loss_reduction(proba, _predicted_sizes(view, targets, proba))
        predicted = (proba > thresholds).astype(np.float64)
        rank = np.argsort(np.argsort(np.abs(2 * proba - 1), axis=0, kind="stable"), axis=0, kind="stable") + 1
        place = (len(proba) - rank).sum(axis=1) / (proba.shape[1] * max(1, len(proba) - 1))
        return place * vector_inconsistency(predicted, (targets == 1).astype(np.float64))


def _predicted_sizes(view, targets, proba):
    """Return the number of labels of each row, by a regression on its sorted probabilities."""

    def shares(values):
        values = -np.sort(-values, axis=1)
        return values / np.maximum(values.sum(axis=1, keepdims=True), 1e-12)

    whole = np.flatnonzero((targets >= 0).all(axis=1))
    sizes = (targets[whole] == 1).sum(axis=1)
    if len(np.unique(sizes)) < 2:
        return np.full(len(proba), sizes[0] if len(sizes) else round(mean_cardinality(targets)))
    known = label_proba(view, _safe_indexing(view.require_labeled()[0], whole))
    return LogisticRegression(max_iter=500).fit(shares(known), sizes).predict(shares(proba))


class EntryMargin(CellStrategy):
    """Single entries (row, label) nearest the threshold of their label.

    Worth more than any rule for whole rows: an answer is bought only where it is needed.

    Parameters
    ----------
    per_label : {"balanced"} or None, default="balanced"
        Every label gets the same share of a batch, what does not divide goes by the score. None lets the labels
        compete, although their probabilities may be of different quality.
    max_per_row : int or None, default=None
        Entries of one row in a batch, as long as others are left; 1 spreads the batch most.
    random_state : int or None, default=0
        Seed of the order in which entries are asked while nothing is fitted.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is minus the distance to the threshold on the scale of logits.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> X, y = np.array([[-1.0], [1.0], [2.0]]), np.array([[1, 0], [0, 1], [0, 1]])
    >>> learner = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    >>> pool, known = np.array([[-9.0], [0.0], [9.0]]), np.full((3, 2), -1)
    >>> EntryMargin()(learner, pool, n_instances=2, y_pool=known)[0].tolist()
    [[1, 0], [1, 1]]
    """

    label_kind = "multilabel"
    _parameter_constraints = CellStrategy._parameter_constraints | {
        "per_label": [StrOptions({"balanced"}), None],
        "max_per_row": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, *, per_label="balanced", max_per_row=None, random_state=0, verbose=0):
        super().__init__(random_state=random_state, verbose=verbose)
        self.per_label = per_label
        self.max_per_row = max_per_row

    def _cells(self, view, y_pool, closed, n_instances):
        proba = view.map(lambda rows: label_proba(view, rows))
        scores = entry_uncertainty(proba, thresholds=getattr(view.estimator, "thresholds_", 0.5), known=closed)
        quota = n_instances // scores.shape[1] if self.per_label else None
        return take_cells(np.round(scores, 12), n_instances, quota, self.max_per_row)


class AUDI(CellStrategy):
    """Entries of rows with an unusual number of predicted labels, those of which little was asked first.

    Parameters
    ----------
    floor : float > 0, default=0.5
        Stands for the number of known entries of a row without any; the larger, the more rows are gone on with.
    random_state : int or None, default=0
        Seed of the order in which entries are asked while nothing is fitted.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    A reconstruction: the paper's label ranking is replaced by the estimator's thresholds. The score counts down.

    References
    ----------
    S.-J. Huang and Z.-H. Zhou, "Active query driven by uncertainty and diversity for incremental multi-label learning",
    ICDM 2013.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> X, y = np.array([[-1.0], [1.0], [2.0]]), np.array([[1, 0], [0, 1], [0, 1]])
    >>> learner = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    >>> pool, known = np.array([[-9.0], [0.0], [9.0]]), np.full((3, 2), -1)
    >>> AUDI()(learner, pool, n_instances=1, y_pool=known)[0].shape
    (1, 2)
    """

    label_kind = "multilabel"
    _parameter_constraints = CellStrategy._parameter_constraints | {
        "floor": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, floor=0.5, random_state=0, verbose=0):
        super().__init__(random_state=random_state, verbose=verbose)
        self.floor = floor

    def _cells(self, view, y_pool, closed, n_instances):
        proba = view.map(lambda rows: label_proba(view, rows))
        targets = y_pool if view.labeled is None else np.vstack([y_pool, _targets(view)])
        targets = targets[(targets >= 0).any(axis=1)]
        size = mean_cardinality(targets) if len(targets) else float((proba > 0.5).sum(axis=1).mean())
        thresholds = getattr(view.estimator, "thresholds_", 0.5)
        cells = audi_entries(proba, closed, n_instances, mean_cardinality=size, thresholds=thresholds, floor=self.floor)
        return cells, range(len(cells), 0, -1)
