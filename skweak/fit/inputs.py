"""The checks of what accompanies ``y``: inputs and row-wise facts."""

import inspect
import warnings
from datetime import date, timedelta

import numpy as np
import torch
from sklearn.utils.validation import _check_sample_weight, validate_data

from skweak.engine.streaming import RowSource, open_source
from skweak.fit.messages import refuse_odd_images, text_in_columns

_TIMES = (np.datetime64, np.timedelta64, date, timedelta)


def check_inputs(estimator, X, *, dtype, reset):
    """Check ``X`` at ``fit`` (``reset=True``) or afterwards.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_`` when ``reset`` is true, and is compared with them otherwise.
    X : array-like, sparse matrix, DataFrame, memory map, data set of pyarrow or other source of slices
        (n, d), (n, H, W) or (n, C, H, W). Images of unsigned bytes stay bytes; everything else becomes ``dtype``.
    dtype : {"float32", "float64"}
    reset : bool

    Returns
    -------
    ndarray of shape (n, d) or (n, C, H, W), csr matrix, or a `RowSource` of what is too large to be held
    """
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            "X is a masked array, whose mask would be ignored; fill it first, for instance with SimpleImputer."
        )
    if isinstance(X, (np.matrix, dict, set, str, bytes)) or inspect.isgenerator(X):
        raise TypeError(f"X is a {type(X).__name__}; give an array, a sparse matrix, a DataFrame or a list of rows.")
    if isinstance(X, torch.Tensor):
        X = tensor_to_array(X)
    elif isinstance(X, (list, tuple)):
        X = np.asarray(X)
    X = open_source(X, dtype)
    if isinstance(X, RowSource):
        validate_data(estimator, X.named(X[0:1]), dtype=X.dtype, allow_nd=True, reset=reset)
        if reset and (X.block or 0) > X.most_together:
            warnings.warn(
                f"X has row groups of {X.block} rows, each decoded {-(-X.block // X.most_together)} times per "
                f"epoch; write the files with row_group_size={X.most_together} or less.", UserWarning, stacklevel=5,
            )  # fmt: skip
        return X
    _refuse_types(X)
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) > 4 or (len(shape) > 2 and 0 in shape[1:]):
        raise ValueError(f"X must be a table (n, d) or images (n, H, W) or (n, C, H, W), got shape {shape}.")
    if len(shape) == 3:
        # Before the check, which counts the second axis: an image of one channel is the same with and without it.
        X = np.asarray(X)[:, None]
        _say_image(X, reset)
    is_bytes = getattr(X, "dtype", None) == np.uint8 and len(shape) > 2
    # A value that is or becomes infinite is refused with a sentence, without numpy's warning before it.
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            checked = validate_data(
                estimator, X, dtype=np.uint8 if is_bytes else dtype, accept_sparse="csr", allow_nd=True, order="C",
                reset=reset,
            )  # fmt: skip
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise text_in_columns(X, error) from error
    if reset and checked.ndim == 4 and isinstance(getattr(estimator, "module", None), str):
        refuse_odd_images(checked)
    return checked


def _say_image(X, reset):
    """Warn at a fit where three axes look like a series of several channels rather than an image."""
    height, width = X.shape[2:]
    if reset and X.dtype != np.uint8 and (height != width or height < 8):
        warnings.warn(
            f"X of shape ({len(X)}, {height}, {width}) is read as images of {height} x {width} pixels with one "
            f"channel. If it is a time series of {width} channels, give a module that takes rows of shape "
            f"(1, {height}, {width}), or X.reshape(len(X), -1); X[:, None] says that these are images.",
            UserWarning, stacklevel=5,
        )  # fmt: skip


def tensor_to_array(tensor):
    """Return the values of a torch tensor of any layout, device and precision as an array."""
    tensor = (tensor if tensor.layout is torch.strided else tensor.to_dense()).detach().cpu()
    # numpy does not know every type of half precision.
    return (tensor.float() if tensor.is_floating_point() and tensor.itemsize < 4 else tensor).numpy()


