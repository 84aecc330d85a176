"""Argument checks shared by the functions of arrays; ``as_*`` returns the array that the formula needs."""

import numbers

import numpy as np


def as_array(value, name, n_dims=1, *, min_columns=1, floating=False, keep_float32=False):
    """Return ``value`` as a finite float64 array with ``n_dims`` dimensions and at least one row."""
    array = np.asarray(value)
    kinds, wanted = ("f", "floating point numbers") if floating else ("fiub", "real numbers")
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} must hold {wanted}, got dtype {array.dtype}; convert it with astype(float).")
    _check_shape(array, name, n_dims, min_columns)
    if not (keep_float32 and array.dtype == np.float32):
        array = array.astype(np.float64, copy=False)
    n_bad = array.size - np.count_nonzero(np.isfinite(array))
    if n_bad:
        raise ValueError(f"{name} contains {n_bad} non-finite values (NaN or infinity); give finite numbers.")
    return array


def as_proba(value, name="proba"):
    """Return ``value`` as a matrix of probability rows, float32 if it was given so, else float64."""
    array = as_array(value, name, 2, min_columns=2, keep_float32=True)
    # Over a few columns a product with ones is several times faster than sum(axis=1).
    valid = np.abs(array @ np.ones(array.shape[1], dtype=array.dtype) - 1) <= 1e-3
    if not valid.all():
        row = int(np.argmin(valid))
        total = array[row].sum()
        raise ValueError(f"{name}: row {row} sums to {total:.6g}, accepted is 1 (± 1e-3); apply a softmax.")
    if array.min() < 0:
        raise ValueError(f"{name} contains {array.min()}, accepted are probabilities in [0, 1].")
    return array


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
