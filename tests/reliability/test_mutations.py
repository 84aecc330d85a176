"""Inputs near the border between right and wrong: a valid one with one to three changes, judged like the absurd ones."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import sparse

from skweak.noisy import DPCClassifier
from tests.reliability.catalogue import valid
from tests.reliability.fits import NETWORKS
from tests.reliability.judge import judge

CELLS = [np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 0.5, 1.0, 2.0, 1e10, 1e20, 3e38, 1e300, 1e-40, 2.0**53]
DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, bool, object, str]
CONTAINERS = [
    list, pd.DataFrame, np.asfortranarray, sparse.csr_matrix, torch.as_tensor, np.ma.asarray, lambda a: a[::-1][::-1],
]  # fmt: skip

place = st.integers(0, 10**6)
which = st.sampled_from(["X", "y"])
mutation = st.one_of(
    st.tuples(st.just("cell"), which, place, st.sampled_from(CELLS)),
    st.tuples(st.just("dtype"), which, st.sampled_from(DTYPES)),
    st.tuples(st.just("drop"), which, place),
    st.tuples(st.just("keep"), st.integers(1, 6)),
    st.tuples(st.just("permute"), which, place),
    st.tuples(st.just("duplicate"), place),
    st.tuples(st.just("constant"), which, place),
    st.tuples(st.just("swap"), place, place),
    st.tuples(st.just("container"), which, st.sampled_from(CONTAINERS)),
)


def mutate(X, y, change):
    """Return rows and labels with one change; what is no array any more stays as it is."""
    name, *rest = change
    arrays = {"X": X, "y": y}
    if rest[0] in ("X", "y"):
        target, values = rest[0], arrays[rest[0]]
        if not isinstance(values, np.ndarray):
            return X, y
        arrays[target] = _changed(values, name, *rest[1:])
    elif isinstance(X, np.ndarray) and isinstance(y, np.ndarray) and len(X) == len(y) and len(X):
        n = len(X)
        if name == "keep":
            arrays = {"X": X[: rest[0]], "y": y[: rest[0]]}
        elif name == "duplicate":
            rows = np.append(np.arange(n), rest[0] % n)
            arrays = {"X": X[rows], "y": y[rows]}
        elif name == "swap":
            rows = np.arange(n)
            rows[[rest[0] % n, rest[1] % n]] = rows[[rest[1] % n, rest[0] % n]]
            arrays["y"] = y[rows]
    return arrays["X"], arrays["y"]


def _changed(values, name, *rest):
    if name == "cell" and values.size and values.dtype.kind in "fiub":
        values = values.astype(np.float64)
        values.flat[rest[0] % values.size] = rest[1]
    elif name == "dtype":
        with np.errstate(all="ignore"):
            try:
                values = values.astype(rest[0])
            except (ValueError, OverflowError):
                return values
    elif name == "drop" and len(values):
        values = np.delete(values, rest[0] % len(values), axis=0)
    elif name == "permute":
        values = np.random.RandomState(rest[0]).permutation(values)
    elif name == "constant" and values.size:
        values = values.copy()
        values[..., rest[0] % values.shape[-1]] = values.flat[0]
    elif name == "container":
        try:
            values = rest[0](values)
        except (ValueError, TypeError):
            return values
    return values


def check(cls, changes):
    X, y = valid(cls, 24)
    for change in changes:
        X, y = mutate(X, y, change)
    wrong = judge(cls, {}, X, y, {})
    assert wrong is None, (cls.__name__, changes, wrong)


cases = given(cls=st.sampled_from(NETWORKS), changes=st.lists(mutation, min_size=1, max_size=3))
quiet = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=100, **quiet)
@cases
@example(cls=DPCClassifier, changes=[("keep", 4), ("cell", "X", 0, 1e20)])
def test_a_hundred_mutations(cls, changes):
    check(cls, changes)


@pytest.mark.long
@settings(max_examples=5000, **quiet)
@cases
def test_five_thousand_mutations(cls, changes):
    check(cls, changes)
