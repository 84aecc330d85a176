import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import (
    energy_margin_loss,
    head_discrepancy,
    temperature_cross_entropy,
)
from tests.strategies import logits_and_target, permutations, probabilities

close = torch.testing.assert_close
quick = settings(max_examples=25, deadline=None, derandomize=True)

both_losses = pytest.mark.parametrize(
    "loss", [temperature_cross_entropy, energy_margin_loss], ids=lambda f: f.__name__
)

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
TARGET = torch.tensor([2, 1])
PROBA = torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], dtype=torch.float64)
OTHER = torch.tensor([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]], dtype=torch.float64)


def energy_loop(logits, target, known_margin, unknown_margin):
    """Definition, row by row."""
    groups = {True: [], False: []}
    for row, label in zip(logits.tolist(), target.tolist(), strict=True):
        energy = -math.log(sum(math.exp(z) for z in row[:-1]))
        known = label < len(row) - 1
        groups[known].append(max(0, energy - known_margin if known else unknown_margin - energy) ** 2)
    return sum(sum(group) / len(group) for group in groups.values() if group)


def test_temperature_by_hand():
    # Odds 2 to 1. Known row at temperature 1/2: odds 4 to 1, loss log(5/4). Unknown row at 1: odds 1 to 2,
    # log 3.
    logits = torch.tensor([[2.0, 1.0], [2.0, 1.0]]).log()
    value = temperature_cross_entropy(logits, torch.tensor([0, 1]), unknown_temperature=1.0)
    close(value, torch.tensor([math.log(5 / 4), math.log(3)]))


@quick
@given(logits_and_target(), st.sampled_from([0.3, 0.5, 1.0, 4.0]), st.sampled_from([0.3, 0.5, 1.0, 4.0]))
def test_temperature_agrees_with_cross_entropy(case, known, unknown):
    logits, target = case
    value = temperature_cross_entropy(logits, target, known_temperature=known, unknown_temperature=unknown)
    for row, label, one in zip(logits, target, value, strict=True):
        temperature = unknown if label == logits.shape[1] - 1 else known
        close(one, F.cross_entropy(row / temperature, label), rtol=1e-9, atol=1e-12)
    plain = temperature_cross_entropy(logits, target, known_temperature=1.0, unknown_temperature=1.0)
    assert torch.equal(plain, F.cross_entropy(logits, target, reduction="none"))


@quick
@given(st.data())
def test_temperature_moves_with_known_classes(data):
    logits, target = data.draw(logits_and_target())
    last = logits.shape[1] - 1
    order = torch.cat([data.draw(permutations(last)), torch.tensor([last])])
    options = {"known_temperature": 0.5, "unknown_temperature": 2.0}
    close(
        temperature_cross_entropy(logits[:, order], order.argsort()[target], **options),
        temperature_cross_entropy(logits, target, **options),
    )


def test_energy_by_hand():
    # Energies -log 2 and -log 4. Known row above its margin -1 by 1 - log 2; unknown row below 0 by log 4.
    logits = torch.tensor([[0.0, 0.0, 9.0], [math.log(2), math.log(2), -9.0]])
    value = energy_margin_loss(logits, torch.tensor([1, 2]), known_margin=-1.0, unknown_margin=0.0)
    assert value.item() == pytest.approx((1 - math.log(2)) ** 2 + math.log(4) ** 2, rel=1e-6)


@quick
@given(logits_and_target(), st.floats(-25, 5), st.floats(-7, 5))
def test_energy_agrees_with_the_loop(case, known_margin, unknown_margin):
    value = energy_margin_loss(*case, known_margin=known_margin, unknown_margin=unknown_margin)
    assert value.shape == ()
    assert value.item() == pytest.approx(
        energy_loop(*case, known_margin, unknown_margin), rel=1e-9, abs=1e-12
    )


@quick
@given(st.data())
def test_energy_ignores_the_order_and_the_unknown_logit(data):
    logits, target = data.draw(logits_and_target())
    rows, known = data.draw(permutations(logits.shape[0])), data.draw(permutations(logits.shape[1] - 1))
    value = energy_margin_loss(logits, target)
    order = torch.cat([known, torch.tensor([logits.shape[1] - 1])])
    close(energy_margin_loss(logits[rows][:, order], order.argsort()[target][rows]), value)
    logits[:, -1] += 3
    close(energy_margin_loss(logits, target), value)


@pytest.mark.parametrize("label", [0, 2], ids=["no-unknown", "no-known"])
def test_energy_of_an_absent_group(label):
    logits = LOGITS.clone().requires_grad_()
    target = torch.full((2,), label)
    value = energy_margin_loss(logits, target, known_margin=-3.0, unknown_margin=1.0)
    value.backward()
    assert value.item() == pytest.approx(energy_loop(LOGITS, target, -3.0, 1.0), rel=1e-9)
    assert value.item() > 0
    assert logits.grad.isfinite().all()


def test_energy_inside_the_margins_is_free():
    logits = torch.tensor([[10.0, 0.0, 0.0], [-10.0, -10.0, 0.0]], requires_grad=True)
    value = energy_margin_loss(logits, torch.tensor([0, 2]), known_margin=-5.0, unknown_margin=5.0)
    value.backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros(2, 3))


@both_losses
def test_gradient(loss):
    assert torch.autograd.gradcheck(lambda z: loss(z, TARGET), LOGITS.clone().requires_grad_())


