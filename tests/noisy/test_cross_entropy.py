"""Cross-entropy: one step and one row weight by hand, one pass per partial fit, and wrong labels remembered."""

import numpy as np
import pytest
from torch import nn

from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

# Six rows of class 0 on the first axis, four of class 1 on the second.
X = np.repeat([[1.0, 0.0], [0.0, 1.0]], [6, 4], axis=0)
Y = np.repeat([0, 1], [6, 4])


def zero_network():
    network = nn.Linear(2, 2)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    return network


def one_step(**changes):
    settings = {"module": zero_network(), "lr": 0.5, "max_epochs": 1, "batch_size": 10, "random_state": 0}
    return CrossEntropyClassifier(**(settings | changes))


def test_one_step_is_the_mean_gradient_by_hand():
    clf = one_step().fit(X, Y)
    # p = 1/2 everywhere, so p - onehot is -1/2 on the label and 1/2 elsewhere. Gradient of the first row of the
    # weights: (6 * -1/2, 4 * 1/2) / 10 = (-0.3, 0.2), of the first bias (6 * -1/2 + 4 * 1/2) / 10 = -0.1.
    np.testing.assert_allclose(clf.net_.module_.weight.detach(), [[0.15, -0.1], [-0.15, 0.1]], rtol=1e-6)
    np.testing.assert_allclose(clf.net_.module_.bias.detach(), [0.05, -0.05], rtol=1e-6)
    # Class 0 now has the logits (0.2, -0.2), class 1 has (-0.05, 0.05).
    quality = np.repeat([1 / (1 + np.exp(-0.4)), 1 / (1 + np.exp(-0.1))], [6, 4])
    np.testing.assert_allclose(clf.label_quality_, quality, rtol=1e-6)


def test_sample_weight_weighs_the_mean():
    clf = one_step().fit(X, Y, sample_weight=np.where(Y == 0, 2.0, 1.0))
    # (6 * 2 * -1/2, 4 * 1/2) / (6 * 2 + 4) = (-0.375, 0.125)
    np.testing.assert_allclose(clf.net_.module_.weight.detach(), [[0.1875, -0.0625], [-0.1875, 0.0625]], rtol=1e-6)


def test_partial_fits_are_the_passes_of_one_fit():
    clf = one_step(dtype="float64")
    for _ in range(3):
        clf.partial_fit(X, Y)
    whole = one_step(dtype="float64", max_epochs=3).fit(X, Y)
    assert len(clf.history_) == 3
    np.testing.assert_allclose(clf.predict_proba(X), whole.predict_proba(X), rtol=1e-12)


def test_the_probability_of_the_given_label_is_the_quality():
    X, _, noisy = blobs(60)
    clf = CrossEntropyClassifier(max_epochs=5, random_state=0).fit(X, noisy)
    np.testing.assert_array_equal(clf.label_quality_, clf.predict_proba(X)[np.arange(60), noisy])


def fit_for(n):
    return CrossEntropyClassifier(max_epochs=n, module__scale_inputs=False, random_state=0)


def test_long_training_remembers_wrong_labels():
    X, clean, noisy = blobs(60)
    early, late = (fit_for(n).fit(X, noisy) for n in (10, 600))
    wrong = clean != noisy
    assert early.label_quality_[wrong].mean() < 0.1
    assert late.label_quality_[wrong].mean() > 0.5


def test_errors():
    with pytest.raises(ValueError, match="classes"):
        one_step().partial_fit(X, Y).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="[Nn]egative"):
        one_step().fit(X, Y, sample_weight=-np.ones(10))
    with pytest.raises(ValueError, match="[Ww]eight.*zero"):
        one_step().fit(X, Y, sample_weight=np.zeros(10))
    with pytest.raises(TypeError, match="trusted"):
        one_step().fit(X, Y, trusted=np.ones(10, dtype=bool))
