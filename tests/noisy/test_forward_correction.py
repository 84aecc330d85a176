"""Forward correction: losses and estimates by hand, the identity, and what a wrong matrix is told."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from torch import nn

from skweak.engine import Batch
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier, ForwardCorrectionClassifier
from skweak.noisy.forward_correction import estimate_transition
from tests.small_data import blobs

TRANSITION = torch.tensor([[0.8, 0.2], [0.4, 0.6]])


def losses_of(proba, target, transition, trusted=None):
    rows = torch.arange(len(proba))
    run = SimpleNamespace(
        module_=nn.Identity(),
        state=SimpleNamespace(transition=transition),
        data=SimpleNamespace(trusted=trusted),
    )
    return ForwardCorrectionClassifier()._loss(run, Batch(proba.log(), target, rows))


def test_losses_by_hand():
    proba = torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [0.9, 0.1]])
    losses = losses_of(proba, torch.tensor([0, 1, 0, 1]), TRANSITION)
    # The label 0 has 0.5 * 0.8 + 0.5 * 0.4 = 0.6 and 0.9 * 0.8 + 0.1 * 0.4 = 0.76.
    torch.testing.assert_close(losses, -torch.tensor([0.6, 0.4, 0.76, 0.24]).log())


def test_verified_rows_and_the_warm_up_are_not_corrected():
    proba, target = torch.tensor([[0.9, 0.1]] * 2), torch.tensor([1, 1])
    losses = losses_of(proba, target, TRANSITION, trusted=torch.tensor([True, False]))
    torch.testing.assert_close(losses, -torch.tensor([0.1, 0.24]).log())
    torch.testing.assert_close(losses_of(proba, target, None), -torch.tensor([0.1, 0.1]).log())


def test_the_identity_is_cross_entropy():
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 5, "dtype": "float64", "random_state": 0, "lr": 0.05}
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    same = ForwardCorrectionClassifier(transition_matrix=np.eye(3), **settings).fit(X, noisy)
    np.testing.assert_allclose(same.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    # Nothing can turn into the given label but the label itself.
    np.testing.assert_allclose(same.label_quality_, 1.0, rtol=1e-6)


def test_a_label_that_hides_a_class_is_seen_through():
    # Six of ten rows of class 0 are labelled 1, so that plain training loses class 0 altogether.
    X, y = make_blobs(200, centers=[[-2, 0], [2, 0]], random_state=0)
    noise = [[0.4, 0.6], [0.0, 1.0]]
    noisy = np.where((y == 0) & (np.random.RandomState(0).rand(200) < 0.6), 1, y)
    settings = {"max_epochs": 20, "random_state": 0, "lr": 0.05, "module__scale_inputs": False}
    assert CrossEntropyClassifier(**settings).fit(X, noisy).score(X, y) < 0.75
    clf = ForwardCorrectionClassifier(transition_matrix=noise, **settings).fit(X, noisy)
    assert clf.score(X, y) > 0.95
    np.testing.assert_array_equal(clf.transition_matrix_, np.float32(noise))


def test_label_quality_is_the_posterior_of_the_given_label():
    X, _, noisy = blobs(60)
    noise = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.3, 0.7]])
    clf = ForwardCorrectionClassifier(transition_matrix=noise, max_epochs=5, random_state=0).fit(X, noisy)
    for proba, given, quality in zip(clf.predict_proba(X), noisy, clf.label_quality_, strict=True):
        assert quality == pytest.approx(proba[given] * noise[given, given] / (proba @ noise[:, given]), rel=1e-5)


def test_anchors_by_hand():
    # Ten rows; the probability of class 0 rises from 0 to 0.9.
    first = torch.arange(10, dtype=torch.float64) / 10
    proba, nothing = torch.stack([first, 1 - first], 1), torch.zeros(10, dtype=torch.int64)
    # The largest of each column: row 9 for class 0, row 0 for class 1.
    largest = estimate_transition(proba, nothing, quantile=1.0)
    torch.testing.assert_close(largest, torch.tensor([[0.9, 0.1], [0.0, 1.0]], dtype=torch.float64))
    # Place int(0.5 * 10) = 5 of the ascending order: row 5 for class 0, row 4 for class 1.
    middle = estimate_transition(proba, nothing, quantile=0.5)
    torch.testing.assert_close(middle, torch.tensor([[0.5, 0.5], [0.4, 0.6]], dtype=torch.float64))


def test_anchors_of_perfect_probabilities_are_the_matrix():
    transition = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.3, 0.4]])
    clean = torch.arange(30) % 3
    estimate = estimate_transition(transition[clean], clean, quantile=1.0)
    torch.testing.assert_close(estimate, transition)


def test_verified_rows_by_hand_and_an_anchor_where_there_are_none():
    proba = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.4, 0.6]])
    # Row 3 is labelled 0 as well, but nobody verified it.
    target, trusted = torch.tensor([0, 0, 1, 0]), torch.tensor([True, True, False, False])
    # Class 0: the mean of (0.9, 0.1) and (0.5, 0.5). Class 1 is not verified: its anchor is row 2.
    estimate = estimate_transition(proba, target, trusted=trusted, quantile=1.0)
    torch.testing.assert_close(estimate, torch.tensor([[0.7, 0.3], [0.2, 0.8]]))


@pytest.mark.parametrize("verified", [False, True], ids=["anchors", "verified"])
def test_the_estimate_is_close_on_well_separated_data(verified):
    # Three tight clusters of 200 rows; three labels of ten are moved to the next class.
    y = np.repeat([0, 1, 2], 200)
    X = np.array([[-2, 0], [2, 0], [0, 3]])[y] + 0.05 * np.random.RandomState(0).randn(600, 2)
    noisy = np.where(np.arange(600) % 10 < 3, (y + 1) % 3, y)
    truth = [[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]]
    trusted = np.arange(600) % 20 == 19 if verified else None
    clf = ForwardCorrectionClassifier(partial(MLP, hidden=()), max_epochs=12, warmup_epochs=10, lr=0.05, random_state=0)
    clf.fit(X, noisy, trusted=trusted)
    np.testing.assert_allclose(clf.transition_matrix_.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(clf.transition_matrix_, truth, atol=0.1)


def test_the_estimate_is_made_once_after_the_warm_up():
    made = []

    class Watched(ForwardCorrectionClassifier):
        def _start_epoch(self, run):
            super()._start_epoch(run)
            made.append(run.state.transition)

    X, _, noisy = blobs(60)
    Watched(warmup_epochs=2, max_epochs=5, random_state=0).fit(X, noisy)
    assert made[:2] == [None, None]
    assert made[2] is not None and all(matrix is made[2] for matrix in made[3:])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.full((2, 3), 1 / 3), r"transition_matrix has shape \(2, 3\)"),
        (np.eye(4), r"transition_matrix has shape \(4, 4\), but y has 3 classes"),
        ([1.0, 0.0, 0.0], r"transition_matrix has shape \(3,\)"),
        (np.full((3, 3), 0.3), "transition_matrix must hold probabilities whose rows sum to 1"),
        ([[1.5, -0.5, 0], [0, 1, 0], [0, 0, 1]], "transition_matrix must hold probabilities"),
        ([[np.nan, 1, 0], [0, 1, 0], [0, 0, 1]], "transition_matrix must hold probabilities"),
        (np.zeros((3, 3)), "transition_matrix must hold probabilities"),
        ([[1, 0, 0], [1, 0, 0], [0, 0, 1]], "transition_matrix gives the label 'b' to no class"),
        ("identity", "'transition_matrix' parameter"),
    ],
    ids=["not-square", "wrong-size", "flat", "sums", "negative", "nan", "zeros", "label-of-no-class", "text"],
)
def test_a_wrong_matrix_is_refused_by_name(matrix, message):
    X, _, noisy = blobs(60)
    with pytest.raises(ValueError, match=message):
        ForwardCorrectionClassifier(transition_matrix=matrix).fit(X, np.array(["a", "b", "c"])[noisy])


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"warmup_epochs": 5, "max_epochs": 5}, "warmup_epochs=5 must be smaller than max_epochs=5"),
        ({"warmup_epochs": -1}, "'warmup_epochs' parameter"),
        ({"anchor_quantile": 0}, "'anchor_quantile' parameter"),
        ({"anchor_quantile": 1.1}, "'anchor_quantile' parameter"),
    ],
)
def test_parameters_out_of_range(own, message):
    X, _, noisy = blobs(60)
    with pytest.raises(ValueError, match=message):
        ForwardCorrectionClassifier(**own).fit(X, noisy)


def test_with_a_given_matrix_the_warm_up_does_not_matter():
    X, _, noisy = blobs(60)
    settings = {"transition_matrix": np.eye(3), "max_epochs": 3, "random_state": 0}
    first, second = (ForwardCorrectionClassifier(warmup_epochs=n, **settings).fit(X, noisy) for n in (0, 99))
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_a_saturated_network_makes_no_given_label_impossible():
    # The first scores of the network stay: certain of class 0 for every row, labels of both classes.
    class Certain(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.tensor([1e4, 0.0, 0.0]))

        def forward(self, X):
            return self.shift + 0 * X[:, :1]

    X, y = np.zeros((9, 2)), np.arange(9) % 3
    clf = ForwardCorrectionClassifier(Certain, warmup_epochs=1, max_epochs=2, lr=1e-6, random_state=0).fit(X, y)
    assert np.isfinite(clf.history_[-1]["train_loss"]) and (clf.transition_matrix_ > 0).all()
