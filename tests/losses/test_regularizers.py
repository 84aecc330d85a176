import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import entropy

from skweak.losses import class_balance_penalty, confidence_penalty, sharpen
from tests.strategies import permutations, probabilities

quick = settings(max_examples=25, deadline=None, derandomize=True)
temperatures = st.floats(0.2, 5.0)

PROBA = torch.tensor([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]], dtype=torch.float64)


def test_sharpen_by_hand():
    # Squares (9, 1) / 16 of (3, 1) / 4, normalised by 10 / 16.
    torch.testing.assert_close(sharpen(torch.tensor([[0.75, 0.25]])), torch.tensor([[0.9, 0.1]]))
    # Square roots (3, 1) / sqrt(10) of (0.9, 0.1), normalised by 4 / sqrt(10).
    flat = sharpen(torch.tensor([[0.9, 0.1]]), temperature=2.0)
    torch.testing.assert_close(flat, torch.tensor([[0.75, 0.25]]))


@quick
@given(probabilities(), temperatures)
def test_sharpen_is_the_normalised_power(proba, temperature):
    power = proba ** (1 / temperature)
    torch.testing.assert_close(sharpen(proba, temperature=temperature), power / power.sum(1, keepdim=True))


@quick
@given(st.data())
def test_sharpen_moves_with_classes_and_rows(data):
    proba = data.draw(probabilities())
    sharp = sharpen(proba)
    order = data.draw(permutations(proba.shape[1]))
    torch.testing.assert_close(sharpen(proba[:, order]), sharp[:, order])
    torch.testing.assert_close(torch.cat([sharpen(row[None]) for row in proba]), sharp)


@quick
@given(probabilities())
def test_sharpen_limits(proba):
    torch.testing.assert_close(sharpen(proba, temperature=1.0), proba)
    best = proba.amax(1)
    assert (sharpen(proba).amax(1) >= best - 1e-12).all()
    assert (sharpen(proba, temperature=2.0).amax(1) <= best + 1e-12).all()
    uniform = torch.full_like(proba, 1 / proba.shape[1])
    torch.testing.assert_close(sharpen(proba, temperature=1e9), uniform)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 2.0, 100.0])
def test_sharpen_at_zeros_and_underflow(temperature):
    proba = torch.tensor([[0.0, 1.0, 0.0], [1e-30, 0.5, 0.5]], requires_grad=True)
    sharp = sharpen(proba, temperature=temperature)
    assert torch.equal(sharp[0], torch.tensor([0.0, 1.0, 0.0]))
    sharp[:, 0].sum().backward()
    assert proba.grad.isfinite().all()
    many = torch.full((1, 1000), 1e-3)
    torch.testing.assert_close(sharpen(many, temperature=temperature), many)


def test_sharpen_gradient():
    assert torch.autograd.gradcheck(sharpen, PROBA.clone().requires_grad_())


