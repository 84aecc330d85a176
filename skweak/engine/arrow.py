"""Rows of Arrow tables and Parquet files, read a row group at a time.

The package pyarrow is not imported before an object of it has come: whoever has one has the package.
"""

import numpy as np


class LazyRows:
    """Base: rows that are looked up by slice or position, and are arrays from then on.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    """

    shape, dtype = (0,), np.dtype(np.float64)

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)

    def __getitem__(self, index):
        # scikit-learn takes rows with X[rows, ...].
        index = index[0] if isinstance(index, tuple) else index
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._slice(start, stop)
            index = np.arange(start, stop, step)
        index = np.asarray(index)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        index = np.where(index < 0, index + len(self), index)
        if index.size and not (index.min() >= 0 and index.max() < len(self)):
            raise IndexError(f"positions {index.min()} to {index.max()} are asked for, but there are {len(self)} rows.")
        return self._take(index) if index.ndim else self._take(index[None])[0]


class ArrowRows(LazyRows):
    """Rows of a data set or table of pyarrow, whose columns are numbers; a row group is in memory at a time.

    Parameters
    ----------
    source : pyarrow.dataset.Dataset or pyarrow.Table
    name : str, default="X"
        What an error calls it.

    Attributes
    ----------
    names : list of str
        Of the columns.
    block : int
        Rows of the largest row group.

    Raises
    ------
    TypeError
        If a column holds anything but numbers.
    """

    def __init__(self, source, name="X"):
        import pyarrow.dataset

        data = source if isinstance(source, pyarrow.dataset.Dataset) else pyarrow.dataset.dataset(source)
        self.schema, types = data.schema, pyarrow.types
        for field in self.schema:
            kind = field.type
            if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
                raise TypeError(
                    f"{name} has the column {field.name!r} of {kind}; only numbers can be read. Leave it out with "
                    "pyarrow.dataset.dataset(path, schema=...), or encode it before."
                )
        self.parts = []
        for fragment in data.get_fragments():
            # Only Parquet files have row groups; other fragments are read whole.
            split = getattr(fragment, "split_by_row_group", None)
            self.parts += [fragment] if split is None else split()
        counts = [_count(part) for part in self.parts]
        ends = np.cumsum(counts, dtype=np.int64)
        self.ends, self.held, self.block, self.names = ends, (None, None), max(counts, default=1), self.schema.names
        found = [np.dtype(field.type.to_pandas_dtype()) for field in self.schema]
        self.dtype = np.result_type(*found) if found else self.dtype
        self.shape = (int(ends[-1]) if len(ends) else 0, len(found))

    def _part(self, number):
        """Return the rows of one part; neighbouring slices find it still there."""
        if self.held[0] != number:
            self.held = (None, None)
            table = self.parts[number].to_table(schema=self.schema)
            rows = np.empty((table.num_rows, self.shape[1]), dtype=self.dtype)
            for place in range(self.shape[1]):
                column = table.column(place).to_numpy()
                if rows.dtype.kind != "f" and column.dtype.kind == "f":
                    # Gaps of whole numbers come as nan.
                    rows = rows.astype(np.float64)
                rows[:, place] = column
            self.held = (number, rows)
        return self.held[1]

    def _slice(self, start, stop):
        first, last = np.searchsorted(self.ends, [start, max(start, stop - 1)], side="right")
        pieces = []
        for number in range(first, min(last, len(self.parts) - 1) + 1):
            begin = self.ends[number - 1] if number else 0
            pieces.append(self._part(number)[max(0, start - begin) : max(0, stop - begin)])
        return np.concatenate(pieces) if pieces else np.empty((0, self.shape[1]), self.dtype)

    def _take(self, index):
        number = np.searchsorted(self.ends, index, side="right")
        rows = np.empty((len(index), self.shape[1]), dtype=self.dtype)
        for part in np.unique(number):
            here, begin = number == part, self.ends[part - 1] if part else 0
            rows[here] = self._part(part)[index[here] - begin]
        return rows


def _count(part):
    """Return the number of rows of a fragment; that of a row group is that of its file until it is asked itself."""
    groups = getattr(part, "row_groups", None)
    return part.count_rows() if groups is None else sum(group.num_rows for group in groups)
