import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import early_learning_penalty as early
from skweak.losses import forward_corrected_cross_entropy as forward
from skweak.losses import generalized_cross_entropy as generalized
from skweak.losses import symmetric_cross_entropy as symmetric
from tests.strategies import logits_and_target, permutations, probabilities

quick = settings(max_examples=25, deadline=None, derandomize=True)

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
TARGET = torch.tensor([2, 1])
FLIPS = torch.tensor([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.5, 0.5]], dtype=torch.float64)


def some_flips(n_classes):
    return torch.full((n_classes, n_classes), 0.1 / n_classes).fill_diagonal_(0.9 + 0.1 / n_classes)


PER_ROW = {
    "generalized": generalized,
    "symmetric": symmetric,
    "forward": lambda logits, target: forward(logits, target, some_flips(logits.shape[1])),
}
CROSS_ENTROPY = {
    "generalized": lambda logits, target: generalized(logits, target, q=0),
    "symmetric": lambda logits, target: symmetric(logits, target, alpha=1.0, beta=0.0),
    "forward": lambda logits, target: forward(logits, target, torch.eye(logits.shape[1])),
}
every_loss = pytest.mark.parametrize("loss", PER_ROW.values(), ids=PER_ROW.keys())


def target_proba(logits, target):
    return logits.softmax(1).gather(1, target[:, None]).squeeze(1)


@every_loss
@quick
@given(data=st.data())
def test_moves_with_classes_and_rows(loss, data):
    logits, target = data.draw(logits_and_target())
    value = loss(logits, target)
    assert (value >= 0).all()
    order = data.draw(permutations(logits.shape[1]))
    torch.testing.assert_close(loss(logits[:, order], order.argsort()[target]), value)
    one_by_one = [loss(row[None], label[None]) for row, label in zip(logits, target, strict=True)]
    torch.testing.assert_close(torch.cat(one_by_one), value)


@every_loss
@quick
@given(case=logits_and_target(bound=5.0), step=st.floats(0.1, 5.0))
def test_falls_as_the_target_logit_rises(loss, case, step):
    logits, target = case
    raised = logits.scatter_add(1, target[:, None], torch.full((len(target), 1), step, dtype=logits.dtype))
    assert (loss(raised, target) < loss(logits, target)).all()


@pytest.mark.parametrize("loss", CROSS_ENTROPY.values(), ids=CROSS_ENTROPY.keys())
@pytest.mark.parametrize("bound", [1.0, 50.0])
def test_reduces_to_cross_entropy_with_its_gradient(loss, bound):
    start = bound * torch.cartesian_prod(*[torch.tensor([-1.0, 0.25, 1.0])] * 3)
    target = torch.arange(len(start)) % 3
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    value, expected = loss(ours, target), F.cross_entropy(theirs, target, reduction="none")
    value.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


@every_loss
def test_finite_at_extreme_logits(loss):
    logits = (50 * torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)).requires_grad_()
    value = loss(logits, torch.arange(len(logits)) % 3)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()


@every_loss
def test_gradient(loss):
    assert torch.autograd.gradcheck(lambda z: loss(z, TARGET), LOGITS.clone().requires_grad_())


def test_generalized_by_hand():
    logits, target = torch.zeros(1, 4), torch.tensor([0])
    # p = 1/4: (1 - 1/2) / (1/2) and 1 - 1/4
    assert generalized(logits, target, q=0.5).item() == pytest.approx(1.0)
    assert generalized(logits, target, q=1).item() == pytest.approx(0.75)


@quick
@given(logits_and_target(), st.floats(0.1, 1.0))
def test_generalized_formula_and_bound(case, q):
    logits, target = case
    value = generalized(logits, target, q=q)
    torch.testing.assert_close(value, (1 - target_proba(logits, target) ** q) / q, atol=1e-9, rtol=1e-7)
    assert (value <= 1 / q).all()


def test_generalized_default():
    # p = 1/2
    value = generalized(torch.zeros(1, 2), torch.tensor([0]))
    assert value.item() == pytest.approx((1 - 0.5**0.7) / 0.7, rel=1e-6)


def test_generalized_tends_to_cross_entropy():
    value = generalized(LOGITS, TARGET, q=1e-4)
    torch.testing.assert_close(value, F.cross_entropy(LOGITS, TARGET, reduction="none"), rtol=1e-3, atol=0)
    single = generalized(LOGITS.float(), TARGET, q=1e-6)
    torch.testing.assert_close(single, F.cross_entropy(LOGITS.float(), TARGET, reduction="none"))


def test_symmetric_by_hand():
    # p = 1/2: 0.1 log 2 + 1 · 4 · (1 - 1/2)
    value = symmetric(torch.zeros(1, 2), torch.tensor([1]))
    assert value.item() == pytest.approx(0.1 * math.log(2) + 2, rel=1e-6)


@quick
@given(logits_and_target(), st.floats(0, 5), st.floats(0, 5), st.floats(-10, -0.5))
def test_symmetric_is_the_sum_of_both_directions(case, alpha, beta, log_zero):
    logits, target = case
    proba = logits.softmax(1)
    log_label = torch.full_like(proba, log_zero).scatter(1, target[:, None], 0.0)
    expected = -alpha * target_proba(logits, target).log() - beta * (proba * log_label).sum(1)
    value = symmetric(logits, target, alpha=alpha, beta=beta, log_zero=log_zero)
    torch.testing.assert_close(value, expected, atol=1e-9, rtol=1e-7)


