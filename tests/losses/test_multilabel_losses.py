import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import (
    asymmetric_loss,
    unbiased_binary_loss,
    unbiased_ranking_loss,
    variational_pu_loss,
)
from tests.strategies import logits_and_binary, permutations

close = torch.testing.assert_close
DTYPES = [torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64]
quick = settings(max_examples=25, deadline=None, derandomize=True)

every_loss = pytest.mark.parametrize(
    "loss",
    [asymmetric_loss, unbiased_binary_loss, unbiased_ranking_loss, variational_pu_loss],
    ids=lambda f: f.__name__,
)

with_unknown = logits_and_binary(labels=st.integers(1, 5), values=(-1, 0, 1))
LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
TARGET = torch.tensor([[1, 0, 1], [0, 1, 1]])


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def asymmetric_loop(logits, target, gamma_negative=4.0, gamma_positive=1.0, clip=0.05, eps=1e-8):
    """Definition, entry by entry and with probabilities."""
    rows = []
    for row, labels in zip(logits.tolist(), target.tolist(), strict=True):
        total = 0.0
        for z, y in zip(row, labels, strict=True):
            p = sigmoid(z)
            if y == 1:
                total -= (1 - p) ** gamma_positive * math.log(max(p, eps))
            elif y == 0:
                correct = min(1 - p + clip, 1)
                total -= (1 - correct) ** gamma_negative * math.log(max(correct, eps))
        rows.append(total)
    return torch.tensor(rows, dtype=torch.float64)


def variational_loop(logits, target, gamma=0.55, alpha=1.0):
    """Definition, label by label."""
    values = []
    for column, labels in zip(logits.T.tolist(), target.T.tolist(), strict=True):
        scale = min(max(alpha * float(np.std(column)), 0.05), 1)
        proba = [sigmoid(max(z / scale, -700)) for z in column]
        mean = sum(proba) / len(proba)
        observed = [math.log(q + 1e-10) for q, y in zip(proba, labels, strict=True) if y == 1]
        values.append(
            mean**gamma * math.log(mean + 1e-10) - (sum(observed) / len(observed) if observed else 0)
        )
    return torch.tensor(values, dtype=torch.float64)


def test_asymmetric_by_hand():
    # Probability 1/2 everywhere. Positive: 0.5 log 2. Negative: clipped to 0.45, so 0.45**4 log(1 / 0.55).
    value = asymmetric_loss(torch.zeros(2, 1), torch.tensor([[1], [0]]))
    expected = torch.tensor([0.5 * math.log(2), 0.45**4 * math.log(1 / 0.55)])
    close(value, expected)


@quick
@given(
    with_unknown,
    st.sampled_from([0.0, 1.0, 2.5]),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.sampled_from([0.0, 0.05, 0.3]),
)
def test_asymmetric_agrees_with_the_loop(case, gamma_positive, gamma_negative, clip):
    options = {"gamma_positive": gamma_positive, "gamma_negative": gamma_negative, "clip": clip}
    value = asymmetric_loss(*case, **options)
    close(value, asymmetric_loop(*case, **options), rtol=1e-7, atol=1e-9)
    assert (value >= 0).all()
    close(asymmetric_loss(*case, **options, detach_focus=False), value, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_without_focus_it_is_binary_cross_entropy(dtype):
    logits = LOGITS.clone().to(dtype).requires_grad_()
    value = asymmetric_loss(logits, TARGET, gamma_negative=0, gamma_positive=0, clip=0)
    expected = F.binary_cross_entropy_with_logits(logits, TARGET.to(dtype), reduction="none").sum(1)
    close(value, expected)
    gradients = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (value, expected)]
    close(*gradients)


def test_logarithms_are_floored():
    logits = torch.tensor([[-30.0], [30.0]], requires_grad=True)
    options = {"gamma_negative": 0, "gamma_positive": 0, "clip": 0}
    value = asymmetric_loss(logits, torch.tensor([[1], [0]]), **options, eps=1e-4)
    close(value, torch.full((2,), -math.log(1e-4)))
    value.sum().backward()
    assert torch.equal(logits.grad, torch.zeros(2, 1))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 4.0])
