import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from torch import nn

from skweak.datasets import make_uniform_candidates, make_uniform_subsets
from skweak.noisy import CrossEntropyClassifier
from skweak.partial import CCClassifier

PLAIN_STEPS = {"optimizer": torch.optim.SGD, "dtype": "float64", "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, y, make_uniform_candidates(y, rate=0.5, random_state=0)


def test_one_step_moves_towards_the_candidates_in_proportion_to_belief():
    X, S = np.array([[1.0], [1.0]]), np.array([[1, 1, 0], [1, 0, 0]])
    linear = nn.Linear(1, 3)
    nn.init.zeros_(linear.weight)
    with torch.no_grad():
        linear.bias.copy_(torch.tensor([3.0, 1.0, 6.0]).log())
    clf = CCClassifier(linear, max_epochs=1, lr=1.0, classes=[0, 1, 2], **PLAIN_STEPS).fit(X, S)
    moved = clf.net_.module_.bias.detach().numpy() - np.log([3, 1, 6])
    # p = (.3, .1, .6); restricted (.75, .25, 0) and (1, 0, 0). Mean of restricted minus p over both rows.
    np.testing.assert_allclose(moved, [(0.45 + 0.7) / 2, (0.15 - 0.1) / 2, -0.6], rtol=1e-6)


def test_rows_that_could_be_anything_do_not_pull(iris):
    X, _, S = iris
    full = (S == 1).all(1)
    assert full.sum() > 20
    settings = {"module": nn.Linear(4, 3), "max_epochs": 5, "batch_size": 200, **PLAIN_STEPS}
    # A mean over fewer rows has larger steps in the same direction.
    few = CCClassifier(**settings, lr=0.1 * (~full).mean()).fit(X[~full], S[~full])
    every = CCClassifier(**settings, lr=0.1).fit(X, S)
    np.testing.assert_allclose(every.predict_proba(X), few.predict_proba(X), rtol=1e-6)


def test_belief_is_the_final_probability_among_the_candidates(iris):
    X, _, S = iris
    clf = CCClassifier(max_epochs=5, random_state=0).fit(X, S)
    inside = clf.predict_proba(X) * S
    np.testing.assert_allclose(clf.candidate_weights_, inside / inside.sum(1, keepdims=True), rtol=1e-5)


def test_rows_of_weight_zero_are_left_out_and_still_judged(iris):
    X, _, S = iris
    weight = (np.arange(150) % 3 > 0).astype(float)
    settings = {"module": nn.Linear(4, 3), "max_epochs": 5, "batch_size": 200, **PLAIN_STEPS}
    clf = CCClassifier(**settings).fit(X, S, sample_weight=weight)
    without = CCClassifier(**settings).fit(X[weight > 0], S[weight > 0])
    np.testing.assert_allclose(clf.predict_proba(X), without.predict_proba(X), rtol=1e-9)
    inside = clf.predict_proba(X) * S
    np.testing.assert_allclose(clf.candidate_weights_, inside / inside.sum(1, keepdims=True), rtol=1e-5)


def test_it_learns_from_a_stream_of_candidate_sets(iris):
    X, y, S = iris
    order = np.random.RandomState(0).permutation(150)
    clf = CCClassifier(batch_size=10, random_state=0)
    for _ in range(20):
        for part in np.split(order, 3):
            clf.partial_fit(X[part], S[part], classes=["a", "b", "c"])
    assert clf.score(X, np.array(["a", "b", "c"])[y]) > 0.9 and len(clf.transduction_) == 50


def test_it_needs_no_guess_at_the_true_label():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
    S = make_uniform_subsets(y, random_state=0)
    settings = {"module__hidden": (64,), "max_epochs": 40, "random_state": 0}
    clf = CCClassifier(**settings).fit(X, S)
    drawn = (S * np.random.RandomState(1).uniform(size=S.shape)).argmax(1)
    guess = CrossEntropyClassifier(**settings).fit(X, drawn)
    assert clf.score(X_test, y_test) > guess.score(X_test, y_test) + 0.3
    assert (clf.transduction_ == y).mean() > 0.93
