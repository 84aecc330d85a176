import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import complementary_loss
from tests.strategies import logits_and_binary, logits_and_target, permutations

quick = settings(max_examples=25, deadline=None, derandomize=True)

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
CLASSES = torch.tensor([2, 1])


def reference(logits, mask, floor=1e-5):
    """Sum over the complementary classes, one entry at a time."""
    rows = []
    for row, complement in zip(logits, mask, strict=True):
        proba = row.softmax(0).tolist()
        pairs = zip(proba, complement.tolist(), strict=True)
        rows.append(-sum(math.log(min(max(1 - p, floor), 1)) for p, out in pairs if out))
    return torch.tensor(rows, dtype=logits.dtype)


def test_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0], [math.log(3.0), 0.0]])
    # Probabilities (3, 1) / 4: excluding the first costs log 4, the second log 4/3.
    expected = torch.tensor([math.log(4), math.log(4 / 3)])
    torch.testing.assert_close(complementary_loss(logits, torch.tensor([0, 1])), expected)
    torch.testing.assert_close(complementary_loss(logits, torch.tensor([[1, 0], [0, 1]])), expected)


def test_uniform_logits_cost_the_share_of_one_class():
    value = complementary_loss(torch.zeros(1, 5), torch.tensor([3]))
    assert value.item() == pytest.approx(-math.log(1 - 1 / 5), rel=1e-6)


@quick
@given(logits_and_binary())
def test_mask_agrees_with_the_loop(case):
    logits, mask = case
    value = complementary_loss(logits, mask)
    torch.testing.assert_close(value, reference(logits, mask), atol=1e-9, rtol=1e-7)
    assert (value >= 0).all()
    assert (value[mask.sum(1) == 0] == 0).all()


@quick
@given(logits_and_target())
def test_one_class_is_a_mask_with_one_entry(case):
    logits, target = case
    mask = torch.zeros_like(logits).scatter(1, target[:, None], 1)
    value = complementary_loss(logits, target)
    torch.testing.assert_close(value, complementary_loss(logits, mask), atol=1e-9, rtol=1e-7)
    assert (value <= -math.log(1e-5) + 1e-12).all()


@quick
@given(st.data())
def test_moves_with_classes_and_rows(data):
    logits, target = data.draw(logits_and_target())
    loss = complementary_loss(logits, target)
    order = data.draw(permutations(logits.shape[1]))
    torch.testing.assert_close(complementary_loss(logits[:, order], order.argsort()[target]), loss)
    pairs = zip(logits, target, strict=True)
    one_by_one = [complementary_loss(row[None], label[None]) for row, label in pairs]
    torch.testing.assert_close(torch.cat(one_by_one), loss)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float64], ids=str)
def test_mask_of_any_dtype(dtype):
    mask = torch.tensor([[1, 0, 1], [0, 0, 1]])
    logits = LOGITS.float()
    value = complementary_loss(logits, mask.to(dtype))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, reference(logits, mask), atol=1e-6, rtol=1e-5)


def test_floor_bounds_the_value_and_stops_the_gradient():
    logits = torch.tensor([[30.0, 0.0], [2.0, 0.0]], requires_grad=True)
    value = complementary_loss(logits, torch.tensor([0, 0]), floor=1e-3)
    assert value[0].item() == pytest.approx(-math.log(1e-3), rel=1e-6)
    value.sum().backward()
    assert (logits.grad[0] == 0).all()
    # The gradient at the excluded class is its probability.
    assert logits.grad[1, 0].item() == pytest.approx(math.exp(2) / (math.exp(2) + 1), rel=1e-5)


def test_never_falls_below_zero_by_rounding():
    # In single precision the other probabilities of this row add up to more than 1.
    assert complementary_loss(torch.tensor([[-30.0, -6.0, 3.0, -5.0]]), torch.tensor([0])).item() >= 0


def test_keeps_digits_next_to_certainty():
    # 1 - p is 1 / (1 + exp(11)), about 1.67e-5; the difference in single precision has two digits.
    value = complementary_loss(torch.tensor([[11.0, 0.0]]), torch.tensor([0]))
    assert value.item() == pytest.approx(math.log1p(math.exp(11)), rel=1e-6)


@pytest.mark.parametrize("complement", [CLASSES, torch.tensor([[1, 1, 0], [0, 1, 1]])], ids=["class", "mask"])
def test_gradient(complement):
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: complementary_loss(z, complement), logits)


@pytest.mark.parametrize("floor", [0.0, 1e-5])
@pytest.mark.parametrize("one_class", [True, False], ids=["class", "mask"])
def test_finite_at_extreme_logits(one_class, floor):
    logits = (50 * torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)).requires_grad_()
    complement = torch.arange(len(logits)) % 3 if one_class else torch.ones_like(logits)
    value = complementary_loss(logits, complement, floor=floor)
    value.sum().backward()
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: complementary_loss([[0.0, 1.0]], CLASSES), TypeError, "logits must be a torch.Tensor"),
        (lambda: complementary_loss(LOGITS.long(), CLASSES), TypeError, "logits .* floating point"),
        (lambda: complementary_loss(torch.zeros(2, 1), CLASSES), ValueError, "logits .* at least 2 columns"),
        (lambda: complementary_loss(LOGITS, [2, 1]), TypeError, "complement must be a torch.Tensor"),
        (lambda: complementary_loss(LOGITS, CLASSES.float()), TypeError, "complement must hold int64"),
        (lambda: complementary_loss(LOGITS, CLASSES + 1), ValueError, r"complement contains 3, .* 0\.\.2"),
        (lambda: complementary_loss(LOGITS, CLASSES[:1]), ValueError, r"complement must have shape \(2,\)"),
        (lambda: complementary_loss(LOGITS, torch.ones(2, 2)), ValueError, r"complement has shape \(2, 2\)"),
        (lambda: complementary_loss(LOGITS, torch.full((2, 3), 2)), ValueError, "complement contains 2"),
        (lambda: complementary_loss(LOGITS, torch.full((2, 3), -1)), ValueError, "complement contains -1"),
        (lambda: complementary_loss(LOGITS, CLASSES, floor=-1e-3), ValueError, "floor .* got -0.001"),
        (lambda: complementary_loss(LOGITS, CLASSES, floor=2), ValueError, "floor .* got 2"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
