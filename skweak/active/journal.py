"""An append-only file of answers that survives a crash at any moment."""

import hashlib
import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

from skweak.active.rows import chunks
from skweak.storage import remove_leftovers, write_file


class Journal:
    """Records in a file that is only ever appended to, each on its own line with a checksum.

    The first line describes what the records belong to. Every checksum covers the lines before it as well. A last line
    that a crash left incomplete is cut off when the file is opened again; damage anywhere else is an error.

    Parameters
    ----------
    directory : path
        Made if it is not there; the file in it is called ``answers.jsonl``.
    header : dict
        Description of the run, plain values only. A file with another description is refused.

    Attributes
    ----------
    records : list of dict
        What the file held when it was opened.

    Raises
    ------
    ValueError
        If the file belongs to another run, or is damaged before its last line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with Journal(directory, {"seed": 0}) as journal:
    ...         journal.append({"row": 3, "answer": "cat"})
    ...     with Journal(directory, {"seed": 0}) as journal:
    ...         print(journal.records)
    [{'row': 3, 'answer': 'cat'}]
    """

    def __init__(self, directory, header):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "answers.jsonl"
        remove_leftovers(self.path)
        lines, length = self._read() if self.path.exists() else ([], 0)
        # The header as it reads after a round trip through JSON: tuples have become lists.
        header = json.loads(_dump(header))
        if not lines:
            first, self._checksum = _encode(header, 0)
            write_file(self.path, [first])
            length = len(first)
        else:
            _compare(lines[0], header, self.path)
        self.records = lines[1:]
        # Without a buffer, which would try once more to write on closing what a full disk refused.
        self._file = open(self.path, "r+b", buffering=0)  # noqa: SIM115
        self._file.truncate(length)
        self._file.seek(length)

    def append(self, record):
        """Write a record; when this returns it is on the disk."""
        line, self._checksum = _encode(record, self._checksum)
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            error.filename = error.filename or str(self.path)
            raise

    def close(self):
        """Close the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        """Return the contents of all whole lines, and their length in bytes."""
        data = self.path.read_bytes()
        lines, checksum, length = [], 0, 0
        while length < len(data):
            end = data.find(b"\n", length) + 1
            value = _decode(data[length:end], checksum) if end else None
            if value is None:
                if end and end < len(data):
                    raise ValueError(f"{self.path} is damaged in line {len(lines) + 1}; restore it from a copy.")
                break
            lines.append(value)
            checksum, length = int(data[length : length + 8], 16), end
        self._checksum = checksum
        return lines, length


def _dump(value):
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=True)
    except TypeError as error:
        raise TypeError(f"{value!r} cannot be kept in a checkpoint: {error}; answer with plain labels.") from error


def _encode(value, checksum):
    payload = _dump(value).encode()
    checksum = zlib.crc32(payload, checksum)
    return b"%08x %s\n" % (checksum, payload), checksum


def _decode(line, checksum):
    if not re.fullmatch(rb"[0-9a-f]{8} [^\n]*\n", line):
        return None
    payload = line[9:-1]
    return json.loads(payload) if zlib.crc32(payload, checksum) == int(line[:8], 16) else None


def _compare(found, wanted, path):
    for name in dict.fromkeys([*wanted, *found]):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"checkpoint: {path} belongs to another run: {name} was {found.get(name)!r}, now it is "
                f"{wanted.get(name)!r}; continue with the same settings or give another directory."
            )


def describe(value):
    """Return name and parameters of an object as text that is the same in every process.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> describe(DummyClassifier(strategy="uniform"))
    "DummyClassifier {'constant': None, 'random_state': None, 'strategy': 'uniform'}"
    """
    if not hasattr(value, "get_params"):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    return f"{type(value).__name__} " + re.sub(r" at 0x[0-9a-f]+", "", repr(value.get_params()))


def digest(X):
    """Return a digest of shape, type and contents of rows, read in chunks.

    Examples
    --------
    >>> digest(np.zeros((2, 2))) == digest(np.zeros((2, 2))), digest(np.zeros((2, 2))) == digest(np.zeros((4, 1)))
    (True, False)
    """
    result = hashlib.sha256(f"{X.shape} {getattr(X, 'dtype', '')}".encode())
    for part in chunks(X, X.shape[0], 2**25):
        rows = _safe_indexing(X, part)
        for array in (rows.data, rows.indices, rows.indptr) if sparse.issparse(rows) else (np.asarray(rows),):
            plain = not array.dtype.hasobject
            result.update(np.ascontiguousarray(array).tobytes() if plain else repr(array.tolist()).encode())
    return result.hexdigest()
