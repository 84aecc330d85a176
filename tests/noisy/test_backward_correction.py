"""Backward correction: its loss by hand, the identity, a class hidden by its labels, and matrices without an inverse."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from torch import nn

from skweak.engine import Batch
from skweak.noisy import BackwardCorrectionClassifier, CrossEntropyClassifier, ForwardCorrectionClassifier
from tests.small_data import blobs


def losses_of(proba, target, transition, **own):
    run = SimpleNamespace(
        module_=nn.Identity(), state=SimpleNamespace(transition=transition), data=SimpleNamespace(trusted=None)
    )
    return BackwardCorrectionClassifier(**own)._loss(run, Batch(proba.log(), target, torch.arange(len(proba))))


def test_losses_by_hand():
    # The inverse of [[0.8, 0.2], [0.4, 0.6]] is [[1.5, -0.5], [-1, 2]].
    proba, transition = torch.tensor([[0.9, 0.1]] * 2), torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    losses = losses_of(proba, torch.tensor([0, 1]), transition)
    expected = [-1.5 * np.log(0.9) + 0.5 * np.log(0.1), np.log(0.9) - 2 * np.log(0.1)]
    assert losses.tolist() == pytest.approx(expected, rel=1e-5)
    # The second class counts as one half.
    losses = losses_of(proba, torch.tensor([0, 1]), transition, floor=0.5)
    expected = [-1.5 * np.log(0.9) + 0.5 * np.log(0.5), np.log(0.9) - 2 * np.log(0.5)]
    assert losses.tolist() == pytest.approx(expected, rel=1e-5)


def test_the_identity_is_cross_entropy_above_the_floor():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 5, "dtype": "float64", "random_state": 0, "lr": 0.05}
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    same = BackwardCorrectionClassifier(transition_matrix=np.eye(3), floor=1e-9, **settings).fit(X, noisy)
    np.testing.assert_allclose(same.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_a_label_that_hides_a_class_is_seen_through():
    # Six of ten rows of class 0 are labelled 1, so that plain training loses class 0 altogether.
    X, y = make_blobs(200, centers=[[-2, 0], [2, 0]], random_state=0)
    noise = [[0.4, 0.6], [0.0, 1.0]]
    noisy = np.where((y == 0) & (np.random.RandomState(0).rand(200) < 0.6), 1, y)
    settings = {"max_epochs": 20, "random_state": 0, "lr": 0.05, "module__scale_inputs": False}
    assert CrossEntropyClassifier(**settings).fit(X, noisy).score(X, y) < 0.75
    clf = BackwardCorrectionClassifier(transition_matrix=noise, **settings).fit(X, noisy)
    assert clf.score(X, y) > 0.9
    np.testing.assert_array_equal(clf.transition_matrix_, np.float32(noise))


def test_the_estimate_is_that_of_the_forward_correction():
    X, _, noisy = blobs(60)
    settings = {"warmup_epochs": 20, "max_epochs": 21, "lr": 0.05, "random_state": 0}
    first, second = (
        cls(**settings).fit(X, noisy).transition_matrix_ for cls in (ForwardCorrectionClassifier, BackwardCorrectionClassifier)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"transition_matrix": np.eye(3)[[0, 0, 2]] / 2 + np.eye(3)[[1, 1, 2]] / 2}, "transition_matrix has the condition"),
        ({"transition_matrix": np.full((3, 3), 0.3)}, "transition_matrix must hold probabilities"),
        ({"floor": 0}, "'floor' parameter"),
        ({"warmup_epochs": 60}, "warmup_epochs=60 must be smaller than max_epochs=60"),
    ],
    ids=["singular", "sums", "floor", "warmup"],
)
def test_bad_parameters_never_train(own, message):
    with pytest.raises(ValueError, match=message):
        BackwardCorrectionClassifier(**own).fit(*blobs(30)[::2])


def test_an_estimate_without_an_inverse_is_drawn_to_the_identity():
    # A network that cannot tell any rows apart: all rows of its matrix are equal.
    X, y = np.zeros((30, 2)), np.arange(30) % 3
    clf = BackwardCorrectionClassifier(warmup_epochs=1, max_epochs=3, random_state=0).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    np.testing.assert_allclose(clf.transition_matrix_.sum(1), 1, rtol=1e-6)
    assert np.linalg.cond(clf.transition_matrix_) < 25
