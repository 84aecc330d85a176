"""Training data as tensors on one device, and the batches cut from them.

Batches are whole slices taken by one ``index_select``; there is no row-by-row loader. ``Batch.index`` is the position
of each row in the training set, so per-row memories, weights and corrected labels need nothing else.
"""

import copy
import itertools
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from skorch.dataset import Dataset

from skweak.engine.readers import TensorReader, make_reader
from skweak.engine.scale import moments, sparse_moments
from skweak.engine.streaming import BlockReader, RowSource

# Inputs of small batches are gathered for several of them at once, as many as stay in the cache.
_GATHER_BYTES = 2**19


class Batch(NamedTuple):
    """Rows of the training set: inputs, encoded targets and their positions."""

    X: torch.Tensor
    y: torch.Tensor
    index: torch.Tensor


class TensorData(Dataset):
    """Inputs, targets and optional row weights of one training set; a skorch data set, so that its callbacks read it.

    Parameters
    ----------
    X : ndarray, sparse matrix or RowSource of shape (n, ...)
    y : ndarray of shape (n,) or (n, K)
        Encoded targets.
    weight : ndarray of shape (n,) or None
        Row weights.
    trusted : ndarray of bool of shape (n,) or None
        Rows whose label was verified.
    side : dict of str to ndarray of shape (n, ...) or Adjacency, or None
        What else is known of each row, by name.
    dtype : torch.dtype
    device : str or torch.device
    sparse_batches : bool
        Hand out the batches of a sparse matrix as `skweak.engine.sparse_rows.SparseRows`.
    """

    def __init__(
        self, X, y, *, weight=None, trusted=None, side=None, dtype=torch.float32, device="cpu", sparse_batches=False
    ):
        self.dtype, self.device = dtype, torch.device(device)
        self.row_shape = tuple(X.shape[1:])
        self.target = torch.from_numpy(np.ascontiguousarray(y)).to(self.device)
        self.weight = None if weight is None else torch.tensor(weight, dtype=dtype, device=self.device)
        self.trusted = None if trusted is None else torch.from_numpy(trusted).to(self.device)
        # Pairs of rows stay where they are, as their readers want few of them at once.
        self.side = {
            name: torch.from_numpy(value).to(self.device) if isinstance(value, np.ndarray) else value
            for name, value in (side or {}).items()
        }
        self._source, self._read, self._positions = X, make_reader(X, dtype, self.device), None
        self.sparse_batches = sparse_batches and sparse.issparse(X)
        self._scale_bytes = X.dtype == np.uint8
        # Which part of every shuffled batch this process takes, and of how many; see `skweak.engine.parallel`.
        self.share = (0, 1)

    def subset(self, rows):
        """Return the data of the positions ``rows`` (ascending), which shares the inputs."""
        part, index = copy.copy(self), torch.from_numpy(rows).to(self.device)
        part._positions = self._place(index)
        part.target, part.weight, part.trusted = (
            None if fact is None else fact.index_select(0, index) for fact in (self.target, self.weight, self.trusted)
        )
        part.side = {name: value.index_select(0, index) for name, value in self.side.items()}
        return part

    def hold(self, rows):
        """Return the data of the positions ``rows``, for few rows that are visited often: inputs that are read in
        blocks elsewhere are read once and held.
        """
        part = self.subset(rows.cpu().numpy())
        if isinstance(self._read, BlockReader):
            part._read, part._positions = TensorReader(self._read(part._positions)), None
        return part

    def __len__(self):
        return self.target.shape[0]

    @property
    def y(self):
        """Encoded targets as an array, the form in which scoring callbacks read a data set."""
        return self.target.cpu().numpy()

    @property
    def X(self):
        """Inputs as they were given, of a subset a copy."""
        if self._positions is None:
            return self._source
        if isinstance(self._source, RowSource):
            return self.slice(0, len(self)).cpu().numpy()
        return self._source[self._positions.cpu().numpy()]

    def moments(self):
        """Return mean and standard deviation of every feature over at most 10,000 evenly spaced rows.

        In a table values far out count as ten widths of the middle half of their column from its median.
        """
        rows = torch.arange(0, len(self), max(1, len(self) // 10_000), device=self.device)
        if sparse.issparse(self._source):
            both = sparse_moments(self._source.tocsr()[self._place(rows).cpu().numpy()])
        else:
            both = moments(self.rows(rows).double())
        return tuple(values.to(self.device, self.dtype) for values in both)

    def describe_scale(self):
        """Say where the largest input stands, for messages about divergence."""
        X = self._source
        if sparse.issparse(X):
            values = abs(X).max(axis=0).toarray().ravel()
        else:
            parts = (X[i : i + 4096] for i in range(0, len(X), 4096))
            values = np.max([np.abs(part).max(axis=0) for part in parts], axis=0)
        return f"largest |X| is {float(np.max(values)):.3g}" + (f" in column {np.argmax(values)}" * (values.ndim == 1))

    def _place(self, index):
        return index if self._positions is None else self._positions.index_select(0, index)

    def shuffled(self, rows, generator):
        """Return the positions ``rows``, all by default, in a random order that suits where the inputs lie."""
        order = torch.randperm(len(self) if rows is None else len(rows), generator=generator).to(self.device)
        order = order if rows is None else rows.index_select(0, order)
        if isinstance(self._read, BlockReader):
            return self._read.regroup(order, self._place(order), generator)
        return order

    def rows(self, index):
        """Return the inputs of the rows ``index`` as floats."""
        return self._as_floats(self._read(self._place(index)))

    def slice(self, start, stop):
        """Return the inputs of neighbouring rows as floats, which may share memory."""
        if self._positions is not None:
            return self.rows(torch.arange(start, stop, device=self.device))
        return self._as_floats(self._read.slice(start, stop))

    def batch_rows(self, index):
        """Return the inputs of the rows ``index`` as networks get them: of a sparse table perhaps `SparseRows`."""
        return self._read.batch(self._place(index)) if self.sparse_batches else self.rows(index)

    def batch_slice(self, start, stop):
        """Return the inputs of neighbouring rows as networks get them."""
        if not self.sparse_batches:
            return self.slice(start, stop)
        if self._positions is not None:
            return self.batch_rows(torch.arange(start, stop, device=self.device))
        return self._read.batch_slice(start, stop)

    def _as_floats(self, X):
        if self._scale_bytes:
            # One shift and scale for every image: bytes become [-2, 2], the range that default learning rates expect.
            X = (X.to(self.dtype) - 127.5).div_(63.75)
        # Convolutions take about half the time when the channels stand last.
        return X.contiguous(memory_format=torch.channels_last) if X.dim() == 4 else X

    def take(self, index):
        """Return the `Batch` of the rows ``index``."""
        return Batch(self.batch_rows(index), self.target.index_select(0, index), index)

    def take_each(self, indices):
        """Yield the `Batch` of each of several lists of rows, gathered together: few rows cost as much as many."""
        if not indices:
            return
        if self.sparse_batches:
            yield from map(self.take, indices)
            return
        sizes, row_bytes = list(map(len, indices)), int(np.prod(self.row_shape)) * self.dtype.itemsize
        at_once = max(1, _GATHER_BYTES // max(1, sizes[0] * row_bytes))
        for i in range(0, len(indices), at_once):
            part = indices[i : i + at_once]
            whole = self.take(part[0] if len(part) == 1 else torch.cat(part))
            cut = sizes[i : i + at_once]
            yield from map(Batch, whole.X.split(cut), whole.y.split(cut), part)


class TensorBatches:
    """Whole batches of a `TensorData`, in a new order at every iteration.

    Parameters
    ----------
    data : TensorData
    batch_size : int
    generator : torch.Generator or None
        CPU generator of the order, so that shuffling does not depend on the device. None keeps the row order.
    rows : tensor of int64 or None
        Positions of the rows to draw from; all rows by default.
    drop_last : bool
        Leave out the last batch when it is short, unless it is the only one.
    """

    def __init__(self, data, batch_size, *, generator=None, rows=None, drop_last=False):
        self.data, self.batch_size, self.generator = data, batch_size, generator
        self.rows, self.drop_last = rows, drop_last

    @property
    def n_rows(self):
        """Number of rows drawn from."""
        return len(self.data) if self.rows is None else len(self.rows)

    def __len__(self):
        full, rest = divmod(self.n_rows, self.batch_size)
        # A last batch of one row would break BatchNorm, and each process needs a row: it joins the batch before.
        least = max(2, self.data.share[1]) if full else 1
        extra = rest >= least and not (self.drop_last and full)
        return full + extra

    def indices(self):
        """Return the row positions of each batch."""
        n_rows, count = self.n_rows, len(self)
        if self.generator is not None:
            order = self.data.shuffled(self.rows, self.generator)
        else:
            order = torch.arange(n_rows, device=self.data.device) if self.rows is None else self.rows
        sizes = [self.batch_size] * count
        if count and not (self.drop_last and sum(sizes) <= n_rows):
            sizes[-1] += n_rows - sum(sizes)
        parts = order[: sum(sizes)].split(sizes) if count else ()
        rank, n_processes = self.data.share
        if self.generator is None or n_processes == 1:
            return parts
        return tuple(part[rank::n_processes] for part in parts)

    def __iter__(self):
        return self.data.take_each(self.indices())

    def inputs(self):
        """Yield the inputs of each batch."""
        if self.generator is not None or self.rows is not None or self.drop_last:
            yield from map(self.data.batch_rows, self.indices())
            return
        stops = [*range(self.batch_size, len(self) * self.batch_size, self.batch_size), self.n_rows]
        for start, stop in itertools.pairwise([0, *stops]):
            yield self.data.batch_slice(start, stop)

    def restrict(self, rows, **changes):
        """Return the same batches over the positions ``rows`` only; ``changes`` override other settings."""
        settings = {"generator": self.generator, "drop_last": self.drop_last, "batch_size": self.batch_size, **changes}
        return TensorBatches(self.data, settings.pop("batch_size"), rows=rows, **settings)


class PairedBatches:
    """Pairs of batches from two sources; the second starts again as often as the first needs.

    The number of pairs is the length of ``first``. An empty ``second`` gives ``None`` in its place.
    """

    def __init__(self, first, second):
        self.first, self.second = first, second

    def __len__(self):
        return len(self.first)

    def __iter__(self):
        if not len(self.second):
            return ((batch, None) for batch in self.first)
        # `chain` over fresh iterations, not `cycle`: every pass has its own order and keeps no old batches.
        again = itertools.chain.from_iterable(itertools.repeat(self.second))
        return zip(self.first, again, strict=False)


def unlabeled_data(net, X):
    """Return the `TensorData` of checked inputs without labels, as the networks of a trainer take them."""
    return TensorData(
        X, np.zeros(X.shape[0]), dtype=net.dtype, device=net.device, sparse_batches=getattr(net, "takes_sparse", False)
    )


def evaluation_batches(data, batch_size, rows=None):
    """Return batches in row order for passes without gradients, of tables as many rows as stay in the cache."""
    if len(data.row_shape) == 1:
        batch_size = max(batch_size, min(8192, 2**17 // max(1, data.row_shape[0])))
    return TensorBatches(data, batch_size, rows=rows)


def join(parts, n_rows):
    """Return the tensors ``parts``, ``n_rows`` long together, as one; never is everything there twice."""
    result, start = None, 0
    for part in parts:
        if len(part) == n_rows:
            return part
        if result is None:
            result = part.new_empty((n_rows, *part.shape[1:]))
        result[start : start + len(part)] = part
        start += len(part)
    return result
