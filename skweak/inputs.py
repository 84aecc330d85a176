"""The checks of what accompanies ``y``: inputs and row-wise facts."""

import numpy as np
from sklearn.utils.validation import validate_data


def check_inputs(estimator, X, *, dtype, reset):
    """Check ``X`` at ``fit`` (``reset=True``) or afterwards.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_`` when ``reset`` is true, and is compared with them otherwise.
    X : array-like, sparse matrix or DataFrame
        (n, d), (n, H, W) or (n, C, H, W). Images of unsigned bytes stay bytes; everything else becomes ``dtype``.
    dtype : {"float32", "float64"}
    reset : bool

    Returns
    -------
    ndarray of shape (n, d) or (n, C, H, W), or csr matrix
    """
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            "X is a masked array, whose mask would be ignored; fill it first, for instance with SimpleImputer."
        )
    kinds = (
        [getattr(t, "kind", "") for t in getattr(X, "dtypes", [getattr(X, "dtype", None)])] if _has_dtypes(X) else []
    )
    if any(kind in "mM" for kind in kinds if kind):
        raise TypeError("X holds dates or durations; turn them into numbers first.")
    is_bytes = getattr(X, "dtype", None) == np.uint8 and getattr(X, "ndim", 2) > 2
    X = validate_data(
        estimator, X, dtype=np.uint8 if is_bytes else dtype, accept_sparse="csr", allow_nd=True, order="C", reset=reset
    )
    if X.ndim > 4:
        raise ValueError(f"X must be a table (n, d) or images (n, H, W) or (n, C, H, W), got shape {X.shape}.")
    return X[:, None] if X.ndim == 3 else X


def _has_dtypes(X):
    dtypes = getattr(X, "dtypes", None)
    return hasattr(X, "dtype") or (dtypes is not None and hasattr(dtypes, "__iter__"))


def check_trusted(trusted, n_rows):
    """Return the boolean mask of verified rows, or None."""
    if trusted is None:
        return None
    mask = np.asarray(trusted)
    if mask.dtype != bool or mask.shape != (n_rows,):
        raise ValueError(
            f"trusted must be a boolean mask of shape ({n_rows},), one entry per row of X, got {mask.dtype} of shape "
            f"{mask.shape}."
        )
    return mask


def split_rows(n_rows, weight, fraction, random):
    """Return the positions of the rows to train on and of those held out (None without a split).

    Parameters
    ----------
    n_rows : int
    weight : ndarray of shape (n,) or None
        Rows of weight zero take no part.
    fraction : float in [0, 1)
        Share of the rows to hold out.
    random : numpy.random.RandomState
    """
    rows = np.arange(n_rows) if weight is None else np.flatnonzero(weight > 0)
    if not len(rows):
        raise ValueError("sample_weight is zero for every row; give at least one row a positive weight.")
    if not fraction:
        return rows, None
    order = random.permutation(rows)
    n_held_out = max(1, round(fraction * len(order)))
    if n_held_out >= len(order):
        raise ValueError(f"validation_fraction={fraction} leaves no row of {len(order)} to train on.")
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
