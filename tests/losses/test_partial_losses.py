import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import (
    candidate_posterior,
    classifier_consistent_loss,
    leveraged_weighted_loss,
    leveraged_weights,
    risk_consistent_loss,
)
from tests.strategies import logits_and_candidates, logits_and_target, permutations

close = torch.testing.assert_close
DTYPES = [torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64]
quick = settings(max_examples=25, deadline=None, derandomize=True)

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
CANDIDATES = torch.tensor([[1, 1, 0], [0, 1, 1]])
WEIGHT = torch.tensor([[0.5, 0.5, 1.0], [1.0, 0.25, 0.75]], dtype=torch.float64)


def progressive(logits, candidates):
    return risk_consistent_loss(logits, candidate_posterior(logits, candidates))


def averaging(logits, candidates):
    return risk_consistent_loss(logits, candidates / candidates.sum(1, keepdim=True))


def leveraged(logits, candidates):
    return leveraged_weighted_loss(logits, candidates, leveraged_weights(logits, candidates))


def leveraged_cross_entropy(logits, candidates):
    weight = leveraged_weights(logits, candidates)
    return leveraged_weighted_loss(logits, candidates, weight, surrogate="cross_entropy")


every_loss = pytest.mark.parametrize(
    "loss",
    [classifier_consistent_loss, progressive, averaging, leveraged, leveraged_cross_entropy],
    ids=lambda f: f.__name__,
)
surrogates = pytest.mark.parametrize("surrogate", ["sigmoid", "cross_entropy"])
takes_candidates = pytest.mark.parametrize(
    "function",
    [
        classifier_consistent_loss,
        candidate_posterior,
        leveraged_weights,
        lambda logits, candidates: leveraged_weighted_loss(logits, candidates, WEIGHT),
    ],
    ids=["consistent", "posterior", "weights", "leveraged"],
)


def weights_loop(logits, candidates):
    """Probabilities divided by the sum over their own group."""
    rows = []
    for row, inside in zip(logits.softmax(1).tolist(), candidates.tolist(), strict=True):
        sums = [sum(p for p, i in zip(row, inside, strict=True) if i == group) for group in (0, 1)]
        rows.append([p / sums[i] for p, i in zip(row, inside, strict=True)])
    return torch.tensor(rows, dtype=torch.float64)


def leveraged_loop(logits, candidates, weight, beta, surrogate):
    """Definition, entry by entry."""
    rows = []
    for row, inside, weights in zip(logits, candidates.tolist(), weight.tolist(), strict=True):
        total = 0.0
        for z, p, i, w in zip(row.tolist(), row.softmax(0).tolist(), inside, weights, strict=True):
            if surrogate == "sigmoid":
                total += w / (1 + math.exp(z)) if i else beta * w / (1 + math.exp(-z))
            else:
                total -= w * math.log(p + 1e-8) if i else beta * w * math.log(1 - p + 1e-8)
        rows.append(total)
    return torch.tensor(rows, dtype=torch.float64)


def test_consistent_by_hand():
    # Probabilities (2, 1, 1) / 4: the first two classes hold 3/4.
    logits = torch.tensor([[2.0, 1.0, 1.0]]).log() + 3
    value = classifier_consistent_loss(logits, torch.tensor([[1, 1, 0]]))
    assert value.item() == pytest.approx(math.log(4 / 3), rel=1e-6)


def test_risk_by_hand():
    # Probabilities (2, 1, 1) / 4 and confidence 1/4, 3/4: log 2 / 4 + 3 log 4 / 4 = 7/4 log 2.
    logits = torch.tensor([[2.0, 1.0, 1.0]]).log()
    value = risk_consistent_loss(logits, torch.tensor([[0.25, 0.75, 0.0]]))
    assert value.item() == pytest.approx(1.75 * math.log(2), rel=1e-6)


