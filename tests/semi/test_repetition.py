"""The ensemble for streams: its answer by hand, which network learns, and what is forgotten."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.semi import learn_stream, stream
from skweak.noisy import CrossEntropyClassifier
from skweak.semi import RepetitionEnsembleClassifier
from skweak.semi.repetition import Modules
from tests.small_data import blobs

X, Y, _ = blobs(90)
SETTINGS = {"module__hidden": (16,), "max_epochs": 5, "batch_size": 16, "random_state": 0}


def test_the_answer_by_hand():
    modules = Modules([nn.Linear(1, 3), nn.Linear(1, 3)], 3, sharpness=1.0)
    modules.seen[0, :2] = True
    modules.seen[1, 1] = True
    logits = torch.tensor([[[0.75, 0.25, 1.0]], [[1.0, 1.0, 1.0]]]).log()
    # The second network knows one class and is sure of it; the first one is weighted by its entropy.
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    first, second = np.exp(-entropy) * 2 / 3, 1 / 3
    scores = np.array([0.75, (first * 0.25 + second) / (first + second), 0])
    np.testing.assert_allclose(modules.combine(logits).softmax(1)[0], scores / scores.sum(), rtol=1e-5)


def test_one_experience_is_ordinary_training():
    ours = RepetitionEnsembleClassifier(**SETTINGS, n_modules=1, dtype="float64").fit(X, Y)
    plain = CrossEntropyClassifier(**SETTINGS, dtype="float64").fit(X, Y)
    np.testing.assert_allclose(ours.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_experiences_go_to_new_networks_and_then_to_their_likes():
    clf = RepetitionEnsembleClassifier(**SETTINGS, n_modules=2)
    for present in ([0, 1], [2]):
        rows = np.isin(Y, present)
        clf.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert clf.seen_.tolist() == [[True, True, False], [False, False, True]]
    before = [p.clone() for p in clf.net_.module_.networks[1].parameters()]
    rows = Y == 1
    clf.partial_fit(X[rows], Y[rows])
    assert clf.seen_.tolist() == [[True, True, False], [False, False, True]]
    assert all(torch.equal(a, b) for a, b in zip(before, clf.net_.module_.networks[1].parameters(), strict=True))


def test_only_seen_classes_are_predicted():
    rows = Y < 2
    clf = RepetitionEnsembleClassifier(**SETTINGS, n_modules=2).partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert (clf.predict_proba(X)[:, 2] == 0).all()


@pytest.mark.parametrize("repeats", [True, False])
def test_it_forgets_less_than_one_network(repeats):
    def data(seed):
        return stream(seed, repeats, n_steps=8)

    ours = learn_stream(data, lambda **s: RepetitionEnsembleClassifier(max_epochs=3, n_modules=4, **s), 0)
    one = learn_stream(
        data, lambda **s: CrossEntropyClassifier(max_epochs=3, classes=range(10), warm_start=True, **s), 0
    )
    assert ours["forgetting"] < one["forgetting"] - 0.2 and ours["accuracy"] > one["accuracy"] + 0.15
