from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skweak.datasets import make_uniform_candidates
from skweak.engine import Batch
from skweak.partial import PRODENClassifier
from skweak.partial.confidence import start_confidence


class Averaging(PRODENClassifier):
    """Keeps the weights it starts from."""

    def _loss(self, run, batch):
        kept = run.state.confidence.clone()
        losses = super()._loss(run, batch)
        run.state.confidence.copy_(kept)
        return losses


def split_digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)


def fake_run(logits, candidates):
    """Return what the hooks see of a run: a network that gives these logits, and uniform weights."""
    data = SimpleNamespace(target=torch.tensor(candidates, dtype=torch.uint8))
    run = SimpleNamespace(module_=lambda X: X, state=SimpleNamespace(), dtype=torch.float64, data=data)
    run.check_rows = lambda memory: None
    start_confidence(run)
    return run, Batch(torch.tensor(logits, dtype=torch.float64).log(), data.target, torch.arange(len(logits)))


def test_weights_start_equal_and_are_then_what_the_same_pass_believed():
    run, batch = fake_run([[3.0, 1.0, 6.0]], [[1, 1, 0]])
    assert run.state.confidence.tolist() == [[0.5, 0.5, 0.0]]
    loss = PRODENClassifier()._loss(run, batch)
    # The loss has the weights of before: the root of 10/3 times 10/1.
    assert loss.exp().item() == pytest.approx((10 / 3 * 10 / 1) ** 0.5)
    np.testing.assert_allclose(run.state.confidence, [[0.75, 0.25, 0.0]])
    # 10/3 with weight 3/4 and 10/1 with weight 1/4.
    assert PRODENClassifier()._loss(run, batch).exp().item() == pytest.approx((10 / 3) ** 0.75 * 10**0.25)


def test_only_the_rows_of_the_batch_change():
    run, batch = fake_run([[3.0, 1.0, 6.0], [1.0, 1.0, 2.0]], [[1, 1, 0], [0, 1, 1]])
    PRODENClassifier()._loss(run, Batch(batch.X[1:], batch.y[1:], batch.index[1:]))
    np.testing.assert_allclose(run.state.confidence, [[0.5, 0.5, 0.0], [0.0, 1 / 3, 2 / 3]])


def test_a_row_that_could_be_anything_takes_the_label_of_its_neighbours():
    X = np.repeat([[-1.0], [0.9], [1.1]], [4, 3, 3], axis=0)
    y = np.repeat([[1, 0], [0, 1]], [4, 6], axis=0)
    y[[0, 9]] = 1
    clf = PRODENClassifier(
        nn.Linear(1, 2), max_epochs=60, batch_size=5, classes=["low", "high"], random_state=0
    ).fit(X, y)
    assert clf.transduction_.tolist() == ["low"] * 4 + ["high"] * 6
    assert clf.label_quality_[[0, 9]].min() > 0.9 and clf.label_quality_[1:9].min() == 1


def test_it_beats_equal_weights_on_large_candidate_sets():
    X, X_test, y, y_test = split_digits()
    S = make_uniform_candidates(y, rate=0.7, random_state=0)
    settings = {"module__hidden": (64,), "max_epochs": 40, "random_state": 0}
    clf, plain = PRODENClassifier(**settings).fit(X, S), Averaging(**settings).fit(X, S)
    assert clf.score(X_test, y_test) > plain.score(X_test, y_test) + 0.04
    right = clf.transduction_ == y
    assert right.mean() > 0.85
    # Rows it is sure of are right more often than the others.
    sure = clf.label_quality_ > np.median(clf.label_quality_)
    assert right[sure].mean() > right[~sure].mean()
