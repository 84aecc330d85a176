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
from sklearn.utils.validation import check_array, column_or_1d

KINDS = ("noisy", "semi", "open", "partial", "multilabel", "crowd")

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
        Marker of an annotator's missing answer (crowd).
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
    y = _as_array(y, kind)
    if n_rows is not None and y.shape[0] != n_rows:
        raise ValueError(f"y has inconsistent numbers of samples: X has {n_rows} rows, y has {y.shape[0]}.")
    if y.shape[0] == 0:
        raise ValueError("y has 0 rows; give at least one.")
    column = y.ndim == 1 or (y.shape[1] == 1 and kind not in ("noisy", "semi", "open"))
    if kind in ("partial", "multilabel", "crowd") and not column:
        return {"partial": _candidates, "multilabel": _label_matrix, "crowd": _votes}[kind](y, classes, missing)
    y = column_or_1d(y, warn=True)
    return _class_labels(y, kind, classes, unlabeled, unknown_label)


def _as_array(y, kind):
    if isinstance(y, np.ma.MaskedArray):
        raise TypeError(f"y is a masked array, whose mask would be ignored; fill it with the marker of {kind} labels.")
    if sparse.issparse(y):
        if kind not in ("partial", "multilabel"):
            raise TypeError(f"y is a sparse matrix, which {kind} labels do not accept; pass an array.")
        return y.tocsr()
    y = check_array(y, ensure_2d=False, allow_nd=True, dtype=None, ensure_all_finite=False, ensure_min_samples=0,
                    ensure_min_features=0, input_name="y")  # fmt: skip
    if y.dtype.kind in "fc" and not np.isfinite(y).all():
        what = "NaN" if np.isnan(y).any() else "infinity"
        raise ValueError(f"Input y contains {what}. Mark missing labels with the marker of the estimator instead.")
    if y.dtype.kind in "mM":
        raise TypeError(f"y holds dates or durations ({y.dtype}); classes are numbers or strings.")
    if y.ndim > 2:
        raise ValueError(f"y must have one or two dimensions, got shape {y.shape}.")
    # -0.0 and 0.0 are one class; adding zero makes both print as 0.0.
    return y + 0.0 if y.dtype.kind == "f" else y


def _find_classes(values, classes, n_rows, what):
    """Return the class list and the position of every value in it."""
    if classes is None:
        found, codes = np.unique(values, return_inverse=True)
        if len(found) > 1000 and len(found) > n_rows / 2:
            raise ValueError(
                f"y has {len(found)} classes on {n_rows} rows, which looks like continuous or identifier values; "
                "if they are classes, name them with classes=."
            )
        return found, codes.reshape(values.shape)
    classes = np.asarray(classes)
    if classes.ndim != 1 or len(np.unique(classes)) != len(classes):
        raise ValueError(f"classes must be a list of distinct labels, got {classes.tolist()!r}.")
    order = np.argsort(classes, kind="stable")
    if (classes.dtype.kind in "OUS") != (values.dtype.kind in "OUS"):
        raise ValueError(f"y holds {values.dtype} labels but classes holds {classes.dtype}; give both the same type.")
    place = np.searchsorted(classes, values, sorter=order).clip(max=len(classes) - 1)
    codes = order[place]
    outside = classes[codes] != values
    if outside.any():
        raise ValueError(f"y contains {what} {values[outside][0]!r}, which is not in classes={classes.tolist()!r}.")
    return classes, codes


def _marked(y, marker):
    """Return where ``y`` equals ``marker``; a marker of another type matches nothing."""
    if marker is None:
        return np.zeros(y.shape, dtype=bool)
    if isinstance(marker, str) != (y.dtype.kind in "OUS"):
        return np.zeros(y.shape, dtype=bool)
    return np.asarray(y == marker, dtype=bool)


