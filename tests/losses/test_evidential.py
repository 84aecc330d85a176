import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Dirichlet, kl_divergence

from skweak.losses import calibrated_softmax, evidential_kl, evidential_loss
from tests.strategies import logits_and_target, matrices, permutations

quick = settings(max_examples=25, deadline=None, derandomize=True)
offsets = st.sampled_from([None, 0.3, 1.0, 4.0])

LOGITS = torch.tensor([[0.5, -1.0, 2.0, 0.0], [3.0, 1.0, -2.0, 0.5]], dtype=torch.float64)
TARGET = torch.tensor([2, 1])


def reference_kl(logits, target, offset):
    """Divergence by torch.distributions, one row at a time."""
    rows = []
    for row, label in zip(logits.double(), target, strict=True):
        concentration = row.exp() / offset + 1
        if label is not None:
            concentration = torch.cat([concentration[:label], torch.ones(1), concentration[label + 1 :]])
        rows.append(kl_divergence(Dirichlet(concentration), Dirichlet(torch.ones_like(concentration))))
    return torch.stack(rows)



def test_calibrated_softmax_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])
    # exponentials (1, 3); plus 1: (2, 4) / 6; default offset 10 / 2 = 5: (6, 8) / 14
    torch.testing.assert_close(calibrated_softmax(logits, offset=1.0), torch.tensor([[2.0, 4.0]]) / 6)
    torch.testing.assert_close(calibrated_softmax(logits), torch.tensor([[6.0, 8.0]]) / 14)


def test_calibrated_softmax_without_offset_is_the_softmax():
    assert torch.equal(calibrated_softmax(LOGITS, offset=0), LOGITS.softmax(1))


def test_calibrated_softmax_without_evidence_is_uniform():
    torch.testing.assert_close(calibrated_softmax(torch.full((1, 4), -50.0)), torch.full((1, 4), 0.25))


@quick
@given(matrices(), st.sampled_from([0.3, 1.0, 4.0]))
def test_calibrated_softmax_is_the_normalised_sum(logits, offset):
    raised = logits.exp() + offset
    expected = raised / raised.sum(1, keepdim=True)
    torch.testing.assert_close(calibrated_softmax(logits, offset=offset), expected)


@quick
@given(matrices(), offsets, st.floats(0.5, 5.0))
def test_calibrated_softmax_sharpens_when_all_logits_grow(logits, offset, shift):
    before = calibrated_softmax(logits, offset=offset).amax(1)
    after = calibrated_softmax(logits + shift, offset=offset).amax(1)
    assert (after >= before - 1e-12).all()
    assert (after <= logits.softmax(1).amax(1) + 1e-12).all()



def test_kl_by_hand():
    # Evidence 1 on the other class: concentrations (1, 2), log 2 - (psi(3) - psi(2)) = log 2 - 1/2.
    value = evidential_kl(torch.tensor([[7.0, 0.0]]), torch.tensor([0]), offset=1.0)
    torch.testing.assert_close(value, torch.tensor([math.log(2) - 0.5]))
    # Without target, concentrations (2, 2): log 6 + 2 (psi(2) - psi(4)) = log 6 - 2 (1/2 + 1/3)
    value = evidential_kl(torch.tensor([[0.0, 0.0]]), offset=1.0)
    torch.testing.assert_close(value, torch.tensor([math.log(6) - 5 / 3]))


@pytest.mark.parametrize("n_classes", [2, 4, 10, 100])
def test_default_offset_is_ten_over_classes(n_classes):
    logits = torch.linspace(-2, 2, 3 * n_classes, dtype=torch.float64).reshape(3, n_classes)
    target = torch.tensor([0, 1, n_classes - 1])
    expected = reference_kl(logits, target.tolist(), 10 / n_classes)
    torch.testing.assert_close(evidential_kl(logits, target), expected)


