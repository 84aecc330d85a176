"""Losses of rows without a label: values by hand, the loop they replace, and properties."""

import math

import pytest
import torch
from torch.nn import functional as F

from skweak.losses import curriculum_thresholds, pseudo_label_loss, shrunk_cross_entropy


def test_pseudo_labels_need_the_threshold():
    proba = torch.tensor([[0.95, 0.05], [0.94, 0.06]])
    loss = pseudo_label_loss(torch.zeros(2, 2), proba, threshold=0.95)
    assert loss.tolist() == pytest.approx([math.log(2), 0])
    loss = pseudo_label_loss(torch.zeros(2, 2), proba, threshold=torch.tensor([0.9, 0.95]))
    assert loss.tolist() == pytest.approx([math.log(2)] * 2)
    assert (pseudo_label_loss(torch.zeros(2, 2), proba, threshold=0.0) > 0).all()


def test_thresholds_follow_the_classes():
    thresholds = curriculum_thresholds(torch.tensor([10, 5, 0]), 2, threshold=0.9)
    assert thresholds.tolist() == pytest.approx([0.9, 0.9 * 0.5 / 1.5, 0])
    # While most rows are unused, every threshold is low.
    assert curriculum_thresholds(torch.tensor([10, 5, 0]), 1000).max() < 0.01
    assert curriculum_thresholds(torch.tensor([0, 0]), 0).tolist() == [0, 0]


def shrunk_by_loop(logits, proba, threshold):
    losses, weights = [], []
    for own, p in zip(logits, proba, strict=True):
        order = p.argsort(descending=True)
        C = len(p)
        for c in range(2, C):
            confidence = p[order[0]] / (p[order[0]] + p[order[c:]].sum())
            if confidence >= threshold or c == C - 1:
                break
        kept = torch.cat([order[:1], order[c:]])
        losses.append(own[kept].logsumexp(0) - own[order[0]])
        top = p.max()
        weights.append(top if top < threshold and confidence >= threshold else torch.zeros(()))
    return torch.stack(losses), torch.stack(weights)


@pytest.mark.parametrize("n_classes", [3, 4, 10])
@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_the_shrunk_loss_is_that_of_the_loop(n_classes, threshold):
    torch.manual_seed(0)
    logits, proba = torch.randn(50, n_classes), (2 * torch.randn(50, n_classes)).softmax(1)
    loss, weight = shrunk_cross_entropy(logits, proba, threshold=threshold)
    expected_loss, expected_weight = shrunk_by_loop(logits, proba, threshold)
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(weight, expected_weight)
    assert (loss <= F.cross_entropy(logits, proba.argmax(1), reduction="none") + 1e-6).all()
    assert (weight >= 0).all() and (weight < threshold).all()


def test_the_second_class_is_always_left_out():
    proba = torch.tensor([[0.5, 0.4, 0.1]])
    low, high = (shrunk_cross_entropy(torch.tensor([[1.0, z, 0.0]]), proba)[0] for z in (-5.0, 5.0))
    assert torch.equal(low, high)


def test_two_classes_leave_nothing_out():
    logits = torch.randn(4, 2, requires_grad=True)
    loss, weight = shrunk_cross_entropy(logits, torch.full((4, 2), 0.5))
    assert loss.tolist() == weight.tolist() == [0] * 4 and loss.requires_grad


def test_teachers_get_no_gradient_and_bad_arguments_are_named():
    logits = torch.randn(3, 4, requires_grad=True)
    teacher = torch.randn(3, 4, requires_grad=True)
    loss, weight = shrunk_cross_entropy(logits, teacher.softmax(1), threshold=0.9)
    (pseudo_label_loss(logits, teacher.softmax(1), threshold=0.1) + loss * weight).sum().backward()
    assert teacher.grad is None and torch.isfinite(logits.grad).all()
    for call, name in (
        (lambda: pseudo_label_loss(logits, teacher), "proba"),
        (lambda: pseudo_label_loss(logits, teacher.softmax(1), threshold=1.5), "threshold"),
        (lambda: shrunk_cross_entropy(logits, teacher.softmax(1)[:2]), "proba"),
        (lambda: curriculum_thresholds(torch.ones(2), 0, threshold=-1.0), "threshold"),
    ):
        with pytest.raises(ValueError, match=name):
            call()
