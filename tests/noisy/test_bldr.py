"""BLDR: its loss by hand, parameters of single rows, weights, the average over epochs, and side branches."""

import math
import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.augment import Views, identity
from skweak.engine import Batch
from skweak.nn import MLP, SmallCNN
from skweak.noisy import BLDRClassifier
from tests.small_data import blobs

SMALL = {"max_epochs": 4, "reweight_start": 1, "batch_size": 16, "random_state": 0}
BARE = {"consistency_weight": 0.0, "balance_weight": 0.0, "residual_weight": 0.0, "head_agreement_weight": 0.0}


class TwoTables(nn.Module):
    """Logits of both heads that are parameters, whatever the input; no side branch."""

    def __init__(self, positive, negative):
        super().__init__()
        self.positive, self.negative = nn.Parameter(positive), nn.Parameter(negative)

    def branches(self, X):
        views = len(X) // len(self.positive)
        positive, negative = self.positive.repeat(views, 1), self.negative.repeat(views, 1)
        return positive, negative, positive, [], []


def loss_of(positive, negative, target, weight=None, **own):
    """Return the loss of one batch, the network and the run."""
    n = len(target)
    state = SimpleNamespace(
        u=torch.zeros_like(positive), v=torch.zeros_like(positive), belief=torch.ones(n), noise_rate=0.1,
        weight=torch.ones(n) if weight is None else weight,
    )  # fmt: skip
    run = SimpleNamespace(
        class_weight=None, module_=TwoTables(positive, negative), state=state, views=Views(identity, identity), dtype=torch.float32
    )
    run.scratch = SimpleNamespace(prior=torch.full((positive.shape[1],), 1 / positive.shape[1]))
    loss = BLDRClassifier(**(BARE | own))._loss(run, Batch(torch.zeros(n, 1), target, torch.arange(n)))
    return loss, run.module_, run


def test_the_bare_loss_by_hand():
    # Uniform heads over three classes; the negative head's arg-max is class 0. Cross-entropy log 3. Row 0 is labelled
    # 0 and excludes the two other classes, row 1 is labelled 1 and excludes class 2 alone: 2 and 1 times -log(2/3).
    loss, _, run = loss_of(torch.zeros(2, 3), torch.zeros(2, 3), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(math.log(3) + 1.5 * math.log(1.5))
    torch.testing.assert_close(run.state.belief, torch.full((2,), 1 / 3))


def test_a_row_without_weight_teaches_nothing():
    generator = torch.Generator().manual_seed(0)
    positive, negative = torch.randn(2, 10, 3, generator=generator)
    weight = (torch.arange(10) % 2).float()
    loss, network, _ = loss_of(positive, negative, torch.arange(10) % 3, weight)
    loss.backward()
    for table in (network.positive, network.negative):
        assert not table.grad[::2].any()
    assert network.positive.grad[1::2].any(1).all()


def test_agreement_of_the_heads_by_hand():
    # P = (3/4, 1/4) and N uniform on one row: (3/4 log 3/2 + 1/4 log 1/2) / 2, a mean over rows and classes.
    positive, negative, target = torch.tensor([[3.0, 1.0]]).log(), torch.zeros(1, 2), torch.tensor([0])
    without = loss_of(positive, negative, target)[0]
    difference = loss_of(positive, negative, target, head_agreement_weight=10.0)[0] - without
    assert difference.item() == pytest.approx(5 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)), rel=1e-5)


def test_side_branches_imitate_the_heads_and_the_embedding_by_hand():
    clf = BLDRClassifier(distill_weight=0.1, distill_temperature=3.0, feature_weight=0.5)
    positive, negative = torch.tensor([[2 * math.log(9), 0.0]]), torch.tensor([[4 * math.log(9), 0.0]])
    features, side = torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, -3.0]])
    loss = clf._self_distillation(positive, negative, features, [side], [torch.zeros(1, 2)])
    # The mean of the heads at temperature 3 has the odds 9. Nine times the divergence of (0.9, 0.1) from (0.5, 0.5);
    # of the features only the first is active on one side: (1 - 2)^2 = 1.
    divergence = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert loss.item() == pytest.approx(0.1 * 9 * divergence + 0.5 * 1.0, rel=1e-5)
    assert clf._self_distillation(positive, negative, features, [], []).item() == 0


def test_every_weight_reaches_the_loss():
    X, _, noisy = blobs(60)
    names = [
        "consistency_weight", "balance_weight", "residual_weight", "distill_weight", "feature_weight",
        "head_agreement_weight",
    ]  # fmt: skip
    shared = {"augment": (identity, torch.zeros_like), "init_scale": 0.3, "noise_rate": 1.0, **SMALL}
    none = dict.fromkeys(names, 0.0)
    without = BLDRClassifier(**none, **shared).fit(X, noisy).predict_proba(X)
    for name in names:
        on = BLDRClassifier(**(none | {name: 0.01}), **shared).fit(X, noisy).predict_proba(X)
        assert not np.array_equal(on, without), name