@quick
@given(logits_and_target(bound=5.0), st.sampled_from([0.3, 1.0, 4.0]), st.booleans())
def test_kl_agrees_with_torch_distributions(case, offset, with_target):
    logits, target = case
    expected = reference_kl(logits, target.tolist() if with_target else [None] * len(target), offset)
    value = evidential_kl(logits, target if with_target else None, offset=offset)
    torch.testing.assert_close(value, expected, atol=1e-9, rtol=1e-7)
    assert (value >= -1e-9).all()


@quick
@given(logits_and_target(), offsets)
def test_kl_ignores_the_logit_of_the_target(case, offset):
    logits, target = case
    logits.requires_grad_()
    value = evidential_kl(logits, target, offset=offset)
    moved = logits.detach().scatter(1, target[:, None], 3.25)
    assert torch.equal(value, evidential_kl(moved, target, offset=offset))
    value.sum().backward()
    assert (logits.grad.gather(1, target[:, None]) == 0).all()


def test_kl_vanishes_without_evidence_for_other_classes():
    logits = torch.tensor([[5.0, -50.0, -50.0]])
    assert evidential_kl(logits, torch.tensor([0])).abs().item() < 1e-9
    assert evidential_kl(logits, torch.tensor([1])).item() > 1


@pytest.mark.parametrize(
    ("n_classes", "logit", "expected"), [(10, 14.0, 65.720305), (100, 18.0, 973.153498)]
)
def test_kl_keeps_its_digits_in_single_precision(n_classes, logit, expected):
    # Expected values from 50-digit arithmetic.
    value = evidential_kl(torch.full((1, n_classes), logit), torch.tensor([0]))
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_kl_gradient_and_second_derivative():
    logits = LOGITS.clone().requires_grad_()
    for function in (lambda z: evidential_kl(z, TARGET), evidential_kl):
        assert torch.autograd.gradcheck(function, logits)
        assert torch.autograd.gradgradcheck(function, logits)


def test_kl_gradient_where_rounding_hurts():
    # Exact gradient (50 digits) of the second to fourth logit at offset 2.5.
    logits = torch.tensor([[0.0, 20.0, 21.0, 22.0]], dtype=torch.float64, requires_grad=True)
    evidential_kl(logits, torch.tensor([0])).sum().backward()
    expected = torch.tensor([[0.0, -0.18489299, 0.35654965, 1.82834334]], dtype=torch.float64)
    torch.testing.assert_close(logits.grad, expected, atol=1e-6, rtol=0)


def test_logits_beyond_thirty_count_as_thirty():
    logits = torch.tensor([[0.0, 31.0, 12.0], [0.0, 30.0, 12.0]], requires_grad=True)
    value = evidential_kl(logits, torch.tensor([0, 0]))
    assert value[0] == value[1]
    value.sum().backward()
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 1] > 0



def test_loss_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0]])
    # offset 1: (4, 2) / 6, -log(2/3); divergence of (1, 2): log 2 - 1/2, times 0.8 / 2
    expected = math.log(1.5) + 0.4 * (math.log(2) - 0.5)
    value = evidential_loss(logits, torch.tensor([0]), kl_weight=0.8, offset=1.0)
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_loss_without_offset_and_divergence_is_the_cross_entropy():
    ours, theirs = (LOGITS.clone().requires_grad_() for _ in range(2))
    value = evidential_loss(ours, TARGET, kl_weight=0, offset=0)
    expected = F.cross_entropy(theirs, TARGET, reduction="none")
    value.sum().backward()
    expected.sum().backward()
    assert torch.equal(value, expected)
    assert torch.equal(ours.grad, theirs.grad)


@quick
@given(logits_and_target(), offsets, st.floats(0.0, 3.0))
def test_loss_is_likelihood_plus_weighted_divergence(case, offset, kl_weight):
    logits, target = case
    proba = calibrated_softmax(logits, offset=offset).gather(1, target[:, None]).squeeze(1)
    divergence = evidential_kl(logits, target, offset=offset)
    expected = -proba.log() + kl_weight * divergence / logits.shape[1]
    torch.testing.assert_close(evidential_loss(logits, target, kl_weight=kl_weight, offset=offset), expected)


