"""The fitted share of wrong labels: overlap is no noise, noise is no overlap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from skweak.audit.share import _objective, _patterns, fit_noise


def draw(n=4000, share=0.1, sharpness=3.0, n_classes=3, seed=0):
    """Draw labels from known probabilities and flip some; the classifier is right about the given labels."""
    random = np.random.RandomState(seed)
    logits = sharpness * random.randn(n, n_classes)
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (random.rand(n, 1) > true.cumsum(axis=1)).sum(axis=1).clip(max=n_classes - 1)
    flipped = random.rand(n) < share
    codes[flipped] = (codes[flipped] + random.randint(1, n_classes, flipped.sum())) % n_classes
    return codes, (1 - share) * true + share * (1 - true) / (n_classes - 1), flipped


@pytest.mark.parametrize("sharpness", [1.5, 6.0])
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_overlap_is_told_from_noise(share, sharpness):
    codes, proba, flipped = draw(share=share, sharpness=sharpness)
    found = fit_noise(codes, proba, n_bootstraps=5)
    assert abs(found.share - flipped.mean()) < 0.03
    assert found.interval[0] <= found.share <= found.interval[1]


def test_one_way_flips_are_seen():
    random = np.random.RandomState(0)
    true = random.randint(4, size=2000)
    moved = random.rand(2000) < 0.3
    codes = np.where(moved, (true + 1) % 4, true)
    proba = 0.68 * np.eye(4)[true] + 0.28 * np.eye(4)[(true + 1) % 4] + 0.01
    proba = proba * np.exp(0.3 * random.randn(2000, 4))
    proba /= proba.sum(axis=1, keepdims=True)
    found = fit_noise(codes, proba, n_bootstraps=2)
    assert abs(found.share - moved.mean()) < 0.03
    np.testing.assert_allclose(found.transition, 0.7 * np.eye(4) + 0.3 * np.roll(np.eye(4), 1, axis=1), atol=0.05)


def test_trusted_labels_are_right_by_definition():
    codes, proba, flipped = draw(1000)
    found = fit_noise(codes, proba, np.ones(1000, dtype=bool), n_bootstraps=2)
    assert found.share == 0 and (found.posterior == np.eye(3)[codes]).all()
    half = ~flipped & (np.arange(1000) % 2 == 0)
    assert (fit_noise(codes, proba, half, n_bootstraps=2).posterior[half].max(axis=1) == 1).all()


def test_the_gradient_is_that_of_the_objective():
    codes, proba, flipped = draw(50)
    known = 0.2 * np.eye(3)[proba.argmax(1)] * (np.arange(50) < 9)[:, None]
    data = np.log(proba), codes, ~flipped, known, _patterns(codes, proba)[2].T[codes]
    at = np.array([0.3, 0.2, -0.4, -1.0])
    assert check_grad(lambda x: _objective(x, *data)[0], lambda x: _objective(x, *data)[1], at) < 1e-3


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 5), st.integers(5, 40), st.integers(0, 10**6))
def test_whatever_the_probabilities_shares_are_shares(n_classes, n, seed):
    random = np.random.RandomState(seed)
    proba = random.dirichlet(np.full(n_classes, 0.3), n)
    found = fit_noise(random.randint(n_classes, size=n), proba, n_bootstraps=2)
    assert 0 <= found.interval[0] <= found.share <= found.interval[1] <= 1
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1)
    np.testing.assert_allclose(found.transition.sum(axis=1), 1)