def _refuse_types(X):
    """Raise on what would turn into floats without a word: dates, and complex numbers."""
    dtypes = getattr(X, "dtypes", [getattr(X, "dtype", None)])
    kinds = {getattr(dtype, "kind", None) for dtype in (dtypes if np.iterable(dtypes) else [dtypes])}
    if "O" in kinds and any(isinstance(value, _TIMES) for value in np.asarray(X).flat):
        kinds.add("M")
    if kinds & {"m", "M"}:
        raise TypeError("X holds dates or durations; turn them into numbers first.")
    if "c" in kinds:
        raise ValueError("Complex data not supported: X must hold real numbers, for instance its real part.")


def warn_of_outliers(X):
    """Warn when a column of a table holds a value so far out that the others look alike beside it."""
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        return
    # Sorted, since percentiles take ten times as long; the quartiles need not be exact.
    sample = np.sort(X[:: max(1, len(X) // 1000)], axis=0)
    low, middle, high = (sample[len(sample) * quarter // 4].astype(np.float64) for quarter in (1, 2, 3))
    distance = np.maximum(X.max(axis=0) - middle, middle - X.min(axis=0))
    width = high - low
    # A column that is mostly one value has no width of its own, and one that is nearly so, such as a pixel at the edge
    # of images, is measured by the usual width of the columns as well.
    usual = np.median(width[width > 0]) if (width > 0).any() else np.inf
    far = (distance > 1e3 * width) & (distance > 10 * usual) & (width > 0)
    if far.any():
        column = int(far.argmax())
        warnings.warn(
            f"X has a value {distance[column] / width[column]:,.0f} times as far from the median of "
            f"column {column} as its middle half is wide, which can spoil training. Use RobustScaler and clip, for "
            "instance at 10; StandardScaler would squash the other rows.", UserWarning, stacklevel=5,
        )  # fmt: skip


def check_weight(weight, X):
    """Return the weights of the rows (n,), none negative and one at least positive, or None."""
    if weight is None:
        return None
    if isinstance(weight, np.ma.MaskedArray):
        raise TypeError("sample_weight is a masked array, whose mask would be ignored; fill it first.")
    try:
        with np.errstate(invalid="ignore"):
            return _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
    except (TypeError, ValueError) as error:
        raise type(error)(f"sample_weight must be ({X.shape[0]},) numbers, one per row of X: {error}") from error


def check_trusted(trusted, n_rows, name="trusted"):
    """Return the boolean mask of verified rows, or None."""
    if trusted is None:
        return None
    if isinstance(trusted, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; fill it first.")
    # A copy in order, which torch accepts whatever the strides and flags of the given mask are.
    mask = np.array(np.asarray(trusted), order="C")
    if mask.dtype != bool or mask.shape != (n_rows,):
        raise ValueError(
            f"{name} must be a boolean mask of shape ({n_rows},), one entry per row of X, got {mask.dtype} of shape "
            f"{mask.shape}."
        )
    return mask


def check_pairs(pairs, n_rows):
    """Return comparisons (P, 3) as an array (n, K, 2) of the labels compared in each row, -1 where there are fewer."""
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 3 or pairs.dtype.kind not in "iu":
        raise ValueError(f"pairs must be integers (P, 3), row and two labels each, got {pairs.dtype} {pairs.shape}.")
    if len(pairs) and (pairs.min() < 0 or pairs[:, 0].max() >= n_rows):
        raise ValueError(f"pairs must name rows 0 to {n_rows - 1} and labels from 0 on.")
    order = np.argsort(pairs[:, 0], kind="stable")
    row, counts = pairs[order, 0], np.bincount(pairs[:, 0], minlength=n_rows)
    table = np.full((n_rows, max(1, counts.max(initial=0)), 2), -1, dtype=np.int64)
    table[row, np.arange(len(row)) - (np.cumsum(counts) - counts)[row]] = pairs[order, 1:]
    return table
