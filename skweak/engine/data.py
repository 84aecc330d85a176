"""Training data as tensors on one device, and the batches cut from them.

Batches are whole slices taken by one ``index_select``; there is no row-by-row loader. ``Batch.index`` is the position
of each row in the training set, so per-row memories, weights and corrected labels need nothing else.
"""

import itertools
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from skorch.dataset import Dataset

# Read-only arrays up to this size are copied once; larger ones (memory maps) are read batch by batch.
_COPY_LIMIT = 64 * 2**20


class Batch(NamedTuple):
    """Rows of the training set: inputs, encoded targets and their positions."""

    X: torch.Tensor
    y: torch.Tensor
    index: torch.Tensor


class _RowReader:
    """Rows of a sparse matrix or of a read-only array, made dense one batch at a time."""

    def __init__(self, X, dtype, device):
        self.X, self.dtype, self.device = X, dtype, device

    def __call__(self, index):
        rows = self.X[index.cpu().numpy()]
        rows = rows.toarray() if sparse.issparse(rows) else np.array(rows)
        tensor = torch.from_numpy(rows)
        keep = tensor.dtype == torch.uint8
        return tensor.to(self.device, dtype=None if keep else self.dtype)


def as_inputs(X, dtype, device):
    """Return a function ``index -> rows`` over ``X``.

    Dense writable arrays become one tensor on the device (memory is shared on the CPU); sparse matrices and large
    read-only arrays stay where they are. Unsigned bytes stay bytes: `to_float` scales them on the device.
    """
    if sparse.issparse(X):
        return _RowReader(X.tocsr(), dtype, device)
    if not X.flags.writeable and X.nbytes > _COPY_LIMIT and torch.device(device).type == "cpu":
        return _RowReader(X, dtype, device)
    tensor = torch.from_numpy(X if X.flags.writeable else X.copy())
    tensor = tensor.to(device) if tensor.dtype == torch.uint8 else tensor.to(device, dtype)
    return lambda index: tensor.index_select(0, index)


class TensorData(Dataset):
    """Inputs, targets and optional row weights of one training set; a skorch data set, so that its callbacks read it.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, ...)
    y : ndarray of shape (n,) or (n, K)
        Encoded targets.
    weight : ndarray of shape (n,) or None
        Row weights.
    trusted : ndarray of bool of shape (n,) or None
        Rows whose label was verified.
    dtype : torch.dtype
    device : str or torch.device
    """

    def __init__(self, X, y, *, weight=None, trusted=None, side=None, dtype=torch.float32, device="cpu"):
        self.X, self.dtype, self.device = X, dtype, torch.device(device)
        self.facts = {"weight": weight, "trusted": trusted, "side": side}
        self.target = torch.from_numpy(np.ascontiguousarray(y)).to(self.device)
        self.weight = None if weight is None else torch.tensor(weight, dtype=dtype, device=self.device)
        self.trusted = None if trusted is None else torch.from_numpy(trusted).to(self.device)
        self.side = {name: torch.from_numpy(value).to(self.device) for name, value in (side or {}).items()}
        self._rows = as_inputs(X, dtype, self.device)
        self._scale_bytes = X.dtype == np.uint8

    def subset(self, rows):
        """Return the data of the positions ``rows`` (ascending), itself when they are all."""
        if len(rows) == len(self):
            return self
        facts = {name: value if value is None else value[rows] for name, value in self.facts.items() if name != "side"}
        side = {name: value[rows] for name, value in (self.facts["side"] or {}).items()}
        return TensorData(self.X[rows], self.y[rows], side=side, dtype=self.dtype, device=self.device, **facts)

    def __len__(self):
        return self.target.shape[0]

    @property
    def y(self):
        """Encoded targets as an array, the form in which scoring callbacks read a data set."""
        return self.target.cpu().numpy()

    def moments(self):
        """Return mean and standard deviation of every feature over at most 10,000 evenly spaced rows."""
        step = max(1, len(self) // 10_000)
        sample = self.rows(torch.arange(0, len(self), step, device=self.device)).double()
        return sample.mean(0).to(self.dtype), sample.std(0, correction=0).to(self.dtype)

    def describe_scale(self):
        """Say where the largest input stands, for messages about divergence."""
        values = abs(self.X).max(axis=0).toarray().ravel() if sparse.issparse(self.X) else np.abs(self.X).max(axis=0)
        return f"largest |X| is {float(np.max(values)):.3g}" + (f" in column {np.argmax(values)}" * (values.ndim == 1))

    def rows(self, index):
        """Return the inputs of the rows ``index`` as floats."""
        X = self._rows(index)
        if self._scale_bytes:
            # One shift and scale for every image: bytes become [-2, 2], the range that default learning rates expect.
            X = (X.to(self.dtype) - 127.5).div_(63.75)
        # Convolutions take about half the time when the channels stand last.
        return X.contiguous(memory_format=torch.channels_last) if X.dim() == 4 else X

    def take(self, index):
        """Return the `Batch` of the rows ``index``."""
        return Batch(self.rows(index), self.target.index_select(0, index), index)


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
        # A last batch of one row would break BatchNorm: it joins the batch before.
        extra = rest > (1 if full else 0) and not (self.drop_last and full)
        return full + extra

    def indices(self):
        """Yield the row positions of each batch."""
        n_rows, device = self.n_rows, self.data.device
        order = torch.arange(n_rows) if self.generator is None else torch.randperm(n_rows, generator=self.generator)
        order = order.to(device)
        if self.rows is not None:
            order = self.rows.index_select(0, order)
        count, size = len(self), self.batch_size
        for i in range(count):
            last_of_all = i == count - 1 and not (self.drop_last and count * size <= n_rows)
            yield order[i * size :] if last_of_all else order[i * size : (i + 1) * size]

    def __iter__(self):
        return map(self.data.take, self.indices())

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


def evaluation_batch_size(X, batch_size):
    """Return a batch size for passes without gradients: for tables as many rows as stay in the cache."""
    if len(X.shape) > 2:
        return batch_size
    return max(batch_size, min(8192, 2**20 // max(1, X.shape[1])))
