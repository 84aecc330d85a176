"""Generalised cross-entropy: its values and pull by hand, and its two limits."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.engine import Batch
from skweak.noisy import CrossEntropyClassifier, GCEClassifier
from tests.small_data import blobs

# Ten rows whose given label 0 has the probability 0.1, 0.2, ... 0.9 and almost 1.
PROBA = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1 - 1e-12], dtype=torch.float64)


def losses_of(clf, logits):
    target = torch.zeros(len(logits), dtype=torch.int64)
    return clf._loss(SimpleNamespace(module_=nn.Identity()), Batch(logits, target, torch.arange(len(logits))))


def logits_of(proba):
    return torch.stack([proba.log(), (1 - proba).log()], 1)


@pytest.mark.parametrize("q", [0.3, 0.5, 0.7, 1.0])
def test_the_loss_of_ten_rows(q):
    losses = losses_of(GCEClassifier(q=q), logits_of(PROBA))
    torch.testing.assert_close(losses, (1 - PROBA**q) / q)
    assert (losses >= 0).all() and (losses <= 1 / q).all()


def test_one_value_by_eye():
    # (1 - sqrt(0.25)) / 0.5 = 1
    assert losses_of(GCEClassifier(q=0.5), logits_of(torch.tensor([0.25]))).item() == pytest.approx(1.0)


def test_rows_it_cannot_explain_pull_less():
    logits = logits_of(PROBA).requires_grad_()
    losses_of(GCEClassifier(q=0.7), logits).sum().backward()
    # The gradient is that of the cross-entropy, p - 1, times p ** q.
    torch.testing.assert_close(logits.grad[:, 0], PROBA**0.7 * (PROBA - 1))
    assert logits.grad[0, 0].abs() < logits.grad[4, 0].abs()


def test_q_zero_is_cross_entropy_to_the_bit_and_small_q_close_to_it():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 5, "dtype": "float64", "random_state": 0, "lr": 0.05}
    plain = CrossEntropyClassifier(**settings).fit(X, noisy).predict_proba(X)
    assert np.array_equal(GCEClassifier(q=0, **settings).fit(X, noisy).predict_proba(X), plain)
    near = GCEClassifier(q=1e-5, **settings).fit(X, noisy).predict_proba(X)
    assert not np.array_equal(near, plain)
    np.testing.assert_allclose(near, plain, rtol=1e-3)


def test_sample_weight_and_partial_fit_reach_the_loss():
    X, _, noisy = blobs(60)
    weight = np.arange(60.0)
    settings = {"max_epochs": 2, "batch_size": 60, "dtype": "float64", "random_state": 0}
    whole = GCEClassifier(**settings).fit(X, noisy, sample_weight=weight).predict_proba(X)
    twice = GCEClassifier(**settings).fit(X, noisy, sample_weight=2 * weight).predict_proba(X)
    np.testing.assert_allclose(whole, twice, rtol=1e-9)
    assert not np.allclose(whole, GCEClassifier(**settings).fit(X, noisy).predict_proba(X))
    parts = GCEClassifier(**settings).partial_fit(X, noisy).partial_fit(X, noisy).predict_proba(X)
    np.testing.assert_allclose(parts, GCEClassifier(**settings).fit(X, noisy).predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("q", [-0.1, 1.1, "high", None])
def test_q_out_of_range(q):
    with pytest.raises(ValueError, match="'q' parameter"):
        GCEClassifier(q=q).fit(*blobs(30)[::2])
