"""mixup: a step by hand, its limits, and wrong labels that have no place of their own."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.engine import Batch
from skweak.noisy import CrossEntropyClassifier, MixupClassifier
from tests.small_data import blobs

X, TARGET = torch.arange(10.0)[:, None], torch.arange(10) % 2


def loss_of(alpha, class_weight=None):
    torch.manual_seed(0)
    network = nn.Linear(1, 2)
    run = SimpleNamespace(
        module_=network, n_outputs=2, dtype=torch.float32, device="cpu", class_weight=class_weight,
        numpy_random=np.random.RandomState(0), generator=torch.Generator().manual_seed(0),
        data=SimpleNamespace(target=TARGET), scratch=SimpleNamespace(),
    )  # fmt: skip
    clf = MixupClassifier(alpha=alpha)
    clf._start(run)
    return clf._loss(run, Batch(X, TARGET, torch.arange(10))).mean(), network


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 3.0])])
def test_a_mixed_row_has_the_loss_of_both_labels(weights):
    loss, network = loss_of(8.0, weights)
    share, order = np.random.RandomState(0).beta(8, 8), torch.randperm(10, generator=torch.Generator().manual_seed(0))
    log_proba = network(share * X + (1 - share) * X[order]).log_softmax(1)
    own, other = -log_proba[range(10), TARGET], -log_proba[range(10), TARGET[order]]
    own_weight, other_weight = (torch.ones(2) if weights is None else weights)[torch.stack([TARGET, TARGET[order]])]
    total = share * own_weight + (1 - share) * other_weight
    expected = (share * own_weight * own + (1 - share) * other_weight * other).sum() / total.sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_nothing_mixed_is_cross_entropy():
    rows, _, noisy = blobs(60)
    settings = {"max_epochs": 5, "dtype": "float64", "random_state": 0, "lr": 0.05}
    plain = CrossEntropyClassifier(**settings).fit(rows, noisy).predict_proba(rows)
    mixed = MixupClassifier(alpha=0, **settings).fit(rows, noisy).predict_proba(rows)
    np.testing.assert_allclose(mixed, plain, rtol=1e-9)


def test_wrong_labels_are_remembered_less():
    rows, clean, noisy = blobs(60)
    settings = {"max_epochs": 100, "lr": 0.1, "module__scale_inputs": False, "random_state": 0}
    wrong = clean != noisy
    plain, mixed = (
        cls(**settings).fit(rows, noisy).label_quality_[wrong].mean() for cls in (CrossEntropyClassifier, MixupClassifier)
    )
    assert mixed < plain - 0.02


def test_a_stream_is_mixed_batch_by_batch():
    rows, _, noisy = blobs(60)
    settings = {"max_epochs": 1, "dtype": "float64", "random_state": 0}
    part = MixupClassifier(**settings).partial_fit(rows, noisy)
    np.testing.assert_allclose(part.predict_proba(rows), MixupClassifier(**settings).fit(rows, noisy).predict_proba(rows))


@pytest.mark.parametrize("alpha", [-1, "auto", None])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValueError, match="'alpha' parameter"):
        MixupClassifier(alpha=alpha).fit(*blobs(30)[::2])
