import itertools
import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import unbiased_binary_loss, unbiased_ranking_loss
from tests.strategies import logits_and_binary

close = torch.testing.assert_close
quick = settings(max_examples=25, deadline=None, derandomize=True)

SURROGATES = {
    "logistic": lambda m: math.log1p(math.exp(-m)),
    "hinge": lambda m: max(0.0, 1 - m),
    "squared": lambda m: (1 - m) ** 2,
    "sigmoid": lambda m: 1 / (1 + math.exp(m)),
}
UNBIASED = {"binary": unbiased_binary_loss, "ranking": unbiased_ranking_loss}
both_unbiased = pytest.mark.parametrize("loss", UNBIASED.values(), ids=UNBIASED.keys())
every_surrogate = pytest.mark.parametrize("surrogate", SURROGATES)

with_unknown = logits_and_binary(labels=st.integers(1, 5), values=(-1, 0, 1))
complete = logits_and_binary(labels=st.integers(1, 5))
LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
TARGET = torch.tensor([[1, 0, 1], [0, 1, 1]])


def corrected(z, observed, missed, added, phi):
    """Corrected loss of one label, as the two cases of the paper."""
    if observed:
        return ((1 - added) * phi(z) - missed * phi(-z)) / (1 - missed - added)
    return ((1 - missed) * phi(-z) - added * phi(z)) / (1 - missed - added)


def plain(loss, logits, target, phi):
    """Loss of clean labels without any correction."""
    rows = []
    for row, labels in zip(logits.tolist(), target.tolist(), strict=True):
        if loss is unbiased_binary_loss:
            rows.append(sum(phi(z) if y else phi(-z) for z, y in zip(row, labels, strict=True)))
        else:
            present = [z for z, y in zip(row, labels, strict=True) if y]
            absent = [z for z, y in zip(row, labels, strict=True) if not y]
            rows.append(sum(phi(a - b) for a, b in itertools.product(present, absent)))
    return torch.tensor(rows, dtype=torch.float64)


def test_unbiased_binary_by_hand():
    # Hinge: phi(1) = 0 and phi(-1) = 2. Slack 1/2: (0.8 * 0 - 0.3 * 2) / 0.5 and (0.7 * 2 - 0.2 * 0) / 0.5.
    value = unbiased_binary_loss(
        torch.ones(2, 1),
        torch.tensor([[1], [0]]),
        false_negative_rate=0.3,
        false_positive_rate=0.2,
        surrogate="hinge",
    )
    close(value, torch.tensor([-1.2, 2.8]))


def test_unbiased_ranking_by_hand():
    # Squared: phi(1) = 0 and phi(-1) = 4. With a false positive rate of 1/2 a 1 counts (1, 0) and a 0 counts
    # (-1, 2): pair (1, 0) gives 1 * 2 * 0 + 0 * -1 * 4, pair (0, 1) gives 2 * 1 * 4, pair (0, 0) gives -2 * 0
    # and 2 * -1 * 4, pair (1, 1) nothing.
    value = unbiased_ranking_loss(
        torch.tensor([[1.0, 0.0]] * 4),
        torch.tensor([[1, 0], [0, 1], [0, 0], [1, 1]]),
        false_positive_rate=0.5,
        surrogate="squared",
    )
    close(value, torch.tensor([0.0, 8.0, -8.0, 0.0]))


@every_surrogate
@quick
@given(case=complete, missed=st.floats(0, 0.45), added=st.floats(0, 0.45))
def test_unbiased_binary_agrees_with_the_loop(surrogate, case, missed, added):
    logits, target = case
    phi = SURROGATES[surrogate]
    expected = [
        sum(corrected(z, y, missed, added, phi) for z, y in zip(row, labels, strict=True))
        for row, labels in zip(logits.tolist(), target.tolist(), strict=True)
    ]
    value = unbiased_binary_loss(
        logits, target, false_negative_rate=missed, false_positive_rate=added, surrogate=surrogate
    )
    close(value, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)


@both_unbiased
@every_surrogate
@quick
@given(case=complete)
def test_without_noise_it_is_the_plain_loss(loss, surrogate, case):
    value = loss(*case, surrogate=surrogate)
    close(value, plain(loss, *case, SURROGATES[surrogate]), rtol=1e-9, atol=1e-10)


@both_unbiased
@every_surrogate
def test_expectation_over_the_noise_is_the_clean_loss(loss, surrogate):
    logits, truth = LOGITS[:1], [1, 0, 1]
    missed, added = [0.3, 0.1, 0.0], [0.2, 0.4, 0.1]
    observed = torch.tensor(list(itertools.product([0, 1], repeat=3)))
    chances = []
    for row in observed.tolist():
        flips = [(m if y else a) for y, m, a in zip(truth, missed, added, strict=True)]
        chances.append(math.prod(f if y != o else 1 - f for y, o, f in zip(truth, row, flips, strict=True)))
    values = loss(
        logits.expand(8, 3),
        observed,
        false_negative_rate=np.array(missed),
        false_positive_rate=torch.tensor(added, dtype=torch.float64),
        surrogate=surrogate,
    )
    expected = plain(loss, logits, torch.tensor([truth]), SURROGATES[surrogate])
    close((torch.tensor(chances, dtype=torch.float64) * values).sum()[None], expected, rtol=0, atol=1e-9)


