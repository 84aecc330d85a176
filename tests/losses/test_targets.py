"""Losses whose target is not the label alone, and those of two networks: values by hand, limits and laws."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import backward_corrected_cross_entropy as backward
from skweak.losses import bootstrap_cross_entropy as bootstrap
from skweak.losses import joint_agreement_loss as joint
from skweak.losses import peer_loss as peer
from skweak.losses import smoothed_cross_entropy as smoothed
from tests.strategies import logits_and_target, permutations, probabilities

quick = settings(max_examples=25, deadline=None, derandomize=True)

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
TARGET = torch.tensor([2, 1])
PRIOR = torch.tensor([2.0, 1.0, 1.0])
FLIPS = torch.tensor([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.3, 0.7]], dtype=torch.float64)
# Probabilities 0.2 and 0.8 of two classes.
UNEVEN = torch.tensor([[0.2, 0.8]]).log()


def even_flips(logits):
    n = logits.shape[1]
    return torch.full((n, n), 0.2 / n).fill_diagonal_(0.8 + 0.2 / n)


PER_ROW = {
    "smoothed": smoothed,
    "hard": bootstrap,
    "soft": lambda z, y: bootstrap(z, y, belief="soft"),
    "peer": lambda z, y: peer(z, y, torch.ones(z.shape[1])),
    "backward": lambda z, y: backward(z, y, even_flips(z)),
    "joint": lambda z, y: joint(z, 0.5 * z, y),
}
CROSS_ENTROPY = {
    "smoothed": lambda z, y: smoothed(z, y, smoothing=0),
    "hard": lambda z, y: bootstrap(z, y, label_share=1),
    "soft": lambda z, y: bootstrap(z, y, belief="soft", label_share=1),
    "peer": lambda z, y: peer(z, y, PRIOR, strength=0),
    "backward": lambda z, y: backward(z, y, torch.eye(3), floor=1e-44),
    "joint": lambda z, y: joint(z, z.detach(), y, agreement_weight=0) / 2,
}
every_loss = pytest.mark.parametrize("loss", PER_ROW.values(), ids=PER_ROW.keys())


@every_loss
@quick
@given(data=st.data())
def test_moves_with_classes_and_rows(loss, data):
    logits, target = data.draw(logits_and_target())
    value = loss(logits, target)
    order = data.draw(permutations(logits.shape[1]))
    torch.testing.assert_close(loss(logits[:, order], order.argsort()[target]), value)
    one_by_one = [loss(row[None], label[None]) for row, label in zip(logits, target, strict=True)]
    torch.testing.assert_close(torch.cat(one_by_one), value)


@pytest.mark.parametrize("loss", CROSS_ENTROPY.values(), ids=CROSS_ENTROPY.keys())
def test_reduces_to_cross_entropy(loss):
    logits = 40 * torch.cartesian_prod(*[torch.tensor([-1.0, 0.25, 1.0], dtype=torch.float64)] * 3)
    target = torch.arange(len(logits)) % 3
    torch.testing.assert_close(loss(logits, target), F.cross_entropy(logits, target, reduction="none"))


@every_loss
def test_finite_at_extreme_logits(loss):
    logits = (50 * torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)).requires_grad_()
    value = loss(logits, torch.arange(len(logits)) % 3)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert value.isfinite().all() and logits.grad.isfinite().all()


@every_loss
def test_gradient(loss):
    assert torch.autograd.gradcheck(lambda z: loss(z, TARGET), LOGITS.clone().requires_grad_())


def test_smoothed_by_hand():
    # 0.9 of the label's own term, and 0.1 of the mean of both.
    expected = -0.9 * math.log(0.2) - 0.1 * (math.log(0.2) + math.log(0.8)) / 2
    assert smoothed(UNEVEN, torch.tensor([0])).item() == pytest.approx(expected)


@quick
@given(logits_and_target(), st.floats(0, 1))
def test_smoothed_is_that_of_torch(case, smoothing):
    logits, target = case
    expected = F.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(smoothed(logits, target, smoothing=smoothing), expected)


def test_negative_smoothing_pushes_the_other_classes_away():
    # (1 + 1/2) CE - 1/2 of the mean: the target (-1/4, 5/4).
    expected = 0.25 * math.log(0.2) - 1.25 * math.log(0.8)
    assert smoothed(UNEVEN, torch.tensor([1]), smoothing=-0.5).item() == pytest.approx(expected)


def test_bootstrap_by_hand():
    given_label, sure = -math.log(0.2), -math.log(0.8)
    hard, soft = (bootstrap(UNEVEN, torch.tensor([0]), belief=kind).item() for kind in ("hard", "soft"))
    assert hard == pytest.approx(0.8 * given_label + 0.2 * sure)
    assert soft == pytest.approx(0.95 * given_label + 0.05 * (0.2 * given_label + 0.8 * sure))


def test_peer_by_hand():
    # Shares 1/4 and 3/4 of the labels; half of what they would cost by chance is paid back.
    by_chance = -(math.log(0.2) + 3 * math.log(0.8)) / 4
    value = peer(UNEVEN, torch.tensor([0]), torch.tensor([1.0, 3.0]), strength=0.5).item()
    assert value == pytest.approx(-math.log(0.2) - by_chance / 2)
    # Below the floor of 1/2 the first class counts as one half.
    value = peer(UNEVEN, torch.tensor([1]), torch.tensor([1.0, 3.0]), strength=1.0, floor=0.5).item()
    assert value == pytest.approx(-math.log(0.8) + (math.log(0.5) + 3 * math.log(0.8)) / 4)


@quick
@given(logits_and_target(bound=3.0), st.floats(0, 2))
def test_peer_is_the_mean_over_labels_of_other_rows(case, strength):
    logits, target = case
    counts = torch.bincount(target, minlength=logits.shape[1])
    drawn = torch.stack([F.cross_entropy(logits, y.expand(len(target)), reduction="none") for y in target]).mean(0)
    expected = F.cross_entropy(logits, target, reduction="none") - strength * drawn
    torch.testing.assert_close(peer(logits, target, counts.double(), strength=strength, floor=1e-9), expected)


def test_peer_is_bounded_where_the_network_is_certain():
    logits = torch.tensor([[40.0, 0.0]])
    assert peer(logits, torch.tensor([0]), torch.ones(2)).item() == pytest.approx(math.log(1e-5) / 2, rel=1e-5)


def test_backward_by_hand():
    # The inverse of [[1, 0], [1/2, 1/2]] is [[1, 0], [-1, 2]].
    value = backward(UNEVEN.expand(2, 2), torch.tensor([0, 1]), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    expected = [-math.log(0.2), math.log(0.2) - 2 * math.log(0.8)]
    assert value.tolist() == pytest.approx(expected, rel=1e-5)


@quick
@given(logits_and_target(classes=st.just(3), bound=5.0))
def test_backward_is_unbiased_under_the_noise(case):
    logits, target = case
    by_label = torch.stack([backward(logits, torch.full_like(target, c), FLIPS) for c in range(3)], 1)
    mean = (FLIPS[target] * by_label).sum(1)
    torch.testing.assert_close(mean, F.cross_entropy(logits, target, reduction="none"))


def test_joint_by_hand():
    first, second, label = torch.tensor([[0.5, 0.5]]).log(), UNEVEN, torch.tensor([1])
    supervised = math.log(2) - math.log(0.8)
    # KL of (1/2, 1/2) and (1/5, 4/5), both ways: 0.3 log(5/2) + 0.3 log(8/5) = 0.3 log 4.
    value = joint(first, second, label, agreement_weight=0.25).item()
    assert value == pytest.approx(0.75 * supervised + 0.25 * 0.3 * math.log(4))
    torch.testing.assert_close(joint(second, first, label), joint(first, second, label))


@quick
@given(st.data())
def test_agreement_is_both_divergences_and_never_negative(data):
    proba = data.draw(probabilities())
    other = data.draw(probabilities(st.just(len(proba)), st.just(proba.shape[1])))
    value = joint(proba.log(), other.log(), torch.zeros(len(proba), dtype=torch.int64), agreement_weight=1)
    expected = (proba * (proba / other).log() + other * (other / proba).log()).sum(1)
    torch.testing.assert_close(value, expected, atol=1e-9, rtol=1e-6)
    assert (value >= 0).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: smoothed(LOGITS.long(), TARGET), TypeError, "logits .* floating point"),
        (lambda: smoothed(LOGITS, TARGET, smoothing=1.5), ValueError, "smoothing must be .* got 1.5"),
        (lambda: smoothed(LOGITS, TARGET, smoothing=-math.inf), ValueError, "smoothing must be"),
        (lambda: bootstrap(LOGITS, TARGET + 1), ValueError, "target contains 3"),
        (lambda: bootstrap(LOGITS, TARGET, belief="firm"), ValueError, r"belief must be one of \['hard', 'soft'\]"),
        (lambda: bootstrap(LOGITS, TARGET, label_share=1.1), ValueError, "label_share .* got 1.1"),
        (lambda: peer(LOGITS, TARGET, PRIOR[:2]), ValueError, r"prior must have shape \(3,\)"),
        (lambda: peer(LOGITS, TARGET, -PRIOR), ValueError, "prior contains -2"),
        (lambda: peer(LOGITS, TARGET, 0 * PRIOR), ValueError, "prior is 0 for every class"),
        (lambda: peer(LOGITS, TARGET, PRIOR, strength=-1.0), ValueError, "strength .* got -1.0"),
        (lambda: peer(LOGITS, TARGET, PRIOR, floor=0), ValueError, "floor .* got 0"),
        (lambda: backward(LOGITS, TARGET, FLIPS[:2]), ValueError, "transition must have shape"),
        (lambda: backward(LOGITS, TARGET, 2 * FLIPS), ValueError, "transition sums to 2"),
        (lambda: backward(LOGITS, TARGET, torch.eye(3)[[0, 0, 1]]), ValueError, "transition has the condition number"),
        (lambda: backward(LOGITS, TARGET, FLIPS, floor=2), ValueError, "floor .* got 2"),
        (lambda: joint(LOGITS, LOGITS[:1], TARGET), ValueError, "peer_logits has shape"),
        (lambda: joint(LOGITS, LOGITS, TARGET, agreement_weight=-0.1), ValueError, "agreement_weight .* got -0.1"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
