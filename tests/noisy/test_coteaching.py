"""Co-teaching: which rows each network learns from, how many, and cross-entropy when none is left out."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skweak.engine import Batch
from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier
from tests.small_data import blobs

# Probability of the given label on ten rows, under each of two networks.
FIRST = torch.tensor([0.95, 0.90, 0.85, 0.80, 0.75, 0.70, 0.40, 0.30, 0.20, 0.10])
SECOND = torch.tensor([0.10, 0.20, 0.95, 0.90, 0.85, 0.80, 0.75, 0.70, 0.30, 0.40])


class Table(nn.Module):
    """Logits that are parameters, whatever the input: their gradient shows which rows taught."""

    def __init__(self, proba):
        super().__init__()
        self.logits = nn.Parameter(torch.stack([proba.log(), (1 - proba).log()], 1))

    def forward(self, X):
        return self.logits


def taught(forget_rate, trusted=None, n=10, progress=1.0):
    """Return the loss and, for each network, the rows that it learned from."""
    networks = [Table(FIRST[:n]), Table(SECOND[:n])]
    run = SimpleNamespace(
        class_weight=None, module_=networks[0], peer_=networks[1], state=SimpleNamespace(progress=progress), n_outputs=2,
        data=SimpleNamespace(trusted=trusted),
    )  # fmt: skip
    batch = Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64), torch.arange(n))
    loss = CoTeachingClassifier(forget_rate=forget_rate)._loss(run, batch)
    loss.backward()
    return loss.item(), [net.logits.grad.any(1).nonzero()[:, 0].tolist() for net in networks]


def test_each_network_learns_from_the_small_losses_of_the_other():
    loss, (first, second) = taught(0.4)
    # Six rows are kept: the first network finds rows 0-5 small, the second rows 2-7.
    assert first == [2, 3, 4, 5, 6, 7] and second == [0, 1, 2, 3, 4, 5]
    expected = -FIRST[2:8].log().mean() - SECOND[:6].log().mean()
    assert loss == pytest.approx(expected.item(), rel=1e-6)


def test_nothing_forgotten_is_the_mean_over_all_rows():
    loss, rows = taught(0.0)
    assert rows == [list(range(10))] * 2
    assert loss == pytest.approx((-FIRST.log().mean() - SECOND.log().mean()).item(), rel=1e-6)


def test_one_row_is_always_kept():
    assert [len(rows) for rows in taught(0.99)[1]] == [1, 1]
    assert taught(0.9, n=1)[1] == [[0], [0]]


@given(st.lists(st.floats(0, 0.99), min_size=2, max_size=2))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_more_forgetting_keeps_no_more_rows(rates):
    few, many = (len(taught(rate)[1][0]) for rate in (max(rates), min(rates)))
    assert 1 <= few <= many <= 10


def test_verified_rows_teach_both_networks_however_large_their_loss():
    trusted = torch.zeros(10, dtype=torch.bool)
    trusted[[0, 9]] = True
    first, second = taught(0.4, trusted)[1]
    # Two verified rows and the four smallest others of the other network.
    assert first == [0, 2, 3, 4, 5, 9] and second == [0, 1, 2, 3, 4, 9]


def test_verified_rows_beyond_the_share_kept_are_not_left_out():
    trusted = torch.ones(10, dtype=torch.bool)
    trusted[4] = False
    first, second = taught(0.8, trusted)[1]
    assert first == second == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_the_automatic_rate_leaves_out_what_the_other_network_finds_implausible():
    # Three to one against the label is the limit: a probability of 1/4.
    assert taught("auto")[1] == [[2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3, 4, 5, 6, 7]]
    assert taught("auto", progress=0.5)[1] == [list(range(10))] * 2


def test_the_best_row_of_each_class_is_kept():
    clf = CoTeachingClassifier(forget_rate=0.8)
    run = SimpleNamespace(class_weight=None, state=SimpleNamespace(progress=1.0), n_outputs=3, data=SimpleNamespace(trusted=None))
    target = torch.tensor([0] * 8 + [1, 1])
    losses = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 9.0, 8.0])
    kept = clf._kept(run, Batch(None, target, None), None, losses)
    assert kept.nonzero()[:, 0].tolist() == [0, 9]


@pytest.mark.parametrize(("ramp", "epochs"), [(1, 4), (4, 6), (10, 3)])
def test_the_share_left_out_rises_evenly_over_the_ramp(ramp, epochs):
    rates = []

    class Watched(CoTeachingClassifier):
        def _start_epoch(self, run):
            super()._start_epoch(run)
            rates.append(0.3 * run.state.progress)

    Watched(forget_rate=0.3, ramp_epochs=ramp, max_epochs=epochs).fit(*blobs(30)[::2])
    full = np.linspace(0, 0.3, ramp) if ramp > 1 else np.array([0.0])
    expected = [full[e] if e < ramp else 0.3 for e in range(epochs)]
    np.testing.assert_allclose(rates, expected, atol=1e-12)


def test_without_forgetting_each_network_is_trained_by_cross_entropy():
    start = {}

    class Watched(CoTeachingClassifier):
        def _start(self, run):
            super()._start(run)
            start.update({name: getattr(run, f"{name}_").state_dict() for name in ("module", "peer")})
            start.update({name: {k: v.clone() for k, v in state.items()} for name, state in start.items()})

    X, _, noisy = blobs(60)
    shared = {"max_epochs": 5, "batch_size": 16, "dtype": "float64", "random_state": 0, "lr": 0.05}
    clf = Watched(forget_rate=0, **shared).fit(X, noisy)
    for name in ("module", "peer"):
        network = CrossEntropyClassifier(**shared).fit(X, noisy).net_.module_
        network.load_state_dict(start[name])
        alone = CrossEntropyClassifier(network, **shared).fit(X, noisy)
        for own, other in zip(getattr(clf.net_, f"{name}_").parameters(), alone.net_.module_.parameters(), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-8, atol=1e-12)
    assert not torch.equal(start["module"]["head.weight"], start["peer"]["head.weight"])


def test_prediction_is_the_mean_of_both_networks():
    X, _, noisy = blobs(60)
    clf = CoTeachingClassifier(max_epochs=3, random_state=0).fit(X, noisy)
    rows = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        expected = (clf.net_.module_(rows).softmax(1) + clf.net_.peer_(rows).softmax(1)) / 2
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-5)


def test_the_share_of_least_credible_rows_is_suspected():
    X, clean, noisy = blobs(90)
    clf = CoTeachingClassifier(forget_rate=0.1, max_epochs=30, random_state=0).fit(X, noisy)
    assert clf.noise_mask_.sum() == 9
    assert clf.label_quality_[clf.noise_mask_].max() <= clf.label_quality_[~clf.noise_mask_].min()
    assert (clf.transduction_[~clf.noise_mask_] == noisy[~clf.noise_mask_]).all()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


def test_verified_rows_are_never_suspected():
    X, clean, noisy = blobs(90)
    wrong = clean != noisy
    clf = CoTeachingClassifier(forget_rate=0.1, max_epochs=10, random_state=0).fit(X, noisy, trusted=wrong)
    assert not clf.noise_mask_[wrong].any() and clf.noise_mask_.sum() == 9
    assert np.array_equal(clf.transduction_[wrong], noisy[wrong])
    everything = CoTeachingClassifier(max_epochs=2).fit(X, noisy, trusted=np.ones(90, dtype=bool))
    assert not everything.noise_mask_.any()


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"forget_rate": 1.0}, "'forget_rate' parameter"),
        ({"forget_rate": -0.1}, "'forget_rate' parameter"),
        ({"ramp_epochs": 0}, "'ramp_epochs' parameter"),
        ({"ramp_epochs": 2.5}, "'ramp_epochs' parameter"),
    ],
)
def test_parameters_out_of_range(own, message):
    with pytest.raises(ValueError, match=message):
        CoTeachingClassifier(**own).fit(*blobs(30)[::2])