def test_parameters_of_rows_move_only_where_they_may():
    moves = []

    class Watched(BLDRClassifier):
        def _end_step(self, run):
            before = run.state.u.clone(), run.state.v.clone()
            index, gradients = run.parts_of_rows[0], [rows.grad for rows in run.parts_of_rows[1]]
            super()._end_step(run)
            given = nn.functional.one_hot(run.data.target, 3).bool()
            moves.append((index, given, gradients, run.state.u - before[0], run.state.v - before[1]))

    X, _, noisy = blobs(60)
    settings = SMALL | {"max_epochs": 2, "dtype": "float64", "init_scale": 0.3, "module__scale_inputs": False, "balance_weight": 0.1, "lr": 0.05, "head_agreement_weight": 0.0}
    Watched(u_lr=0.5, v_lr=0.25, **settings).fit(X, noisy)
    assert len(moves) == 2 * 4
    for index, given, (u_gradient, v_gradient), u, v in moves:
        present = torch.zeros(60, dtype=torch.bool).index_fill(0, index, True)[:, None]
        assert torch.equal(u != 0, given & present)
        assert torch.equal(v != 0, ~given & present)
        torch.testing.assert_close(u[index], -0.5 * u_gradient)
        torch.testing.assert_close(v[index], -0.25 * v_gradient)


def test_wrong_labels_are_what_the_parameters_explain():
    X, clean, noisy = blobs(90)
    clf = BLDRClassifier(max_epochs=40, warm_start=True, random_state=0).fit(X, noisy)
    given = nn.functional.one_hot(torch.as_tensor(noisy), 3).bool()
    explained = clf.net_.state.u[given].square().numpy()
    assert explained[clean != noisy].mean() > 10 * explained[clean == noisy].mean()
    assert clf.noise_mask_[clean != noisy].mean() > 0.8 > 0.1 > clf.noise_mask_[clean == noisy].mean()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


class Diary(BLDRClassifier):
    """Writes down the weights, beliefs, noise rate and network of every epoch."""

    def _start(self, run):
        super()._start(run)
        self.days = []
        self.first = {k: v.clone() for k, v in run.module_.state_dict().items()}

    def _end_epoch(self, run):
        used = run.state.weight.clone(), run.state.noise_rate
        super()._end_epoch(run)
        parameters = [p.detach().clone() for p in run.module_.parameters()]
        self.days.append((used, run.state.belief.clone(), run.state.weight.clone(), run.state.noise_rate, parameters))


def test_weights_follow_the_belief_of_their_epoch():
    X, _, noisy = blobs(60)
    clf = Diary(**SMALL | {"reweight_start": 2, "max_epochs": 5}).fit(X, noisy)
    for epoch, (used, belief, weight, rate, _) in enumerate(clf.days):
        assert ((belief > 0) & (belief < 1)).all()
        if epoch <= 2:
            assert (used[0] == 1).all() and used[1] == 0.1
        if epoch >= 2:
            torch.testing.assert_close(weight, (belief - belief.min()) / (belief.max() - belief.min()))
            assert weight.min() == 0 and weight.max() == 1
            assert torch.equal(weight.argsort(), belief.argsort())
            assert rate == pytest.approx((belief < 0.3).float().mean().item())
    np.testing.assert_array_equal(clf.sample_weight_, clf.days[-1][2])
    assert clf.noise_rate_ == clf.days[-1][3]


def test_the_belief_is_that_of_the_negative_head_before_the_step():
    X, _, noisy = blobs(60)
    # A single batch, and the network as it was before the only step.
    clf = Diary(**SMALL | {"batch_size": 60, "max_epochs": 1, "augment": None, "reweight_start": 0}).fit(X, noisy)
    network = clf.net_.module_.train()
    network.load_state_dict(clf.first)
    with torch.no_grad():
        negative = network.branches(torch.as_tensor(X, dtype=torch.float32))[1]
    expected = negative.softmax(1)[torch.arange(60), torch.as_tensor(noisy)]
    torch.testing.assert_close(clf.days[0][1], expected)


def test_verified_rows_keep_their_weight_and_their_label():
    X, clean, noisy = blobs(90)
    wrong = clean != noisy
    settings = {"max_epochs": 20, "reweight_start": 10, "random_state": 0}
    assert BLDRClassifier(**settings).fit(X, noisy).noise_mask_[wrong].any()
    clf = BLDRClassifier(**settings).fit(X, noisy, trusted=wrong)
    assert (clf.sample_weight_[wrong] == 1).all() and (clf.sample_weight_[~wrong] < 1).any()
    strict = BLDRClassifier(detection_threshold=1.0, **settings).fit(X, noisy, trusted=wrong)
    assert strict.noise_mask_[~wrong].mean() > 0.5 and not strict.noise_mask_[wrong].any()
    assert np.array_equal(strict.transduction_[wrong], noisy[wrong])


