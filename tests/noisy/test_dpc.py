"""DPC: margins and splits of ten rows, the loss by hand and against a slow loop, and its second head."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.augment import Views, identity
from skweak.losses import calibrated_softmax, evidential_kl
from skweak.noisy import DPCClassifier, dpc
from skweak.noisy.codivide import CoBatch, Mixed
from skweak.utils import label_margin
from tests.small_data import blobs


def judge(logits, target, trusted=None, **own):
    """Return margins, clean probabilities and the split of rows with these logits."""
    run = SimpleNamespace(
        outputs=lambda network: network, data=SimpleNamespace(target=target, trusted=trusted),
        dtype=torch.float32, numpy_random=np.random.RandomState(0),
    )  # fmt: skip
    return DPCClassifier(**own)._large_margin(run, logits)


# Margins of label 0: seven rows of about 4 and three of about -4.
TEN = torch.tensor([4.0, -4.0, 4.2, 3.8, -3.9, 4.1, 3.9, -4.2, 4.0, 4.3])
ZEROS = torch.zeros(10, dtype=torch.int64)


def with_margins(margins):
    return torch.stack([margins, torch.zeros(len(margins)), torch.full((len(margins),), -9.0)], 1)


def test_large_margins_are_clean():
    margin, clean, split = judge(with_margins(TEN), ZEROS)
    torch.testing.assert_close(margin, TEN)
    assert split.tolist() == (TEN > 0).tolist()
    assert ((clean > 0.99) == (TEN > 0)).all() and ((clean >= 0) & (clean <= 1)).all()


def test_scaled_margins_by_hand():
    margin, clean, split = judge(with_margins(torch.tensor([-2.0, 0.0, 2.0])), ZEROS[:3], selection="minmax")
    assert margin.tolist() == [-2, 0, 2] and clean.tolist() == [0, 0.5, 1]
    # The threshold of 0.5 itself does not pass.
    assert split.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("margins", "same_as"),
    # Two equal groups have the excess kurtosis -2; one row far from nineteen has about 14.
    [([-4.0, -4.1, 4.0, 4.1] * 5, "gmm"), ([-50.0, *np.linspace(4, 5, 19)], "minmax")],
    ids=["two-groups", "outlier"],
)
def test_auto_takes_the_mixture_unless_the_tails_are_heavy(margins, same_as):
    logits, target = with_margins(torch.tensor(margins)), torch.zeros(20, dtype=torch.int64)
    automatic, gmm, minmax = (judge(logits, target, selection=s)[1] for s in ("auto", "gmm", "minmax"))
    assert torch.equal(automatic, {"gmm": gmm, "minmax": minmax}[same_as]) and not torch.equal(gmm, minmax)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("selection", ["gmm", "minmax", "auto"])
def test_constant_margins_are_all_clean(selection):
    margin, clean, split = judge(torch.zeros(10, 3), torch.arange(10) % 3, selection=selection)
    assert not margin.any() and (clean == 1).all() and split.all()


def test_verified_rows_are_clean_whatever_their_margin():
    _, clean, split = judge(with_margins(TEN), ZEROS, torch.arange(10) == 1)
    assert clean[1] == 1 and split[1] and not split[4]


def test_the_warm_up_loss_has_all_three_terms():
    logits, target = torch.tensor([[2.0, 0.0, -1.0, 1.0]]), torch.tensor([0])
    # gamma C = 6 over 4 classes: gamma = 1.5.
    proba = (logits.exp() + 1.5) / (logits.exp() + 1.5).sum()
    likelihood = -proba[0, 0].log()
    divergence = 0.4 / 4 * evidential_kl(logits, target, offset=1.5)[0]
    negative_entropy = (proba * proba.log()).sum()
    own = {"total_offset": 6.0, "kl_weight": 0.4}
    plain = DPCClassifier(**own)._warmup_loss(nn.Identity(), logits, target)
    torch.testing.assert_close(plain[0], likelihood + divergence)
    penalised = DPCClassifier(confidence_penalty=True, **own)._warmup_loss(nn.Identity(), logits, target)
    torch.testing.assert_close(penalised[0], likelihood + divergence + negative_entropy)


def test_without_offset_and_divergence_the_warm_up_is_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20, 5, generator=generator, dtype=torch.float64)
    target = torch.arange(20) % 5
    clf = DPCClassifier(total_offset=1e-9, kl_weight=0.0)
    torch.testing.assert_close(
        clf._warmup_loss(nn.Identity(), logits, target),
        nn.functional.cross_entropy(logits, target, reduction="none"),
        rtol=1e-6, atol=1e-8,
    )  # fmt: skip


class TwoOutputs(nn.Module):
    """Gives its inputs as the logits of the first head and constants as those of the second."""

    def __init__(self, second):
        super().__init__()
        self.second = second

    def forward(self, X):
        return X

    def both(self, X):
        return X, self.second


def later_loss(logits, second, targets, partners, n_labeled, monkeypatch, *, share=0.75, epoch=4.0, **own):
    """Return the loss of a network with these outputs, two epochs into a ramp of four."""
    mixed = Mixed(logits, targets, partners, share, None, n_labeled)
    monkeypatch.setattr(dpc, "guess_and_mix", lambda *_, **__: mixed)
    run = SimpleNamespace(
        class_weight=None, epoch=4, fractional_epoch=epoch, module_=TwoOutputs(second), peer_=None,
        state=SimpleNamespace(clean_proba={"module": None}, warmup=2),
        scratch=SimpleNamespace(prior=torch.full((logits.shape[1],), 1 / logits.shape[1], dtype=logits.dtype)),
    )  # fmt: skip
    clf = DPCClassifier(warmup_epochs=2, ramp_epochs=4, **own)
    return clf._loss(run, CoBatch("module", None, None))


def test_the_loss_by_hand(monkeypatch):
    # Zero logits of two classes: probabilities 1/2 with any offset, likelihood log 2, balance 0. The mixed target of
    # the last two rows is (0.75, 0.25) and the second head says (1/2, 1/2): squared error 0.0625, times 8, times half
    # a ramp: 0.25.
    zeros, targets, partners = torch.zeros(4, 2), torch.tensor([[1.0, 0.0]] * 4), torch.tensor([[0.0, 1.0]] * 4)
    loss = later_loss(zeros, zeros, targets, partners, 2, monkeypatch, kl_weight=0.0, unlabeled_weight=8.0)
    assert loss.item() == pytest.approx(math.log(2) + 0.25)
    loss = later_loss(zeros, zeros, targets, partners, 2, monkeypatch, kl_weight=0.0)
    assert loss.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("epoch", [2.0, 3.5, 9.0])
@pytest.mark.parametrize("n_classes", [3, 20])
def test_the_loss_equals_a_slow_loop(epoch, n_classes, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    logits, second, targets, partners = torch.randn(4, 10, n_classes, generator=generator, dtype=torch.float64)
    targets, partners = targets.softmax(1), partners.softmax(1)
    own = {"unlabeled_weight": 25.0, "kl_weight": 0.4, "total_offset": 6.0, "share": 0.6, "epoch": epoch}
    loss = later_loss(logits, second, targets, partners, 6, monkeypatch, **own)
    offset = 6.0 / n_classes

    def proba_of(rows):
        alpha = np.exp(rows.numpy()) + offset
        return alpha / alpha.sum(1, keepdims=True)

    proba, second_proba = proba_of(logits), proba_of(second)
    labeled = guessed = 0.0
    for i in range(6):
        for share, soft in ((0.6, targets), (0.4, partners)):
            label = soft[i].argmax()
            divergence = evidential_kl(logits[i : i + 1], label[None], offset=offset).item()
            labeled += share * (-math.log(proba[i, label]) + 0.4 / n_classes * divergence) / 6
    for i in range(6, 10):
        for c in range(n_classes):
            target = 0.6 * targets[i, c].item() + 0.4 * partners[i, c].item()
            guessed += (second_proba[i, c] - target) ** 2 / (4 * n_classes)
    balance = sum(math.log(1 / n_classes / mean) / n_classes for mean in proba.mean(0))
    ramp = min(1.0, (epoch - 2) / 4)
    assert loss.item() == pytest.approx(labeled + balance + 25 * ramp * guessed)


def second_heads(own):
    """Return the parameters of both second heads before and after training."""
    start = {}

    class Watched(DPCClassifier):
        def _start(self, run):
            super()._start(run)
            for name in ("module", "peer"):
                second = getattr(run, f"{name}_").second
                start[name] = [parameter.detach().clone() for parameter in second.parameters()]

    X, clean, _ = blobs(90)
    noisy = np.where(np.arange(90) % 10 < 3, (clean + 1) % 3, clean)
    clf = Watched(warmup_epochs=3, max_epochs=6, batch_size=16, random_state=0, **own).fit(X, noisy)
    return start, {name: list(getattr(clf.net_, f"{name}_").second.parameters()) for name in ("module", "peer")}


def test_without_unlabelled_weight_the_second_heads_are_untouched():
    start, end = second_heads({})
    for name, parameters in start.items():
        assert all(map(torch.equal, parameters, end[name]))


def test_with_unlabelled_weight_the_second_heads_learn():
    start, end = second_heads({"unlabeled_weight": 5.0})
    for name, parameters in start.items():
        assert not any(map(torch.equal, parameters, end[name]))


def test_prediction_is_the_calibrated_softmax_of_the_mean_logits():
    X, _, noisy = blobs(60)
    clf = DPCClassifier(warmup_epochs=2, max_epochs=4, total_offset=6.0, random_state=0).fit(X, noisy)
    rows = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        logits = (clf.net_.module_(rows) + clf.net_.peer_(rows)) / 2
    expected = calibrated_softmax(logits, offset=2.0)
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-4)
    np.testing.assert_array_equal(clf.predict(X), logits.argmax(1))


def test_fitted_attributes_follow_from_the_margins_of_both_networks():
    X, _, noisy = blobs(60)
    settings = {"warmup_epochs": 2, "max_epochs": 4, "selection": "minmax", "random_state": 0}
    clf = DPCClassifier(**settings).fit(X, noisy)
    rows, target = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(noisy)
    with torch.no_grad():
        margins = torch.stack([label_margin(net(rows), target) for net in (clf.net_.module_, clf.net_.peer_)], 1)
    np.testing.assert_allclose(clf.margin_, margins.mean(1), rtol=1e-4, atol=1e-5)
    low, high = margins.amin(0), margins.amax(0)
    np.testing.assert_allclose(clf.clean_proba_, (margins - low) / (high - low), rtol=1e-4, atol=1e-5)


def agreement(strong):
    """Return the agreement of a network that gives its inputs as logits, and the probabilities of the weak views."""
    X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # Two views of two labelled rows, then of two unlabelled ones, mixed with the rows in reversed order.
    rows, order = X[[0, 1, 0, 1, 2, 3, 2, 3]], torch.arange(8).flip(0)
    mixed = Mixed(torch.lerp(rows[order], rows, 0.75), None, None, 0.75, order, 4)
    batch = CoBatch("module", SimpleNamespace(X=X[:2]), SimpleNamespace(X=X[2:]))
    clf = DPCClassifier(total_offset=6.0)
    proba = clf._proba(mixed.X)
    run = SimpleNamespace(views=Views(identity, strong))
    return clf._consistency(run, nn.Identity(), batch, mixed, proba).item(), proba


def test_agreement_with_strong_views_by_hand():
    assert agreement(identity)[0] == pytest.approx(0.0, abs=1e-12)
    loss, proba = agreement(torch.zeros_like)
    # Zero logits are uniform: the divergence of the weak view from (1/3, 1/3, 1/3).
    assert loss == pytest.approx((proba * (3 * proba).log()).sum(1).mean().item())


def test_the_agreement_is_part_of_the_loss():
    X, _, noisy = blobs(60)
    settings = {"warmup_epochs": 10, "max_epochs": 14, "random_state": 0, "augment": (identity, torch.zeros_like)}
    without, small, large = (
        DPCClassifier(consistency_weight=w, **settings).fit(X, noisy).predict_proba(X) for w in (0.0, 1e-9, 10.0)
    )
    np.testing.assert_allclose(small, without, atol=1e-5)
    assert np.abs(large - without).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_offset", 0), ("total_offset", -1), ("kl_weight", -0.1), ("selection", "median"),
        ("consistency_weight", -1), ("head_dropout", 1.0),
    ],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        DPCClassifier(**{name: value}).fit(*blobs(30)[::2])
