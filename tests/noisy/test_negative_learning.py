"""Negative learning: its three stages on ten rows, its limits, and wrong labels that it finds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.engine import Batch, RowMemory
from skweak.noisy import CrossEntropyClassifier, NegativeLearningClassifier
from tests.small_data import blobs

# Ten rows of three classes, all labelled 0, whose label has the probability 0.1, 0.2, ... 0.9 and 0.95.
GIVEN = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95], dtype=torch.float64)
PROBA = torch.stack([GIVEN, 0.75 * (1 - GIVEN), 0.25 * (1 - GIVEN)], 1)
TARGET = torch.zeros(10, dtype=torch.int64)


def loss_of(epoch, visits=0, memory=None, **own):
    run = SimpleNamespace(
        module_=nn.Identity(), n_outputs=3, epoch=epoch, max_epochs=9, class_weight=None, generator=torch.Generator(),
        state=SimpleNamespace(beliefs=RowMemory(10, 3, dtype=torch.float64), visits=visits),
    )  # fmt: skip
    if memory is not None:
        run.state.beliefs.values.copy_(memory)
    loss = NegativeLearningClassifier(**own)._loss(run, Batch(PROBA.log(), TARGET, torch.arange(10)))
    return loss.item(), run.state.beliefs.values


def test_first_every_row_says_what_it_is_not():
    loss, _ = loss_of(0)
    expected = -(1 - PROBA[:, 1:]).log().sum(1).mean()
    assert loss == pytest.approx(expected.item())


def test_then_rows_whose_label_is_believed_more_than_by_chance():
    # Rows 3 to 9 have more than one third.
    loss, _ = loss_of(3)
    assert loss == pytest.approx(-(1 - PROBA[3:, 1:]).log().sum(1).mean().item())


def test_at_last_labels_are_learnt_where_they_are_believed():
    loss, _ = loss_of(6)
    assert loss == pytest.approx(-GIVEN[4:].log().mean().item())
    assert loss_of(6, confidence=0.85)[0] == pytest.approx(-GIVEN[8:].log().mean().item())


def test_a_belief_is_the_mean_of_the_visits_and_old_ones_fade():
    memory = torch.full((10, 3), 1 / 3, dtype=torch.float64)
    # The second visit of a row counts as much as the first, the twentieth one tenth.
    torch.testing.assert_close(loss_of(0, 1, memory)[1], (memory + PROBA) / 2)
    torch.testing.assert_close(loss_of(0, 19, memory)[1], 0.9 * memory + 0.1 * PROBA)


def test_no_row_believed_is_no_loss_and_no_nan():
    assert loss_of(8, confidence=1.0)[0] == 0.0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_so_many_other_classes_are_drawn(n):
    clf, run = NegativeLearningClassifier(n_complements=n), SimpleNamespace(n_outputs=4, generator=torch.Generator())
    target = torch.arange(400) % 4
    mask = clf._complements(run, target)
    assert (mask.sum(1) == n).all() and not mask[range(400), target].any()
    # Each of the three others as often, within five standard deviations.
    assert (mask.sum(0) - 100 * n).abs().max() < 5 * np.sqrt(400 * n / 4)


def test_two_classes_without_selection_are_cross_entropy():
    X, _, noisy = blobs(60)
    noisy = np.minimum(noisy, 1)
    settings = {"max_epochs": 5, "dtype": "float64", "random_state": 0}
    plain = CrossEntropyClassifier(**settings).fit(X, noisy).predict_proba(X)
    clf = NegativeLearningClassifier(selective_start=1, positive_start=1, **settings).fit(X, noisy)
    np.testing.assert_allclose(clf.predict_proba(X), plain, rtol=1e-6)


def test_wrong_labels_are_found_and_not_learnt():
    X, clean, noisy = blobs(90)
    wrong = noisy != clean
    clf = NegativeLearningClassifier(max_epochs=30, random_state=0).fit(X, noisy)
    assert clf.noise_mask_[wrong].mean() > 0.8 and clf.noise_mask_[~wrong].mean() < 0.1
    assert (clf.transduction_[~clf.noise_mask_] == noisy[~clf.noise_mask_]).all()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"n_complements": 0}, "'n_complements' parameter"),
        ({"n_complements": 3}, "n_complements=3, but a row of 3 classes has 2 others"),
        ({"selective_start": 1.1}, "'selective_start' parameter"),
        ({"selective_start": 0.8}, "positive_start=0.6.* must not be smaller than selective_start=0.8"),
        ({"confidence": -0.1}, "'confidence' parameter"),
    ],
)
def test_parameters_out_of_range(own, message):
    with pytest.raises(ValueError, match=message):
        NegativeLearningClassifier(**own).fit(*blobs(30)[::2])
