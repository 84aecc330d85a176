"""CECL: roles of ten rows, what delimiters do and what they do not, its limits, and rows of no known class."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from skweak.engine import Batch, KeyQueue, RowMemory
from skweak.engine.prototypes import move_prototypes
from skweak.noisy import CECLClassifier, CrossEntropyClassifier, LabelIssueFilter
from skweak.noisy.cecl import belief_above_median
from tests.small_data import blobs

SMALL = {"max_epochs": 4, "batch_size": 32, "queue_size": 32, "projection_width": 8, "module__hidden": (8,)}


class Told(ClassifierMixin, BaseEstimator):
    """A cleaner that says what it is told: which labels are wrong, and the right ones."""

    def __init__(self, right=None, wrong=None, quality=True):
        self.right = right
        self.wrong = wrong
        self.quality = quality

    def fit(self, X, y):
        self.classes_ = np.unique(self.right)
        self.noise_mask_ = np.asarray(self.wrong)
        if self.quality:
            self.label_quality_ = 1.0 - self.noise_mask_
        return self

    def predict_proba(self, X):
        return 0.05 + 0.85 * np.eye(3)[np.asarray(self.right)]


# Two classes on a circle: rows 0-5 are kept; 6 is believed and near, 7 believed and far, 8 and 9 are not believed.
KEPT = torch.arange(10) < 6
BELIEVED = torch.arange(10) < 8
LABEL = torch.tensor([0, 0, 0, 1, 1, 1, 0, 0, 1, 1])
VECTORS = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3 + [[0.8, 0.6], [0.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])


def state_of(vectors=VECTORS, **changes):
    prototypes = RowMemory(2, vectors.shape[1])
    prototypes.values = torch.eye(2, vectors.shape[1])
    torch.manual_seed(0)
    state = SimpleNamespace(
        label=LABEL, kept=KEPT, believed=BELIEVED, group=LABEL.where(KEPT, -1), prototypes=prototypes,
        queue=KeyQueue(6, vectors.shape[1]),
    )  # fmt: skip
    vars(state).update(changes)
    return state


def run_of(state, logits, vectors=VECTORS, keys=VECTORS):
    parts = {}
    return SimpleNamespace(
        state=state, n_outputs=2, dtype=torch.float32, class_weight=None, scratch=SimpleNamespace(mean_weight=1.0),
        module_=SimpleNamespace(both=lambda X: (logits, vectors)), views=SimpleNamespace(weak=lambda X: X),
        record=parts.setdefault,
    )  # fmt: skip


def loss_of(state, **own):
    state.keys = SimpleNamespace(module=SimpleNamespace(both=lambda X: (None, VECTORS)))
    logits = torch.tensor([[0.8, 0.2]] * 10).log()
    batch = Batch(torch.zeros(10, 1), LABEL, torch.arange(10))
    return CECLClassifier(**own)._loss(run_of(state, logits), batch)


def test_roles_of_ten_rows():
    clf, run = CECLClassifier(), SimpleNamespace(state=state_of())
    group = clf._groups(run, torch.arange(10), VECTORS)
    assert group.tolist() == [0, 0, 0, 1, 1, 1, 0, -1, -1, -1]
    # The cosine of row 6 is 0.8, beyond which nothing is near.
    assert CECLClassifier(similarity=0.8)._groups(run, torch.arange(10), VECTORS)[6] == -1
    assert (CECLClassifier(similarity=1.0)._groups(run, torch.arange(10), VECTORS) >= 0).tolist() == KEPT.tolist()


def test_delimiters_are_learnt_as_nothing_and_stand_in_the_denominator():
    # Cross-entropy of the seven rows of a class: four of class 0 with probability 0.8 and three with 0.2.
    plain = loss_of(state_of(), contrast_weight=0.0)
    expected = -(4 * np.log(0.8) + 3 * np.log(0.2)) / 7
    assert plain.item() == pytest.approx(expected, rel=1e-5)
    # All ten as anchors by hand, of which the delimiters are left out.
    state, temperature = state_of(), 0.5
    others = torch.cat([VECTORS, VECTORS, state.queue.keys])
    group = torch.tensor([0, 0, 0, 1, 1, 1, 0, -1, -1, -1])
    groups, contrast = torch.cat([group, group, torch.full((6,), -1)]), []
    for i in range(7):
        sharp = (VECTORS[i] @ others.T / temperature).exp()
        compared = torch.arange(26) != i
        positive = (groups == group[i]) & compared
        contrast.append(-(sharp[positive] / sharp[compared].sum()).log().mean())
    loss = loss_of(state, contrast_weight=2.0, temperature=temperature)
    assert loss.item() == pytest.approx(expected + 2 * torch.stack(contrast).mean().item(), rel=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_the_order_of_the_queue_does_not_matter(seed):
    generator = torch.Generator().manual_seed(seed)
    queue, other = KeyQueue(6, 2), KeyQueue(6, 2)
    queue.keys = F.normalize(torch.randn(6, 2, generator=generator))
    queue.labels = torch.randint(-1, 10, (6,), generator=generator)
    order = torch.randperm(6, generator=generator)
    other.keys, other.labels = queue.keys[order], queue.labels[order]
    first, second = (loss_of(state_of(queue=q)) for q in (queue, other))
    torch.testing.assert_close(first, second)


def test_past_keys_have_the_classes_of_today():
    state = state_of()
    state.queue.push(VECTORS[6:8], torch.tensor([6, 7]))
    # As if row 6 had been absorbed before the step and row 7 not.
    first = loss_of(state)
    queue = KeyQueue(6, 2)
    queue.keys, queue.labels = state.queue.keys.clone(), state.queue.labels.clone()
    assert first.isfinite() and state.group.tolist() == [0, 0, 0, 1, 1, 1, 0, -1, -1, -1]
    # What was pushed is the position of rows, the first six of the batch.
    assert sorted(queue.labels.tolist()) == [0, 1, 2, 3, 4, 5]


def test_centres_of_classes_without_rows_stay_and_all_have_length_one():
    prototypes = torch.eye(3)
    moved = move_prototypes(prototypes, torch.tensor([[0.6, 0.8, 0.0]] * 3), torch.tensor([0, -1, 0]), decay=0.5)
    torch.testing.assert_close(moved.norm(dim=1), torch.ones(3))
    assert torch.equal(moved[1:], prototypes[1:])
    # (1, 0, 0) / 4 + 3 / 4 (0.6, 0.8, 0) before it is brought to length one.
    torch.testing.assert_close(moved[0], F.normalize(torch.tensor([0.7, 0.6, 0.0]), dim=0))


def test_belief_is_measured_against_the_kept_rows_of_the_class():
    proba = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.5, 0.5], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    label, kept = torch.tensor([0, 0, 0, 0, 0, 1]), torch.arange(6) < 3
    # The median of 0.9, 0.7 and 0.5; nobody is kept of the second class.
    assert belief_above_median(proba, label, kept).tolist() == [True, True, False, True, False, False]


def test_kept_rows_alone_train_in_the_first_half():
    X, clean, noisy = blobs(60)
    seen = []

    class Watched(CECLClassifier):
        def _loss(self, run, batch):
            seen.append((run.epoch, batch.index))
            return super()._loss(run, batch)

    wrong = noisy != clean
    clf = Watched(cleaner=Told(clean, wrong), random_state=0, **SMALL).fit(X, noisy)
    rows = {epoch: torch.cat([index for e, index in seen if e == epoch]).unique().tolist() for epoch in range(4)}
    assert rows[0] == rows[1] == np.flatnonzero(~wrong).tolist() and rows[2] == rows[3] == list(range(60))
    assert np.array_equal(clf.noise_mask_, wrong) and np.array_equal(clf.role_ == "kept", ~wrong)


def test_right_corrections_near_their_class_are_absorbed():
    X, clean, noisy = blobs(60)
    wrong = noisy != clean
    settings = SMALL | {"max_epochs": 40, "cleaner": Told(clean, wrong), "random_state": 0}
    clf = CECLClassifier(**settings).fit(X, noisy)
    assert (clf.role_[wrong] == "absorbed").mean() > 0.8 and np.array_equal(clf.transduction_, clean)
    never = CECLClassifier(similarity=1.0, **settings).fit(X, noisy)
    assert (never.role_[wrong] == "delimiter").all()


def test_rows_of_no_known_class_are_far_from_every_centre():
    X, clean, _ = blobs(150, seed=1)
    known = clean < 2
    noisy = np.where(known, clean, np.arange(150) % 2)
    wrong = known & (np.arange(150) % 5 == 0)
    noisy[wrong] = 1 - noisy[wrong]
    settings = {"max_epochs": 60, "random_state": 0}
    clf = CECLClassifier(**settings).fit(X, noisy)
    assert roc_auc_score(~known, clf.open_set_score_) > 0.85
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    assert clf.score(X[known], clean[known]) > plain.score(X[known], clean[known])


def test_another_cleaner_and_rows_held_out():
    X, _, noisy = blobs(60)
    cleaner = LabelIssueFilter(LogisticRegression())
    clf = CECLClassifier(cleaner=cleaner, validation_fraction=0.2, random_state=0, **SMALL)
    clf.fit(X, np.array(["no", "yes", "well"])[noisy])
    out = clf.role_ == ""
    assert out.sum() == 12 and np.isnan(clf.open_set_score_[out]).all() and not np.isnan(clf.open_set_score_[~out]).any()
    assert not hasattr(cleaner, "noise_mask_")


def test_a_cleaner_that_says_nothing_of_rows_is_named():
    X, clean, noisy = blobs(60)
    with pytest.raises(ValueError, match="cleaner LogisticRegression has no noise_mask_ after fit"):
        CECLClassifier(cleaner=LogisticRegression(), **SMALL).fit(X, noisy)
    with pytest.raises(ValueError, match="cleaner Told has no label_quality_ after fit"):
        CECLClassifier(cleaner=Told(clean, noisy != clean, quality=False), **SMALL).fit(X, noisy)


@pytest.mark.parametrize(
    ("name", "value"),
    [("similarity", 1.1), ("expansion_start", -0.1), ("contrast_weight", -1), ("temperature", 0), ("prototype_decay", 1),
     ("key_decay", 1), ("queue_size", 0), ("projection_width", 0), ("cleaner", "dpc")],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        CECLClassifier(**{name: value}).fit(*blobs(30)[::2])