def test_forward_by_hand():
    flips = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    # Uniform p: label 0 has 1/2 + 1/4, label 1 has 1/4.
    value = forward(torch.zeros(2, 2), torch.tensor([0, 1]), flips)
    torch.testing.assert_close(value, torch.tensor([math.log(4 / 3), math.log(4)]))


@quick
@given(st.data())
def test_forward_is_the_cross_entropy_of_the_flipped_proba(data):
    logits, target = data.draw(logits_and_target())
    n_classes = logits.shape[1]
    flips = data.draw(probabilities(st.just(n_classes), st.just(n_classes)))
    expected = -(logits.softmax(1) @ flips).gather(1, target[:, None]).squeeze(1).log()
    torch.testing.assert_close(forward(logits, target, flips), expected)


def test_forward_gradient_reaches_the_transition():
    flips = FLIPS.clone().requires_grad_()
    forward(LOGITS, TARGET, flips).sum().backward()
    assert flips.grad.isfinite().all()
    # -d/dT[i, y] log sum_i p_i T[i, y] = -p_i / sum, for the second row, whose label is 1
    proba = LOGITS[1].softmax(0)
    torch.testing.assert_close(flips.grad[:, 1], -proba / (proba @ FLIPS[:, 1]))


def test_early_learning_by_hand():
    memory = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.2, 0.1, 0.1, 0.0], [0.0, 0.0, 0.0, 0.0]])
    # Uniform p = 1/4: log(1 - 1/4), log(1 - 0.4 / 4), log 1
    expected = torch.tensor([math.log(0.75), math.log(0.9), 0.0])
    torch.testing.assert_close(early(torch.zeros(3, 4), memory), expected)


@quick
@given(st.data())
def test_early_learning_laws(data):
    logits, _ = data.draw(logits_and_target())
    memory = data.draw(probabilities(st.just(len(logits)), st.just(logits.shape[1])))
    value = early(logits, memory)
    assert (value <= 0).all()
    proba = logits.softmax(1).clamp(1e-4, 1 - 1e-4)
    torch.testing.assert_close(value, torch.log(1 - (memory * proba).sum(1)))
    order = data.draw(permutations(logits.shape[1]))
    torch.testing.assert_close(early(logits[:, order], memory[:, order]), value)
    one_by_one = [early(z[None], t[None]) for z, t in zip(logits, memory, strict=True)]
    torch.testing.assert_close(torch.cat(one_by_one), value)


def test_early_learning_pulls_towards_the_memory_alone():
    logits = torch.zeros(1, 3, requires_grad=True)
    memory = torch.tensor([[0.1, 0.8, 0.1]], requires_grad=True)
    early(logits, memory).sum().backward()
    assert memory.grad is None
    assert logits.grad[0, 1] < 0 < logits.grad[0, 0]


def test_early_learning_is_finite_for_certain_rows():
    logits = torch.tensor([[50.0, -50.0], [50.0, -50.0]], requires_grad=True)
    value = early(logits, torch.eye(2))
    # Clamped to 1 - 1e-4 on the first row and 1e-4 on the second.
    torch.testing.assert_close(value, torch.tensor([math.log(1e-4), math.log1p(-1e-4)]), atol=1e-2, rtol=0)
    value.sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: generalized(LOGITS.tolist(), TARGET), TypeError, "logits must be a torch.Tensor"),
        (lambda: generalized(LOGITS.long(), TARGET), TypeError, "logits .* floating point"),
        (lambda: generalized(LOGITS, TARGET + 1), ValueError, "target contains 3"),
        (lambda: generalized(LOGITS, TARGET, q=1.1), ValueError, "q must be .* got 1.1"),
        (lambda: generalized(LOGITS, TARGET, q=-0.1), ValueError, "q must be .* got -0.1"),
        (lambda: symmetric(LOGITS[:0], TARGET[:0]), ValueError, "logits is an empty batch"),
        (lambda: symmetric(LOGITS, TARGET, alpha=-1.0), ValueError, "alpha .* got -1.0"),
        (lambda: symmetric(LOGITS, TARGET, beta=-1.0), ValueError, "beta .* got -1.0"),
        (lambda: symmetric(LOGITS, TARGET, log_zero=0.0), ValueError, "log_zero .* got 0.0"),
        (lambda: forward(LOGITS, TARGET, FLIPS.tolist()), TypeError, "transition must be"),
        (lambda: forward(LOGITS, TARGET, FLIPS.long()), TypeError, "transition .* floating"),
        (lambda: forward(LOGITS, TARGET, FLIPS[:2]), ValueError, "transition .* shape"),
        (lambda: forward(LOGITS, TARGET, FLIPS.T), ValueError, "transition sums to 0.8"),
        (lambda: forward(LOGITS, TARGET, 2 * FLIPS - 1 / 3), ValueError, "transition contains -0.3"),
        (lambda: forward(LOGITS, TARGET, torch.eye(3)[[0, 0, 1]]), ValueError, "target contains 2 but"),
        (lambda: early(LOGITS, FLIPS), ValueError, r"memory has shape \(3, 3\)"),
        (lambda: early(LOGITS, -FLIPS[:2]), ValueError, "memory contains -0.8"),
        (lambda: early(LOGITS[:, :1], FLIPS[:2, :1]), ValueError, "logits .* at least 2 columns"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