@pytest.mark.parametrize("start", [4, 99])
def test_reweighting_that_never_starts_keeps_uniform_weights_and_warns(start):
    X, _, noisy = blobs(60)
    with pytest.warns(UserWarning, match=f"reweight_start={start} is not below max_epochs=4") as caught:
        clf = Diary(**SMALL | {"reweight_start": start}).fit(X, noisy)
    assert caught[0].filename == __file__
    assert all((weight == 1).all() and rate == 0.1 for _, _, weight, rate, _ in clf.days)
    assert (clf.sample_weight_ == 1).all()


@pytest.mark.parametrize("maximum", [0.9, 0.2, 0.0])
def test_the_average_over_three_epochs_by_hand(maximum):
    X, _, noisy = blobs(60)
    clf = Diary(average_decay=maximum, **SMALL | {"max_epochs": 3}).fit(X, noisy)
    first, second, third = (day[-1] for day in clf.days)
    # Epoch 0 copies; then decays of (1 + 1) / (10 + 1) and (1 + 2) / (10 + 2), unless the maximum is less.
    early, late = min(maximum, 2 / 11), min(maximum, 3 / 12)
    for shadow, a, b, c in zip(clf.net_.state.average.module.parameters(), first, second, third, strict=True):
        torch.testing.assert_close(shadow, late * (early * a + (1 - early) * b) + (1 - late) * c)


def test_prediction_and_detection_use_the_averaged_heads():
    X, _, noisy = blobs(60)
    clf = BLDRClassifier(detection_threshold=0.3, **SMALL).fit(X, noisy)
    with torch.no_grad():
        heads = clf.net_.state.average.module.both(torch.as_tensor(X, dtype=torch.float32))
        live = clf.net_.module_.both(torch.as_tensor(X, dtype=torch.float32))
    positive, negative = (head.softmax(1) for head in heads)
    np.testing.assert_allclose(clf.predict_proba(X), (positive + negative) / 2, rtol=1e-5)
    quality = negative[torch.arange(60), torch.as_tensor(noisy)].numpy()
    np.testing.assert_allclose(clf.label_quality_, quality, rtol=1e-5)
    np.testing.assert_array_equal(clf.noise_mask_, clf.label_quality_ < 0.3)
    expected = np.where(clf.noise_mask_, clf.predict(X), noisy)
    np.testing.assert_array_equal(clf.transduction_, expected)
    assert not torch.allclose(heads[0], live[0], rtol=1e-3)


FOREIGN = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize(
    ("module", "own", "n_branches"),
    [
        (FOREIGN, {}, 0),
        (partial(MLP, hidden=(8,)), {}, 0),
        (partial(MLP, hidden=(8, 8, 8)), {}, 2),
        (partial(MLP, hidden=(8, 8, 8, 8, 8)), {}, 3),
        (partial(MLP, hidden=(8, 8, 8)), {"side_branches": False}, 0),
    ],
    ids=["foreign", "one-stage", "three-stages", "five-stages", "switched-off"],
)
def test_side_branches_of_tables(module, own, n_branches):
    X, _, noisy = blobs(60)
    clf = BLDRClassifier(module, **own, **SMALL).fit(X, noisy)
    network = clf.net_.module_
    assert len(network.adapters) == len(network.side_heads) == n_branches
    assert np.isfinite(clf.predict_proba(X)).all() and clf.embed(X).shape == (60, 8)


def test_side_branches_of_images():
    X, y = np.random.RandomState(0).rand(12, 1, 8, 8), np.arange(12) % 3
    clf = BLDRClassifier(partial(SmallCNN, widths=(4, 8, 8)), **SMALL | {"max_epochs": 2}).fit(X, y)
    assert len(clf.net_.module_.adapters) == 2 and np.isfinite(clf.predict_proba(X)).all()


def test_two_classes_warn_and_three_do_not():
    X, clean, noisy = blobs(60)
    with pytest.warns(UserWarning, match="two classes") as caught:
        BLDRClassifier(**SMALL).fit(X, noisy == 0)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BLDRClassifier(**SMALL).fit(X, noisy)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reweight_start", -1), ("reweight_start", 1.5), ("consistency_weight", -1), ("balance_weight", -1),
        ("residual_weight", -1), ("u_lr", 0), ("v_lr", -1), ("init_scale", 0), ("noise_rate", 1.1),
        ("noise_threshold", -0.1), ("detection_threshold", 1.1), ("distill_weight", -1),
        ("distill_temperature", 0), ("feature_weight", -1), ("head_agreement_weight", -1),
        ("side_branches", "no"), ("average_decay", 1.0),
    ],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        BLDRClassifier(**{name: value}).fit(*blobs(30)[::2])
