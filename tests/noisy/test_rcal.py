"""RCAL: what ten rows are drawn from, the loss by hand, its limits, and a long tail with wrong labels."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback
from torch import nn

from skweak.datasets import make_long_tailed, make_noisy_labels
from skweak.engine import Batch, Resume
from skweak.noisy import CrossEntropyClassifier, MixupClassifier, RCALClassifier
from tests.small_data import blobs

SMALL = {"max_epochs": 6, "batch_size": 16, "queue_size": 32, "projection_width": 8, "module__hidden": (8,)}

# Seven rows of class 0 and three of class 1, in two directions.
TEN = torch.tensor([[1.0, 0.0], [1.2, 0.1], [0.8, -0.1], [1.1, 0.0], [0.9, 0.1], [1.0, -0.1], [1.0, 0.1], [0.0, 1.0], [0.1, 1.2],
                    [-0.1, 0.8]])  # fmt: skip
TARGET = torch.tensor([0] * 7 + [1] * 3)


class Plain(nn.Module):
    """A network whose embedding is its input."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)

    def features(self, X):
        return X

    def forward(self, X):
        return self.head(X)


class Rows:
    """Targets of a training set."""

    def __init__(self, target):
        self.target, self.y = target, target.numpy()

    def __len__(self):
        return len(self.target)


def run_of(target=TARGET, n_outputs=2):
    torch.manual_seed(0)
    return SimpleNamespace(
        module_=Plain(), state=SimpleNamespace(), scratch=SimpleNamespace(start=0, spread=None, mean_weight=1.0), epoch=0,
        data=Rows(target), n_outputs=n_outputs, dtype=torch.float32, device="cpu", class_weight=None,
        generator=torch.Generator().manual_seed(0), numpy_random=np.random.RandomState(0),
        views=SimpleNamespace(weak=lambda X: X), record=lambda *_: None,
        outputs=lambda network, function: function(TEN),
    )  # fmt: skip


def test_points_fill_up_the_small_class():
    run, clf = run_of(), RCALClassifier(outlier_share=0.0, mean_share=1, covariance_share=1, widening=0)
    clf._calibrate(run)
    assert run.state.gaussians["missing"] == [0, 4] and run.state.inlier.all()
    # Of ten rows four points, of five rows two.
    assert [len(clf._draw(run, n)[0]) for n in (10, 5)] == [4, 2]
    points, label = clf._draw(run, 20000)
    assert len(points) == 8000 and (label == 1).all()
    torch.testing.assert_close(points.mean(0), TEN[7:].mean(0), atol=0.02, rtol=0)
    # The covariance of three rows in two directions is shrunk.
    np.testing.assert_allclose(np.cov(points.T), LedoitWolf().fit(TEN[7:].double()).covariance_, atol=5e-3)


def test_classes_of_one_size_draw_nothing():
    run, clf = run_of(torch.arange(10) % 2), RCALClassifier(outlier_share=0.0)
    clf._calibrate(run)
    points, label = clf._draw(run, 10)
    assert points.shape == (0, 2) and label.shape == (0,)
    # A class that no row has is not drawn either.
    run = run_of(TARGET, n_outputs=3)
    clf._calibrate(run)
    assert run.state.gaussians["missing"] == [0, 4, 0]


def test_the_loss_by_hand():
    run = run_of()
    clf = RCALClassifier(mixup_alpha=0.0, sampled_weight=2.0, anchor_weight=3.0, outlier_share=0.0)
    clf._calibrate(run)
    points = torch.tensor([[0.0, 1.0], [0.5, 1.0]])
    clf._draw = lambda run, n: (points, torch.tensor([1, 1]))
    moved = TEN + torch.tensor([0.3, 0.4])
    loss = clf._loss(run, Batch(moved, TARGET, torch.arange(10)))
    head = run.module_.head
    real = nn.functional.cross_entropy(head(moved), TARGET)
    drawn = nn.functional.cross_entropy(head(points), torch.tensor([1, 1]))
    # Every embedding is 0.5 away from where it was.
    spread = TEN.var(0, correction=0).sum()
    assert loss.item() == pytest.approx((real + 2 * drawn + 3 * 0.25 / spread).item(), rel=1e-5)


