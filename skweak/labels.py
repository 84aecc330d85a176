"""The label formats: every check, encoding, decoding and score of a ``y``, defined once.

=========== =================================================== ==============================================
kind        ``y`` given to ``fit``                              encoded target
=========== =================================================== ==============================================
noisy       (n,) class labels                                   (n,) int64 in 0..C-1
semi        the same with the marker ``unlabeled``              (n,) int64, -1 where unlabeled
open        the same with ``unknown_label`` and ``unlabeled``   (n,) int64, C where unknown, -1 where unlabeled
partial     (n, C) 0/1 candidates, dense or sparse              (n, C) uint8
multilabel  (n, L) 0/1, -1 where unknown                        (n, L) int8
crowd       (n, A) label per annotator, ``missing``             (n, A) int64, -1 where missing
=========== =================================================== ==============================================

A one-dimensional ``y`` is the clean special case of every kind: one candidate per row, one binary label, one annotator.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array

from skweak.label_checks import (
    binary_matrix,
    class_list,
    column_names,
    find_classes,
    label_array,
    label_column,
    marked,
    refuse_marker,
)

KINDS = ("noisy", "semi", "open", "partial", "multilabel", "crowd")
_MATRIX_KINDS = ("partial", "multilabel", "crowd")

UNLABELED = -1


@dataclass(frozen=True)
class Labels:
    """A checked and encoded ``y``.

    Attributes
    ----------
    kind : str
    classes : ndarray of shape (C,)
        Known classes, sorted or as given by the user; of multi-label data the names of the columns, or the two values
        of a one-dimensional ``y``.
    target : ndarray
        Encoded as in the table of the module docstring.
    flat : bool
        Whether ``y`` was one-dimensional.
    """

    kind: str
    classes: np.ndarray
    target: np.ndarray
    flat: bool = True

    @property
    def n_outputs(self):
        """Number of logits a network needs."""
        return self.target.shape[1] if self.kind == "multilabel" else len(self.classes)

    def decode(self, codes):
        """Return class codes in the user's labels; a matrix of 0/1 labels stays as it is."""
        if self.kind == "multilabel":
            return self.classes[codes[:, 0]] if self.flat else codes
        return self.classes[codes]


