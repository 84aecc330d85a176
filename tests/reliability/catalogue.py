"""Absurd inputs: what users, files and other libraries hand over, each under the name of what is odd about it."""

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from tests.small_data import blobs, labels_of


def valid(cls, n=40):
    """Return rows and labels that a class learns from, classes as numbers."""
    X, _, noisy = blobs(n)
    return X, labels_of(cls._label_kind, noisy)


def _with(X, value, place=(3, 1)):
    X = X.astype(np.result_type(X.dtype, type(value))) if not isinstance(value, str) else X.astype(object)
    X[place] = value
    return X


def inputs(X):
    """Return the odd forms of rows by name."""
    frame, n = pd.DataFrame(X), len(X)
    with np.errstate(over="ignore"):
        cases = {
            "nan": _with(X, np.nan), "inf": _with(X, np.inf), "-inf": _with(X, -np.inf), "1e300": _with(X, 1e300),
            "both infinities": _with(_with(X, np.inf), -np.inf, (0, 0)), "3e38": _with(X, 3e38),
            "1e20": _with(X, 1e20), "all 1e30": X * 1e30, "all 1e-40": X * 1e-40,
            "complex": _with(X, 1j), "text": _with(X, "a"), "None among floats": _with(X.astype(object), None),
            "numbers as text": X.astype(str), "bytes": X.astype(str).astype("S"), "objects": X.astype(object),
            "masked": np.ma.array(X, mask=X > 1), "masked, no mask": np.ma.array(X), "datetimes": X.astype("M8[s]"),
            "durations": X.astype("m8[s]"), "structured": np.zeros(n, dtype=[("a", float), ("b", int)]),
            "0-d": np.array(1.0), "1-d": X[:, 0], "5-d": X[:, :, None, None, None], "no columns": X[:, :0],
            "one column": X[:, :1], "constant": np.ones_like(X), "zeros": np.zeros_like(X), "duplicates": X[[0] * n],
            "float16": X.astype(np.float16), "float32": X.astype(np.float32), "longdouble": X.astype(np.longdouble),
            "int8": X.astype(np.int8), "uint8": np.abs(X).astype(np.uint8), "bool": X > 0, "big-endian": X.astype(">f8"),
            "negative stride": X[::-1], "Fortran order": np.asfortranarray(X), "matrix": sparse.csr_matrix(X).todense(),
            "list": X.tolist(), "ragged list": [*X.tolist()[:-1], [1.0]], "tuple": tuple(map(tuple, X)),
            "frame": frame, "frame with NA": frame.astype("Float64").mask(frame > 1), "frame of text": frame.astype(str),
            "frame of categories": frame.round().astype("category"), "frame of dates": frame.astype("M8[ns]"),
            "csr": sparse.csr_matrix(X), "csc": sparse.csc_matrix(X), "coo": sparse.coo_matrix(X),
            "sparse array": sparse.csr_array(X), "sparse nan": sparse.csr_matrix(_with(X, np.nan)),
            "tensor": torch.from_numpy(X), "half tensor": torch.from_numpy(X).half(), "bfloat16": torch.tensor(X).bfloat16(),
            "tensor with gradient": torch.tensor(X, requires_grad=True), "sparse tensor": torch.tensor(X).to_sparse(),
            "None": None, "a string": "rows", "a number": 3, "a dictionary": {"a": 1}, "a generator": (row for row in X),
            "a row too few": X[:-1], "images of one pixel": X[:, :, None, None], "3-d": X[:, :2, None], "set": {1, 2},
        }  # fmt: skip
    frozen = X.copy()
    frozen.setflags(write=False)
    return cases | {"read-only": frozen}


def rows_and_labels(X, y):
    """Return odd numbers of rows by name: pairs of rows and labels."""
    return {
        "no rows": (X[:0], y[:0]), "one row": (X[:1], y[:1]), "two rows": (X[:2], y[:2]), "three rows": (X[:3], y[:3]),
        "every row ten times": (np.repeat(X, 10, 0), np.repeat(y, 10, 0)),
    }  # fmt: skip


