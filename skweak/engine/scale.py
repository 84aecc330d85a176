"""Centre and width of the columns of a training set, which a few odd rows do not move."""

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from skweak.engine.sparse_rows import one_entry_each

# Columns of a sparse table that are dense at a time.
_MOST_COLUMNS = 64
# Rows that are looked at, evenly spaced: quartiles of more would hardly differ and take longer than an epoch.
_MOST_ROWS = 2_000


def column_quantiles(sample, levels, weight=None):
    """Return the quantiles of every column, each an entry of it, so that a row of weight two counts as two rows.

    Parameters
    ----------
    sample : tensor of shape (n, d)
    levels : sequence of float in [0, 1]
    weight : tensor of shape (n,) or None
        Positive weights of the rows.

    Returns
    -------
    tensor of shape (len(levels), d)
    """
    ordered, order = sample.sort(dim=0)
    # A last digit of the sum must not decide.
    levels = torch.tensor(levels, dtype=sample.dtype, device=sample.device) * (1 - 1e-9)
    if weight is None:
        places = (levels * len(sample)).ceil().long() - 1
        return ordered.index_select(0, places.clamp(0, len(sample) - 1))
    below = weight.to(sample.dtype)[order].cumsum(0)
    places = torch.searchsorted(below.T.contiguous(), (levels[:, None] * below[-1]).T.contiguous()).T
    return ordered.gather(0, places.clamp(max=len(sample) - 1))


def robust_scale(sample, weight=None):
    """Return the median of every column and the width of its middle half.

    A column that is mostly one value takes half of its range for a width, and one that is constant takes 1.

    Parameters
    ----------
    sample : tensor of shape (n, d)
    weight : tensor of shape (n,) or None

    Returns
    -------
    centre, width : tensor of shape (d,)
    """
    low, centre, high = column_quantiles(sample, (0.25, 0.5, 0.75), weight)
    width = high - low
    width = torch.where(width > 0, width, (sample.amax(0) - sample.amin(0)) / 2)
    return centre, torch.where(width > 0, width, 1.0)


def moments(sample):
    """Return mean and standard deviation of every feature of a sample.

    In a table (n, d) values far out count as ten widths of the middle half of their column from its median.
    """
    if sample.dim() == 2:
        centre, width = robust_scale(sample[:: max(1, len(sample) // _MOST_ROWS)])
        sample = sample.clamp(centre - 10 * width, centre + 10 * width)
    return sample.mean(0), sample.std(0, correction=0)


def sparse_moments(matrix):
    """Return what `moments` does of a csr matrix (n, d), which is never made dense as a whole.

    Only of columns that are filled by a quarter or more, some at a time, can a value be far out: the middle half of any
    other is zero.
    """
    matrix = one_entry_each(matrix.astype(np.float64))
    mean, variance = mean_variance_axis(matrix, axis=0)
    mean, deviation = torch.from_numpy(mean), torch.from_numpy(np.sqrt(variance))
    filled = np.flatnonzero(4 * np.bincount(matrix.indices, minlength=matrix.shape[1]) >= matrix.shape[0])
    for part in np.split(filled, range(_MOST_COLUMNS, len(filled), _MOST_COLUMNS)):
        mean[part], deviation[part] = moments(torch.from_numpy(matrix[:, part].toarray()))
    return mean, deviation


def measure_columns(data):
    """Return centre and width of the columns of a `TensorData`, of at most 2,000 evenly spaced rows.

    A sparse table is not centred, which would fill it: the width is the root of the mean square of the entries that
    are there.

    Parameters
    ----------
    data : TensorData
        Rows of shape (d,).

    Returns
    -------
    centre, width : float64 tensor of shape (d,)
    """
    if sparse.issparse(data.X):
        X = data.X.tocsr()
        square = np.bincount(X.indices, weights=X.data.astype(np.float64) ** 2, minlength=X.shape[1])
        count = np.bincount(X.indices, minlength=X.shape[1])
        width = torch.from_numpy(np.sqrt(square / np.maximum(count, 1))).to(data.device)
        return torch.zeros_like(width), torch.where(width > 0, width, 1.0)
    rows = torch.arange(0, len(data), max(1, len(data) // _MOST_ROWS), device=data.device)
    weight = None if data.weight is None else data.weight.index_select(0, rows)
    return robust_scale(data.rows(rows).double(), weight)
