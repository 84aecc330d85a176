"""How rows come from where they lie to the device: out of one tensor, or converted batch by batch."""

import math

import numpy as np
import torch
from scipy import sparse

from skweak.engine.sparse_rows import as_batch, one_entry_each
from skweak.engine.streaming import BlockReader, RowSource, send

# Read-only arrays up to this size are copied once; larger ones are read batch by batch.
_COPY_LIMIT = 64 * 2**20


def make_reader(X, dtype, device):
    """Return what reads rows of ``X``: ``reader(positions)`` and ``reader.slice(start, stop)``.

    Dense writable arrays become one tensor on the device (memory is shared on the CPU); what is sparse, read-only or
    larger than half of the device's free memory stays where it is. Unsigned bytes stay bytes.
    """
    if isinstance(X, RowSource):
        return BlockReader(X, dtype, device)
    if sparse.issparse(X):
        return SparseReader(one_entry_each(X.tocsr()), dtype, device)
    if X.nbytes > _room(device) / 2 or (not X.flags.writeable and X.nbytes > _COPY_LIMIT and device.type == "cpu"):
        return BatchReader(X, dtype, device)
    tensor = torch.from_numpy(X if X.flags.writeable else X.copy())
    return TensorReader(tensor.to(device) if tensor.dtype == torch.uint8 else tensor.to(device, dtype))


def _room(device):
    """Return the bytes that are free on a device, where they may be fewer than the host's."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf


class TensorReader:
    """Rows of one tensor on the device."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __call__(self, index):
        """Return a copy of the rows ``index``."""
        return self.tensor.index_select(0, index)

    def slice(self, start, stop):
        """Return neighbouring rows without a copy."""
        return self.tensor[start:stop]


class BatchReader:
    """Rows of an array that cannot be one tensor on the device, made so one batch at a time."""

    def __init__(self, X, dtype, device):
        self.X, self.dtype, self.device = X, dtype, device

    def __call__(self, index):
        """Return the rows ``index``."""
        return self._send(self.X[index.cpu().numpy()])

    def slice(self, start, stop):
        """Return neighbouring rows."""
        return self._send(self.X[start:stop])

    def _send(self, rows):
        tensor = torch.from_numpy(np.array(rows))
        return send(tensor if tensor.dtype == torch.uint8 else tensor.to(self.dtype), self.device)


class SparseReader(BatchReader):
    """Rows of a csr matrix, made dense on the device one batch at a time; only the entries travel there."""

    def batch(self, index):
        """Return the rows ``index``, on the CPU in a form that a first linear layer multiplies as it is."""
        return self._as_batch(self.X[index.cpu().numpy()])

    def batch_slice(self, start, stop):
        """Return neighbouring rows in the same form."""
        return self._as_batch(self.X[start:stop])

    def _as_batch(self, rows):
        return as_batch(rows, self.dtype) if self.device.type == "cpu" else self._send(rows)

    def _send(self, rows):
        if self.device.type == "cpu":
            return torch.from_numpy(rows.toarray()).to(self.dtype)
        return spread(rows, self.dtype, self.device)


def spread(rows, dtype, device):
    """Return csr rows, in which no entry stands twice, as a dense tensor that is made on the device."""
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    place = send(torch.from_numpy(row * rows.shape[1] + rows.indices), device)
    values = send(torch.from_numpy(rows.data).to(dtype), device)
    dense = torch.zeros(rows.shape[0] * rows.shape[1], dtype=dtype, device=device)
    return dense.scatter_(0, place, values).view(rows.shape)
