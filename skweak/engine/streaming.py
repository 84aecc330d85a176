"""Inputs larger than memory: read in blocks of neighbouring rows, of which a bounded buffer holds some."""

from collections import deque
from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
import torch
from scipy import sparse

from skweak.engine.arrow import ArrowRows

# Memory maps and other sources up to this size are read into memory whole; of larger ones this much is held at once.
BUFFER_BYTES = 256 * 2**20
_BLOCK_BYTES = 2**20


def open_source(X, dtype):
    """Return ``X`` as a `RowSource` if it is one that exceeds the buffer, as an array if it does not.

    Parameters
    ----------
    X : object
        Memory maps, data sets of pyarrow, and objects with ``__len__`` and ``__getitem__`` on slices that are neither
        arrays, tensors, tables nor sequences, are sources; everything else is returned as it is.
    dtype : str
        Type of the numbers in the buffer.
    """
    # The data set itself has no rows by number; a table of pyarrow is in memory already.
    if type(X).__module__.startswith("pyarrow._dataset"):
        X = ArrowRows(X)
    if not _is_source(X):
        return X
    source = RowSource(X, dtype)
    if source.nbytes > BUFFER_BYTES:
        return source
    return X if isinstance(X, np.ndarray) else source.named(np.asarray(X[0 : len(X)]))


def _is_source(X):
    if isinstance(X, np.memmap):
        return X.ndim > 1 and len(X) > 0
    if isinstance(X, (np.ndarray, torch.Tensor, list, tuple, str, bytes, Mapping)) or sparse.issparse(X):
        return False
    if not hasattr(X, "__len__") or not hasattr(X, "__getitem__") or len(getattr(X, "shape", (0, 0))) < 2:
        return False
    is_table = any(hasattr(X, name) for name in ("iloc", "columns", "__dataframe__", "__array_namespace__"))
    return not is_table and len(X) > 0


