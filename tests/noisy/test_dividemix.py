"""DivideMix: the split of ten rows, the loss by hand and against a slow loop, and the warm-up."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skweak.noisy import CrossEntropyClassifier, DivideMixClassifier, dividemix
from skweak.noisy.codivide import CoBatch, Mixed
from tests.small_data import blobs


def judge(logits, target, trusted=None, **own):
    """Return the posterior of being clean and the split of rows with these logits."""
    run = SimpleNamespace(
        outputs=lambda network: network, data=SimpleNamespace(target=target, trusted=trusted),
        dtype=torch.float32, numpy_random=np.random.RandomState(0),
    )  # fmt: skip
    return DivideMixClassifier(**own)._clean_posterior(run, logits)


# Seven rows whose label has a probability of about 0.9 and three of about 0.1.
TEN = torch.tensor([0.90, 0.10, 0.92, 0.88, 0.12, 0.91, 0.89, 0.08, 0.90, 0.93])
TEN_LOGITS = torch.stack([TEN.log(), (1 - TEN).log()], 1)
ZEROS = torch.zeros(10, dtype=torch.int64)


def test_small_losses_are_clean():
    posterior, split = judge(TEN_LOGITS, ZEROS)
    assert split.tolist() == (TEN > 0.5).tolist()
    assert ((posterior > 0.99) == (TEN > 0.5)).all() and ((posterior >= 0) & (posterior <= 1)).all()


def test_the_order_of_rows_and_of_classes_does_not_matter():
    posterior, split = judge(TEN_LOGITS, ZEROS)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    moved, moved_split = judge(TEN_LOGITS[order].flip(1), ZEROS + 1)
    torch.testing.assert_close(moved, posterior[order], rtol=1e-3, atol=1e-6)
    assert torch.equal(moved_split, split[order])


def test_equal_losses_are_all_clean():
    posterior, split = judge(torch.zeros(10, 3), torch.arange(10) % 3)
    assert (posterior == 1).all() and split.all()


def test_one_hump_of_losses_has_nothing_to_repair():
    # Losses as a normal distribution has them.
    losses = 1 + 0.25 * torch.special.ndtri((torch.arange(40) + 0.5) / 40)
    proba, target = (-losses).exp(), torch.zeros(40, dtype=torch.int64)
    logits = torch.stack([proba.log(), (1 - proba).log()], 1)
    posterior, split = judge(logits, target, min_separation=2)
    assert split.all() and (posterior > 0.9).all()
    repaired, _ = judge(logits, target)
    # The order of the rows is that of the mixture, which would have doubted some of them.
    assert (repaired < 0.5).any() and torch.equal(posterior.argsort(stable=True), repaired.argsort(stable=True))
    # Two humps are apart, whatever is asked for within reason.
    assert judge(TEN_LOGITS, ZEROS, min_separation=3)[1].tolist() == (TEN > 0.5).tolist()


def test_verified_rows_are_clean_whatever_their_loss():
    trusted = torch.arange(10) == 1
    posterior, split = judge(TEN_LOGITS, ZEROS, trusted)
    assert posterior[1] == 1 and split[1] and not split[4]


def later_loss(logits, targets, partners, n_labeled, monkeypatch, *, share=0.75, epoch=4.0, **own):
    """Return the loss of a network that gives ``logits``, two epochs into a ramp of four."""
    mixed = Mixed(logits, targets, partners, share, None, n_labeled)
    monkeypatch.setattr(dividemix, "guess_and_mix", lambda *_, **__: mixed)
    run = SimpleNamespace(
        class_weight=None, epoch=4, fractional_epoch=epoch, module_=nn.Identity(), state=SimpleNamespace(clean_proba={"module": None}, warmup=2),
        scratch=SimpleNamespace(prior=torch.full((logits.shape[1],), 1 / logits.shape[1], dtype=logits.dtype)),
    )  # fmt: skip
    clf = DivideMixClassifier(warmup_epochs=2, ramp_epochs=4, **own)
    return clf._loss(run, CoBatch("module", None, None))


def test_the_loss_by_hand(monkeypatch):
    # Uniform predictions of two classes. Cross-entropy with any target is log 2, the balance penalty 0. The mixed
    # target of the last two rows is (0.75, 0.25): squared error 0.0625, times 8, times half a ramp: 0.25.
    targets, partners = torch.tensor([[1.0, 0.0]] * 4), torch.tensor([[0.0, 1.0]] * 4)
    loss = later_loss(torch.zeros(4, 2), targets, partners, 2, monkeypatch, unlabeled_weight=8.0)
    assert loss.item() == pytest.approx(math.log(2) + 0.25)
    loss = later_loss(torch.zeros(4, 2), targets, partners, 2, monkeypatch)
    assert loss.item() == pytest.approx(math.log(2))
    # Four labelled rows leave nothing to guess.
    loss = later_loss(torch.zeros(4, 2), targets, partners, 4, monkeypatch, unlabeled_weight=8.0)
    assert loss.item() == pytest.approx(math.log(2))


def test_an_unbalanced_prediction_is_penalised(monkeypatch):
    # p = (3/4, 1/4) in both rows, labelled accordingly by soft targets.
    logits, target = torch.tensor([[3.0, 1.0]] * 2).log(), torch.tensor([[0.75, 0.25]] * 2)
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    penalty = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert later_loss(logits, target, target, 2, monkeypatch).item() == pytest.approx(entropy + penalty)


@pytest.mark.parametrize("epoch", [2.0, 3.5, 9.0])
def test_the_loss_equals_a_slow_loop(epoch, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    logits, targets, partners = torch.randn(3, 10, 4, generator=generator, dtype=torch.float64)
    targets, partners = targets.softmax(1), partners.softmax(1)
    own = {"unlabeled_weight": 25.0, "share": 0.6, "epoch": epoch}
    loss = later_loss(logits, targets, partners, 6, monkeypatch, **own)
    proba = np.exp(logits.numpy())
    proba /= proba.sum(1, keepdims=True)
    labeled = guessed = 0.0
    for i in range(10):
        for c in range(4):
            target = 0.6 * targets[i, c].item() + 0.4 * partners[i, c].item()
            if i < 6:
                labeled -= target * math.log(proba[i, c]) / 6
            else:
                guessed += (proba[i, c] - target) ** 2 / 16
    balance = sum(0.25 * math.log(0.25 / mean) for mean in proba.mean(0))
    ramp = min(1.0, (epoch - 2) / 4)
    assert loss.item() == pytest.approx(labeled + balance + 25 * ramp * guessed)


def test_the_penalty_on_confidence_acts_in_the_warm_up():
    # p = (3/4, 1/4): cross-entropy -log(3/4), negative entropy 3/4 log 3/4 + 1/4 log 1/4.
    logits, target = torch.tensor([[3.0, 1.0]]).log(), torch.tensor([0])
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    for penalised in (False, True):
        loss = DivideMixClassifier(confidence_penalty=penalised)._warmup_loss(nn.Identity(), logits, target)
        assert loss.item() == pytest.approx(-math.log(0.75) - penalised * entropy)


class AtTheEndOf(Callback):
    """Copies both networks at the start and after an epoch."""

    def __init__(self, epoch, states):
        self.epoch, self.states = epoch, states

    def copy(self, net, moment):
        networks = {"module": net.module_, "peer": net.peer_}
        self.states[moment] = {
            name: {k: v.clone() for k, v in network.state_dict().items()} for name, network in networks.items()
        }

    def on_train_begin(self, net, **kwargs):
        self.copy(net, "start")

    def on_epoch_end(self, net, **kwargs):
        if net.epoch == self.epoch:
            self.copy(net, "end")


def test_the_warm_up_is_cross_entropy_of_each_network():
    X, _, noisy = blobs(60)
    shared, states = {"batch_size": 16, "dtype": "float64", "augment": None, "random_state": 0, "lr": 0.05}, {}
    DivideMixClassifier(warmup_epochs=3, max_epochs=4, callbacks=[AtTheEndOf(3, states)], **shared).fit(X, noisy)
    for name in ("module", "peer"):
        network = CrossEntropyClassifier(max_epochs=1, **shared).fit(X, noisy).net_.module_
        network.load_state_dict(states["start"][name])
        alone = CrossEntropyClassifier(network, max_epochs=3, **shared).fit(X, noisy)
        for key, value in alone.net_.module_.state_dict().items():
            torch.testing.assert_close(states["end"][name][key], value, rtol=1e-8, atol=1e-12)


def test_prediction_is_the_softmax_of_the_mean_logits():
    X, _, noisy = blobs(60)
    clf = DivideMixClassifier(warmup_epochs=2, max_epochs=4, random_state=0).fit(X, noisy)
    rows = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        expected = ((clf.net_.module_(rows) + clf.net_.peer_(rows)) / 2).softmax(1)
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-4, atol=1e-6)
