"""Markers among labels: they are compared before anything is converted, so that none of them becomes a class.

numpy turns the number -1, or nan, beside strings into the string "-1", or "nan", and a whole number beside nan into a
float. Such labels are kept as objects until the markers are found; what remains is of one type.
"""

from numbers import Real

import numpy as np

# How nan and pandas' NA print.
_NAN = ("nan", "<NA>")


def read_labels(y):
    """Return labels as an array; where they are of several types, as objects that are what they were.

    Examples
    --------
    >>> read_labels(["circle", -1]).tolist(), read_labels([1, 2]).dtype.kind
    (['circle', -1], 'i')
    """
    array = np.asarray(y)
    if isinstance(y, (list, tuple)) and array.ndim in (1, 2) and array.dtype.kind in "Uf":
        # A whole number beside nan becomes a float, which is another class when it is printed.
        if array.dtype.kind == "f" and not np.isnan(array).any():
            return array
        objects = np.empty(array.shape, dtype=object)
        objects[...] = y
        if array.dtype.kind == "f":
            mixed = any(float(value).is_integer() for value in objects.ravel())
        else:
            mixed = not all(isinstance(value, str) for value in objects.ravel())
        return objects if mixed else array
    return array


def marked(y, marker):
    """Return where an array of labels holds the marker; a string never equals a number, and nan equals None as well.

    Examples
    --------
    >>> marked(read_labels(["circle", -1, "-1"]), -1).tolist()
    [False, True, False]
    """
    if y.dtype.kind == "O":
        return np.array([_equal(value, marker) for value in y.ravel()], dtype=bool).reshape(y.shape)
    if marker is None or isinstance(marker, str) != (y.dtype.kind in "US"):
        return np.zeros(y.shape, dtype=bool)
    return np.asarray(y != y if marker != marker else y == marker, dtype=bool)


def _equal(value, marker):
    if value is None or marker is None:
        return value is None and (marker is None or marker != marker)
    if isinstance(value, str) or isinstance(marker, str):
        return isinstance(value, str) and isinstance(marker, str) and value == marker
    if marker != marker:
        # pandas' NA refuses to be compared.
        return str(value) in _NAN
    return str(value) != "<NA>" and bool(value == marker)


def class_values(y, named):
    """Return the labels of an array at ``named``, a mask without any marked entry, in one type.

    Examples
    --------
    >>> class_values(np.array([2.0, np.nan]), np.array([True, False]))
    array([2])
    """
    if named.all():
        strings = y.dtype.kind != "O" or all(isinstance(value, str) for value in y.ravel())
        return y if strings else np.array(y.tolist())
    values = y[named]
    if values.dtype.kind == "O":
        return np.array(values.tolist())
    if y.dtype.kind == "f" and np.isnan(y).any():
        # Whole numbers that nan made floats are printed as what they were.
        whole = (np.abs(values) < 2**53) & (values == np.trunc(values))
        return values.astype(np.int64) if whole.all() else values
    return values


def agreement(y, predicted, judged):
    """Return where predictions equal the labels, compared at ``judged`` alone; False elsewhere."""
    hit = np.zeros(y.shape, dtype=bool)
    hit[judged] = y[judged] == predicted[judged]
    return hit


def refuse_printed(y, markers, classes, name="y"):
    """Raise where a string is a marker as numpy prints it: a number beside strings has become one of them.

    Parameters
    ----------
    y : ndarray
    markers : dict of str to scalar
        Markers by the names of their parameters.
    classes : ndarray or None
        Strings that are classes all the same.
    name : str
        What ``y`` is called.
    """
    if y.dtype.kind not in "OU":
        return
    known = () if classes is None else classes.tolist()
    for parameter, marker in markers.items():
        text = str(marker)
        if isinstance(marker, Real) and text not in known and marked(y, text).any():
            raise ValueError(
                f"{name} holds the string {text!r}, to which numpy turns {parameter}={marker!r} beside strings; give "
                f"the labels as a list or as an array of dtype object, set {parameter} to a string, or name the class "
                "in classes= if it is one."
            )
