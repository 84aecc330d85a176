"""Answers of an oracle: classes, and among them the marker of rows that belong to no known class.

numpy turns the number -1 beside strings into the string "-1", which would then be learned as a class. Such answers are
kept as objects, and the marker is compared before anything is converted.
"""

from numbers import Real

import numpy as np
from sklearn.utils.validation import _num_samples

from skweak.active.rows import as_rows
from skweak.labels.markers import marked, read_labels

# What stands for the marker of an estimator that has none: None itself may be a marker.
NO_MARKER = object()


def is_marked(y, marker):
    """Return where an array of labels holds the marker, nowhere if it is `NO_MARKER`; see `skweak.labels.markers`."""
    return np.zeros(y.shape, dtype=bool) if marker is NO_MARKER else marked(y, marker)


def as_answers(y, marker, name="y", *, unlabeled=NO_MARKER):
    """Return answers as an array in which the marker, and that of unlabeled rows, is still what the user wrote.

    Raises
    ------
    TypeError
        If the classes are of several types.
    ValueError
        If the marker has become a string on the way.
    """
    y = read_labels(y)
    if y.ndim != 1 or y.dtype.kind not in "OUS":
        return y
    for parameter, value in (("unknown_label", marker), ("unlabeled", unlabeled)):
        if isinstance(value, Real) and is_marked(y, str(value)).any():
            raise ValueError(
                f"{name} holds the string {str(value)!r}, to which numpy turns {parameter}={value!r} beside strings; "
                f"give the answers as a list or as an array of dtype object, or set {parameter} to a string."
            )
    if y.dtype.kind != "O":
        return y
    strings = np.array([isinstance(value, str) for value in y], dtype=bool)
    marks = is_marked(y, marker) | is_marked(y, unlabeled)
    odd = np.flatnonzero(~strings & ~marks)
    if len(odd) and (strings & ~marks).any():
        remedy = (
            "the estimator has no unknown_label, so use one that has, or answer with a string"
            if marker is NO_MARKER
            else f"answer with a class or with the estimator's unknown_label={marker!r}"
        )
        raise TypeError(
            f"{name} holds {y[odd[0]]!r} ({type(y[odd[0]]).__name__}) among strings; classes are all numbers or all "
            f"strings: {remedy}."
        )
    return y


def check_batch(X, y, marker, unlabeled=NO_MARKER):
    """Return rows and answers, one for each; raise where they do not fit."""
    X, y = as_rows(X), as_answers(y, marker, unlabeled=unlabeled)
    if y.ndim == 0 or _num_samples(X) != len(y):
        raise ValueError(f"X has {_num_samples(X)} rows and y has shape {y.shape}; give one label per row.")
    if not len(y):
        raise ValueError("X and y have 0 rows; teach at least one.")
    return X, y


def join_labels(first, second, marker, unlabeled=NO_MARKER):
    """Return the labels so far followed by new ones, as objects where the marker is of another type than a class.

    Examples
    --------
    >>> join_labels(np.array(["circle"]), np.array([-1]), -1).tolist()
    ['circle', -1]
    """
    if first.ndim != 1 or second.ndim != 1:
        mixed = (first.dtype.kind in "US") != (second.dtype.kind in "US")
        return np.concatenate([part.astype(object) if mixed else part for part in (first, second)])
    if first.dtype.kind != second.dtype.kind:
        # Marked rows have no type of their own: only the classes must agree.
        marks = [is_marked(labels, marker) | is_marked(labels, unlabeled) for labels in (first, second)]
        types = [_holds_strings(labels[~marks]) for labels, marks in zip((first, second), marks, strict=True)]
        if None not in types and types[0] != types[1]:
            raise ValueError(f"y holds {second.dtype} labels, but the labels so far are {first.dtype}; use one type.")
        if marks[0].any() or marks[1].any():
            first, second = first.astype(object), second.astype(object)
    return np.concatenate([first, second])


def _holds_strings(classes):
    if not len(classes):
        return None
    return classes.dtype.kind in "US" or isinstance(classes[0], str)
