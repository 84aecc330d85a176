import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skweak.multilabel import pool_patches

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def patches(draw, bound=50):
    shape = tuple(draw(st.integers(1, 4)) for _ in range(3))
    elements = st.floats(-bound, bound, width=32)
    return tuple(torch.from_numpy(draw(arrays(np.float64, shape, elements=elements))) for _ in range(2))


def test_pooling_by_hand():
    logits = torch.tensor([[[0.0], [4.0]]], dtype=torch.float64)
    # Shares 3/4 and 1/4, then those of exp(0) and exp(4) themselves.
    scores = torch.tensor([[[3.0], [1.0]]], dtype=torch.float64).log()
    assert pool_patches(logits, scores).item() == pytest.approx(1.0, abs=1e-12)
    assert pool_patches(logits).item() == pytest.approx(4 * np.exp(4) / (1 + np.exp(4)), abs=1e-12)


@COMMON
@given(patches())
def test_pooling_equals_a_loop(case):
    logits, scores = case
    pooled = pool_patches(logits, scores)
    for i in range(logits.shape[0]):
        for k in range(logits.shape[2]):
            share = torch.softmax(scores[i, :, k], dim=0)
            torch.testing.assert_close(pooled[i, k], share @ logits[i, :, k])
    torch.testing.assert_close(pool_patches(logits), pool_patches(logits, logits))


@COMMON
@given(patches(), st.randoms(use_true_random=False))
def test_pooling_laws(case, random):
    logits, scores = case
    pooled = pool_patches(logits, scores)
    slack = 1e-9
    assert (pooled <= logits.amax(dim=1) + slack).all() and (pooled >= logits.amin(dim=1) - slack).all()
    assert (pool_patches(logits) >= logits.mean(dim=1) - slack).all()
    order = list(range(logits.shape[1]))
    random.shuffle(order)
    torch.testing.assert_close(pool_patches(logits[:, order], scores[:, order]), pooled)
    torch.testing.assert_close(pool_patches(logits, scores + 7), pooled)
    one = logits[:, :1]
    assert torch.equal(pool_patches(one), one[:, 0])
    same = one.expand(-1, 3, -1)
    torch.testing.assert_close(pool_patches(same, torch.zeros_like(same)), one[:, 0])


@COMMON
@given(patches())
def test_gradient_is_finite_and_reaches_both_factors(case):
    logits, scores = (tensor.float().requires_grad_() for tensor in case)
    pooled = pool_patches(logits, scores)
    assert pooled.dtype == torch.float32
    for gradient in torch.autograd.grad(pooled.sum(), (logits, scores)):
        assert gradient.isfinite().all()


def test_default_scores_carry_gradient_too():
    logits = torch.tensor([[[0.0], [1.0]]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pool_patches, (logits,))
    (gradient,) = torch.autograd.grad(pool_patches(logits).sum(), logits)
    detached = logits.detach().softmax(dim=1)
    assert not torch.allclose(gradient, detached)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pool_patches(torch.zeros(2, 3)), ValueError, "logits.*3 dimensions"),
        (lambda: pool_patches(torch.zeros(0, 3, 1)), ValueError, "logits is an empty batch"),
        (lambda: pool_patches(torch.zeros(2, 3, 1).long()), TypeError, "logits"),
        (lambda: pool_patches(np.zeros((2, 3, 1))), TypeError, "logits"),
        (lambda: pool_patches(torch.zeros(2, 3, 1), torch.zeros(2, 2, 1)), ValueError, "scores"),
        (lambda: pool_patches(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1).long()), TypeError, "scores"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
