"""Pools that are no arrays: Arrow and Parquet data sets, and dask arrays, both read part by part.

Neither package is imported here before an object of it has come: whoever has one has the package.
"""

import math

import numpy as np

from skweak.engine.arrow import ArrowRows, LazyRows


def as_pool(X):
    """Return a reader of rows around a data set or table of pyarrow or an array of dask, None for anything else."""
    package = type(X).__module__.split(".")[0]
    if package == "pyarrow":
        return ArrowRows(X, name="X_pool")
    if package == "dask" and hasattr(X, "map_blocks") and hasattr(X, "chunks"):
        return DaskRows(X)
    return None


class DaskRows(LazyRows):
    """Rows of a dask array; what is asked of all rows is computed where its blocks are.

    Parameters
    ----------
    array : dask.array.Array of shape (n, ...)

    Raises
    ------
    ValueError
        If the lengths of its blocks are not known.
    """

    def __init__(self, array):
        if not array.ndim or any(map(math.isnan, array.shape)):
            raise ValueError("X_pool has blocks of unknown length; call X_pool.compute_chunk_sizes() first.")
        # Whole rows in every block.
        self.array = array.rechunk(dict.fromkeys(range(1, array.ndim), -1))
        self.shape, self.dtype = array.shape, array.dtype

    def _slice(self, start, stop):
        return _compute(self.array[start:stop])

    def _take(self, index):
        # Sorted, so that every block is read once.
        index, back = np.unique(index, return_inverse=True)
        return _compute(self.array[index])[back]

    def map_parts(self, function, candidates=None):
        """Return ``function(rows)`` of every block, of some rows only where positions are given, in row order."""
        array = self.array if candidates is None else self.array[candidates]
        sizes = ((1,) * len(array.chunks[0]),)
        found = array.map_blocks(
            _boxed, function, dtype=object, chunks=sizes, drop_axis=list(range(1, array.ndim)),
            meta=np.empty(0, dtype=object),
        )  # fmt: skip
        return [part for part in _compute(found) if part is not None]


def _boxed(rows, function):
    """Return what a function makes of a block as an array of one object, None for a block without rows."""
    box = np.empty(1, dtype=object)
    if len(rows):
        box[0] = function(np.asarray(rows))
    return box


def _compute(array):
    """Return a dask array computed by the cluster that is there; else block by block, which takes the least memory."""
    import dask

    return array.compute(**({} if dask.base.get_scheduler() else {"scheduler": "synchronous"}))