@both_losses
@pytest.mark.parametrize("bound", [50.0, 1e4])
def test_finite_at_extreme_logits(loss, bound):
    logits = (bound * torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)).requires_grad_()
    value = loss(logits, torch.arange(27) % 3)
    value.sum().backward()
    assert value.isfinite().all()
    assert (value >= 0).all()
    assert logits.grad.isfinite().all()


@both_losses
def test_batch_is_the_loop_over_rows(loss):
    # One row alone is its own group, so the energy loss of one known and one unknown row is the sum.
    together = loss(LOGITS, TARGET)
    alone = [loss(LOGITS[[i]], TARGET[[i]]).sum() for i in range(2)]
    close(together.sum(), alone[0] + alone[1])
    assert loss(LOGITS.float(), TARGET).dtype == torch.float32


def test_discrepancy_by_hand():
    # Rows differ by 1/4 in two of three classes, and by 1 in two of three.
    expected = torch.tensor([0.5 / 3, 2 / 3], dtype=torch.float64)
    close(head_discrepancy(PROBA, OTHER), expected)
    array = head_discrepancy(PROBA.numpy().astype(np.float32), OTHER.tolist())
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.float64
    np.testing.assert_allclose(array, expected.numpy(), rtol=1e-12)


@quick
@given(st.data())
def test_laws_of_the_discrepancy(data):
    proba = data.draw(probabilities())
    shape = [st.just(size) for size in proba.shape]
    other = data.draw(probabilities(*shape))
    value = head_discrepancy(proba, other)
    np.testing.assert_allclose(value.numpy(), np.abs(proba.numpy() - other.numpy()).mean(1), rtol=1e-12)
    assert torch.equal(head_discrepancy(other, proba), value)
    assert (head_discrepancy(proba, proba) == 0).all()
    assert (value <= 2 / proba.shape[1] + 1e-12).all()
    order = data.draw(permutations(proba.shape[1]))
    close(head_discrepancy(proba[:, order], other[:, order]), value)


def test_discrepancy_reaches_both_heads():
    proba, other = PROBA.clone().requires_grad_(), OTHER.clone().requires_grad_()
    head_discrepancy(proba, other)[0].backward()
    assert torch.equal(proba.grad[0], torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64) / 3)
    assert torch.equal(other.grad, -proba.grad)


@pytest.mark.filterwarnings("error")
def test_discrepancy_of_a_read_only_array():
    proba = PROBA.numpy().copy()
    proba.flags.writeable = False
    assert (head_discrepancy(proba, proba) == 0).all()


@both_losses
@pytest.mark.parametrize(
    ("logits", "target", "error", "message"),
    [
        (LOGITS.tolist(), TARGET, TypeError, "logits must be a torch.Tensor"),
        (LOGITS.long(), TARGET, TypeError, "logits must have a floating point dtype"),
        (LOGITS, TARGET.tolist(), TypeError, "target must be a torch.Tensor"),
        (LOGITS, TARGET.double(), TypeError, "target must hold int64"),
        (LOGITS[0], TARGET, ValueError, "logits must have 2 dimensions"),
        (LOGITS[:0], TARGET[:0], ValueError, "logits is an empty batch"),
        (LOGITS[:, :1], TARGET, ValueError, "logits must have at least 2 columns"),
        (LOGITS, TARGET[:1], ValueError, r"target must have shape \(2,\)"),
        (LOGITS, TARGET + 1, ValueError, r"target contains 3, accepted are class indices 0\.\.2"),
        (LOGITS, TARGET - 2, ValueError, "target contains -1"),
    ],
)
def test_errors_in_data(loss, logits, target, error, message):
    with pytest.raises(error, match=message):
        loss(logits, target)


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (temperature_cross_entropy, {"known_temperature": 0.0}, "known_temperature must be in"),
        (temperature_cross_entropy, {"unknown_temperature": -1.0}, "unknown_temperature must be in"),
        (energy_margin_loss, {"known_margin": math.nan}, "known_margin must be in"),
        (energy_margin_loss, {"unknown_margin": math.inf}, "unknown_margin must be in"),
    ],
)
def test_errors_in_options(loss, options, message):
    with pytest.raises(ValueError, match=message):
        loss(LOGITS, TARGET, **options)


@pytest.mark.parametrize(
    ("proba", "other", "error", "message"),
    [
        (PROBA, OTHER.numpy(), TypeError, "other_proba must be a torch.Tensor"),
        (PROBA.numpy(), OTHER, TypeError, "proba must be a torch.Tensor"),
        (PROBA.long(), OTHER, TypeError, "proba must have a floating point dtype"),
        (PROBA[0], OTHER[0], ValueError, "proba must have 2 dimensions"),
        (PROBA[:0], OTHER[:0], ValueError, "proba is an empty batch"),
        (PROBA[:, :1], OTHER[:, :1], ValueError, "proba must have at least 2 columns"),
        (PROBA, OTHER[:1], ValueError, "other_proba has shape"),
        (PROBA.numpy(), OTHER.numpy()[:, :2], ValueError, "other_proba has shape"),
        (PROBA - 1, OTHER, ValueError, "proba contains -1"),
        (PROBA.numpy(), 2 * OTHER.numpy(), ValueError, "other_proba contains 2"),
    ],
)
def test_errors_in_probabilities(proba, other, error, message):
    with pytest.raises(error, match=message):
        head_discrepancy(proba, other)
