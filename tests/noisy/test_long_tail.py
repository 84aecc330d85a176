"""Losses and schedules of plain training for rare classes."""

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from skweak.noisy import CrossEntropyClassifier
from skweak.noisy.cross_entropy import balanced_rows

SETTINGS = {"module__hidden": (16,), "max_epochs": 20, "batch_size": 16, "random_state": 0}
WAYS = [
    {"loss": "focal"}, {"loss": "ldam"}, {"loss": "logit_adjusted"}, {"schedule": "reweight"}, {"schedule": "drw"},
    {"schedule": "crt"}, {"loss": "ldam", "schedule": "drw"}, {"loss": "ldam", "schedule": "crt"},
]  # fmt: skip


def tail(n=400, seed=0):
    """Two overlapping classes, one twenty times as frequent, and a balanced test set."""
    random = np.random.RandomState(seed)
    y = (np.arange(n) % 20 == 0).astype(int)
    y_test = np.arange(400) % 2
    return random.randn(n, 2) + y[:, None], y, random.randn(400, 2) + y_test[:, None], y_test


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("epochs", [1, 3])
def test_every_way_learns_for_any_number_of_epochs(way, epochs):
    X, y, X_test, _ = tail(80)
    clf = CrossEntropyClassifier(**SETTINGS | way | {"max_epochs": epochs}).fit(X, y)
    proba = clf.predict_proba(X_test)
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
    assert np.isfinite(proba).all()


@pytest.mark.parametrize("way", [WAYS[2], WAYS[3], WAYS[5]], ids=str)
def test_rare_classes_are_found_more_often_than_by_plain_training(way):
    X, y, X_test, y_test = tail()
    plain, ours = (CrossEntropyClassifier(**SETTINGS | more).fit(X, y).predict(X_test) for more in ({}, way))
    assert balanced_accuracy_score(y_test, ours) > balanced_accuracy_score(y_test, plain) + 0.1


def test_the_late_schedules_are_plain_training_before_they_begin():
    X, y, _, _ = tail(80)
    settings = SETTINGS | {"schedule_start": 0.99, "max_epochs": 2}
    plain = CrossEntropyClassifier(**SETTINGS | {"max_epochs": 1}).fit(X, y)
    for schedule in ("drw", "crt"):
        late = CrossEntropyClassifier(**settings, schedule=schedule).fit(X, y)
        assert late.history_[0]["train_loss"] == plain.history_[0]["train_loss"]
        assert late.history_[1]["train_loss"] != plain.history_[0]["train_loss"]


def test_the_new_last_layer_leaves_the_features_alone():
    X, y, _, _ = tail(80)
    seen = []

    class Watched(CrossEntropyClassifier):
        def _end_epoch(self, run):
            seen.append(run.module_.layers[0][0].weight.detach().clone())

    clf = Watched(**SETTINGS | {"max_epochs": 4, "schedule": "crt", "schedule_start": 0.5}).fit(X, y)
    assert torch.equal(seen[1], seen[3]) and not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[3], clf.net_.module_.layers[0][0].weight)


def test_balanced_rows_hold_every_class_equally_often():
    class Run:
        n_outputs, generator = 2, torch.Generator().manual_seed(0)

    target = torch.tensor([0] * 950 + [1] * 50)
    assert abs(target[balanced_rows(target, Run)].double().mean() - 0.5) < 0.05


def test_partial_fit_adds_up_the_class_sizes():
    X, y, _, _ = tail(80)
    clf = CrossEntropyClassifier(**SETTINGS, loss="logit_adjusted")
    clf.partial_fit(X[:40], y[:40]).partial_fit(X[40:], y[40:])
    np.testing.assert_array_equal(clf.net_.state.counts.numpy(), np.bincount(y))