def test_confidence_penalty_by_hand():
    proba = torch.tensor([[0.25] * 4, [0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    expected = torch.tensor([-math.log(4), -math.log(2), 0.0])
    torch.testing.assert_close(confidence_penalty(proba), expected)


@quick
@given(probabilities())
def test_confidence_penalty_is_the_negative_entropy(proba):
    value = confidence_penalty(proba)
    torch.testing.assert_close(value, -torch.as_tensor(entropy(proba.numpy(), axis=1)))
    assert (value <= 0).all()
    assert (value >= -math.log(proba.shape[1]) - 1e-12).all()


@quick
@given(st.data())
def test_confidence_penalty_ignores_the_order_of_classes(data):
    proba = data.draw(probabilities())
    order = data.draw(permutations(proba.shape[1]))
    torch.testing.assert_close(confidence_penalty(proba[:, order]), confidence_penalty(proba))


def test_confidence_penalty_gradient():
    assert torch.autograd.gradcheck(confidence_penalty, PROBA.clone().requires_grad_())
    proba = torch.tensor([[0.0, 1.0]], requires_grad=True)
    confidence_penalty(proba).sum().backward()
    assert proba.grad.isfinite().all()


def test_class_balance_by_hand():
    proba = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    # Means (0.6, 0.4): -log 2 - (log 0.6 + log 0.4) / 2 = -log(4 · 0.24) / 2
    expected = -math.log(0.96) / 2
    assert class_balance_penalty(proba).item() == pytest.approx(expected, rel=1e-5)
    assert class_balance_penalty(proba, prior=torch.tensor([0.6, 0.4])).item() == pytest.approx(0, abs=1e-6)
    # Prior (1, 0): log(1 / 0.6), the empty class adds nothing.
    value = class_balance_penalty(proba, prior=torch.tensor([1.0, 0.0]))
    assert value.item() == pytest.approx(-math.log(0.6), rel=1e-5)


def test_class_balance_floor_by_hand():
    proba = torch.tensor([[1.0, 0.0]], requires_grad=True)
    value = class_balance_penalty(proba, floor=0.01)
    # -log 2 - (log 1 + log 0.01) / 2
    assert value.item() == pytest.approx(-math.log(2) - math.log(0.01) / 2, rel=1e-6)
    value.backward()
    torch.testing.assert_close(proba.grad, torch.tensor([[-0.5, 0.0]]))


@quick
@given(st.data())
def test_class_balance_is_the_divergence_from_the_prior(data):
    proba = data.draw(probabilities())
    prior = data.draw(probabilities(st.just(1), st.just(proba.shape[1])))[0]
    expected = rel_entr(prior.numpy(), proba.mean(0).numpy()).sum()
    value = class_balance_penalty(proba, prior=prior)
    assert value.item() == pytest.approx(expected, abs=1e-12)
    assert value >= -1e-12
    uniform = torch.full_like(prior, 1 / len(prior))
    torch.testing.assert_close(class_balance_penalty(proba), class_balance_penalty(proba, prior=uniform))


@quick
@given(st.data())
def test_class_balance_moves_with_classes_and_ignores_rows(data):
    proba = data.draw(probabilities())
    prior = data.draw(probabilities(st.just(1), st.just(proba.shape[1])))[0]
    value = class_balance_penalty(proba, prior=prior)
    order = data.draw(permutations(proba.shape[1]))
    torch.testing.assert_close(class_balance_penalty(proba[:, order], prior=prior[order]), value)
    rows = data.draw(permutations(len(proba)))
    torch.testing.assert_close(class_balance_penalty(proba[rows], prior=prior), value)


def test_class_balance_keeps_the_dtype_of_the_proba():
    prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    assert class_balance_penalty(PROBA.float(), prior=prior).dtype == torch.float32


def test_class_balance_gradient():
    assert torch.autograd.gradcheck(class_balance_penalty, PROBA.clone().requires_grad_())


@pytest.mark.parametrize(
    "function", [sharpen, confidence_penalty, class_balance_penalty], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_finite_at_extreme_logits(function, dtype):
    logits = torch.tensor([[50.0, -50.0, 0.0], [50.0, -50.0, -50.0]], dtype=dtype, requires_grad=True)
    value = function(logits.softmax(1))
    assert value.dtype == dtype
    assert value.isfinite().all()
    value.flatten()[0].backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sharpen([0.5, 0.5]), TypeError, "proba must be a torch.Tensor"),
        (lambda: sharpen(torch.tensor([[1, 0]])), TypeError, "proba .* floating point"),
        (lambda: sharpen(torch.tensor([0.5, 0.5])), ValueError, "proba must have 2 dimensions"),
        (lambda: sharpen(torch.tensor([[-1.0, 2.0]])), ValueError, "proba contains -1.0, .* softmax"),
        (lambda: sharpen(PROBA, temperature=0), ValueError, "temperature .* got 0"),
        (lambda: sharpen(PROBA, temperature=math.nan), ValueError, "temperature .* got nan"),
        (lambda: confidence_penalty(torch.tensor([[0.5, 2.5]])), ValueError, "proba contains 2.5"),
        (lambda: confidence_penalty(torch.ones(2, 1)), ValueError, "proba .* at least 2 columns"),
        (lambda: class_balance_penalty(torch.zeros(0, 2)), ValueError, "proba is an empty batch"),
        (lambda: class_balance_penalty(PROBA, floor=-0.1), ValueError, "floor .* got -0.1"),
        (lambda: class_balance_penalty(PROBA, floor=1.5), ValueError, "floor .* got 1.5"),
        (lambda: class_balance_penalty(PROBA, prior=[0.5, 0.5]), TypeError, "prior must be a torch.Tensor"),
        (lambda: class_balance_penalty(PROBA, prior=torch.ones(2) / 2), ValueError, r"prior .* shape \(3,\)"),
        (lambda: class_balance_penalty(PROBA, prior=torch.ones(3)), ValueError, "prior sums to 3, "),
        (
            lambda: class_balance_penalty(PROBA, prior=torch.tensor([1.5, -0.5, 0.0])),
            ValueError,
            "prior contains -0.5",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
