"""Answers of an oracle: classes, and among them the marker of rows that belong to no known class.

numpy turns the number -1 beside strings into the string "-1", which would then be learned as a class. Such answers are
kept as objects, and the marker is compared before anything is converted.
"""

from itertools import count
from numbers import Real

import numpy as np
from sklearn.utils.validation import _num_samples

from skweak.active.rows import as_rows

# What stands for the marker of an estimator that has none: None itself may be a marker.
NO_MARKER = object()


def read_labels(y):
    """Return labels as an array; where they are of several types, as objects that are what they were.

    Examples
    --------
    >>> read_labels(["circle", -1]).tolist(), read_labels([1, 2]).dtype.kind
    (['circle', -1], 'i')
    """
    array = np.asarray(y)
    if isinstance(y, (list, tuple)) and array.ndim == 1 and array.dtype.kind in "USf":
        # A whole number beside nan becomes a float, which is another class when it is printed.
        objects = np.empty(len(y), dtype=object)
        objects[:] = y
        mixed = array.dtype.kind != "f" or (np.isnan(array).any() and any(float(v).is_integer() for v in y))
        if mixed and not all(isinstance(value, str) for value in objects):
            return objects
    return array


def is_marked(y, marker):
    """Return where an array of labels holds the marker; a string never equals a number, and nan equals None as well.

    Examples
    --------
    >>> is_marked(read_labels(["circle", -1, "-1"]), -1).tolist()
    [False, True, False]
    """
    if marker is NO_MARKER:
        return np.zeros(y.shape, dtype=bool)
    if y.dtype.kind == "O":
        return np.array([_equal(value, marker) for value in y.ravel()], dtype=bool).reshape(y.shape)
    if marker is None or isinstance(marker, str) != (y.dtype.kind in "US"):
        return np.zeros(y.shape, dtype=bool)
    if marker != marker:
        return y != y
    return np.asarray(y == marker, dtype=bool)


def _equal(value, marker):
    if value is None or marker is None:
        return value is None and (marker is None or marker != marker)
    if isinstance(value, str) or isinstance(marker, str):
        return isinstance(value, str) and isinstance(marker, str) and value == marker
    if marker != marker:
        # pandas' NA refuses to be compared.
        return str(value) in ("nan", "<NA>")
    return str(value) != "<NA>" and bool(value == marker)


def as_answers(y, marker, name="y"):
    """Return answers as an array in which the marker is still what the user wrote.

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
    if isinstance(marker, Real) and is_marked(y, str(marker)).any():
        raise ValueError(
            f"{name} holds the string {str(marker)!r}, to which numpy turns unknown_label={marker!r} beside strings; "
            "give the answers as a list or as an array of dtype object, or set unknown_label to a string."
        )
    if y.dtype.kind != "O":
        return y
    strings = np.array([isinstance(value, str) for value in y], dtype=bool)
    marks = is_marked(y, marker)
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


def check_batch(X, y, marker):
    """Return rows and answers, one for each; raise where they do not fit."""
    X, y = as_rows(X), as_answers(y, marker)
    if y.ndim == 0 or _num_samples(X) != len(y):
        raise ValueError(f"X has {_num_samples(X)} rows and y has shape {y.shape}; give one label per row.")
    if not len(y):
        raise ValueError("X and y have 0 rows; teach at least one.")
    return X, y


def join_labels(first, second, marker):
    """Return the labels so far followed by new ones, as objects where the marker is of another type than a class.

    Examples
    --------
    >>> join_labels(np.array(["circle"]), np.array([-1]), -1).tolist()
    ['circle', -1]
    """
    if first.ndim != 1 or second.ndim != 1:
        return np.concatenate([first, second])
    if first.dtype.kind != second.dtype.kind:
        # Marked rows have no type of their own: only the classes must agree.
        types = [_holds_strings(labels[~is_marked(labels, marker)]) for labels in (first, second)]
        if None not in types and types[0] != types[1]:
            raise ValueError(f"y holds {second.dtype} labels, but the labels so far are {first.dtype}; use one type.")
        if is_marked(first, marker).any() or is_marked(second, marker).any():
            first, second = first.astype(object), second.astype(object)
    return np.concatenate([first, second])


def _holds_strings(classes):
    if not len(classes):
        return None
    return classes.dtype.kind in "US" or isinstance(classes[0], str)


def of_one_type(y, unlabeled, unknown_label, taken=()):
    """Return labels whose markers have the type of the classes, and both markers as they now read.

    Labels that need no change are returned as they came, so that whoever checks them sees what the user gave.

    Parameters
    ----------
    y : array-like
    unlabeled, unknown_label : scalar or None
        As ``unlabeled`` None means that there is no such row; as ``unknown_label`` it is a marker.
    taken : sequence
        Classes that may have no row; no marker becomes one of them.

    Examples
    --------
    >>> y, _, unknown = of_one_type(["circle", -1], None, -1)
    >>> y.tolist(), unknown
    (['circle', '?'], '?')
    """
    unchanged = y, unlabeled, unknown_label
    if y is None or isinstance(y, np.ma.MaskedArray) or hasattr(y, "tocsr"):
        return unchanged
    try:
        labels = read_labels(y)
    except ValueError:
        return unchanged
    if labels.ndim != 1 or labels.dtype.kind not in "fO":
        return unchanged
    skip = is_marked(labels, NO_MARKER if unlabeled is None else unlabeled)
    unknown = is_marked(labels, unknown_label)
    if not (skip | unknown).any() or (skip & unknown).any():
        return unchanged
    classes = labels[~(skip | unknown)].tolist()
    used = {*classes, *np.asarray(taken).tolist()}
    strings = any(isinstance(value, str) for value in used)
    fresh = (value for value in (("?" * n for n in count(1)) if strings else count(-1, -1)) if value not in used)
    new_unknown, new_unlabeled = next(fresh), next(fresh)
    result = labels.astype(object)
    result[unknown], result[skip] = new_unknown, new_unlabeled
    if all(isinstance(value, str) == strings for value in classes):
        result = np.asarray(result.tolist())
    return result, None if unlabeled is None else new_unlabeled, new_unknown
