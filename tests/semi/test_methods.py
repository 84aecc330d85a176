"""What the five methods for unlabeled rows share, and the idea of each on small data."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn

from skweak.datasets import make_unlabeled
from skweak.engine import Batch, SemiBatch, streaming
from skweak.nn import MLP
from skweak.semi import (
    FixMatchClassifier,
    FlexMatchClassifier,
    ImbalancedSelfTrainingClassifier,
    MeanTeacherClassifier,
    PseudoLabelClassifier,
    ShrinkMatchClassifier,
)
from skweak.semi.alignment import align_proba
from tests.small_data import blobs

PAIRED = [
    FixMatchClassifier, FlexMatchClassifier, MeanTeacherClassifier, PseudoLabelClassifier, ShrinkMatchClassifier,
]  # fmt: skip
METHODS = [*PAIRED, ImbalancedSelfTrainingClassifier]
each = pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
paired = pytest.mark.parametrize("cls", PAIRED, ids=lambda cls: cls.__name__)
SMALL = {"module__hidden": (16,), "max_epochs": 3, "batch_size": 16, "random_state": 0}
X, Y, _ = blobs(90)
FEW = make_unlabeled(Y, 2, per_class=True, random_state=0)


@each
@pytest.mark.parametrize("changes", [
    {"max_epochs": 1}, {"batch_size": 1}, {"batch_size": 2}, {"batch_size": 500}, {"validation_fraction": 0.2},
    {"augment": None}, {"augment": "weak"}, {"optimizer": torch.optim.AdamW, "lr": 0.01}, {"dtype": "float64"},
    {"unlabeled_weight": 0.0},
], ids=str)  # fmt: skip
def test_every_setting_learns(cls, changes):
    y = make_unlabeled(Y, 8, per_class=True, random_state=0)
    clf = cls(**SMALL | changes).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert (clf.transduction_[y >= 0] == y[y >= 0]).all() and set(clf.transduction_) <= {0, 1, 2}


@each
def test_a_single_unlabeled_row_is_enough(cls):
    y = Y.copy()
    y[0] = -1
    assert np.isfinite(cls(**SMALL).fit(X, y).predict_proba(X)).all()


@each
def test_bad_input_is_told_in_a_sentence(cls):
    clf = cls(**SMALL)
    with pytest.warns(UserWarning, match="no row marked unlabeled=-1"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match=r"no labeled row of classes \[3\]; label one of each"):
        cls(classes=[0, 1, 2, 3], **SMALL).fit(X, FEW)
    one = np.where(np.arange(90) == 0, Y, -1)
    with pytest.raises(ValueError, match="y has 1 labeled rows for 3 classes; label at least one row of each"):
        cls(classes=[0, 1, 2], **SMALL).fit(X, one)
    with pytest.raises(TypeError, match="unlabeled='\\?' is a string, but y holds numbers"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cls(unlabeled="?", **SMALL).fit(X, FEW)
    with pytest.raises(TypeError, match="unlabeled=-1 is a number, but y holds strings"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, np.array(["a", "b", "c"])[Y])
    with pytest.raises(ValueError, match="all 90 rows are marked"):
        clf.fit(X, np.full(90, -1))


@each
def test_rows_larger_than_memory(cls, monkeypatch, tmp_path):
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 8 * 4 * X.shape[1])
    held = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=X.shape)
    held[:] = X
    clf = cls(**SMALL | {"max_epochs": 20}).fit(np.memmap(tmp_path / "X", np.float32, "r", shape=X.shape), FEW)
    assert (clf.transduction_ == Y).mean() > 0.85


@pytest.mark.parametrize("cls", [c for c in PAIRED if c is not MeanTeacherClassifier], ids=lambda cls: cls.__name__)
def test_images_get_image_views_and_gain(cls):
    X, y = load_digits(return_X_y=True)
    images = np.float32(X[:400].reshape(-1, 1, 8, 8) / 8 - 1)
    few = make_unlabeled(y[:400], 3, per_class=True, random_state=0)
    settings = {"module__blocks": (1,), "module__width": 8, "max_epochs": 2, "random_state": 0}
    assert cls(**settings).fit(images, few).predict_proba(images).shape == (400, 10)


@paired
def test_weight_zero_is_labeled_training(cls):
    """Then unlabeled rows change nothing but the random views, so there are none here."""
    settings = SMALL | {"augment": None, "unlabeled_weight": 0.0, "dtype": "float64", "module__hidden": ()}
    settings |= {"module__scale_inputs": False}
    other = np.where(FEW[:, None] < 0, X * 3 - 1, X)
    first, second = (cls(**settings).fit(rows, FEW).predict_proba(X) for rows in (X, other))
    np.testing.assert_allclose(first, second, rtol=1e-6)


def step(clf, logits, n_labeled=1, frequency=(1.0, 1.0), **state):
    """Return the loss of a batch whose inputs are the logits, the first ones labeled 0."""
    logits = torch.tensor(logits)
    labeled = Batch(logits[:n_labeled], torch.zeros(n_labeled, dtype=torch.int64), torch.arange(n_labeled))
    rest = logits[n_labeled:]
    unlabeled = Batch(rest, torch.full((len(rest),), -1), n_labeled + torch.arange(len(rest)))
    views = SimpleNamespace(weak=lambda X: X, strong=lambda X: X)
    records = {}
    run = SimpleNamespace(
        module_=nn.Identity(), views=views, dtype=torch.float32, n_outputs=logits.shape[1], progress=1.0, class_weight=None,
        state=SimpleNamespace(steps=0, **state), record=lambda name, value: records.update({name: value}),
        scratch=SimpleNamespace(frequency=torch.tensor(frequency), aligns=False, ramp=0.0),
    )  # fmt: skip
    return clf._loss(run, SemiBatch(labeled, unlabeled)), run, records


def test_fixmatch_by_hand():
    p = torch.tensor([[0.5, 0.5], [0.96, 0.04], [0.6, 0.4]])
    loss, _, records = step(FixMatchClassifier(unlabeled_weight=2.0), p.log().tolist())
    # The labeled row, and of two unlabeled ones the one that is sure.
    assert loss.item() == pytest.approx(np.log(2) + 2 * -np.log(0.96) / 2, rel=1e-5)
    assert records["used"].tolist() == [1, 0]


def aligning(proba, shares, mean):
    run = SimpleNamespace(
        scratch=SimpleNamespace(aligns=True, shares=torch.tensor(shares)),
        state=SimpleNamespace(mean_proba=torch.tensor(mean)),
    )  # fmt: skip
    return align_proba(run, torch.tensor(proba)), run.state.mean_proba


def test_predictions_are_weighed_to_the_shares_of_the_labels():
    proba, mean = aligning([[0.9, 0.1], [0.7, 0.3]], [0.5, 0.5], [0.8, 0.2])
    # The mean of the batch is (0.8, 0.2) as before; class 0 counts 5/8 and class 1 5/2.
    torch.testing.assert_close(mean, torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(proba, torch.tensor([[9 / 13, 4 / 13], [7 / 19, 12 / 19]]))
    _, mean = aligning([[1.0, 0.0]], [0.5, 0.5], [0.8, 0.2])
    torch.testing.assert_close(mean, torch.tensor([0.802, 0.198]))
    # Predictions with the shares of the labels stay.
    proba, _ = aligning([[0.9, 0.1], [0.1, 0.9]], [0.5, 0.5], [0.5, 0.5])
    torch.testing.assert_close(proba, torch.tensor([[0.9, 0.1], [0.1, 0.9]]))


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_aligned_predictions_are_probabilities_whatever_the_shares(seed):
    generator = torch.Generator().manual_seed(seed)
    proba = (6 * torch.randn(5, 4, generator=generator)).softmax(1)
    shares, mean = ((3 * torch.randn(4, generator=generator)).softmax(0) for _ in range(2))
    aligned, _ = aligning(proba.tolist(), shares.tolist(), mean.tolist())
    torch.testing.assert_close(aligned.sum(1), torch.ones(5))
    assert (aligned >= 0).all()


@pytest.mark.parametrize("cls", [FixMatchClassifier, PseudoLabelClassifier, ShrinkMatchClassifier])
def test_tables_are_aligned_and_images_are_not(cls):
    found = []

    class Watched(cls):
        def _start(self, run):
            super()._start(run)
            found.append((run.scratch.aligns, getattr(run.scratch, "shares", None), getattr(run.scratch, "ramp", None)))

    y = np.where(np.arange(90) < 10, np.arange(90) % 3, -1)
    Watched(**SMALL).fit(X, y)
    Watched(**SMALL | {"module__hidden": (4,)}, module=MLP).fit(X[:, None, None, :].repeat(6, 2), y)
    Watched(align=False, **SMALL).fit(X, y)
    (table, shares, ramp), (image, *_), (plain, *_) = found
    assert table and not image and not plain
    torch.testing.assert_close(shares, torch.tensor([0.4, 0.3, 0.3]))
    assert ramp == (0.3 if cls is FixMatchClassifier else None)


def test_flexmatch_remembers_and_lowers_thresholds():
    p = torch.tensor([[0.5, 0.5], [0.96, 0.04], [0.4, 0.6]])
    state = {"learned": torch.full((3,), 2), "counts": torch.tensor([1, 0, 1])}
    state["learned"][0] = 0
    loss, run, records = step(FlexMatchClassifier(), p.log().tolist(), **state)
    # Class 1 has no confident row, so its threshold is 0: both rows count.
    assert loss.item() == pytest.approx(np.log(2) - (np.log(0.96) + np.log(0.6)) / 2, rel=1e-5)
    assert run.state.learned.tolist() == [0, 0, 2] and run.state.counts.tolist() == [2, 0, 0]


def test_flexmatch_does_not_take_a_rare_class_for_a_hard_one():
    # Three quarters of the labels are of class 0, and of the rows that are sure as well.
    state = {"learned": torch.full((2,), 2), "counts": torch.tensor([6, 2, 0])}
    p = torch.tensor([[0.5, 0.5], [0.4, 0.6]])
    _, _, records = step(FlexMatchClassifier(), p.log().tolist(), frequency=(1.5, 0.5), **state)
    assert records["used"].tolist() == [0]
    _, _, records = step(FlexMatchClassifier(), p.log().tolist(), **state)
    assert records["used"].tolist() == [1]


def test_pseudo_labels_and_mean_teacher_by_hand():
    p = torch.tensor([[0.5, 0.5], [0.96, 0.04], [0.6, 0.4]])
    loss, _, _ = step(PseudoLabelClassifier(threshold=0.5), p.log().tolist())
    assert loss.item() == pytest.approx(np.log(2) - (np.log(0.96) + np.log(0.6)) / 2, rel=1e-5)

    def teacher(X):
        return torch.zeros_like(X)

    loss, _, _ = step(MeanTeacherClassifier(unlabeled_weight=1.0), p.log().tolist(), average=teacher)
    squares = 2 * (np.array([0, 0.46, 0.1]) ** 2)
    assert loss.item() == pytest.approx(np.log(2) + squares.mean(), rel=1e-5)


def test_shrinkmatch_of_two_classes_is_soft_fixmatch():
    settings = SMALL | {"dtype": "float64", "augment": None, "max_epochs": 2}
    two = Y < 2
    shrink = ShrinkMatchClassifier(**settings).fit(X[two], FEW[two])
    assert 0 <= shrink.net_.history[-1]["used"] <= 1 and shrink.predict_proba(X).shape == (90, 2)


def test_the_teacher_labels_the_surest_rows_of_each_class():
    clf = ImbalancedSelfTrainingClassifier(keep=0.5)
    logits = torch.tensor([[3.0, 0], [2, 0], [1, 0], [4, 0], [0, 0.2], [0, 0.1]])
    target = torch.tensor([0, 1, -1, -1, -1, -1, -1, -1])
    state = SimpleNamespace(
        target=target.clone(), labeled=torch.tensor([0, 1]), unlabeled=torch.arange(2, 8), rows=torch.tensor([0, 1])
    )
    run = SimpleNamespace(
        state=state, teacher_=None, n_outputs=2, dtype=torch.float32, device="cpu", outputs=lambda *_: logits
    )
    clf._label_rows(run)
    # Two of four rows of class 0, one of two of class 1, however unsure.
    assert state.rows.tolist() == [0, 1, 2, 5, 6]
    assert state.target.tolist() == [0, 1, 0, -1, -1, 0, 1, -1]
    assert state.counts.tolist() == [3, 2]


@pytest.mark.parametrize("shape", [(4,), (1, 6, 6), (1, 4, 6)], ids=str)
def test_a_pretext_task_starts_the_networks(shape):
    rows = np.random.RandomState(0).randn(60, *shape).astype(np.float32)
    y = np.where(np.arange(60) < 12, np.arange(60) % 3, -1)
    settings = {"max_epochs": 10, "random_state": 0, "batch_size": 16}
    first, second = (
        ImbalancedSelfTrainingClassifier(pretext=pretext, **settings).fit(rows, y) for pretext in (None, "auto")
    )
    assert not np.array_equal(first.predict_proba(rows), second.predict_proba(rows))
    own = ImbalancedSelfTrainingClassifier(pretext=lambda X: (X, torch.zeros(len(X), dtype=torch.int64)), **settings)
    assert own.fit(rows, y).history_[1]["train_loss"] < 0.5
