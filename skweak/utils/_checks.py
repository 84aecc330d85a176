"""Argument checks shared by the functions of arrays; ``as_*`` returns the array that the formula needs."""

import numbers

import numpy as np

# Rows that stay in the cache between two looks at them.
_BLOCK_ROWS = 4096


def as_array(value, name, n_dims=1, *, min_columns=1, floating=False, keep_float32=False):
    """Return ``value`` as a finite float64 array with ``n_dims`` dimensions and at least one row."""
    array = _convert(value, name, n_dims, min_columns, floating, keep_float32)
    _check_finite(array, name)
    return array


def as_proba(value, name="proba"):
    """Return ``value`` as a matrix of probability rows, float32 if it was given so, else float64."""
    array = _convert(value, name, 2, 2, False, True)
    # Over a few columns a product with ones is several times faster than sum(axis=1).
    ones = np.ones(array.shape[1], dtype=array.dtype)
    for start in range(0, len(array), _BLOCK_ROWS):
        block = array[start : start + _BLOCK_ROWS]
        with np.errstate(invalid="ignore", over="ignore"):
            valid = np.abs(block @ ones - 1) <= 1e-3
        if valid.all() and block.min() >= 0:
            continue
        # A sum of 1 is finite, so only a row that fails can hold something else.
        _check_finite(array, name)
        if not valid.all():
            row = int(np.argmin(valid))
            total = block[row].sum()
            raise ValueError(
                f"{name}: row {start + row} sums to {total:.6g}, accepted is 1 (± 1e-3); apply a softmax."
            )
        raise ValueError(f"{name} contains {block.min()}, accepted are probabilities in [0, 1].")
    return array


def _convert(value, name, n_dims, min_columns, floating, keep_float32):
    array = np.asarray(value)
    kinds, wanted = ("f", "floating point numbers") if floating else ("fiub", "real numbers")
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} must hold {wanted}, got dtype {array.dtype}; convert it with astype(float).")
    _check_shape(array, name, n_dims, min_columns)
    return array if keep_float32 and array.dtype == np.float32 else array.astype(np.float64, copy=False)


def _check_finite(array, name):
    n_bad = array.size - np.count_nonzero(np.isfinite(array))
    if n_bad:
        raise ValueError(f"{name} contains {n_bad} non-finite values (NaN or infinity); give finite numbers.")


def as_unit_interval(value, name):
    """Return ``value`` as a float64 array of numbers in [0, 1]."""
    array = as_array(value, name)
    # Sums of probabilities in float32 exceed 1 by their rounding error.
    outside = (array < 0) | (array > 1 + 1e-6)
    if outside.any():
        raise ValueError(f"{name} contains {array[outside][0]}, accepted are numbers in [0, 1].")
    return array


def as_classes(value, name, low, high=None, n_dims=1):
    """Return ``value`` as an int64 array with entries in ``low..high``."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}; encode the labels first.")
    _check_shape(array, name, n_dims, 1)
    wrong = array < low
    if high is not None:
        wrong |= array > high
    if wrong.any():
        accepted = f"integers >= {low}" if high is None else f"integers in {low}..{high}"
        raise ValueError(f"{name} contains {array[wrong][0]}, accepted are {accepted}.")
    return array.astype(np.int64, copy=False)


def check_count(value, name, low=0):
    """Raise unless ``value`` is an integer of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer of at least {low}, got {value!r}.")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}.")


def check_row_count(array, name, n_rows):
    """Raise unless ``array`` has ``n_rows`` rows."""
    if array.shape[0] != n_rows:
        raise ValueError(f"{name} has {array.shape[0]} rows, expected are {n_rows}; give one entry per row.")


def _check_shape(array, name, n_dims, min_columns):
    if array.ndim != n_dims:
        raise ValueError(f"{name} must have {n_dims} dimensions, got shape {array.shape}.")
    if array.shape[0] == 0:
        raise ValueError(f"{name} is empty, of shape {array.shape}; give at least one row.")
    if n_dims > 1 and array.shape[1] < min_columns:
        raise ValueError(f"{name} must have at least {min_columns} columns, got shape {array.shape}.")