@pytest.mark.parametrize("detach_focus", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_easy_negatives_give_exactly_nothing(gamma, detach_focus, dtype):
    # Probability at most 1/2: at the clip itself, a rounding step below it, and far below.
    logits = torch.tensor([[0.0, -1e-7, -2.0, -50.0]], dtype=dtype, requires_grad=True)
    value = asymmetric_loss(
        logits,
        torch.zeros(1, 4),
        gamma_negative=gamma,
        gamma_positive=0.5,
        clip=0.5,
        detach_focus=detach_focus,
    )
    value.sum().backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_focus_gradient():
    detached, attached = LOGITS.clone().requires_grad_(), LOGITS.clone().requires_grad_()
    options = {"gamma_negative": 2.0, "gamma_positive": 1.0, "clip": 0.0}
    asymmetric_loss(detached, TARGET, **options).sum().backward()
    p = LOGITS.sigmoid()
    # Constant weight times the slope of cross-entropy, p - y.
    weight = torch.where(TARGET == 1, 1 - p, p**2)
    close(detached.grad, weight * (p - TARGET))
    assert torch.autograd.gradcheck(
        lambda z: asymmetric_loss(z, TARGET, **options, detach_focus=False), attached
    )
    asymmetric_loss(attached, TARGET, **options, detach_focus=False).sum().backward()
    assert (detached.grad - attached.grad).abs().min() > 1e-3


@pytest.mark.parametrize("detach_focus", [True, False])
@pytest.mark.parametrize("gamma", [0.01, 0.5, 4.0])
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_asymmetric_finite_at_extremes(detach_focus, gamma, clip):
    logits = torch.tensor([[-200.0, -50.0, 0.0, 50.0, 200.0]] * 3, requires_grad=True)
    target = torch.tensor([[1] * 5, [0] * 5, [-1] * 5])
    value = asymmetric_loss(
        logits, target, gamma_positive=gamma, gamma_negative=gamma, clip=clip, detach_focus=detach_focus
    )
    value.sum().backward()
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()


@quick
@given(with_unknown, st.integers(0, 99))
def test_mask_weighs_the_entries(case, seed):
    logits, target = case
    weight = torch.rand(logits.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    entries = [asymmetric_loss(logits[:, [k]], target[:, [k]]) for k in range(logits.shape[1])]
    expected = (torch.stack(entries, 1) * weight).sum(1)
    close(asymmetric_loss(logits, target, mask=weight), expected)
    kept = weight > 0.5
    unknown = target.masked_fill(~kept, -1)
    close(asymmetric_loss(logits, target, mask=kept), asymmetric_loss(logits, unknown))


def test_variational_by_hand():
    # Logits -1 and 1: spread 1, so nothing is rescaled; the mean prediction is 1/2. With gamma 1 the first
    # label gives 1/2 log(1/2) - log sigmoid(1); the second has no positive.
    logits = torch.tensor([[1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    value = variational_pu_loss(logits, torch.tensor([[1, 0], [0, 0]]), gamma=1.0)
    half = 0.5 * math.log(0.5)
    expected = torch.tensor([half - math.log(sigmoid(1)), half], dtype=torch.float64)
    close(value, expected)


@quick
@given(with_unknown, st.sampled_from([0.0, 0.55, 2.0]), st.sampled_from([0.1, 1.0, 3.0]))
def test_variational_agrees_with_the_loop(case, gamma, alpha):
    value = variational_pu_loss(*case, gamma=gamma, alpha=alpha)
    assert value.shape == case[0].shape[1:]
    close(value, variational_loop(*case, gamma, alpha), rtol=1e-7, atol=1e-8)


@quick
@given(st.data())
def test_variational_moves_with_labels_and_ignores_row_order(data):
    logits, target = data.draw(with_unknown)
    rows, labels = data.draw(permutations(logits.shape[0])), data.draw(permutations(logits.shape[1]))
    value = variational_pu_loss(logits, target)
    moved = variational_pu_loss(logits[rows][:, labels], target[rows][:, labels])
    close(moved, value[labels], rtol=1e-7, atol=1e-8)
    close(variational_pu_loss(logits, target.clamp(min=0)), value, rtol=0, atol=0)


def test_variational_constants_carry_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    target = torch.tensor([[1, 0, 0], [0, 1, 0]])
    variational_pu_loss(logits, target, gamma=2.0, alpha=0.4).sum().backward()
    scale = (0.4 * LOGITS.std(0, correction=0)).clamp(0.05, 1)
    proba = torch.sigmoid(LOGITS / scale)
    mean = proba.mean(0)
    # d log(m) = p (1 - p) / (2 m scale), d log(q) = (1 - p) / scale for the one positive of the label.
    expected = mean**2 * proba * (1 - proba) / (2 * mean * scale) - target * (1 - proba) / scale
    close(logits.grad, expected, rtol=1e-6, atol=1e-8)
    assert 0.05 < scale.min() < scale.max() < 1


@pytest.mark.parametrize("value", [-50.0, 0.0, 50.0])
def test_variational_of_constant_logits(value):
    logits = torch.full((3, 2), value, requires_grad=True)
    result = variational_pu_loss(logits, torch.tensor([[1, 0]] * 3))
    result.sum().backward()
    # The spread is 0, so logits are divided by 0.05; all predictions equal, the first label is (m^gamma - 1)
    # log m.
    mean = torch.sigmoid(torch.tensor(value / 0.05)).item()
    log_mean = math.log(mean + 1e-10)
    expected = torch.tensor([(mean**0.55 - 1) * log_mean, mean**0.55 * log_mean])
    close(result, expected, rtol=1e-5, atol=1e-6)
    assert logits.grad.isfinite().all()


@every_loss
@quick
@given(data=st.data())
def test_rows_and_labels_are_interchangeable(loss, data):
    logits, target = data.draw(with_unknown)
    if loss is variational_pu_loss:
        one_by_one = [loss(logits[:, [k]], target[:, [k]]) for k in range(logits.shape[1])]
    else:
        order = data.draw(permutations(logits.shape[1]))
        close(loss(logits[:, order], target[:, order]), loss(logits, target), rtol=1e-9, atol=1e-9)
        one_by_one = [loss(row[None], labels[None]) for row, labels in zip(logits, target, strict=True)]
    close(torch.cat(one_by_one), loss(logits, target), rtol=1e-9, atol=1e-10)


@every_loss
def test_finite_at_extreme_logits(loss):
    logits = (50 * torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)).requires_grad_()
    target = torch.arange(81).reshape(27, 3) * 7 % 3 - 1
    value = loss(logits, target)
    value.sum().backward()
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()
    assert (logits.grad != 0).any()


@every_loss
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_target_of_any_dtype(loss, dtype):
    logits, target = LOGITS.float(), TARGET.to(dtype)
    value = loss(logits, target)
    assert value.dtype == torch.float32
    close(value.double(), loss(LOGITS, TARGET), rtol=1e-5, atol=1e-6)
    assert torch.equal(logits, LOGITS.float())
    assert torch.equal(target, TARGET.to(dtype))


@every_loss
@pytest.mark.parametrize(
    ("logits", "target", "error", "message"),
    [
        (LOGITS.tolist(), TARGET, TypeError, "logits must be a torch.Tensor"),
        (LOGITS.long(), TARGET, TypeError, "logits must have a floating point dtype"),
        (LOGITS, TARGET.tolist(), TypeError, "target must be a torch.Tensor"),
        (LOGITS[0], TARGET[0], ValueError, "logits must have 2 dimensions"),
        (LOGITS[:0], TARGET[:0], ValueError, "logits is an empty batch"),
        (LOGITS, TARGET[:1], ValueError, "target has shape"),
        (LOGITS, TARGET[:, :2], ValueError, "target has shape"),
        (LOGITS, TARGET * 2, ValueError, "target contains 2"),
        (LOGITS, TARGET - 2, ValueError, "target contains -2"),
        (LOGITS, TARGET * 0.5, ValueError, "target contains 0.5"),
        (LOGITS, TARGET * math.nan, ValueError, "target contains nan"),
    ],
)
def test_errors_in_data(loss, logits, target, error, message):
    with pytest.raises(error, match=message):
        loss(logits, target)


@pytest.mark.parametrize(
    ("loss", "options", "error", "message"),
    [
        (asymmetric_loss, {"gamma_negative": -1}, ValueError, "gamma_negative must be in"),
        (asymmetric_loss, {"gamma_positive": -1}, ValueError, "gamma_positive must be in"),
        (asymmetric_loss, {"clip": 1.0}, ValueError, "clip must be in"),
        (asymmetric_loss, {"clip": -0.1}, ValueError, "clip must be in"),
        (asymmetric_loss, {"eps": 0.0}, ValueError, "eps must be in"),
        (asymmetric_loss, {"mask": [[1, 1, 1]] * 2}, TypeError, "mask must be a torch.Tensor"),
        (asymmetric_loss, {"mask": torch.ones(2)}, ValueError, "mask has shape"),
        (asymmetric_loss, {"mask": -torch.ones(2, 3)}, ValueError, "mask contains -1"),
        (variational_pu_loss, {"gamma": -0.1}, ValueError, "gamma must be in"),
        (variational_pu_loss, {"alpha": 0.0}, ValueError, "alpha must be in"),
    ],
)
def test_errors_in_options(loss, options, error, message):
    with pytest.raises(error, match=message):
        loss(LOGITS, TARGET, **options)