def _class_labels(y, kind, classes, unlabeled, unknown_label):
    check_classification_targets(y)
    skip, unknown = np.zeros(y.shape, dtype=bool), np.zeros(y.shape, dtype=bool)
    if kind in ("semi", "open"):
        skip = _marked(y, unlabeled)
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
        unknown = _marked(y, unknown_label)
    named = ~(skip | unknown)
    if not named.any():
        raise ValueError(f"y holds no row with a class: all {len(y)} rows are marked; label at least two classes.")
    classes, codes = _find_classes(y[named], classes, len(y), "label")
    if len(classes) < 2:
        raise ValueError(f"y must contain at least 2 classes, the data contains only one class: {classes[0]!r}.")
    if kind == "partial":
        return Labels(kind, classes, (codes[:, None] == np.arange(len(classes))).astype(np.uint8))
    if kind == "multilabel":
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is multiclass with {len(classes)} "
                "classes; for several labels give y as a 0/1 matrix with one column per label."
            )
        return Labels(kind, classes, codes[:, None].astype(np.int8))
    target = np.full(len(y), UNLABELED, dtype=np.int64)
    target[named] = codes
    target[unknown] = len(classes)
    return Labels(kind, classes, target[:, None] if kind == "crowd" else target)


def _column_names(classes, n_columns, what):
    classes = np.arange(n_columns) if classes is None else np.asarray(classes)
    if len(classes) != n_columns or len(np.unique(classes)) != n_columns:
        raise ValueError(f"y has {n_columns} columns of {what} but classes names {len(classes)}; give one name each.")
    return classes


def _numeric(y, what):
    if sparse.issparse(y):
        y.sum_duplicates()
        return y
    if y.dtype.kind not in "biuf":
        raise ValueError(f"y must hold numbers ({what}), got dtype {y.dtype}.")
    return y


def _refuse_values(y, accepted, what):
    values = np.asarray(y.data if sparse.issparse(y) else y)
    wrong = ~np.isin(values, accepted)
    if wrong.any():
        raise ValueError(f"y contains {values[wrong][0]!r}; {what} accept only {accepted}.")


def _candidates(y, classes, _):
    y = _numeric(y, "0/1 candidates")
    _refuse_values(y, [0, 1], "candidate matrices")
    named, classes = classes is not None, _column_names(classes, y.shape[1], "candidates")
    if len(classes) < 2:
        raise ValueError("y must contain at least 2 classes, the candidate matrix has only one class (column).")
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
    y = _numeric(y, "0, 1 and -1")
    _refuse_values(y, [0, 1, -1], "multi-label matrices")
    classes = _column_names(classes, y.shape[1], "labels")
    target = (y.toarray() if sparse.issparse(y) else y).astype(np.int8)
    if (target == -1).all():
        raise ValueError("y holds only -1 (unknown); label at least one entry.")
    return Labels("multilabel", classes, target, flat=False)


def _votes(y, classes, missing):
    absent = _marked(y, missing)
    if absent.all():
        raise ValueError(f"y holds only the marker missing={missing!r}; give at least one answer.")
    present = y[~absent]
    check_classification_targets(present)
    classes, codes = _find_classes(present, classes, y.shape[0], "answer")
    if len(classes) < 2:
        raise ValueError(f"y must contain at least 2 classes, the answers contain only one class: {classes[0]!r}.")
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
    y = _as_array(y, kind)
    if y.shape[0] != len(predicted):
        raise ValueError(f"y has inconsistent numbers of samples: {y.shape[0]}, but X has {len(predicted)} rows.")
    if y.ndim == 2 and y.shape[1] == 1 and np.ndim(predicted) == 1:
        y = column_or_1d(y.toarray() if sparse.issparse(y) else y)
    if kind == "partial" and y.ndim == 2:
        columns = {label: i for i, label in enumerate(np.asarray(classes).tolist())}
        place = np.array([columns[label] for label in np.asarray(predicted).tolist()])
        hit = np.asarray(y[np.arange(len(place)), place]).ravel() != 0
        judged = np.ones(len(place), dtype=bool)
    elif y.ndim == 2:
        y = y.toarray() if sparse.issparse(y) else y
        marker = -1 if kind == "multilabel" else missing
        judged, hit = ~_marked(y, marker), y == (predicted if np.ndim(predicted) == 2 else predicted[:, None])
    else:
        markers = {"semi": (unlabeled,), "open": (unlabeled, unknown_label)}.get(kind, ())
        judged, hit = np.ones(len(y), dtype=bool), np.asarray(y == predicted)
        for marker in markers:
            judged &= ~_marked(y, marker)
    weight = np.ones(len(predicted)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    weight = weight.reshape((-1,) + (1,) * (judged.ndim - 1)) * judged
    return float((weight * hit).sum() / weight.sum()) if weight.sum() > 0 else float("nan")
