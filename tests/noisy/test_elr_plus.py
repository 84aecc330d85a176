"""ELR+: whose belief a network is held to, mixed rows by hand, its limits, and a comparison."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skweak.engine import Batch, RowMemory
from skweak.noisy import CrossEntropyClassifier, ELRPlusClassifier
from tests.small_data import blobs

ROWS = torch.arange(10)
TARGET = ROWS % 2


class Fixed(nn.Module):
    """The same logits for every row."""

    def __init__(self, proba):
        super().__init__()
        self.proba = nn.Parameter(torch.tensor(proba).log())

    def forward(self, X):
        return self.proba.expand(len(X), -1)


def run_of(alpha=0.0, epoch=0.0):
    memories = {"targets": RowMemory(10, 2), "peer_targets": RowMemory(10, 2)}
    averages = {"average": Fixed([0.9, 0.1]), "peer_average": Fixed([0.4, 0.6])}
    return SimpleNamespace(
        module_=Fixed([0.5, 0.5]), peer_=Fixed([0.8, 0.2]), state=SimpleNamespace(**memories, **averages),
        scratch=SimpleNamespace(alpha=alpha, prior=torch.tensor([0.5, 0.5])), n_outputs=2, dtype=torch.float32,
        class_weight=None, device="cpu", numpy_random=np.random.RandomState(0), fractional_epoch=epoch,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def test_each_network_is_held_to_the_average_of_the_other():
    run, clf = run_of(), ELRPlusClassifier(penalty=3.0, decay=0.7, balance_weight=0)
    loss = clf._loss(run, Batch(torch.zeros(10, 1), TARGET, ROWS))
    torch.testing.assert_close(run.state.targets.values, torch.tensor([[0.12, 0.18]]).repeat(10, 1))
    torch.testing.assert_close(run.state.peer_targets.values, torch.tensor([[0.27, 0.03]]).repeat(10, 1))
    # <t, p> is 0.3 / 2 for the first network and 0.27 * 0.8 + 0.03 * 0.2 = 0.222 for the second.
    first = math.log(2) + 3 * math.log(0.85)
    second = -(math.log(0.8) + math.log(0.2)) / 2 + 3 * math.log(1 - 0.222)
    assert loss.item() == pytest.approx(first + second, rel=1e-5)


def test_the_balance_of_classes_by_hand():
    losses = []
    for weight in (0.0, 2.0):
        clf = ELRPlusClassifier(penalty=0, balance_weight=weight)
        losses.append(clf._loss(run_of(), Batch(torch.zeros(10, 1), TARGET, ROWS)).item())
    # KL((1/2, 1/2), (4/5, 1/5)) = log(5/4) of the second network.
    assert losses[1] - losses[0] == pytest.approx(2 * math.log(1.25), rel=1e-5)


def test_mixed_rows_have_mixed_labels_and_mixed_targets():
    run, network, X = run_of(alpha=1.0), nn.Linear(1, 2), torch.arange(10.0)[:, None]
    clf = ELRPlusClassifier(penalty=3.0, decay=0.7, balance_weight=0)
    loss = clf._network_loss(run, Batch(X, TARGET, ROWS), network, run.state.peer_average, run.state.targets)
    share = np.random.RandomState(0).beta(1, 1)
    share, order = max(share, 1 - share), torch.randperm(10, generator=torch.Generator().manual_seed(0))
    logits, one_hot = network(share * X + (1 - share) * X[order]), torch.eye(2)[TARGET]
    wanted = share * one_hot + (1 - share) * one_hot[order]
    # The target of every row is (0.12, 0.18), mixed or not.
    agreement = logits.softmax(1) @ torch.tensor([0.12, 0.18])
    expected = (-(wanted * logits.log_softmax(1)).sum(1) + 3 * (1 - agreement).log()).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


@given(st.floats(0.1, 8), st.floats(0, 1), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_targets_of_mixed_rows_stay_beliefs_and_the_loss_is_finite(alpha, decay, seed):
    run = run_of(alpha)
    run.numpy_random = np.random.RandomState(seed)
    clf = ELRPlusClassifier(decay=decay, refine_targets=True)
    for _ in range(2):
        assert torch.isfinite(clf._loss(run, Batch(torch.zeros(10, 1), TARGET, ROWS)))
    # 1 - decay² after two visits.
    torch.testing.assert_close(run.state.targets.values.sum(1), torch.full((10,), 1 - decay**2), atol=1e-5, rtol=1e-4)


def test_the_penalty_grows_to_its_weight():
    clf = ELRPlusClassifier(ramp_epochs=10)
    ramps = [clf._ramp(SimpleNamespace(fractional_epoch=epoch)) for epoch in (0, 5, 10, 20)]
    np.testing.assert_allclose(ramps, [math.exp(-5), math.exp(-1.25), 1, 1])
    assert ELRPlusClassifier()._ramp(SimpleNamespace(fractional_epoch=0)) == 1


def test_without_its_parts_each_network_is_trained_by_cross_entropy():
    start = {}

    class Watched(ELRPlusClassifier):
        def _start(self, run):
            super()._start(run)
            start.update({k: v.clone() for k, v in run.peer_.state_dict().items()})

    X, _, noisy = blobs(60)
    shared = {"max_epochs": 3, "batch_size": 16, "dtype": "float64", "random_state": 0, "lr": 0.05}
    clf = Watched(penalty=0, balance_weight=0, mixup_alpha=0, average_decay=0, **shared).fit(X, noisy)
    network = CrossEntropyClassifier(**shared).fit(X, noisy).net_.module_
    network.load_state_dict(start)
    alone = CrossEntropyClassifier(network, **shared).fit(X, noisy)
    for own, average, other in zip(
        clf.net_.peer_.parameters(), clf.net_.state.peer_average.parameters(), alone.net_.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(own, other, rtol=1e-8, atol=1e-12)
        torch.testing.assert_close(own, average)
    assert not torch.equal(clf.net_.module_.head.weight, clf.net_.peer_.head.weight)


def test_the_averages_predict():
    X, _, noisy = blobs(60)
    clf = ELRPlusClassifier(max_epochs=3, random_state=0).fit(X, noisy)
    rows, state = torch.as_tensor(X, dtype=torch.float32), clf.net_.state
    with torch.no_grad():
        expected = (state.average(rows).softmax(1) + state.peer_average(rows).softmax(1)) / 2
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-5)


def test_rows_are_mixed_where_training_is_long_enough(monkeypatch):
    monkeypatch.setattr("skweak.engine.mixing._LEAST_STEPS", 10)
    found = []

    class Watched(ELRPlusClassifier):
        def _start(self, run):
            super()._start(run)
            found.append(run.scratch.alpha)

    X, _, noisy = blobs(60)
    for own in ({}, {"batch_size": 6}, {"mixup_alpha": 4.0}):
        Watched(**({"max_epochs": 1, "module__hidden": (4,), "random_state": 0} | own)).fit(X, noisy)
    assert found == [0.0, 1.0, 4.0]


def test_wrong_labels_are_found_and_the_accuracy_is_above_plain_training():
    X, clean, noisy = blobs(150, seed=1)
    settings = {"max_epochs": 60, "random_state": 0}
    wrong = noisy != clean
    clf = ELRPlusClassifier(**settings).fit(X, noisy)
    assert clf.noise_mask_[wrong].mean() > 0.8 and clf.noise_mask_[~wrong].mean() < 0.1
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()
    assert clf.score(X, clean) > CrossEntropyClassifier(**settings).fit(X, noisy).score(X, clean)


@pytest.mark.parametrize(
    ("name", "value"),
    [("penalty", -1), ("decay", 1.1), ("balance_weight", -1), ("mixup_alpha", -1), ("average_decay", 1), ("ramp_epochs", -1),
     ("refine_targets", "yes")],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        ELRPlusClassifier(**{name: value}).fit(*blobs(30)[::2])
