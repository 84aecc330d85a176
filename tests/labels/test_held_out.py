"""The loss of held-out labels of every kind, by hand and against slow loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from skweak.labels import find_kind
from tests.strategies import logits_and_binary, logits_and_candidates, logits_and_target, probabilities


def held_out_loss(proba, target, kind):
    return find_kind(kind).held_out_loss(proba, target)


quick = settings(max_examples=25, deadline=None, derandomize=True)
LOG2, LOG4 = math.log(2), math.log(4)
PROBA = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]

# Each row: kind, probabilities, encoded target, expected loss.
BY_HAND = {
    # -log 1/2 and -log 1/4: (log 2 + log 4) / 2.
    "noisy": ("noisy", PROBA, [0, 2], (LOG2 + LOG4) / 2),
    "semi": ("semi", PROBA, [-1, 1], LOG2),
    "semi, nothing labeled": ("semi", PROBA, [-1, -1], 0.0),
    # Class 3 has no column: known to be none of the classes.
    "open": ("open", PROBA, [3, 2], LOG4),
    "open, nothing known": ("open", PROBA, [3, -1], 0.0),
    # The candidates hold 1/4 + 1/4 = 1/2 and 1/4.
    "partial": ("partial", PROBA, [[0, 1, 1], [1, 0, 0]], (LOG2 + LOG4) / 2),
    "partial, all candidates": ("partial", PROBA, [[1, 1, 1], [1, 1, 1]], 0.0),
    # Entries 1/2 right, 1 - 1/4 for a zero, and the unknown one left out: (log 2 - log 3/4) / 2.
    "multilabel": ("multilabel", [[0.5, 0.25, 0.25]], [[1, 0, -1]], (LOG2 - math.log(0.75)) / 2),
    "multilabel, nothing known": ("multilabel", [[0.5, 0.25]], [[-1, -1]], 0.0),
    # Answers 0 and 1 of the first row, 1 of the second: (log 2 + log 4 + log 2) / 3.
    "crowd": ("crowd", PROBA, [[0, 1], [1, -1]], (2 * LOG2 + LOG4) / 3),
    "crowd, more annotators than classes": ("crowd", PROBA[:1], [[0, 0, 0, 0, -1]], LOG2),
    "crowd, no answers": ("crowd", PROBA, [[-1, -1], [-1, -1]], 0.0),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name, dtype):
    kind, proba, target, expected = BY_HAND[name]
    loss = held_out_loss(torch.tensor(proba, dtype=dtype), torch.tensor(target), kind)
    assert loss.shape == () and loss.dtype == dtype
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@quick
@given(logits_and_target())
def test_class_labels_equal_cross_entropy(drawn):
    logits, target = drawn
    for kind in ("noisy", "semi", "open"):
        torch.testing.assert_close(held_out_loss(logits.softmax(1), target, kind), F.cross_entropy(logits, target))


@quick
@given(logits_and_binary(values=(-1, 0, 1)))
def test_multilabel_equals_binary_cross_entropy_of_known_entries(drawn):
    logits, target = drawn
    known = target != -1
    loss = held_out_loss(logits.sigmoid(), target.to(torch.int8), "multilabel")
    if not known.any():
        assert loss == 0
        return
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(logits[known], target[known].to(logits.dtype)))


@quick
@given(logits_and_candidates())
def test_partial_equals_a_loop(drawn):
    logits, candidates = drawn
    proba = logits.softmax(1)
    rows = zip(proba.tolist(), candidates.tolist(), strict=True)
    terms = [-math.log(sum(p * c for p, c in zip(*row, strict=True))) for row in rows]
    loss = held_out_loss(proba, candidates.to(torch.uint8), "partial")
    assert loss.item() == pytest.approx(sum(terms) / len(terms), rel=1e-9, abs=1e-12) and loss >= -1e-12


@quick
@given(probabilities(), st.data())
def test_crowd_equals_a_loop(proba, data):
    answers = st.lists(st.integers(-1, proba.shape[1] - 1), min_size=3, max_size=3)
    target = data.draw(st.lists(answers, min_size=len(proba), max_size=len(proba)))
    terms = [-math.log(row[a]) for row, given_ in zip(proba.tolist(), target, strict=True) for a in given_ if a >= 0]
    loss = held_out_loss(proba, torch.tensor(target), "crowd")
    assert loss.item() == pytest.approx(sum(terms) / max(1, len(terms)), rel=1e-9)


@quick
@given(logits_and_candidates(), st.randoms(use_true_random=False))
def test_order_of_rows_and_classes_does_not_matter(drawn, random):
    logits, candidates = drawn
    proba = logits.softmax(1)
    rows, columns = list(range(proba.shape[0])), list(range(proba.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    for kind in ("partial", "multilabel"):
        first = held_out_loss(proba, candidates, kind)
        second = held_out_loss(proba[rows][:, columns], candidates[rows][:, columns], kind)
        torch.testing.assert_close(first, second)


# A probability of exactly 0 for what is true.
EXTREMES = {
    "noisy": ([[0.0, 1.0]], [0]),
    "semi": ([[0.0, 1.0]], [0]),
    "open": ([[0.0, 1.0]], [0]),
    "partial": ([[0.0, 1.0, 0.0]], [[1, 0, 1]]),
    "multilabel": ([[0.0, 1.0]], [[1, 0]]),
    "crowd": ([[0.0, 1.0]], [[0, 0]]),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kind", EXTREMES)
def test_extremes_are_large_and_finite(kind, dtype):
    proba, target = EXTREMES[kind]
    proba = torch.tensor(proba, dtype=dtype, requires_grad=True)
    loss = held_out_loss(proba, torch.tensor(target), kind)
    loss.backward()
    assert 80 < loss.item() < 1000 and not proba.grad.isnan().any()
    if kind != "partial":
        assert held_out_loss(1 - proba.detach(), torch.tensor(target), kind).item() == pytest.approx(0.0, abs=1e-6)


def test_unknown_entries_do_not_matter_even_at_extremes():
    proba = torch.tensor([[0.0, 1.0, 0.5]])
    assert held_out_loss(proba, torch.tensor([[-1, -1, 1]]), "multilabel").item() == pytest.approx(LOG2)


def test_what_says_nothing_gives_zero_gradients():
    proba = torch.tensor(PROBA, requires_grad=True)
    held_out_loss(proba, torch.tensor([-1, 3]), "open").backward()
    assert (proba.grad == 0).all()