def encode_labels(
    y, kind, *, n_rows=None, classes=None, unlabeled=None, unknown_label=None, missing=UNLABELED, owner="This"
):
    """Check ``y`` of the given ``kind`` and encode it.

    Parameters
    ----------
    y : array-like or sparse matrix
        In the format of ``kind``; see the module docstring.
    kind : {"noisy", "semi", "open", "partial", "multilabel", "crowd"}
    n_rows : int or None
        Rows of X; a ``y`` of another length raises.
    classes : sequence or None
        All classes (or column names); a label outside raises. By default those that occur in ``y``.
    unlabeled : scalar or None
        Marker of rows without a label (semi, open); None when every row has one.
    unknown_label : scalar or None
        Marker of rows known to belong to none of the classes (open).
    missing : scalar
        Marker of an annotator's missing answer (crowd); nan stands for None and pandas' NA as well.
    owner : str
        Name of the estimator, for messages.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError, TypeError
        Naming ``y``, what was received and what is accepted.

    Examples
    --------
    >>> labels = encode_labels(["dog", "cat", "?"], "semi", unlabeled="?")
    >>> labels.classes.tolist(), labels.target.tolist()
    (['cat', 'dog'], [1, 0, -1])
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}.")
    if y is None:
        raise ValueError(f"{owner} estimator requires y to be passed, but the target y is None.")
    y = label_array(y, kind, missing)
    if n_rows is not None and y.shape[0] != n_rows:
        raise ValueError(f"y has inconsistent numbers of samples: X has {n_rows} rows, y has {y.shape[0]}.")
    if 0 in y.shape:
        raise ValueError(f"y has shape {y.shape}; give at least one row and one column.")
    classes = None if classes is None else class_list(classes)
    if kind in _MATRIX_KINDS and y.ndim == 2 and y.shape[1] > 1:
        return {"partial": _candidates, "multilabel": _label_matrix, "crowd": _votes}[kind](y, classes, missing)
    return _class_labels(label_column(y), kind, classes, unlabeled, unknown_label)


def _class_labels(y, kind, classes, unlabeled, unknown_label):
    _check_discrete(y)
    skip, unknown = np.zeros(y.shape, dtype=bool), np.zeros(y.shape, dtype=bool)
    if kind in ("semi", "open"):
        refuse_marker(classes, "unlabeled", unlabeled)
        skip = marked(y, unlabeled)
        if unlabeled is not None and not skip.any():
            warnings.warn(
                f"y holds no row marked unlabeled={unlabeled!r}: every row counts as labeled. If y was encoded anew on "
                "the way (by bagging, voting or calibration), the marker has become a class.",
                UserWarning,
                stacklevel=4,
            )
    if kind == "open":
        if unknown_label is not None and unknown_label == unlabeled:
            raise ValueError(f"unlabeled and unknown_label are both {unlabeled!r}; give them different values.")
        refuse_marker(classes, "unknown_label", unknown_label)
        unknown = marked(y, unknown_label)
    named = ~(skip | unknown)
    if not named.any():
        raise ValueError(f"y holds no row with a class: all {len(y)} rows are marked; label at least two classes.")
    complete = named.all()
    classes, codes = find_classes(y if complete else y[named], classes, len(y), "label")
    if len(classes) < 2:
        raise ValueError(f"y must contain at least 2 classes, the data contains only one class: {classes.item(0)!r}.")
    if kind == "partial":
        return Labels(kind, classes, (codes[:, None] == np.arange(len(classes))).astype(np.uint8))
    if kind == "multilabel":
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is multiclass with {len(classes)} "
                "classes; for several labels give y as a 0/1 matrix with one column per label."
            )
        return Labels(kind, classes, codes[:, None].astype(np.int8))
    if complete:
        target = codes
    else:
        target = np.full(len(y), UNLABELED, dtype=np.int64)
        target[named] = codes
        target[unknown] = len(classes)
    return Labels(kind, classes, target[:, None] if kind == "crowd" else target)


def _check_discrete(y):
    # Numbers beyond every integer are compared with their integers there, which numpy warns of.
    with np.errstate(invalid="ignore"):
        check_classification_targets(y)


def _candidates(y, classes, _):
    y = binary_matrix(y, "partial")
    named, classes = classes is not None, column_names(classes, y.shape[1], "candidates")
    target = (y != 0).toarray().astype(np.uint8) if sparse.issparse(y) else (y != 0).astype(np.uint8)
    empty = ~target.any(axis=1)
    if empty.any():
        raise ValueError(
            f"y has {y.shape[1]} columns of candidates but row {int(empty.argmax())} has no candidate; "
            "give every row at least one 1."
        )
    if target.all():
        raise ValueError(
            f"y has every one of the {y.shape[1]} classes as candidate of every row, which says nothing; "
            "leave out some candidates."
        )
    nowhere = ~target.any(axis=0)
    if nowhere.any() and not named:
        warnings.warn(
            f"Column {int(nowhere.argmax())} of y is a candidate of no row: its class cannot be learned. Name the "
            "columns by classes= if that is intended.",
            UserWarning,
            stacklevel=4,
        )
    return Labels("partial", classes, target, flat=False)


def _label_matrix(y, classes, _):
    y = binary_matrix(y, "multilabel")
    classes = column_names(classes, y.shape[1], "labels")
    target = (y.toarray() if sparse.issparse(y) else y).astype(np.int8)
    if (target == -1).all():
        raise ValueError("y holds only -1 (unknown); label at least one entry.")
    return Labels("multilabel", classes, target, flat=False)


def _votes(y, classes, missing):
    refuse_marker(classes, "missing", missing)
    absent = marked(y, missing)
    if absent.all():
        raise ValueError(f"y holds only the marker missing={missing!r}; give at least one answer.")
    present = y[~absent]
    _check_discrete(present)
    classes, codes = find_classes(present, classes, y.shape[0], "answer")
    if len(classes) < 2:
        raise ValueError(f"y must contain at least 2 classes, the answers contain only one class: {classes.item(0)!r}.")
    target = np.full(y.shape, UNLABELED, dtype=np.int64)
    target[~absent] = codes
    return Labels("crowd", classes, target, flat=False)


def score_labels(
    y, predicted, kind, *, classes=None, unlabeled=None, unknown_label=None, missing=UNLABELED, sample_weight=None
):
    """Return the share of correct predictions among those that ``y`` can judge.

    noisy: accuracy; semi and open: accuracy on rows with a known class; partial: predictions inside the candidate set;
    multilabel: known entries predicted right; crowd: answers that agree with the prediction. A one-dimensional ``y`` of
    the last three is scored by accuracy.

    Parameters
    ----------
    y : array-like or sparse matrix
        In the format of ``kind``.
    predicted : ndarray of shape (n,) or (n, L)
        Predictions in the user's labels.
    kind : str
        One of `KINDS`.
    classes : ndarray of shape (C,)
        Names of the columns of a candidate matrix.
    unlabeled, unknown_label, missing
        Markers, as in `encode_labels`.
    sample_weight : array-like of shape (n,) or None
        Weight of each row.

    Returns
    -------
    float
        In [0, 1]; nan when nothing can be judged.

    Examples
    --------
    >>> score_labels([[1, 1, 0], [0, 0, 1]], np.array([1, 0]), "partial", classes=np.arange(3))
    0.5
    """
    y, predicted = label_array(y, kind, missing), np.asarray(predicted)
    if y.shape[0] != len(predicted):
        raise ValueError(f"y has inconsistent numbers of samples: {y.shape[0]}, but X has {len(predicted)} rows.")
    if y.ndim == 2 and (kind not in _MATRIX_KINDS or (y.shape[1] == 1 and predicted.ndim == 1)):
        y = label_column(y)
    if kind == "multilabel" and y.shape != predicted.shape:
        raise ValueError(f"y has shape {y.shape}, but the predictions have shape {predicted.shape}.")
    if kind == "partial" and y.ndim == 2:
        y = binary_matrix(y, kind)
        columns = {label: i for i, label in enumerate(column_names(classes, y.shape[1], "candidates").tolist())}
        place = np.array([columns[label] for label in predicted.tolist()])
        judged = np.ones(len(place), dtype=bool)
        hit = np.asarray(y[np.arange(len(place)), place]).ravel() != 0
    elif y.ndim == 2 and kind == "multilabel":
        y = binary_matrix(y, kind)
        y = y.toarray() if sparse.issparse(y) else y
        judged, hit = y != -1, y == predicted
    elif y.ndim == 2:
        judged, hit = ~marked(y, missing), y == predicted[:, None]
    else:
        judged, hit = np.ones(len(y), dtype=bool), y == predicted
        for marker in {"semi": (unlabeled,), "open": (unlabeled, unknown_label)}.get(kind, ()):
            judged &= ~marked(y, marker)
    weight = np.ones(len(predicted)) if sample_weight is None else sample_weight
    weight = check_array(weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weight.shape != predicted.shape[:1]:
        raise ValueError(f"sample_weight must have shape ({len(predicted)},), one entry per row, got {weight.shape}.")
    weight = weight.reshape((-1,) + (1,) * (judged.ndim - 1)) * judged
    return float((weight * hit).sum() / weight.sum()) if weight.sum() > 0 else float("nan")
