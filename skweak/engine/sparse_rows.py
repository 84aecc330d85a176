"""A batch of a sparse table: a tensor that a first linear layer multiplies as it is, and that is dense for all else."""

import torch
from scipy import sparse
from torch import nn
from torch.utils._pytree import tree_map_only

# A batch with a larger share of entries is multiplied faster as a dense one.
_MOST_FILLED = 0.1


class SparseRows(torch.Tensor):
    """Rows (n, d) of a csr matrix on the CPU, without a gradient of their own.

    Products with a dense matrix, and those of the backward pass, touch only the entries that are there. Every other
    operation sees the dense tensor. A network that changes its input in place changes a dense copy, which is used from
    then on.

    Parameters
    ----------
    matrix : csr matrix of shape (n, d)
        Without repeated entries.
    transposed : bool, default=False
        Stand for the transpose (d, n).

    Examples
    --------
    >>> X = SparseRows(sparse.csr_matrix([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]))
    >>> X.shape, (X @ torch.ones(3, 1, dtype=torch.float64)).flatten()
    (torch.Size([2, 3]), tensor([2., 1.], dtype=torch.float64))
    """

    @staticmethod
    def __new__(cls, matrix, transposed=False):
        """Make a tensor that has a shape and a type but no storage."""
        parts = tuple(map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data)))
        return cls.of_parts(parts, matrix.shape, transposed)

    @classmethod
    def of_parts(cls, parts, shape, transposed=False):
        """Make rows of a ``shape`` out of the tensors of a csr matrix: offsets, columns and values."""
        shown = shape[::-1] if transposed else shape
        made = torch.Tensor._make_wrapper_subclass(cls, shown, dtype=parts[2].dtype, device="cpu")
        made.parts, made.rows_shape, made.transposed, made.changed = parts, shape, transposed, None
        return made

    def dense(self):
        """Return the dense tensor."""
        if self.changed is None:
            rows = torch.from_numpy(self._columns_first().T.toarray())
            return rows.t() if self.transposed else rows
        return self.changed

    def with_values(self, function):
        """Return rows whose entries are ``function(columns, values)``; those that are not there stay zero."""
        if self.changed is not None:
            return None
        offsets, columns, values = self.parts
        return SparseRows.of_parts((offsets, columns, function(columns, values)), self.rows_shape)

    def times(self, other):
        """Return the product with a dense matrix, or None where the dense product is the better one."""
        if self.changed is not None or other.dtype != self.dtype or other.dim() != 2:
            return None
        if self.transposed:
            return torch.from_numpy(self._columns_first() @ other.numpy())
        offsets, columns, values = self.parts
        return nn.functional.embedding_bag(
            columns, other, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
        )

    def _columns_first(self):
        """Return the transpose (d, n) as a csc matrix."""
        offsets, columns, values = (part.numpy() for part in self.parts)
        return sparse.csc_matrix((values, columns, offsets), self.rows_shape[::-1])

    def turned(self):
        """Return the transpose."""
        return SparseRows.of_parts(self.parts, self.rows_shape, not self.transposed)

    def numpy(self, *, force=False):
        """Return the dense array."""
        return self.dense().numpy(force=force)

    def __repr__(self):
        return f"SparseRows({self.dense()!r})"

    def __deepcopy__(self, memo):
        return self.dense().clone()

    def __reduce_ex__(self, protocol):
        return self.dense().__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Multiply what can be multiplied as it is; let everything else see dense tensors."""
        product = _product(func, args)
        if product is not None:
            return product
        dense = tree_map_only(SparseRows, cls.dense, (args, kwargs or {}))
        result = func(*dense[0], **dense[1])
        changes = func._schema.is_mutable and isinstance(args[0], SparseRows)
        if changes:
            args[0].changed = dense[0][0]
        return args[0] if changes else result


def _product(func, args):
    """Return the result of one of the operations that leave rows sparse, or None."""
    first = args[0] if args else None
    if func is _ATEN.mm.default:
        if isinstance(first, SparseRows) and not isinstance(args[1], SparseRows):
            return first.times(args[1])
        if isinstance(args[1], SparseRows) and not isinstance(first, SparseRows):
            turned = None if args[1].changed is not None else args[1].turned().times(first.t())
            return None if turned is None else turned.t()
    elif func is _ATEN.addmm.default and len(args) == 3 and isinstance(args[1], SparseRows):
        product = None if isinstance(args[2], SparseRows) else args[1].times(args[2])
        return None if product is None else product.add_(first)
    elif isinstance(first, SparseRows) and first.changed is None:
        if func is _ATEN.t.default:
            return first.turned()
        if func is _ATEN.detach.default:
            return SparseRows.of_parts(first.parts, first.rows_shape, first.transposed)
    return None


_ATEN = torch.ops.aten


def as_batch(matrix, dtype):
    """Return rows of a csr matrix as `SparseRows`, or as a dense tensor where many entries are there."""
    matrix = matrix.astype(torch.empty(0, dtype=dtype).numpy().dtype, copy=False)
    if matrix.nnz > _MOST_FILLED * matrix.shape[0] * matrix.shape[1]:
        return torch.from_numpy(matrix.toarray())
    return SparseRows(matrix)


def one_entry_each(matrix):
    """Return a csr matrix in which no entry stands twice."""
    if matrix.has_canonical_format:
        return matrix
    matrix = matrix.copy()
    matrix.sum_duplicates()
    return matrix


def lay_out_columns(network, width):
    """Lay the weights of the linear layers that read so many columns out column by column, and return the network.

    The values stay; a batch that has few of the columns finds each of them in one place.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear) and layer.in_features == width:
            layer.weight.data = layer.weight.data.t().contiguous().t()
    return network


def sparse_batches(data):
    """Return whether a `TensorData`, or None, hands out sparse batches."""
    return getattr(data, "sparse_batches", False)