def test_without_its_parts_it_is_mixup_and_without_mixing_cross_entropy():
    X, _, noisy = blobs(60)
    shared = {"max_epochs": 4, "batch_size": 16, "module__hidden": (8,), "dtype": "float64", "augment": None, "lr": 0.05}
    settings = {"pretraining": 0, "anchor_weight": 0, "sampled_weight": 0, "random_state": 0, **shared}
    start = {}

    class Watched(RCALClassifier):
        def _start(self, run):
            super()._start(run)
            start.update({k: v.clone() for k, v in run.module_.backbone.state_dict().items()})

    for alpha, other in ((0.0, CrossEntropyClassifier), (1.0, MixupClassifier)):
        ours = Watched(mixup_alpha=alpha, **settings).fit(X, noisy)
        network = other(random_state=0, **shared).fit(X, noisy).net_.module_
        network.load_state_dict(start)
        del shared["module__hidden"]
        alone = other(network, random_state=0, **shared).fit(X, noisy)
        shared["module__hidden"] = (8,)
        for own, theirs in zip(ours.net_.module_.backbone.parameters(), alone.net_.module_.parameters(), strict=True):
            torch.testing.assert_close(own, theirs, rtol=1e-8, atol=1e-12)


def test_a_heavy_anchor_holds_the_embedding():
    X, _, noisy = blobs(60)
    away = []
    for weight in (0.0, 10.0):
        clf = RCALClassifier(anchor_weight=weight, random_state=0, **SMALL | {"max_epochs": 20}).fit(X, noisy)
        away.append(clf.history_[-1]["distance"])
    assert away[1] < 0.3 * away[0]


@pytest.mark.filterwarnings("ignore:Watched predicts:UserWarning")
def test_labels_have_no_part_in_pretraining():
    X, _, noisy = blobs(60)
    found = []

    class Watched(RCALClassifier):
        def _calibrate(self, run):
            super()._calibrate(run)
            found.append(run.state.anchors.clone())

    for labels in (noisy, (noisy + 1) % 3):
        Watched(random_state=0, **SMALL).fit(X, labels)
    assert torch.equal(*found)


def test_a_stopped_fit_goes_on_with_the_same_bits():
    states = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append(net.state_dict())

    X, _, noisy = blobs(60)
    first = RCALClassifier(callbacks=[Keep()], random_state=0, **SMALL).fit(X, noisy)
    for state in states[:-1]:
        again = RCALClassifier(callbacks=[Resume(state)], random_state=0, **SMALL).fit(X, noisy)
        assert np.array_equal(again.predict_proba(X), first.predict_proba(X))


def test_rows_outside_their_class_are_doubted():
    X, clean, noisy = blobs(90)
    wrong = noisy != clean
    clf = RCALClassifier(max_epochs=30, random_state=0).fit(X, noisy)
    assert clf.noise_mask_[wrong].mean() > clf.noise_mask_[~wrong].mean() + 0.4
    assert (clf.transduction_[clf.noise_mask_] == clf.predict(X)[clf.noise_mask_]).all()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


def test_a_long_tail_with_wrong_labels():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
    kept = make_long_tailed(y, imbalance=10, random_state=0)
    X, y = X[kept], make_noisy_labels(y[kept], "symmetric_exclusive:0.3", random_state=0)[0]
    ours, plain = (
        balanced_accuracy_score(y_test, make(random_state=0).fit(X, y).predict(X_test))
        for make in (RCALClassifier, CrossEntropyClassifier)
    )
    assert ours > plain + 0.03


@pytest.mark.parametrize(
    ("name", "value"),
    [("pretraining", 1), ("anchor_weight", -1), ("sampled_weight", -1), ("mixup_alpha", -1), ("n_neighbors", 0),
     ("outlier_share", 0.6), ("n_lenders", 0), ("mean_share", 1.1), ("covariance_share", -1), ("widening", -1),
     ("temperature", 0), ("key_decay", 1), ("queue_size", 0), ("projection_width", 0)],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        RCALClassifier(**{name: value}).fit(*blobs(30)[::2])
