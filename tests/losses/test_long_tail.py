"""Losses for classes of very different sizes: values by hand, limits and properties."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from skweak.losses import class_balanced_weight, focal_loss, ldam_loss, logit_adjusted_cross_entropy

LOGITS, TARGET = torch.tensor([[1.0, -0.5, 0.2], [0.0, 2.0, -1.0]]), torch.tensor([0, 2])
PLAIN = F.cross_entropy(LOGITS, TARGET, reduction="none")


def test_values_by_hand():
    # p = 1/2: (1 - p)^2 log 2; margins 16^-1/4 = 1/2 of the largest; shares 3/4 and 1/4.
    half = torch.zeros(1, 2)
    assert focal_loss(half, torch.tensor([0]), gamma=2.0).item() == pytest.approx(math.log(2) / 4)
    loss = ldam_loss(half, torch.tensor([0]), torch.tensor([16, 1]), scale=2.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2 * 0.25)))
    loss = logit_adjusted_cross_entropy(half, torch.tensor([1]), torch.tensor([3.0, 1.0]))
    assert loss.item() == pytest.approx(math.log(4))
    weight = class_balanced_weight(torch.tensor([3, 1]), beta=0.5)
    assert weight.tolist() == pytest.approx([2 / 2.75, 2 * 1.75 / 2.75])


def test_limits_are_cross_entropy():
    counts = torch.tensor([5, 5, 5])
    for loss in (
        focal_loss(LOGITS, TARGET, gamma=0.0),
        ldam_loss(LOGITS, TARGET, counts, max_margin=0.0, scale=1.0),
        logit_adjusted_cross_entropy(LOGITS, TARGET, torch.tensor([7.0, 2, 1]), strength=0.0),
        logit_adjusted_cross_entropy(LOGITS, TARGET, counts),
    ):
        torch.testing.assert_close(loss, PLAIN)
    torch.testing.assert_close(class_balanced_weight(torch.tensor([9, 2]), beta=0.0), torch.ones(2))


def test_equal_sizes_have_the_largest_margin():
    loss = ldam_loss(LOGITS, TARGET, torch.tensor([5, 5, 5]), max_margin=0.5, scale=1.0)
    shifted = LOGITS - 0.5 * F.one_hot(TARGET, 3)
    torch.testing.assert_close(loss, F.cross_entropy(shifted, TARGET, reduction="none"))


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=8), st.floats(0, 0.99999))
def test_weights_sum_to_the_number_of_classes_and_favour_rare_ones(counts, beta):
    counts = torch.tensor(counts)
    weight = class_balanced_weight(counts, beta=beta)
    assert weight.sum().item() == pytest.approx(len(counts), rel=1e-4)
    order = counts.argsort()
    assert (weight[order].diff() <= 1e-5).all()


@pytest.mark.parametrize("size", [50.0, -50.0])
def test_large_logits_stay_finite(size):
    logits = torch.tensor([[size, -size, 0.0]], requires_grad=True)
    counts = torch.tensor([1000, 1, 0])
    for loss in (
        focal_loss(logits, torch.tensor([0]), gamma=0.5), ldam_loss(logits, torch.tensor([0]), counts),
        logit_adjusted_cross_entropy(logits, torch.tensor([2]), counts),
    ):  # fmt: skip
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert torch.isfinite(loss).all() and torch.isfinite(gradient).all()


def test_bad_arguments_are_named():
    for call, name in (
        (lambda: focal_loss(LOGITS, TARGET, gamma=-1.0), "gamma"),
        (lambda: ldam_loss(LOGITS, TARGET, torch.tensor([1, 2])), "counts"),
        (lambda: ldam_loss(LOGITS, TARGET, torch.tensor([1, 2, -3])), "counts"),
        (lambda: ldam_loss(LOGITS, TARGET, torch.tensor([1, 2, 3]), scale=0.0), "scale"),
        (lambda: logit_adjusted_cross_entropy(LOGITS, TARGET, torch.ones(2)), "prior"),
        (lambda: class_balanced_weight(torch.ones(2), beta=1.0), "beta"),
        (lambda: focal_loss(LOGITS, TARGET + 1), "target"),
    ):
        with pytest.raises(ValueError, match=name):
            call()
