"""A fact about pairs of rows, of which a selection of rows takes rows and columns alike."""

import numpy as np
import torch
from scipy import sparse


class Adjacency:
    """Square sparse matrix: what each row of ``X`` is to each other one, such as the edges of a graph.

    Indexing takes a part of the rows and the same part of the columns, so that `cross_validate`, searches and
    `train_test_split` of scikit-learn cut it as they cut ``X``. Give it to ``fit`` by name; of a bare matrix they would
    take rows only.

    Parameters
    ----------
    matrix : sparse matrix or array-like of shape (n, n)
        Finite numbers; entries that are not stored are 0.

    Attributes
    ----------
    matrix : csr matrix of shape (n, n)
    shape : tuple of int

    Raises
    ------
    ValueError
        If the matrix is not square or not finite.

    Examples
    --------
    >>> from skweak.engine import Adjacency
    >>> chain = Adjacency([[0, 1, 0], [1, 0, 2], [0, 2, 0]])
    >>> chain[[1, 2]].matrix.toarray().tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """

    def __init__(self, matrix):
        self.matrix = sparse.csr_matrix(matrix, dtype=np.float64)
        self.shape = self.matrix.shape
        if self.shape[0] != self.shape[1]:
            raise ValueError(
                f"an adjacency must be square, one row and one column per row of X, got shape {self.shape}; give "
                "skweak.engine.Adjacency(matrix), which folds cut on both axes."
            )
        if not np.isfinite(self.matrix.data).all():
            raise ValueError("an adjacency must be finite, got nan or infinity; leave out what is not known.")

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Return the adjacency among the ``rows``: positions, a mask or a slice; ``(rows, ...)`` is the same."""
        rows = rows[0] if isinstance(rows, tuple) else rows
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        return Adjacency(self.matrix[rows][:, rows])

    def index_select(self, axis, index):
        """Return the adjacency among the rows ``index``, a tensor; as of a tensor, but on both axes."""
        return self[index.cpu().numpy()]

    def to(self, dtype, device):
        """Return the matrix as a sparse tensor in COO form."""
        found = self.matrix.tocoo()
        place = torch.from_numpy(np.stack([found.row, found.col]).astype(np.int64))
        # scipy has checked it; torch warns where nobody says so.
        made = torch.sparse_coo_tensor(place, torch.from_numpy(found.data), self.shape, check_invariants=False)
        return made.to(device, dtype).coalesce()