def test_weights_by_hand():
    logits = torch.tensor([[3.0, 1.0, 2.0, 6.0]]).log()
    candidates = torch.tensor([[1, 1, 0, 0]])
    close(candidate_posterior(logits, candidates), torch.tensor([[0.75, 0.25, 0.0, 0.0]]))
    close(leveraged_weights(logits, candidates), torch.tensor([[0.75, 0.25, 0.25, 0.75]]))


def test_leveraged_by_hand():
    # Sigmoids of log-odds log 3, 0, -log 3 are 3/4, 1/2, 1/4. Candidates pay 1/4 and 1/2, weighted 1 and 2;
    # the other class pays 1/4, weighted 4, times beta 3: 1/4 + 1 + 3.
    logits, candidates = torch.tensor([[math.log(3), 0.0, -math.log(3)]]), torch.tensor([[1, 1, 0]])
    weight = torch.tensor([[1.0, 2.0, 4.0]])
    value = leveraged_weighted_loss(logits, candidates, weight, beta=3.0)
    assert value.item() == pytest.approx(4.25, rel=1e-6)
    # Softmax (9, 3, 1) / 13: log(13/9) + 2 log(13/3) + 3 * 4 log(13/12).
    value = leveraged_weighted_loss(logits, candidates, weight, beta=3.0, surrogate="cross_entropy")
    expected = math.log(13 / 9) + 2 * math.log(13 / 3) + 12 * math.log(13 / 12)
    assert value.item() == pytest.approx(expected, rel=1e-6)


@quick
@given(logits_and_candidates())
def test_agree_with_probabilities(case):
    logits, candidates = case
    proba = logits.softmax(1)
    mass = (proba * candidates).sum(1)
    close(classifier_consistent_loss(*case), -mass.log(), rtol=1e-9, atol=1e-9)
    posterior = candidate_posterior(*case)
    close(posterior, proba * candidates / mass[:, None])
    close(risk_consistent_loss(logits, posterior), -(posterior * proba.log()).sum(1))


@quick
@given(logits_and_candidates())
def test_weights_agree_with_the_loop(case):
    logits, candidates = case
    weight = leveraged_weights(*case)
    close(weight, weights_loop(*case))
    close((weight * candidates).sum(1), torch.ones(len(logits), dtype=torch.float64))
    close((weight * (1 - candidates)).sum(1), (1 - candidates).amax(1).double(), rtol=1e-9, atol=0)
    close(weight * candidates, candidate_posterior(*case))