@quick
@given(st.data())
def test_loss_moves_with_classes_and_rows(data):
    logits, target = data.draw(logits_and_target())
    loss = evidential_loss(logits, target)
    order = data.draw(permutations(logits.shape[1]))
    torch.testing.assert_close(evidential_loss(logits[:, order], order.argsort()[target]), loss)
    rows = data.draw(permutations(len(logits)))
    torch.testing.assert_close(evidential_loss(logits[rows], target[rows]), loss[rows])
    one_by_one = [evidential_loss(row[None], label[None]) for row, label in zip(logits, target, strict=True)]
    torch.testing.assert_close(torch.cat(one_by_one), loss)


@quick
@given(logits_and_target(), st.floats(0.1, 5.0))
def test_loss_falls_as_the_target_logit_rises(case, step):
    logits, target = case
    raised = logits.scatter_add(1, target[:, None], torch.full((len(target), 1), step, dtype=logits.dtype))
    assert (evidential_loss(raised, target) < evidential_loss(logits, target)).all()


def test_loss_gradient():
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: evidential_loss(z, TARGET, offset=0.7), logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("offset", [None, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("function", [evidential_loss, evidential_kl], ids=lambda f: f.__name__)
def test_finite_at_extreme_logits(function, offset, dtype):
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)
    logits = (50 * signs).to(dtype).requires_grad_()
    value = function(logits, torch.arange(len(signs)) % 3, offset=offset)
    value.sum().backward()
    assert value.dtype == dtype
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()


def test_calibrated_softmax_is_finite_at_extreme_logits():
    logits = torch.tensor([[50.0, -50.0], [-50.0, -50.0], [50.0, 50.0]], requires_grad=True)
    proba = calibrated_softmax(logits)
    proba[:, 0].sum().backward()
    torch.testing.assert_close(proba.sum(1), torch.ones(3))
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("function", [evidential_loss, evidential_kl], ids=lambda f: f.__name__)
def test_arguments_are_left_alone(function):
    logits, target = LOGITS.clone(), TARGET.clone()
    function(logits, target)
    assert torch.equal(logits, LOGITS)
    assert torch.equal(target, TARGET)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: calibrated_softmax([[0.0, 1.0]]), TypeError, "logits must be a torch.Tensor"),
        (lambda: calibrated_softmax(LOGITS.long()), TypeError, "logits .* floating point"),
        (lambda: calibrated_softmax(torch.zeros(3)), ValueError, "logits must have 2 dimensions"),
        (lambda: calibrated_softmax(torch.zeros(3, 1)), ValueError, "logits .* at least 2 columns"),
        (lambda: calibrated_softmax(LOGITS, offset=-1.0), ValueError, "offset .* got -1.0"),
        (lambda: evidential_kl(torch.zeros(0, 3)), ValueError, "logits is an empty batch"),
        (lambda: evidential_kl(LOGITS, offset=0), ValueError, "offset .* got 0"),
        (lambda: evidential_kl(LOGITS, TARGET + 2), ValueError, r"target contains 4, .* 0\.\.3"),
        (lambda: evidential_kl(LOGITS, -TARGET), ValueError, "target contains -2"),
        (lambda: evidential_kl(LOGITS, TARGET[:1]), ValueError, r"target must have shape \(2,\)"),
        (lambda: evidential_loss(LOGITS, TARGET.float()), TypeError, r"target .* call target.long\(\)"),
        (lambda: evidential_loss(LOGITS, [2, 1]), TypeError, "target must be a torch.Tensor"),
        (lambda: evidential_loss(LOGITS, TARGET, kl_weight=-0.1), ValueError, "kl_weight .* got -0.1"),
        (lambda: evidential_loss(LOGITS, TARGET, offset=0.0), ValueError, "offset .* got 0.0"),
        (lambda: evidential_loss(LOGITS, TARGET, offset="1"), TypeError, "offset .* got '1'"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
