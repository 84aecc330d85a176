"""Argument checks and the label encoding shared by the generators."""

import numbers

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target

_MANY_CLASSES = 1000


def check_generator(random_state):
    """Return a ``RandomState`` that is never numpy's global one."""
    if isinstance(random_state, bool):
        raise TypeError(f"random_state must be None, an integer or a RandomState, got {random_state!r}.")
    if random_state is None or random_state is np.random:
        # check_random_state hands out the global generator here, and drawing from it disturbs the caller.
        return np.random.RandomState()
    if isinstance(random_state, np.random.Generator):
        return np.random.RandomState(random_state.integers(2**32, size=4, dtype=np.uint32))
    try:
        return check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            f"random_state must be None, an integer in 0..2**32 - 1 or a RandomState, got {random_state!r}."
        ) from error


def check_rate(value, name="rate", *, low=0.0, high=1.0, open_high=False):
    """Return ``value`` as a float after checking that it lies between ``low`` and ``high``."""
    accepted = f"[{low:g}, {high:g}{')' if open_high else ']'}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number in {accepted}, got {value!r}.")
    if not low <= value <= high or (open_high and value == high):
        raise ValueError(f"{name} must be in {accepted}, got {value!r}.")
    return float(value)


def check_count(value, name, *, low=1, high=None):
    """Return ``value`` as an int after checking that it lies between ``low`` and ``high``."""
    accepted = f"at least {low}" if high is None else f"in {low}..{high}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer {accepted}, got {value!r}.")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {accepted}, got {value!r}.")
    return int(value)


def check_option(value, name, options):
    """Raise unless ``value`` is one of ``options``."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}.")


def check_probabilities(value, name, shape):
    """Return a float array of the given shape whose entries lie in [0, 1]."""
    array = np.asarray(value, dtype=float)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}.")
    outside = ~((array >= 0) & (array <= 1))
    if outside.any():
        raise ValueError(f"{name} must hold probabilities in [0, 1], got {array[outside][0]}.")
    return array


def check_scores(value, name, shape):
    """Return a float array of the given shape with finite entries that are not negative."""
    array = np.asarray(value, dtype=float)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}.")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        raise ValueError(f"{name} must be finite and not negative, got {array[wrong][0]}.")
    return array


def check_rows(X, n_rows, name="X"):
    """Return ``X`` as a numeric array with ``n_rows`` rows."""
    array = np.asarray(X)
    if np.ma.isMaskedArray(X) or array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must be a dense numeric array, got dtype {array.dtype} from {type(X).__name__}."
        )
    if array.ndim < 2 or array.shape[0] != n_rows:
        raise ValueError(f"{name} must have shape ({n_rows}, ...), one row per label, got {array.shape}.")
    return array


def check_labels(y, name="y"):
    """Return ``y`` as a non-empty 1-D array of class labels."""
    if np.ma.isMaskedArray(y):
        raise TypeError(f"{name} must be an ordinary array, got a masked array; drop the masked rows first.")
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"{name} must have shape (n,) with n >= 1, got shape {labels.shape}.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name} must hold class labels, got NaN or infinite values.")
    try:
        kind = type_of_target(labels, input_name=name)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold class labels of one type without missing values: {error}"
        ) from error
    if kind not in ("binary", "multiclass"):
        raise ValueError(f"{name} must hold class labels, got {kind} values of dtype {labels.dtype}.")
    return labels


def encode_labels(y, *, n_classes=None, classes=None):
    """Return the positions of ``y`` in its class list, and the class list in the dtype of ``y``.

    The list is the sorted set of the labels that occur, or ``0..n_classes - 1``, or ``classes`` in the given
    order.
    """
    labels = check_labels(y)
    present, codes = np.unique(labels, return_inverse=True)
    if n_classes is not None:
        check_count(n_classes, "n_classes", low=2)
        if labels.dtype.kind not in "iu":
            raise ValueError(
                f"y must hold integers in 0..{n_classes - 1} where the number of classes is fixed to "
                f"{n_classes}, got dtype {labels.dtype}; encode the labels first."
            )
        if present[0] < 0 or present[-1] >= n_classes:
            wrong = present[0] if present[0] < 0 else present[-1]
            raise ValueError(f"y contains {wrong}, accepted are the classes 0..{n_classes - 1}.")
        if np.iinfo(labels.dtype).max < n_classes - 1:
            raise ValueError(f"n_classes={n_classes} does not fit y of dtype {labels.dtype}; widen y first.")
        return labels.astype(np.int64), np.arange(n_classes, dtype=labels.dtype)
    if classes is not None:
        names = np.asarray(classes)
        if names.ndim != 1 or len(set(names.tolist())) != names.size:
            raise ValueError(f"classes must be a 1-D list of different labels, got {classes!r}.")
        position = {name: index for index, name in enumerate(names.tolist())}
        missing = [label for label in present.tolist() if label not in position]
        if missing:
            raise ValueError(f"y contains {missing[0]!r}, which is not among classes={names.tolist()!r}.")
        codes, present = np.array([position[label] for label in present.tolist()])[codes], names
    elif present.size > _MANY_CLASSES and present.size > labels.size / 2:
        raise ValueError(
            f"y has {present.size} different labels in {labels.size} rows, which look like names of rows "
            "rather than classes; group them first."
        )
    if present.size < 2:
        raise ValueError(f"y must have at least 2 classes, got only {present.tolist()}.")
    return codes, present


def replace_by_marker(y, rows, marker, name):
    """Return a copy of ``y`` with ``marker`` in the given rows, in a wider dtype where needed."""
    numeric = y.dtype.kind in "biuf"
    if numeric != isinstance(marker, numbers.Real) or (y.dtype.kind in "US" and not isinstance(marker, str)):
        kind = "a number" if numeric else "a string"
        raise TypeError(f"{name} must be {kind} to stand among labels of dtype {y.dtype}, got {marker!r}.")
    if np.any(y == marker):
        raise ValueError(f"{name}={marker!r} is one of the labels in y; choose a value that is not a class.")
    dtype = np.result_type(y.dtype, np.asarray(marker).dtype if not numeric else np.min_scalar_type(marker))
    marked = y.astype(np.int64 if y.dtype == np.uint64 else dtype)
    marked[rows] = marker
    return marked
