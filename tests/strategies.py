"""Hypothesis strategies that draw the arguments of the losses as torch tensors."""

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ROWS = st.integers(1, 6)
CLASSES = st.integers(2, 6)


@st.composite
def matrices(draw, rows=ROWS, columns=CLASSES, bound=10.0, dtype=torch.float64):
    """Draw a real matrix (n, C) with entries in [-bound, bound]."""
    shape = draw(rows), draw(columns)
    entries = st.floats(-bound, bound, allow_nan=False, width=32)
    return torch.as_tensor(draw(hnp.arrays(np.float64, shape, elements=entries)), dtype=dtype)


@st.composite
def logits_and_target(draw, rows=ROWS, classes=CLASSES, bound=10.0, dtype=torch.float64):
    """Draw logits (n, C) and one class (n,) for every row."""
    logits = draw(matrices(rows, classes, bound, dtype))
    n_rows, n_classes = logits.shape
    target = draw(st.lists(st.integers(0, n_classes - 1), min_size=n_rows, max_size=n_rows))
    return logits, torch.tensor(target)


@st.composite
def logits_and_binary(draw, rows=ROWS, labels=CLASSES, bound=10.0, dtype=torch.float64, values=(0, 1)):
    """Draw logits (n, K) and an int64 matrix (n, K) with entries out of ``values``."""
    logits = draw(matrices(rows, labels, bound, dtype))
    entries = draw(hnp.arrays(np.int64, tuple(logits.shape), elements=st.sampled_from(values)))
    return logits, torch.as_tensor(entries)


@st.composite
def logits_and_candidates(draw, rows=ROWS, classes=CLASSES, bound=10.0, dtype=torch.float64):
    """Draw logits (n, C) and 0/1 candidates (n, C), at least one in every row."""
    logits, candidates = draw(logits_and_binary(rows, classes, bound, dtype))
    n_rows, n_classes = logits.shape
    always = draw(st.lists(st.integers(0, n_classes - 1), min_size=n_rows, max_size=n_rows))
    return logits, candidates.scatter(1, torch.tensor(always)[:, None], 1)


def probabilities(rows=ROWS, classes=CLASSES, bound=10.0, dtype=torch.float64):
    """Draw strictly positive class probabilities (n, C) whose rows sum to 1."""
    return matrices(rows, classes, bound, dtype).map(lambda logits: logits.softmax(dim=1))


@st.composite
def permutations(draw, size):
    """Draw an order of ``size`` rows or classes as an index tensor."""
    return torch.tensor(draw(st.permutations(range(size))))