@surrogates
@quick
@given(case=logits_and_candidates(), beta=st.sampled_from([0.0, 1.0, 2.0]), seed=st.integers(0, 99))
def test_leveraged_agrees_with_the_loop(surrogate, case, beta, seed):
    weight = torch.rand(case[0].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    value = leveraged_weighted_loss(*case, weight, beta=beta, surrogate=surrogate)
    close(value, leveraged_loop(*case, weight, beta, surrogate), rtol=1e-8, atol=1e-9)


@quick
@given(logits_and_target())
def test_one_candidate_is_cross_entropy(case):
    logits, target = case
    single = F.one_hot(target, logits.shape[1])
    expected = F.cross_entropy(logits, target, reduction="none")
    for loss in (classifier_consistent_loss, progressive, averaging):
        close(loss(logits, single), expected, rtol=1e-9, atol=1e-12)
    assert torch.equal(candidate_posterior(logits, single), single.double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_full_set_teaches_nothing(dtype):
    logits = LOGITS.clone().to(dtype).requires_grad_()
    value = classifier_consistent_loss(logits, torch.ones(2, 3))
    value.sum().backward()
    assert torch.equal(value, torch.zeros(2, dtype=dtype))
    assert torch.equal(logits.grad, torch.zeros(2, 3, dtype=dtype))
    close(leveraged_weights(logits, torch.ones(2, 3)), logits.detach().softmax(1))


@quick
@given(logits_and_candidates(), st.floats(-5, 5))
def test_laws_of_the_consistent_loss(case, shift):
    logits, candidates = case
    value = classifier_consistent_loss(*case)
    assert (value >= 0).all()
    # Jensen: the logarithm of a mean is above the mean of logarithms.
    assert (value <= averaging(*case) + 1e-9).all()
    larger = candidates.clone()
    larger[:, 0] = 1
    assert (classifier_consistent_loss(logits, larger) <= value + 1e-12).all()
    close(classifier_consistent_loss(logits + shift, candidates), value, rtol=1e-7, atol=1e-8)


@quick
@given(logits_and_candidates())
def test_gradient_of_the_consistent_loss(case):
    logits, candidates = case
    leaf = logits.clone().requires_grad_()
    classifier_consistent_loss(leaf, candidates).sum().backward()
    expected = logits.softmax(1) - candidate_posterior(logits, candidates)
    close(leaf.grad, expected, rtol=1e-7, atol=1e-10)
    other = logits.clone().requires_grad_()
    progressive(other, candidates).sum().backward()
    close(other.grad, expected, rtol=1e-7, atol=1e-10)


def test_keeps_digits_next_to_certainty():
    # The other class has odds exp(-20), so the loss is about 2.06e-9, below the resolution of float32 at 1.
    value = classifier_consistent_loss(torch.tensor([[20.0, 0.0]]), torch.tensor([[1, 0]]))
    assert value.item() == pytest.approx(math.exp(-20), rel=1e-5)
    # log(1 - p) with 1 - p = exp(-16) / (1 + exp(-16)), and 1e-8 added to it.
    logits = torch.tensor([[16.0, 0.0]], requires_grad=True)
    value = leveraged_weighted_loss(
        logits, torch.tensor([[0, 1]]), torch.tensor([[1.0, 0.0]]), surrogate="cross_entropy"
    )
    assert value.item() == pytest.approx(-math.log(math.exp(-16) + 1e-8), rel=1e-5)
    value.backward()
    assert logits.grad[0, 0].item() == pytest.approx(math.exp(-16) / (math.exp(-16) + 1e-8), rel=1e-4)


@quick
@given(logits_and_candidates())
def test_candidate_posterior_ignores_the_other_logits(case):
    logits, candidates = case
    changed = torch.where(candidates == 1, logits, 1e3)
    assert torch.equal(candidate_posterior(changed, candidates), candidate_posterior(logits, candidates))


@every_loss
@quick
@given(data=st.data())
def test_moves_with_classes_and_rows(loss, data):
    logits, candidates = data.draw(logits_and_candidates())
    value = loss(logits, candidates)
    order = data.draw(permutations(logits.shape[1]))
    close(loss(logits[:, order], candidates[:, order]), value, rtol=1e-9, atol=1e-10)
    one_by_one = [loss(row[None], inside[None]) for row, inside in zip(logits, candidates, strict=True)]
    close(torch.cat(one_by_one), value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weights", [candidate_posterior, leveraged_weights], ids=lambda f: f.__name__)
@quick
@given(data=st.data())
def test_weights_move_with_classes(weights, data):
    logits, candidates = data.draw(logits_and_candidates())
    order = data.draw(permutations(logits.shape[1]))
    close(weights(logits[:, order], candidates[:, order]), weights(logits, candidates)[:, order])
    assert not weights(logits.requires_grad_(), candidates).requires_grad


def test_what_is_constant():
    logits = LOGITS.clone().requires_grad_()
    weight = WEIGHT.clone().requires_grad_()
    (
        risk_consistent_loss(logits, weight) + leveraged_weighted_loss(logits, CANDIDATES, weight)
    ).sum().backward()
    assert weight.grad is None
    assert (logits.grad != 0).all()


@surrogates
@pytest.mark.parametrize("beta", [0.0, 2.0])
def test_gradient(surrogate, beta):
    logits = LOGITS.clone().requires_grad_()
    options = {"beta": beta, "surrogate": surrogate}
    assert torch.autograd.gradcheck(
        lambda z: leveraged_weighted_loss(z, CANDIDATES, WEIGHT, **options), logits
    )
    assert torch.autograd.gradcheck(lambda z: risk_consistent_loss(z, WEIGHT), logits)


def test_a_class_switched_off():
    logits = torch.tensor([[0.0, 0.0, -math.inf]], requires_grad=True)
    value = risk_consistent_loss(logits, torch.tensor([[0.5, 0.5, 0.0]]))
    value.sum().backward()
    assert value.item() == pytest.approx(math.log(2), rel=1e-6)
    assert torch.equal(logits.grad, torch.zeros(1, 3))


@every_loss
@pytest.mark.parametrize("bound", [50.0, 1e4])
def test_finite_at_extreme_logits(loss, bound):
    values = bound * torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)
    sets = torch.cartesian_prod(*[torch.tensor([0, 1])] * 3)[1:]
    logits = values.repeat_interleave(len(sets), 0).requires_grad_()
    value = loss(logits, sets.repeat(len(values), 1))
    value.sum().backward()
    assert value.isfinite().all()
    # The cross-entropy surrogate adds 1e-8 to a probability of 1, once for each class.
    assert (value >= -3.1e-8).all()
    assert logits.grad.isfinite().all()


@takes_candidates
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_candidates_of_any_dtype(function, dtype):
    logits, candidates = LOGITS.float(), CANDIDATES.to(dtype)
    value = function(logits, candidates)
    assert value.dtype == torch.float32
    close(value.double(), function(LOGITS, CANDIDATES), rtol=1e-5, atol=1e-6)
    assert torch.equal(logits, LOGITS.float())
    assert torch.equal(candidates, CANDIDATES.to(dtype))


@takes_candidates
@pytest.mark.parametrize(
    ("logits", "candidates", "error", "message"),
    [
        (LOGITS.tolist(), CANDIDATES, TypeError, "logits must be a torch.Tensor"),
        (LOGITS.long(), CANDIDATES, TypeError, "logits must have a floating point dtype"),
        (LOGITS, CANDIDATES.tolist(), TypeError, "candidates must be a torch.Tensor"),
        (LOGITS[0], CANDIDATES[0], ValueError, "logits must have 2 dimensions"),
        (LOGITS[:0], CANDIDATES[:0], ValueError, "logits is an empty batch"),
        (LOGITS[:, :1], CANDIDATES[:, :1], ValueError, "logits must have at least 2 columns"),
        (LOGITS, CANDIDATES[:1], ValueError, "candidates has shape"),
        (LOGITS, CANDIDATES * 2, ValueError, "candidates contains 2"),
        (LOGITS, -CANDIDATES, ValueError, "candidates contains -1"),
        (LOGITS, CANDIDATES * torch.tensor([[1], [0]]), ValueError, "candidates: row 1 has no candidate"),
    ],
)
def test_errors_in_candidates(function, logits, candidates, error, message):
    with pytest.raises(error, match=message):
        function(logits, candidates)


@pytest.mark.parametrize(
    ("confidence", "error", "message"),
    [
        (WEIGHT.tolist(), TypeError, "confidence must be a torch.Tensor"),
        (CANDIDATES, TypeError, "confidence must have a floating point dtype"),
        (WEIGHT[:1], ValueError, "confidence has shape"),
        (-WEIGHT, ValueError, "confidence contains -1"),
        (2 * WEIGHT, ValueError, "confidence contains 2"),
    ],
)
def test_errors_in_confidence(confidence, error, message):
    with pytest.raises(error, match=message):
        risk_consistent_loss(LOGITS, confidence)


@pytest.mark.parametrize(
    ("weight", "options", "error", "message"),
    [
        (WEIGHT.tolist(), {}, TypeError, "weight must be a torch.Tensor"),
        (WEIGHT[:, :2], {}, ValueError, "weight has shape"),
        (-WEIGHT, {}, ValueError, "weight contains -1"),
        (WEIGHT, {"beta": -1}, ValueError, "beta must be in"),
        (WEIGHT, {"surrogate": "hinge"}, ValueError, "surrogate must be one of .*'cross_entropy', 'sigmoid'"),
    ],
)
def test_errors_in_weights(weight, options, error, message):
    with pytest.raises(error, match=message):
        leveraged_weighted_loss(LOGITS, CANDIDATES, weight, **options)
