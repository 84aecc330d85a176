import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from torch import nn

from skweak.datasets import make_uniform_candidates, make_uniform_subsets
from skweak.partial import PRODENClassifier, RCClassifier


def restricted(proba, candidates):
    inside = proba * candidates
    return inside / inside.sum(1, keepdims=True)


def test_weights_are_those_of_the_network_after_its_step():
    X, y = load_iris(return_X_y=True)
    S = make_uniform_candidates(y, rate=0.5, random_state=0)
    settings = {"module": nn.Linear(4, 3), "max_epochs": 3, "batch_size": 150, "random_state": 0}
    clf = RCClassifier(**settings).fit(X, S)
    np.testing.assert_allclose(clf.candidate_weights_, restricted(clf.predict_proba(X), S), rtol=1e-5)
    other = PRODENClassifier(**settings).fit(X, S)
    assert np.abs(other.candidate_weights_ - restricted(other.predict_proba(X), S)).max() > 0.05


def test_one_step_is_one_step_on_equal_weights():
    X, S = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[1, 1, 0], [0, 0, 1]])
    linear = nn.Linear(2, 3)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    clf = RCClassifier(linear, max_epochs=1, lr=0.6, optimizer=torch.optim.SGD, dtype="float64").fit(X, S)
    # Slope of the mean loss by the bias: uniform p minus weight, (1/3 - 1/2, 1/3 - 1/2, 1/3) and (1/3, 1/3,
    # -2/3), over 2 rows; the bias moves by -0.6 times the sum.
    bias = clf.net_.module_.bias.tolist()
    assert bias == pytest.approx([-0.05, -0.05, 0.1])
    weight = clf.net_.module_.weight.tolist()
    assert np.allclose(weight, [[0.05, -0.2], [0.05, -0.2], [-0.1, 0.4]])


def test_dropout_and_batch_norm_are_still_for_the_weights():
    X, y = load_iris(return_X_y=True)
    S = make_uniform_candidates(y, rate=0.5, random_state=0)
    settings = {"module__batch_norm": True, "module__dropout": 0.5, "module__hidden": (16,)}
    clf = RCClassifier(**settings, max_epochs=2, batch_size=150, random_state=0).fit(X, S)
    np.testing.assert_allclose(clf.candidate_weights_, restricted(clf.predict_proba(X), S), rtol=1e-5)
    assert clf.net_.module_.layers[0][1].num_batches_tracked == 2


def test_it_is_as_good_as_progressive_identification_on_even_subsets():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
    S = make_uniform_subsets(y, random_state=0)
    settings = {"module__hidden": (64,), "max_epochs": 30, "random_state": 0}
    accuracy = [cls(**settings).fit(X, S).score(X_test, y_test) for cls in (RCClassifier, PRODENClassifier)]
    assert min(accuracy) > 0.92 and abs(accuracy[0] - accuracy[1]) < 0.02