class RowSource:
    """Rows that are read a slice at a time and checked as they are read.

    Parameters
    ----------
    rows : object
        With ``__len__`` and ``__getitem__`` on slices, which gives arrays (n, d), (n, H, W) or (n, C, H, W).
    dtype : str
        Numbers become this type; unsigned bytes of images stay.

    Attributes
    ----------
    shape : tuple of int
        (n, d) or (n, C, H, W).
    dtype : numpy.dtype
    names : list of str or None
        Of the columns, where the rows have names.
    block : int or None
        Neighbouring rows that the source can only read together.
    """

    def __init__(self, rows, dtype):
        self.source, self.shape = rows, (0,)
        self.names, self.block = (rows.names, rows.block) if isinstance(rows, ArrowRows) else (None, None)
        first = np.asarray(rows[0:1])
        self.dtype = first.dtype if first.dtype == np.uint8 and first.ndim > 2 else np.dtype(dtype)
        shape = first.shape[1:] if first.ndim != 3 else (1, *first.shape[1:])
        self.shape = (len(rows), *shape)

    def __len__(self):
        return self.shape[0]

    def named(self, rows):
        """Return an array of rows as a frame with the names of the columns, if there are any and pandas is there."""
        if self.names is None or find_spec("pandas") is None:
            return rows
        import pandas as pd

        return pd.DataFrame(rows, columns=self.names)

    @property
    def nbytes(self):
        """Size of all rows in the type they are held in."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def most_together(self):
        """Rows of the largest block of which a buffer holds enough to shuffle."""
        return BUFFER_BYTES // 8 // max(1, self.nbytes // len(self))

    def __getitem__(self, part):
        """Return the rows of a slice as an array, or raise if they hold nan or infinity."""
        start, stop, _ = part.indices(len(self))
        read = np.asarray(self.source[start:stop])
        # Values that are or become infinite are refused with a sentence, without numpy's warning before it.
        with np.errstate(over="ignore", invalid="ignore"):
            # A copy, which torch may write to: slices of a memory map are read-only.
            rows = np.array(read.reshape(read.shape[:1] + self.shape[1:]), dtype=self.dtype, order="C")
            suspicious = rows.dtype.kind == "f" and not np.isfinite(rows.sum(dtype=np.float64))
        if len(rows) != stop - start:
            raise ValueError(f"X gave {len(rows)} rows for X[{start}:{stop}]; a slice must give all of its rows.")
        if suspicious and not np.isfinite(rows).all():
            raise ValueError(f"X contains NaN or infinity in rows {start} to {stop - 1}; fill or drop them first.")
        return rows

    def __array__(self, dtype=None, copy=None):
        """Return all rows at once, for a teacher that takes nothing but arrays."""
        return np.asarray(self[0 : len(self)], dtype=dtype)


class BlockReader:
    """Rows of a `RowSource` by position, out of a buffer of blocks.

    A block that is not in the buffer is read as one slice and takes the place of the one that has been there longest.
    `regroup` shuffles so that this happens once per block and epoch: blocks come in random order, and rows are shuffled
    within half a buffer of blocks; the other half still serves a batch that began before. Rows that are far apart in
    the source therefore meet in a batch only if their blocks were drawn together: a source that is sorted by class
    should be shuffled once when it is written.

    Parameters
    ----------
    source : RowSource
    dtype : torch.dtype
    device : torch.device
        Of the rows returned; the buffer is on the CPU.
    """

    def __init__(self, source, dtype, device):
        self.source, self.device = source, device
        self.dtype = torch.uint8 if source.dtype == np.uint8 else dtype
        row_bytes = max(1, source.nbytes // len(source))
        fits = source.most_together
        self.block = max(1, min(_BLOCK_BYTES // row_bytes, fits) if source.block is None else min(source.block, fits))
        self.n_slots = max(2, BUFFER_BYTES // (self.block * row_bytes))
        self.slots = torch.full((-(-len(source) // self.block),), -1)
        self.held, self.buffer = deque(), None

    def regroup(self, order, positions, generator):
        """Return a random ``order``, whose rows stand at ``positions``, so that an epoch reads every block once."""
        blocks, which = torch.unique(positions.cpu() // self.block, return_inverse=True)
        at_once = self.n_slots // 2
        if len(blocks) <= at_once:
            return order
        group = torch.randperm(len(blocks), generator=generator) // at_once
        turn = group.index_select(0, which).argsort(stable=True)
        return order.index_select(0, turn.to(order.device))

    def __call__(self, index):
        """Return the rows ``index``, after reading the blocks that are missing."""
        index = index.cpu()
        block = index // self.block
        wanted = torch.unique(block)
        if len(wanted) > self.n_slots:
            return torch.cat([self(part) for part in index.split(self.n_slots)])
        missing = wanted[self.slots.index_select(0, wanted) < 0].tolist()
        for number in missing:
            self._read(number, set(wanted.tolist()))
        place = self.slots.index_select(0, block) * self.block + index % self.block
        return send(self.buffer.index_select(0, place), self.device)

    def _read(self, number, wanted):
        if self.buffer is None:
            self.buffer = torch.empty((self.n_slots * self.block, *self.source.shape[1:]), dtype=self.dtype)
        slot = len(self.held)
        if slot == self.n_slots:
            while self.held[0] in wanted:
                self.held.rotate(-1)
            oldest = self.held.popleft()
            slot = int(self.slots[oldest])
            self.slots[oldest] = -1
        rows = torch.from_numpy(self.source[number * self.block : (number + 1) * self.block])
        self.buffer[slot * self.block : slot * self.block + len(rows)] = rows
        self.slots[number] = slot
        self.held.append(number)

    def slice(self, start, stop):
        """Return neighbouring rows, past the buffer."""
        return send(torch.from_numpy(self.source[start:stop]).to(self.dtype), self.device)


def send(tensor, device):
    """Return a tensor of the host on the device; to a GPU from pinned memory, while the host goes on."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