def labels(y, kind):
    """Return the odd forms of labels of a kind by name."""
    n = len(y)
    base = np.arange(n) % 3
    with np.errstate(invalid="ignore"):
        cases = {
            "None": None, "a string": "labels", "a number": 1, "wrong length": base[:-1], "3-d": base.reshape(-1, 1, 1),
            "empty": base[:0], "column": base[:, None], "floats": base.astype(float), "continuous": base + 0.5,
            "nan": _with(base.astype(float), np.nan, 3), "inf": _with(base.astype(float), np.inf, 3),
            "None among classes": _with(base.astype(object), None, 3), "text": np.array(["a", "b", "c"])[base],
            "objects": np.array(["a", "b", "c"], dtype=object)[base], "numbers and text": _with(base, "a", 3),
            "bytes": np.array([b"a", b"b", b"c"])[base], "datetimes": base.astype("M8[D]"), "complex": base + 0j,
            "masked": np.ma.array(base, mask=base == 1), "one class": np.ones(n, int), "two classes": base % 2,
            "bool": base == 0, "as many classes as rows": np.arange(n), "-0.0 and 0.0": np.where(base, 1.0, [0.0, -0.0] * (n // 2)),
            "uint64": base.astype(np.uint64) + 2**63, "far apart": base * 10**9, "negative": base - 5,
            "series": pd.Series(base), "series with another index": pd.Series(base, index=np.arange(n)[::-1]),
            "categorical": pd.Categorical(base), "nullable": pd.array([None, *base[1:]], dtype="Int64"),
            "list": base.tolist(), "ragged list": [*base.tolist()[:-1], [1]], "tensor": torch.from_numpy(base),
            "sparse": sparse.csr_matrix(base), "two columns": np.stack([base, base], 1), "all -1": np.full(n, -1),
            "text and -1": np.where(base == 0, "-1", "a"), "one row labeled": np.where(np.arange(n), -1, 1),
        }  # fmt: skip
    return cases | (_matrices(kind, base) if kind in ("partial", "multilabel", "crowd") else {})


def _matrices(kind, base):
    M, n = np.eye(3, dtype=int)[base], len(base)
    M[::2, 0] = 1
    cases = {
        "matrix of floats": M.astype(float), "matrix with 0.5": _with(M, 0.5, (2, 1)), "with 2": _with(M, 2, (2, 1)),
        "with -1": _with(M, -1, (2, 1)), "with nan": _with(M, np.nan, (2, 1)), "of booleans": M == 1, "of text": M.astype(str),
        "row of zeros": np.where(np.arange(n)[:, None] == 3, 0, M), "row of ones": np.where(np.arange(n)[:, None] == 3, 1, M),
        "column of zeros": M * [1, 1, 0], "column of ones": M | [1, 0, 0], "all ones": np.ones_like(M), "all -1 matrix": -np.ones_like(M),
        "all zeros": np.zeros_like(M), "column of -1": np.where([True, True, False], M, -1), "rows of -1": np.where(base[:, None] == 1, -1, M),
        "csr": sparse.csr_matrix(M), "explicit zeros": _explicit_zeros(M), "-0.0": np.where(M == 1, 1.0, -0.0), "frame": pd.DataFrame(M),
        "wide": np.tile(M, (1, 50)), "big-endian": M.astype(">i8"), "matrix of objects": M.astype(object), "masked matrix": np.ma.array(M, mask=M == 0),
    }  # fmt: skip
    return cases


def _explicit_zeros(M):
    filled = sparse.csr_matrix(np.ones_like(M))
    filled.data[:] = M.ravel()
    return filled


def facts(cls, n):
    """Return odd row-wise keywords of ``fit`` that a class takes: pairs of name and value by name."""
    import inspect

    values = {
        "all": np.ones(n, bool), "none": np.zeros(n, bool), "wrong length": np.ones(n - 1, bool), "integers": np.ones(n, int),
        "list": [True] * n, "column": np.ones((n, 1), bool), "text": np.array(["a"] * n), "nan": np.full(n, np.nan),
        "negative": -np.ones(n), "zeros": np.zeros(n), "huge": np.full(n, 1e300), "tiny": np.full(n, 1e-300), "one": np.arange(n) == 0,
        "infinite": np.full(n, np.inf), "both infinities": np.resize([np.inf, -np.inf], n), "masked": np.ma.array(np.ones(n, bool), mask=np.arange(n) < 3), "objects": np.array([None] * n),
        "a string": "rows", "matrix": np.zeros((n, 3)), "matrix of nan": np.full((n, 3), np.nan), "narrow matrix": np.zeros((n, 2)),
    }  # fmt: skip
    taken = [name for name in inspect.signature(cls.fit).parameters if name not in ("self", "X", "y")]
    return {f"{name}: {what}": (name, value) for name in taken for what, value in values.items()}


VALUES = {
    "None": None, "True": True, "False": False, "0": 0, "-1": -1, "1": 1, "2": 2, "2.5": 2.5, "0.5": 0.5, "nan": np.nan,
    "inf": np.inf, "-inf": -np.inf, "1e-300": 1e-300, "1e300": 1e300, "2**40": 2**40, "text": "a", "empty text": "",
    "bytes": b"a", "empty list": [], "list": [1], "tuple": (0.5, 0.9), "dictionary": {}, "object": object(), "complex": 1j,
    "array": np.array([1.0, 2.0]), "empty array": np.zeros(0), "float32": np.float32(0.5), "int64": np.int64(1), "class": dict,
    "function": len,
}  # fmt: skip
