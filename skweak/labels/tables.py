"""What tables and sets say besides their entries: names of columns, and labels by name."""

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer

from skweak.labels.checks import class_list


def column_names_of(y):
    """Return the names of the columns of a DataFrame that has several, else None; its numbering is no name.

    Raises
    ------
    TypeError, ValueError
        If names are of several types, or two columns have the same one.
    """
    columns = getattr(y, "columns", None)
    if columns is None or not hasattr(y, "iloc") or len(columns) < 2:
        return None
    names = list(columns)
    if names == list(range(len(names))):
        return None
    try:
        return class_list(names)
    except (TypeError, ValueError) as error:
        told = f"the columns of y are no list of names: {error} Rename them, or pass y.to_numpy()."
        raise type(error)(told) from error


def in_order(y, names, classes):
    """Return a DataFrame with its columns in the order of ``classes``, to which they must belong."""
    if classes is None or np.array_equal(names, classes):
        return y
    if len(names) != len(classes) or set(names.tolist()) != set(classes.tolist()):
        raise ValueError(
            f"y has the columns {names.tolist()!r}, but the classes are {classes.tolist()!r}; rename the columns, or "
            "pass y.to_numpy() if they stand in the order of the classes."
        )
    return y[classes.tolist()]


def holds_sets(y):
    """Return whether a ``y`` is a sequence of sets of labels.

    Examples
    --------
    >>> holds_sets([{"cat"}, {"dog", "cat"}]), holds_sets(["cat", "dog"])
    (True, False)
    """
    if not isinstance(y, (list, tuple)) and str(getattr(y, "dtype", None)) != "object":
        return False
    if getattr(y, "ndim", 1) != 1 or not len(y):
        return False
    return any(isinstance(value, (set, frozenset)) for value in y)


def sets_as_matrix(y, classes):
    """Return the 0/1 matrix of sets of labels, and the names of its columns, sorted or as in ``classes``.

    Examples
    --------
    >>> sets_as_matrix([{"cat"}, {"dog", "cat"}], None)[0].tolist()
    [[1, 0], [1, 1]]
    """
    odd = next((value for value in y if not isinstance(value, (set, frozenset, list, tuple))), None)
    if odd is not None or any(value is None for value in y):
        raise TypeError(f"y holds {odd!r} among sets of labels; give every row a set, an empty one where none applies.")
    found = set().union(*y)
    names = class_list(sorted(found, key=lambda value: (isinstance(value, str), value)) if classes is None else classes)
    outside = found - set(names.tolist())
    if outside:
        raise ValueError(f"y contains label {min(outside, key=str)!r}, which is not in classes={names.tolist()!r}.")
    return MultiLabelBinarizer(classes=names.tolist()).fit_transform(y), names
