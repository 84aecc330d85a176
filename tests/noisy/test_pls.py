"""PLS: who is suspect, how far a guess holds, the loss by hand and its limits, and wrong labels that it finds."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch import nn

from skweak.engine import Batch, RowMemory
from skweak.losses import mixed_contrastive_loss
from skweak.nn import MLP, ResNet
from skweak.noisy import CrossEntropyClassifier, PLSClassifier
from skweak.noisy.pls import early_features, separate
from tests.small_data import blobs

ROWS = torch.arange(10)
ZEROS = torch.zeros(10, dtype=torch.int64)
# Seven rows whose label has a probability of about 0.9 and three of about 0.1.
TEN = torch.tensor([0.90, 0.10, 0.92, 0.88, 0.12, 0.91, 0.89, 0.08, 0.90, 0.93], dtype=torch.float64)
WRONG = TEN < 0.5


def run_of(**own):
    """Return a trainer whose network gives the logits that it is shown, and whose views change nothing."""
    run = SimpleNamespace(
        module_=nn.Identity(), state=SimpleNamespace(
            guess=RowMemory(10, 2, dtype=torch.float64), weight=torch.ones(10, dtype=torch.float64),
            noisy=torch.zeros(10, dtype=torch.bool), warmup=2,
        ), scratch=SimpleNamespace(mean_weight=1.0, alpha=0, prior=torch.tensor([0.5, 0.5])), class_weight=None, epoch=3, n_outputs=2,
        dtype=torch.float64, views=SimpleNamespace(weak=lambda X: X, strong=lambda X: X), device="cpu",
        numpy_random=np.random.RandomState(0), generator=torch.Generator().manual_seed(0),
        data=SimpleNamespace(target=ZEROS, trusted=None), outputs=lambda network, function=None: LOGITS,
    )  # fmt: skip
    return SimpleNamespace(**vars(run) | own)


LOGITS = torch.stack([TEN.log(), (1 - TEN).log()], 1)


def loss_of(run, logits=LOGITS, target=ZEROS, alpha=0):
    run.scratch.alpha = alpha
    clf = PLSClassifier(contrast_weight=0, balance_weight=0)
    return clf._loss(run, Batch(logits, target, ROWS[: len(target)]))


def test_the_loss_of_trusted_and_of_suspected_rows_by_hand():
    run = run_of()
    run.state.noisy[1], run.state.weight[1] = True, 0.25
    logits = torch.tensor([[0.9, 0.1], [0.2, 0.8]], dtype=torch.float64).log()
    # The guess of the second row is (0.04, 0.64) / 0.68; both are measured against what the network gives now.
    low, high = 0.04 / 0.68, 0.64 / 0.68
    guessed = -low * math.log(0.2) - high * math.log(0.8)
    expected = (-math.log(0.9) + 0.25 * guessed) / 1.25
    assert loss_of(run, logits, ZEROS[:2]).item() == pytest.approx(expected)
    torch.testing.assert_close(run.state.guess.values[1], torch.tensor([low, high], dtype=torch.float64))
    assert (run.state.guess.values[2:] == 0).all()


def test_only_the_ratio_of_weights_matters():
    run = run_of()
    run.state.weight = torch.rand(10, dtype=torch.float64)
    first = loss_of(run, alpha=1.0).item()
    run = run_of(state=SimpleNamespace(**vars(run.state) | {"weight": 7 * run.state.weight}))
    assert loss_of(run, alpha=1.0).item() == pytest.approx(first)


def test_a_row_brings_its_target_and_its_weight_into_a_mixture():
    run, target = run_of(), ROWS % 2
    run.state.weight = torch.linspace(0.1, 1, 10, dtype=torch.float64)
    loss = loss_of(run, target=target, alpha=1.0)
    share = np.random.RandomState(0).beta(1, 1)
    share, order = max(share, 1 - share), torch.randperm(10, generator=torch.Generator().manual_seed(0))
    log_proba = (share * LOGITS + (1 - share) * LOGITS[order]).log_softmax(1)
    expected = 0.0
    for i, j in enumerate(order):
        expected -= share * run.state.weight[i] * log_proba[i, target[i]]
        expected -= (1 - share) * run.state.weight[j] * log_proba[i, target[j]]
    assert loss.item() == pytest.approx((expected / run.state.weight.sum()).item())


def test_the_contrast_of_mixed_rows_by_hand():
    queries, keys = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), torch.eye(2)[[0, 1, 1]]
    labels, order = torch.tensor([0, 1, 1]), torch.tensor([1, 0, 2])
    own = -torch.log_softmax(queries @ keys.T / 0.5, 1)
    # Row 0 belongs to key 0 and by a quarter to keys 1 and 2.
    expected = [0.75 * own[0, 0] + 0.25 * own[0, 1:].mean(), 0.75 * own[1, 1:].mean() + 0.25 * own[1, 0], own[2, 1:].mean()]
    found = mixed_contrastive_loss(queries, keys, labels, order, 0.75, temperature=0.5)
    torch.testing.assert_close(found, torch.stack(expected))
    unmixed = mixed_contrastive_loss(queries, keys, labels, slice(None), 1.0, temperature=0.5)
    torch.testing.assert_close(unmixed[0], own[0, 0])


def test_rows_of_large_loss_are_suspects_unless_verified():
    clf = PLSClassifier(detection="loss")
    log_proba = LOGITS.log_softmax(1)
    assert clf._suspects(run_of(), None, log_proba).tolist() == WRONG.tolist()
    run = run_of(data=SimpleNamespace(target=ZEROS, trusted=ROWS == 1))
    assert clf._suspects(run, None, log_proba).nonzero()[:, 0].tolist() == [4, 7]
    # Equal losses speak against nobody.
    assert not clf._suspects(run_of(), None, torch.zeros(10, 2, dtype=torch.float64).log_softmax(1)).any()


def test_every_second_epoch_asks_the_plane(monkeypatch):
    asked = []
    monkeypatch.setattr("skweak.noisy.pls.separate", lambda z, noisy: asked.append(noisy) or np.full(10, 0.1))
    log_proba, turns = LOGITS.log_softmax(1), {}
    for detection in ("loss", "alternate", "linear"):
        for epoch in range(4):
            PLSClassifier(detection=detection)._suspects(run_of(epoch=epoch), SimpleNamespace(backbone=None), log_proba)
            turns.setdefault(detection, []).append(len(asked))
            asked.clear()
    assert turns == {"loss": [0, 0, 0, 0], "alternate": [1, 0, 1, 0], "linear": [1, 1, 1, 1]}


@pytest.fixture(scope="module")
def shifted():
    """Rows of a shifted normal distribution among others, three in ten of them called what they are not."""
    random = np.random.RandomState(0)
    outside = np.arange(400) % 3 == 0
    told = outside ^ (random.rand(400) < 0.3)
    return torch.from_numpy(random.randn(400, 6) + 2.0 * outside[:, None] * (np.arange(6) < 3)), outside, torch.from_numpy(told)


def test_a_plane_finds_rows_from_elsewhere(shifted):
    z, outside, told = shifted
    assert roc_auc_score(outside, separate(z, told)) > 0.95 > roc_auc_score(outside, told.double())


@given(st.lists(st.floats(0.01, 100), min_size=6, max_size=6), st.integers(0, 100))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_units_of_features_do_not_move_the_plane(shifted, scale, seed):
    z, _, told = shifted
    shift = torch.from_numpy(np.random.RandomState(seed).randn(6))
    moved = z * torch.tensor(scale, dtype=z.dtype) + shift
    np.testing.assert_allclose(separate(moved, told), separate(z, told), atol=1e-3)


def test_rows_that_a_plane_parts_do_not_make_it_fail():
    z = torch.linspace(-1, 1, 10)[:, None]
    proba = separate(z, z[:, 0] > 0)
    assert (proba[:5] < 0.05).all() and (proba[5:] > 0.95).all()


def test_early_features_are_unit_vectors_of_the_second_stage():
    torch.manual_seed(0)
    shallow, images = MLP(4, 3, hidden=(8, 5)), ResNet(1, 3, blocks=(1, 1, 1), width=4)
    X, pictures = torch.randn(6, 4), torch.randn(6, 1, 8, 8)
    with torch.no_grad():
        found = early_features(shallow, X)
        torch.testing.assert_close(found, nn.functional.normalize(shallow.stages(X)[0], dim=1))
        second = early_features(images.eval(), pictures)
        torch.testing.assert_close(second, nn.functional.normalize(images.stages(pictures)[1].mean((2, 3)), dim=1))
        assert early_features(MLP(4, 3, hidden=(8, 7, 5)), X).shape == (6, 7)
        assert early_features(nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 3)), X).shape == (6, 9)


def test_a_guess_that_still_holds_weighs_more():
    log_proba = LOGITS.log_softmax(1)
    guess = torch.tensor([[0.0, 1.0]] * 10, dtype=torch.float64)
    guess[1] = torch.tensor([1.0, 0.0])
    noisy = ROWS < 8
    # Where the label is probable the guess (0, 1) does not hold, but in row 4 and 7; that of row 1 does not hold either.
    weight = PLSClassifier()._trust(run_of(), guess, log_proba, noisy)
    assert (weight[[4, 7]] > 0.9).all() and (weight[[0, 1, 2, 3, 5, 6]] < 0.1).all() and (weight[8:] == 1).all()
    assert (PLSClassifier()._trust(run_of(), guess, log_proba, ROWS < 2) == 1).all()


def test_without_suspects_mixing_and_contrast_it_is_cross_entropy():
    X, _, noisy = blobs(60)
    shared = {"max_epochs": 4, "batch_size": 16, "dtype": "float64", "random_state": 0, "lr": 0.05, "n_threads": 1}
    own = {"augment": None, "mixup_alpha": 0, "contrast_weight": 0, "balance_weight": 0, "warmup_epochs": 1}
    clf = PLSClassifier(**own, **shared).fit(X, noisy, trusted=np.ones(60, dtype=bool))
    assert not clf.noise_mask_.any() and (clf.sample_weight_ == 1).all()
    plain = CrossEntropyClassifier(**shared).fit(X, noisy)
    np.testing.assert_allclose(clf.predict_proba(X), plain.predict_proba(X), rtol=1e-8)
    found = PLSClassifier(**own, **shared).fit(X, noisy).predict_proba(X)
    assert not np.allclose(found, plain.predict_proba(X), rtol=1e-3)


def test_two_networks_must_agree_on_a_suspect():
    found = []

    class Watched(PLSClassifier):
        def _suspects(self, run, network, log_proba):
            found.append(super()._suspects(run, network, log_proba))
            return found[-1]

    X, _, noisy = blobs(60)
    clf = Watched(n_networks=2, max_epochs=6, warmup_epochs=3, batch_size=16, random_state=0).fit(X, noisy)
    both = (found[-1] & found[-2]).numpy()
    assert len(found) == 8 and np.array_equal(clf.noise_mask_, both)
    assert (clf.sample_weight_[~both] == 1).all()
    first, second = clf.net_.module_.backbone, clf.net_.peer_.backbone
    assert not torch.equal(first.head.weight, second.head.weight)
    with torch.no_grad():
        rows = torch.as_tensor(X, dtype=torch.float32)
        mean = ((first(rows) + second(rows)) / 2).softmax(1)
    np.testing.assert_allclose(clf.predict_proba(X), mean, rtol=1e-4)


@pytest.mark.parametrize("n_networks", [1, 2])
def test_wrong_labels_are_found_and_not_learnt(n_networks):
    X, clean, noisy = blobs(150, seed=1)
    settings = {"max_epochs": 30, "random_state": 0}
    wrong = noisy != clean
    clf = PLSClassifier(n_networks=n_networks, **settings).fit(X, noisy)
    assert clf.noise_mask_[wrong].mean() > 0.8 and clf.noise_mask_[~wrong].mean() < 0.1
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()
    assert clf.label_quality_[wrong].mean() < CrossEntropyClassifier(**settings).fit(X, noisy).label_quality_[wrong].mean()


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_networks", 3), ("detection", "plane"), ("warmup_epochs", 0), ("noise_threshold", 1), ("sharpen_temperature", 0),
     ("contrast_weight", -1), ("contrast_temperature", 0), ("projection_width", 2**40), ("mixup_alpha", -1), ("balance_weight", -1)],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        PLSClassifier(**{name: value}).fit(*blobs(30)[::2])


def test_a_warmup_without_an_end_is_refused():
    with pytest.raises(ValueError, match="warmup_epochs=5 must be smaller than max_epochs=5"):
        PLSClassifier(warmup_epochs=5, max_epochs=5).fit(*blobs(30)[::2])
