"""A step ahead: what the optimizer itself does, and derivatives that are finite where a gradient is zero."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.engine.virtual_step import virtual_step

OPTIMIZERS = [
    (torch.optim.SGD, {}),
    (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (torch.optim.SGD, {"momentum": 0.5, "dampening": 0.3}),
    (torch.optim.Adam, {"weight_decay": 0.1}),
    (torch.optim.AdamW, {"weight_decay": 0.1, "betas": (0.5, 0.9)}),
]


def test_a_step_by_hand():
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    gradient = torch.tensor([4.0, 0.0], dtype=torch.float64)
    # 1 - 0.1 * (4 + 0.5 * 1) and -2 - 0.1 * (0 - 0.5 * 2)
    (after,) = virtual_step(torch.optim.SGD([weight], lr=0.1, weight_decay=0.5), [weight], [gradient])
    torch.testing.assert_close(after, torch.tensor([0.55, -1.9], dtype=torch.float64))
    # The first step of Adam has the length of the learning rate where the gradient is not zero.
    (after,) = virtual_step(torch.optim.Adam([weight], lr=0.1), [weight], [gradient])
    torch.testing.assert_close(after, torch.tensor([0.9, -2.0], dtype=torch.float64))


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), lr=st.floats(1e-3, 1.0))
def test_it_is_the_step_that_the_optimizer_takes(kind, options, seed, lr):
    draw = torch.Generator().manual_seed(seed)
    weights = [torch.nn.Parameter(torch.randn(shape, generator=draw, dtype=torch.float64)) for shape in (3, (2, 2))]
    optimizer = kind(weights, lr=lr, **options)
    for _ in range(3):
        gradients = [torch.randn(w.shape, generator=draw, dtype=torch.float64) for w in weights]
        before = [w.detach().clone() for w in weights]
        ahead = virtual_step(optimizer, weights, gradients)
        assert all(torch.equal(a, w) for a, w in zip(before, weights, strict=True))
        for w, gradient in zip(weights, gradients, strict=True):
            w.grad = gradient
        optimizer.step()
        for a, w in zip(ahead, weights, strict=True):
            torch.testing.assert_close(a, w.detach(), rtol=1e-6, atol=1e-9)


def test_other_optimizers_are_taken_for_gradient_descent():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    (after,) = virtual_step(torch.optim.Adagrad([weight], lr=0.5), [weight], [torch.tensor([4.0])])
    assert after.item() == -1


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
def test_the_derivative_is_finite_where_the_gradient_is_zero(kind, options):
    weight = torch.nn.Parameter(torch.zeros(2))
    gradient = torch.tensor([0.0, 1.0], requires_grad=True)
    (after,) = virtual_step(kind([weight], lr=0.1, **options), [weight], [gradient])
    assert torch.isfinite(torch.autograd.grad(after.sum(), gradient)[0]).all()
