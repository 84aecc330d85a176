"""Coding rates: values by hand, their limits, and what leaves them as they are."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from skweak.losses import coding_rate, coding_rate_reduction


def unit(m, p, seed):
    return F.normalize(torch.randn(m, p, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_rates_by_hand():
    # Two orthogonal rows, p / (m eps) = 1 / eps: the determinant is (1 + 1 / eps)^2.
    assert coding_rate(torch.eye(2), eps=0.25).item() == pytest.approx(math.log(5))
    # Each class alone: p / (1 eps) = 8 along one direction, half the rows each. All: gamma1 multiplies the covariance.
    loss = coding_rate_reduction(torch.eye(2), torch.tensor([0, 1]), 3, eps=0.25, gamma1=0.5, gamma2=2.0)
    assert loss.item() == pytest.approx(0.5 * 0.5 * math.log(9) - 2 * math.log(3))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(m=st.integers(2, 12), p=st.integers(1, 6), eps=st.floats(0.05, 2), seed=st.integers(0, 99))
def test_laws(m, p, eps, seed):
    Z, target = unit(m, p, seed), torch.arange(m) % 3
    whole = coding_rate(Z, eps)
    assert whole >= 0
    reduction = coding_rate_reduction(Z, target, 3, eps=eps, gamma2=1.0)
    # Classes take no more room than all rows; one class takes all of it.
    assert reduction <= 1e-9
    assert coding_rate_reduction(Z, torch.zeros_like(target), 3, eps=eps, gamma2=1.0).item() == pytest.approx(0, abs=1e-9)
    turned = Z @ torch.linalg.qr(torch.randn(p, p, dtype=Z.dtype, generator=torch.Generator().manual_seed(seed)))[0]
    assert coding_rate(turned, eps).item() == pytest.approx(whole.item(), abs=1e-9)
    renamed = coding_rate_reduction(Z, (target + 1) % 3, 3, eps=eps, gamma2=1.0)
    assert renamed.item() == pytest.approx(reduction.item(), abs=1e-9)


def test_gradients_are_those_of_differences_and_rows_of_zeros_have_some():
    Z = unit(6, 3, 0).requires_grad_()
    torch.autograd.gradcheck(lambda Z: coding_rate_reduction(Z, torch.tensor([0, 0, 1, 1, 1, 0]), 3, eps=0.3), Z)
    Z = torch.zeros(4, 2, requires_grad=True)
    coding_rate_reduction(Z, torch.tensor([0, 0, 1, 1]), 2).backward()
    assert torch.isfinite(Z.grad).all()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"Z": torch.ones(2)}, ValueError), ({"Z": torch.ones(2, 2, dtype=torch.int64)}, TypeError),
     ({"target": torch.tensor([0, 5])}, ValueError), ({"eps": 0.0}, ValueError), ({"gamma1": 0.0}, ValueError),
     ({"gamma2": -1.0}, ValueError)],
)  # fmt: skip
def test_what_is_refused(arguments, error):
    with pytest.raises(error):
        coding_rate_reduction(**{"Z": torch.eye(2), "target": torch.tensor([0, 1]), "n_classes": 2} | arguments)
    if "eps" in arguments:
        with pytest.raises(error):
            coding_rate(torch.eye(2), **arguments)
