"""Early-learning regularisation: the memory by hand, its fitted attributes, and what switches the method off."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from torch import nn

from skweak.engine import Batch, RowMemory
from skweak.noisy import CrossEntropyClassifier, ELRClassifier
from tests.small_data import blobs

ROWS = torch.arange(10)
TARGET = torch.tensor([0, 1] * 5)


def visit(clf, memory, logits, rows=ROWS):
    """Return the losses of one visit of ``rows``; the network returns the inputs."""
    run = SimpleNamespace(module_=nn.Identity(), state=SimpleNamespace(targets=memory))
    clf.balance_weight = 0.0
    return clf._loss(run, Batch(logits, TARGET[rows], rows))


def test_two_visits_of_undecided_rows_by_hand():
    memory, clf = RowMemory(10, 2), ELRClassifier(penalty=3.0, decay=0.7)
    logits = torch.zeros(10, 2)
    first = visit(clf, memory, logits)
    # t = 0.7 * 0 + 0.3 * 0.5 = 0.15 for both classes, <t, p> = 0.15
    torch.testing.assert_close(memory.values, torch.full((10, 2), 0.15))
    torch.testing.assert_close(first, torch.full((10,), math.log(2) + 3 * math.log(0.85)))
    second = visit(clf, memory, logits)
    # t = 0.7 * 0.15 + 0.3 * 0.5 = 0.255, <t, p> = 0.255
    torch.testing.assert_close(memory.values, torch.full((10, 2), 0.255))
    torch.testing.assert_close(second, torch.full((10,), math.log(2) + 3 * math.log(0.745)))


def test_two_visits_equal_the_formula_on_random_rows():
    memory, clf = RowMemory(10, 4, dtype=torch.float64), ELRClassifier(penalty=2.0, decay=0.9)
    expected, generator = np.zeros((10, 4)), torch.Generator().manual_seed(0)
    for _ in range(2):
        logits = 20 * torch.randn(10, 4, generator=generator, dtype=torch.float64)
        losses = visit(clf, memory, logits)
        for i, row in enumerate(logits.numpy()):
            p = np.clip(np.exp(row) / np.exp(row).sum(), 1e-4, 1 - 1e-4)
            expected[i] = 0.9 * expected[i] + 0.1 * p / p.sum()
            cross_entropy = np.log(np.exp(row).sum()) - row[TARGET[i]]
            assert losses[i].item() == pytest.approx(cross_entropy + 2 * np.log(1 - expected[i] @ p))
    np.testing.assert_allclose(memory.values, expected)


def test_only_the_rows_of_the_batch_are_remembered():
    memory = RowMemory(10, 2)
    visit(ELRClassifier(), memory, torch.zeros(3, 2), rows=torch.tensor([1, 4, 7]))
    assert memory.values.any(1).nonzero()[:, 0].tolist() == [1, 4, 7]


def test_the_penalty_holds_a_row_at_its_early_belief():
    memory = RowMemory(10, 2)
    memory.values[:, 0] = 0.9
    logits = torch.zeros(10, 2, requires_grad=True)
    visit(ELRClassifier(penalty=3.0), memory, logits).sum().backward()
    # Odd rows are labelled 1. Cross-entropy alone would raise that logit; the memory of class 0 wins.
    assert (logits.grad[1::2, 1] > 0).all()


def test_an_unbalanced_batch_is_penalised_by_hand():
    # p = (3/4, 1/4) in every row, half of the labels are of each class: KL((1/2, 1/2), (3/4, 1/4)) = log(4/3) / 2.
    logits = torch.tensor([[3.0, 1.0]]).log().repeat(10, 1)
    losses = []
    for weight in (0.0, 2.0):
        run = SimpleNamespace(
            module_=nn.Identity(), state=SimpleNamespace(targets=RowMemory(10, 2)),
            scratch=SimpleNamespace(prior=torch.tensor([0.5, 0.5])),
        )  # fmt: skip
        losses.append(ELRClassifier(balance_weight=weight)._loss(run, Batch(logits, TARGET, ROWS)))
    torch.testing.assert_close(losses[1] - losses[0], torch.full((10,), math.log(4 / 3)))


def test_a_rare_class_is_not_forgotten():
    X, y = make_classification(800, 20, n_informative=6, weights=[0.9], flip_y=0, class_sep=1.0, random_state=1)
    with pytest.warns(UserWarning, match="predicts 0 for 100%"):
        bare = ELRClassifier(balance_weight=0, max_epochs=20, random_state=0).fit(X, y)
    clf = ELRClassifier(max_epochs=20, random_state=0).fit(X, y)
    assert (bare.predict(X) == 1).mean() < 0.01 and (clf.predict(X) == 1).mean() > 0.05


def test_without_penalty_it_is_cross_entropy_to_the_bit():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 5, "random_state": 0}
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    without = ELRClassifier(penalty=0, balance_weight=0, lr=0.05, **settings).fit(X, noisy)
    assert np.array_equal(without.predict_proba(X), plain.predict_proba(X))
    assert [r["train_loss"] for r in without.history_] == [r["train_loss"] for r in plain.history_]
    assert not np.array_equal(ELRClassifier(**settings).fit(X, noisy).predict_proba(X), plain.predict_proba(X))


def test_a_memory_that_keeps_everything_stays_empty_and_accuses_nobody():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 3, "random_state": 0}
    clf = ELRClassifier(decay=1, balance_weight=0, lr=0.05, warm_start=True, **settings).fit(X, noisy)
    assert not clf.net_.state.targets.values.any()
    assert not clf.label_quality_.any() and not clf.noise_mask_.any()
    assert np.array_equal(clf.transduction_, noisy)
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    np.testing.assert_allclose(clf.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_memory_rows_sum_to_the_weight_of_their_visits():
    X, _, noisy = blobs(60)
    clf = ELRClassifier(max_epochs=3, warm_start=True, random_state=0).fit(X, noisy)
    values = clf.net_.state.targets.values.numpy()
    # One visit per epoch: 1 - 0.7 ** 3 = 0.657
    np.testing.assert_allclose(values.sum(1), 0.657, rtol=1e-5)
    np.testing.assert_array_equal(clf.label_quality_, values[np.arange(60), noisy])
    np.testing.assert_array_equal(clf.noise_mask_, values.argmax(1) != noisy)
    np.testing.assert_array_equal(clf.transduction_, values.argmax(1))


def test_a_warm_start_goes_on_with_the_memory_of_the_same_rows_only():
    X, _, noisy = blobs(60)
    clf = ELRClassifier(max_epochs=2, warm_start=True, random_state=0).fit(X, noisy).fit(X, noisy)
    # 1 - 0.7 ** 4 = 0.7599
    np.testing.assert_allclose(clf.net_.state.targets.values.sum(1), 0.7599, rtol=1e-5)
    with pytest.raises(ValueError, match="warm_start"):
        clf.fit(X[:50], noisy[:50])


def test_wrong_labels_of_easy_rows_are_found():
    X, clean, noisy = blobs(90)
    clf = ELRClassifier(max_epochs=40, random_state=0).fit(X, noisy)
    assert clf.noise_mask_[clean != noisy].mean() > 0.8 and clf.noise_mask_[clean == noisy].mean() < 0.1
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


@pytest.mark.parametrize(("name", "value"), [("penalty", -1), ("decay", -0.1), ("decay", 1.1), ("decay", None), ("balance_weight", -1)])
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        ELRClassifier(**{name: value}).fit(*blobs(30)[::2])
