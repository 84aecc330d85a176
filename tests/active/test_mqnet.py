"""MQ-Net with given features: its first round, its losses, and the network that learns from the last batch."""

from types import SimpleNamespace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from skweak.active import ActiveLearner, LfOSAClassifier, MQNet, run_loop
from skweak.active.mqnet import _rank_by, _standardise
from skweak.active.view import LearnerView
from tests.active.open_data import SMALL, digits_pool

SETTINGS = SimpleNamespace(n_hidden=16, n_steps=600, lr=0.01)


def test_standardised_values_by_hand():
    # Mean 2 and deviation 1 for the first column, no deviation at all in the second.
    population = np.array([[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_allclose(_standardise(population, population), [[np.exp(-1), 1], [np.exp(1), 1]])
    assert np.isfinite(_standardise(np.array([[1e300, 5.0]]), population)).all()


def test_the_first_round_adds_purity_to_uncertainty():
    X = np.array([[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]])
    proba = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]])
    learner = SimpleNamespace(classes_=np.arange(2), predict_proba=lambda rows: proba[: len(rows)])
    indices, scores = MQNet()(learner, X, 3, labeled=(X[:1], [0]))
    # Cosines to (1, 0) are 1, 0.6 and -1, with mean 0.2 and variance (0.64 + 0.16 + 1.44) / 3.
    purity = np.exp((np.array([1, 0.6, -1]) - 0.2) / np.sqrt(2.24 / 3))
    expected = np.array([0.1, 0.5, 0.4]) + purity
    assert indices.tolist() == np.argsort(-expected).tolist()
    np.testing.assert_allclose(scores, np.sort(expected)[::-1], atol=1e-6)


def test_losses_are_0_for_unknown_rows_and_large_for_new_classes():
    X = np.array([[-1.0], [1.0]])
    model = LogisticRegression().fit(X, [0, 1])
    view = LearnerView(model, X)
    y = np.array([0, 1, -1, 2])
    losses = MQNet()._losses(view, np.array([[-1.0], [-1.0], [0.0], [0.0]]), y, np.array([0, 1, 2]))
    proba = model.predict_proba(X[:1])[0]
    np.testing.assert_allclose(losses, [-np.log(proba[0]), -np.log(proba[1]), 0, -np.log(1e-12)])


def test_the_network_orders_rows_like_their_losses_and_only_grows():
    generator = np.random.default_rng(0)
    signals = generator.uniform(0.1, 3, size=(40, 2))
    torch.manual_seed(0)
    # Only purity matters: what the network has to find out.
    network = _rank_by(signals, signals[:, 1].copy(), SETTINGS)
    learned = np.corrcoef(network(signals), signals[:, 1])[0, 1]
    assert learned > 0.9 and learned > np.corrcoef(network(signals), signals[:, 0])[0, 1] + 0.5
    base = network(signals)
    for column in (0, 1):
        higher = signals.copy()
        higher[:, column] += 0.5
        assert (network(higher) >= base - 1e-9).all()


def test_losses_that_fall_with_both_inputs_cannot_be_followed():
    signals = np.random.default_rng(1).uniform(0.1, 3, size=(30, 2))
    torch.manual_seed(0)
    network = _rank_by(signals, -signals.sum(axis=1), SETTINGS)
    assert (network(signals + 1) >= network(signals) - 1e-9).all()


def test_it_learns_from_the_last_batch_with_the_classifier_before_it(monkeypatch):
    seen = {}

    def spy(signals, losses, settings):
        seen.update(signals=signals, losses=losses)
        return lambda values: values.sum(axis=1)

    monkeypatch.setattr("skweak.active.mqnet._rank_by", spy)
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    learner = ActiveLearner(LogisticRegression(), MQNet(), X[:10], y[:10])
    learner.teach(X[10:14], y[10:14])
    before = LogisticRegression().fit(X[:10], y[:10])
    learner.query(X[20:], 3)
    expected = -np.log(before.predict_proba(X[10:14])[np.arange(4), y[10:14]])
    np.testing.assert_allclose(seen["losses"], expected)
    uncertainty = 1 - before.predict_proba(X[10:14]).max(axis=1)
    order = np.argsort(uncertainty)
    assert np.argsort(seen["signals"][:, 0]).tolist() == order.tolist()


def test_without_a_batch_or_with_one_of_a_single_row_it_falls_back():
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = (X[:, 0] > 0).astype(int)
    learner = ActiveLearner(LogisticRegression(), MQNet(), X[:10], y[:10])
    learner.teach(X[10:11], y[10:11])
    plain = MQNet()(learner.estimator, X[20:], 4, labeled=(X[:11], y[:11]))
    assert learner.query(X[20:], 4)[0].tolist() == plain[0].tolist()


def test_later_batches_are_purer_than_those_of_uncertainty():
    X, y, pool, answers = digits_pool(n_known=4, n_bought=0)
    learner = ActiveLearner(LfOSAClassifier(**SMALL, random_state=0), MQNet(n_steps=500), X, y)
    history = run_loop(learner, pool, answers, 3, 30, verbose=0)
    precision = [record["query_precision"] for record in history[1:]]
    # Chance finds 39 %, margin sampling about a tenth.
    assert np.mean(precision[1:]) > 0.3
