"""The kinds of labels, one file each: every check, encoding, decoding, prediction and score of a ``y``, defined once.

=========== =================================================== ==============================================
kind        ``y`` given to ``fit``                              encoded target
=========== =================================================== ==============================================
noisy       (n,) class labels                                   (n,) int64 in 0..C-1
semi        the same with the marker ``unlabeled``              (n,) int64, -1 where unlabeled
open        the same with ``unknown_label`` and ``unlabeled``   (n,) int64, C where unknown, -1 where unlabeled
partial     (n, C) 0/1 candidates, dense or sparse              (n, C) uint8
multilabel  (n, L) 0/1, -1 or nan where unknown                 (n, L) int8
crowd       (n, A) label per annotator, ``missing``             (n, A) int64, -1 where missing
=========== =================================================== ==============================================

A one-dimensional ``y`` is the clean special case of every kind: one candidate per row, one binary label, one annotator.
Markers may be of another type than the classes, as -1 or None among strings in a list, a frame or an array of objects;
they are compared before anything is converted. A string that is such a marker as numpy prints it is refused.

An estimator names its kind in ``_label_kind``: one of the names above, or an instance of its own `LabelKind`.
"""

from skweak.labels.base import UNLABELED, LabelKind, Labels
from skweak.labels.beliefs import disambiguation
from skweak.labels.crowd import CrowdLabels
from skweak.labels.multilabel import MultiLabels
from skweak.labels.noisy import NoisyLabels
from skweak.labels.open import OpenLabels
from skweak.labels.partial import PartialLabels
from skweak.labels.semi import SemiLabels

__all__ = [
    "KINDS", "UNLABELED", "LabelKind", "Labels", "disambiguation", "encode_labels", "find_kind", "score_labels",
]  # fmt: skip

_KINDS = {
    kind.name: kind
    for kind in (NoisyLabels(), SemiLabels(), OpenLabels(), PartialLabels(), MultiLabels(), CrowdLabels())
}
KINDS = tuple(_KINDS)


def find_kind(kind):
    """Return the `LabelKind` of a name; an instance is returned as it is."""
    if isinstance(kind, LabelKind):
        return kind
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}.")
    return _KINDS[kind]


def encode_labels(
    y, kind, *, n_rows=None, classes=None, unlabeled=None, unknown_label=None, missing=UNLABELED, owner="This"
):
    """Check ``y`` of the given ``kind`` and encode it.

    Parameters
    ----------
    y : array-like or sparse matrix
        In the format of ``kind``; see the module docstring.
    kind : LabelKind or {"noisy", "semi", "open", "partial", "multilabel", "crowd"}
    n_rows : int or None
        Rows of X; a ``y`` of another length raises.
    classes : sequence or None
        All classes (or column names); a label outside raises. By default those that occur in ``y``.
    unlabeled : scalar or None
        Marker of rows without a label (semi, open); None when every row has one, or (semi) where the label is None.
    unknown_label : scalar or None
        Marker of rows known to belong to none of the classes (open).
    missing : scalar
        Marker of an annotator's missing answer (crowd); nan, None and pandas' NA always mean that it is missing.
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
    markers = {"unlabeled": unlabeled, "unknown_label": unknown_label, "missing": missing}
    return find_kind(kind).encode(y, n_rows=n_rows, classes=classes, owner=owner, markers=markers)


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
    kind : LabelKind or str
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
    >>> import numpy as np
    >>> score_labels([[1, 1, 0], [0, 0, 1]], np.array([1, 0]), "partial", classes=np.arange(3))
    0.5
    """
    markers = {"unlabeled": unlabeled, "unknown_label": unknown_label, "missing": missing}
    return find_kind(kind).score(y, predicted, classes=classes, markers=markers, sample_weight=sample_weight)
