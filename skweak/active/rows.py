"""Rows of any container: arrays, memory maps, sparse matrices, frames, lists, tensors, and pools on other machines."""

import math

import numpy as np
import torch
from scipy import sparse

from skweak.active.pools import LazyRows, as_pool
from skweak.fit.inputs import tensor_to_array


def as_rows(X):
    """Return ``X`` in a form whose rows can be taken: lists and tensors become arrays, other sparse formats csr.

    Data sets of pyarrow and arrays of dask get a reader; see `skweak.active.pools`.
    """
    if sparse.issparse(X):
        return X.tocsr()
    if isinstance(X, LazyRows):
        return X
    pool = as_pool(X)
    if pool is not None:
        return pool
    if isinstance(X, torch.Tensor):
        X = tensor_to_array(X)
    rows = X if hasattr(X, "iloc") or isinstance(X, np.ndarray) else np.asarray(X)
    if not rows.ndim or getattr(getattr(rows, "dtype", None), "kind", "") == "V":
        raise TypeError(f"X must be an array, a sparse matrix, a DataFrame or a list of rows, got {type(X).__name__}.")
    return rows


def stack_rows(first, second):
    """Return the rows of ``first`` followed by those of ``second``, in the container of ``first``.

    Examples
    --------
    >>> stack_rows(np.zeros((2, 3)), np.ones((1, 3))).sum(axis=1)
    array([0., 0., 3.])
    """
    if sparse.issparse(first) or sparse.issparse(second):
        return sparse.vstack([first, second]).tocsr()
    if hasattr(first, "iloc"):
        # Only callers that hold a frame have pandas.
        import pandas as pd

        if not hasattr(second, "iloc"):
            second = pd.DataFrame(second, columns=first.columns) if first.ndim == 2 else pd.Series(second)
        return pd.concat([first, second], ignore_index=True)
    first, second = as_rows(first), as_rows(second)
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"X has new rows of shape {second.shape[1:]}, but the rows so far have {first.shape[1:]}; "
            "give them the same shape."
        )
    return np.concatenate([np.asarray(first), np.asarray(second)])


def chunks(X, n_rows, n_bytes):
    """Yield slices over ``n_rows`` rows that take about ``n_bytes`` of ``X`` each."""
    if sparse.issparse(X):
        width = 2 * X.data.nbytes // X.shape[0]
    else:
        width = math.prod(X.shape[1:]) * getattr(getattr(X, "dtype", None), "itemsize", 8)
    size = max(1, n_bytes // max(1, width))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
