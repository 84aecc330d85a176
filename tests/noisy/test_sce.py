"""Symmetric cross-entropy: both terms by hand, and cross-entropy when the reverse one is off."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.engine import Batch
from skweak.noisy import CrossEntropyClassifier, SCEClassifier
from tests.small_data import blobs

# Ten rows whose given label 0 has the probability 0.05, 0.15, ... 0.95.
PROBA = torch.arange(0.05, 1, 0.1, dtype=torch.float64)


def losses_of(clf, logits):
    target = torch.zeros(len(logits), dtype=torch.int64)
    return clf._loss(SimpleNamespace(module_=nn.Identity()), Batch(logits, target, torch.arange(len(logits))))


LOGITS = torch.stack([PROBA.log(), (1 - PROBA).log()], 1)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        # -A (1 - p) with A = -4 is the whole reverse term.
        ({}, -0.1 * PROBA.log() + 4 * (1 - PROBA)),
        ({"alpha": 6.0, "beta": 0.1}, -6 * PROBA.log() + 0.4 * (1 - PROBA)),
        ({"alpha": 0.0}, 4 * (1 - PROBA)),
        ({"alpha": 0.0, "log_zero": -9.0}, 9 * (1 - PROBA)),
        ({"alpha": 2.0, "beta": 0.0}, -2 * PROBA.log()),
    ],
    ids=["defaults", "hundred-classes", "reverse-only", "log-zero", "cross-entropy-only"],
)
def test_the_loss_of_ten_rows(own, expected):
    losses = losses_of(SCEClassifier(**own), LOGITS)
    torch.testing.assert_close(losses, expected)
    assert (losses >= 0).all()


def test_without_the_reverse_term_it_is_cross_entropy():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 5, "random_state": 0, "lr": 0.05}
    plain = CrossEntropyClassifier(**settings).fit(X, noisy).predict_proba(X)
    assert np.array_equal(SCEClassifier(alpha=1, beta=0, **settings).fit(X, noisy).predict_proba(X), plain)
    assert not np.allclose(SCEClassifier(alpha=1, **settings).fit(X, noisy).predict_proba(X), plain, atol=1e-3)


def test_sample_weight_and_partial_fit_reach_the_loss():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 2, "batch_size": 60, "dtype": "float64", "random_state": 0}
    plain = SCEClassifier(**settings).fit(X, noisy).predict_proba(X)
    weighted = SCEClassifier(**settings).fit(X, noisy, sample_weight=np.arange(60.0)).predict_proba(X)
    assert not np.allclose(weighted, plain)
    parts = SCEClassifier(**settings).partial_fit(X, noisy).partial_fit(X, noisy).predict_proba(X)
    np.testing.assert_allclose(parts, plain, rtol=1e-9)


@pytest.mark.parametrize(("name", "value"), [("alpha", -0.1), ("beta", -1), ("log_zero", 0.0), ("log_zero", 1)])
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        SCEClassifier(**{name: value}).fit(*blobs(30)[::2])