def test_logistic_is_cross_entropy_at_a_shifted_target():
    logits = LOGITS.clone().requires_grad_()
    value = unbiased_binary_loss(logits, TARGET, false_negative_rate=0.3, false_positive_rate=0.2)
    soft = (TARGET - 0.2) / 0.5
    close(value, (F.softplus(LOGITS) - soft * LOGITS).sum(1))
    value.sum().backward()
    close(logits.grad, LOGITS.sigmoid() - soft)


@both_unbiased
@quick
@given(case=with_unknown)
def test_unknown_labels_are_left_out(loss, case):
    logits, target = case
    rates = {"false_negative_rate": 0.2, "false_positive_rate": 0.3}
    value = loss(logits, target, **rates)
    for row, labels, one in zip(logits, target, value, strict=True):
        known = labels != -1
        expected = (
            loss(row[known][None], labels[known][None], **rates)[0] if known.any() else torch.zeros_like(one)
        )
        close(one, expected, rtol=1e-9, atol=1e-10)


@quick
@given(complete, st.floats(-5, 5))
def test_ranking_ignores_a_shift(case, shift):
    logits, target = case
    value = unbiased_ranking_loss(logits + shift, target, false_positive_rate=0.3)
    close(value, unbiased_ranking_loss(logits, target, false_positive_rate=0.3), rtol=1e-7, atol=1e-7)


@both_unbiased
def test_custom_surrogate(loss):
    rates = {"false_negative_rate": 0.1, "false_positive_rate": 0.2}
    value = loss(LOGITS, TARGET, **rates, surrogate=lambda margin: (1 - margin).square())
    close(value, loss(LOGITS, TARGET, **rates, surrogate="squared"))
    # The coefficients of both answers sum to 1, so a constant stays: 3 labels, 3 clean pairs are not all
    # pairs.
    if loss is unbiased_binary_loss:
        constant = loss(LOGITS, TARGET, **rates, surrogate=torch.ones_like)
        close(constant, torch.full((2,), 3.0, dtype=torch.float64))
    with pytest.raises(ValueError, match="result of surrogate has shape"):
        loss(LOGITS, TARGET, surrogate=lambda margin: margin.sum())


@both_unbiased
def test_rates_per_label(loss):
    single = loss(LOGITS, TARGET, false_negative_rate=0.25, false_positive_rate=0.5)
    several = loss(LOGITS, TARGET, false_negative_rate=[0.25] * 3, false_positive_rate=torch.full((3,), 0.5))
    close(several, single)
    assert loss(LOGITS.float(), TARGET, false_negative_rate=np.full(3, 0.25)).dtype == torch.float32


@both_unbiased
def test_warns_when_little_is_left(loss):
    with pytest.warns(UserWarning, match="false_negative_rate and false_positive_rate sum to 0.95"):
        loss(LOGITS, TARGET, false_negative_rate=0.45, false_positive_rate=0.5)
    with pytest.warns(UserWarning, match="sum to 0.95"):
        loss(LOGITS, TARGET, false_negative_rate=[0.0, 0.45, 0.0], false_positive_rate=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(LOGITS, TARGET, false_negative_rate=0.45, false_positive_rate=0.45)


@both_unbiased
@every_surrogate
def test_unbiased_gradient(loss, surrogate):
    rates = {"false_negative_rate": 0.1, "false_positive_rate": 0.2, "surrogate": surrogate}
    target = torch.tensor([[1, 0, -1], [0, 1, 1]])
    # No margin of these logits, nor of their differences, is at the kink of the hinge.
    logits = (1.1 * LOGITS).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, target, **rates), logits)


@both_unbiased
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"false_negative_rate": -0.1}, ValueError, "false_negative_rate must be in"),
        ({"false_positive_rate": 1.0}, ValueError, "false_positive_rate must be in"),
        ({"false_positive_rate": True}, TypeError, "false_positive_rate must be a real number"),
        ({"false_negative_rate": [0.1, 0.2]}, ValueError, "false_negative_rate has shape"),
        ({"false_positive_rate": [0.1, 0.2, 1.5]}, ValueError, "false_positive_rate spans 0.1 to 1.5"),
        (
            {"false_positive_rate": torch.tensor([0.1, math.nan, 0.5])},
            ValueError,
            "false_positive_rate spans",
        ),
        ({"false_negative_rate": 0.3, "false_positive_rate": 0.7}, ValueError, "sum to 1 for a label"),
        (
            {"false_negative_rate": [0, 0, 0.5], "false_positive_rate": 0.6},
            ValueError,
            "sum to 1.1 for a label",
        ),
        (
            {"surrogate": "huber"},
            ValueError,
            "surrogate must be one of .*'hinge', 'logistic', 'sigmoid', 'squared'",
        ),
    ],
)
def test_errors_in_rates(loss, options, error, message):
    with pytest.raises(error, match=message):
        loss(LOGITS, TARGET, **options)
