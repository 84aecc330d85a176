import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from scipy.stats import dirichlet, entropy

from skweak.active.scores import (
    aleatoric_uncertainty,
    ambiguity,
    dirichlet_uncertainty,
    epistemic_energy,
    max_activation_posterior,
    purity_margin,
)
from skweak.utils import mixture_posterior

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def matrices(draw, low=-50, high=50, min_columns=2):
    shape = draw(st.integers(1, 8)), draw(st.integers(min_columns, 5))
    return draw(arrays(np.float64, shape, elements=st.floats(low, high, width=32)))


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_no_evidence_by_hand(n_classes):
    data, knowledge = dirichlet_uncertainty(np.ones((1, n_classes)))
    # psi(K + 1) - psi(2) = 1/2 + 1/3 + ... + 1/K
    harmonic = sum(1 / j for j in range(2, n_classes + 1))
    np.testing.assert_allclose(data, harmonic)
    np.testing.assert_allclose(knowledge, math.log(n_classes) - harmonic)


@COMMON
@given(matrices(-6, 10), st.floats(1.01, 1e6), st.randoms(use_true_random=False))
def test_dirichlet_uncertainty_laws(logits, factor, random):
    concentration = np.exp(logits) + 1e-3
    data, knowledge = dirichlet_uncertainty(concentration)
    mean = concentration / concentration.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(data + knowledge, entropy(mean, axis=1), atol=1e-9)
    assert (
        (data >= -1e-12).all() and (data <= math.log(logits.shape[1]) + 1e-9).all() and (knowledge >= 0).all()
    )
    more_data, less_knowledge = dirichlet_uncertainty(factor * concentration)
    assert (less_knowledge <= knowledge + 1e-9).all() and (more_data >= data - 1e-9).all()
    classes = list(range(logits.shape[1]))
    random.shuffle(classes)
    moved = dirichlet_uncertainty(concentration[::-1, classes])
    np.testing.assert_allclose(moved, (data[::-1], knowledge[::-1]), atol=1e-9)


def test_data_uncertainty_is_the_expected_entropy():
    concentration = np.array([0.7, 2.0, 5.0])
    draws = dirichlet.rvs(concentration, size=40_000, random_state=0)
    data, _ = dirichlet_uncertainty(concentration[None])
    assert data[0] == pytest.approx(entropy(draws, axis=1).mean(), abs=5e-3)


def test_huge_and_tiny_concentrations_stay_finite_and_non_negative():
    # The plain difference is -1e-15 for the second row.
    concentration = np.array([[1e12, 1e12 + 1], [1e16, 2e16], [1e-200, 1e-200], [1e-300, 1e12]])
    for part in dirichlet_uncertainty(concentration):
        assert np.isfinite(part).all() and (part >= 0).all()


def test_evidence_counts_where_softmax_sees_none():
    logits = np.array([[3.0, 1.0], [8.0, 6.0]])
    _, knowledge = dirichlet_uncertainty(np.exp(logits) + 1)
    np.testing.assert_allclose(*softmax(logits, axis=1))
    assert knowledge[1] < knowledge[0] / 10


def activations(seed=0):
    """Two known classes and unknown; half of the rows of each known class are weak."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 0.3, size=(60, 3))
    logits[np.arange(60), np.arange(60) % 3] += np.where(np.arange(60) < 30, 8, 3)
    return logits


def test_max_activation_equals_a_mixture_per_predicted_class():
    logits = activations()
    posterior = max_activation_posterior(logits, random_state=2)
    for label in (0, 1):
        rows = np.arange(60) % 3 == label
        expected = mixture_posterior(logits[rows].max(axis=1), random_state=2)
        np.testing.assert_array_equal(posterior[rows], expected)
        assert (expected[:10] > 0.99).all() and (expected[10:] < 0.01).all()
    assert (posterior[np.arange(60) % 3 == 2] == 0).all()


def test_max_activation_depends_on_size_not_on_a_common_shift():
    logits = activations()
    posterior = max_activation_posterior(logits)
    np.testing.assert_allclose(max_activation_posterior(logits + 5), posterior, atol=1e-6)
    per_row = max_activation_posterior(logits + np.arange(60)[::-1, None])
    assert not np.allclose(per_row, posterior, atol=0.1)


def test_a_class_with_one_row_scores_zero():
    logits = np.array([[5.0, 0, 0], [0, 4.0, 0], [0, 5.0, 0], [0, 0, 9.0]])
    posterior = max_activation_posterior(logits)
    assert posterior[0] == 0 and posterior[3] == 0
    assert posterior[2] > 0.99 and posterior[1] < 0.01


@COMMON
@given(matrices())
def test_max_activation_range(logits):
    posterior = max_activation_posterior(logits)
    assert posterior.shape == (len(logits),) and posterior.dtype == np.float64
    assert (posterior >= 0).all() and (posterior <= 1).all()
    assert (posterior[logits.argmax(axis=1) == logits.shape[1] - 1] == 0).all()


def test_aleatoric_by_hand():
    logits = np.log([[0.7, 0.2, 0.1], [0.25, 0.5, 0.25]])
    np.testing.assert_allclose(aleatoric_uncertainty(logits), np.log([0.3, 0.5]))
    # Two equal maxima: the other one counts as wrong.
    np.testing.assert_allclose(aleatoric_uncertainty(np.array([[2.0, 2.0]])), np.log([0.5]))


def test_aleatoric_keeps_its_digits_far_below_rounding():
    # 1 - p = exp(-50) / (1 + exp(-50)), which 1 - p rounds to 0
    np.testing.assert_allclose(aleatoric_uncertainty(np.array([[50.0, 0.0]])), -50, rtol=1e-12)
    assert aleatoric_uncertainty(np.array([[61.0, 0.0], [1e4, 0.0], [1e300, -1e300]])).tolist() == [-60] * 3


@COMMON
@given(matrices(-8, 8), st.floats(-30, 30), st.randoms(use_true_random=False))
def test_aleatoric_laws(logits, shift, random):
    score = aleatoric_uncertainty(logits)
    np.testing.assert_allclose(np.exp(score), 1 - softmax(logits, axis=1).max(axis=1), rtol=1e-6)
    assert (score <= math.log(1 - 1 / logits.shape[1]) + 1e-12).all()
    classes = list(range(logits.shape[1]))
    random.shuffle(classes)
    np.testing.assert_allclose(aleatoric_uncertainty(logits[::-1, classes] + shift), score[::-1], atol=1e-9)


def test_epistemic_energy_by_hand():
    values = np.log([[1.0, 3.0, 1.0]])
    # -log(1 + 3), and with the unknown column + log(1 + 1)
    np.testing.assert_allclose(epistemic_energy(values[:, :2], n_known=2), -math.log(4))
    np.testing.assert_allclose(epistemic_energy(values, n_known=2), math.log(2) - math.log(4))


@COMMON
@given(matrices(-1e4, 1e4), st.floats(0.5, 10))
def test_energy_falls_with_known_and_rises_with_unknown_evidence(values, step):
    n_known = values.shape[1] - 1
    energy = epistemic_energy(values, n_known=n_known)
    assert np.isfinite(energy).all()
    known, unknown = values.copy(), values.copy()
    known[:, :n_known] += step
    unknown[:, n_known] += step
    np.testing.assert_allclose(epistemic_energy(known, n_known=n_known), energy - step, atol=1e-8)
    assert (epistemic_energy(unknown, n_known=n_known) >= energy).all()
    order = [*range(n_known)[::-1], n_known]
    np.testing.assert_allclose(epistemic_energy(values[:, order], n_known=n_known), energy, atol=1e-8)


def test_energy_takes_counts():
    assert epistemic_energy(np.array([[0, 0], [3, 0]]), n_known=2).round(3).tolist() == [-0.693, -3.049]


def test_purity_margin_by_hand():
    logits = np.array([[1.0, 4.0, 2.5, 0.0], [1.0, -1.0, 0.0, 5.0]])
    assert purity_margin(logits, n_known=2).tolist() == [1.5, -4]
    assert purity_margin(logits, n_known=4).tolist() == [4, 5]


@COMMON
@given(matrices(), st.floats(-9, 9, width=16))
def test_purity_margin_ignores_a_shift_once_there_are_unknown_outputs(logits, shift):
    margin = purity_margin(logits, n_known=1)
    np.testing.assert_allclose(purity_margin(logits + shift, n_known=1), margin, atol=1e-9)
    expected = [row[0] - max(row[1:]) for row in logits.tolist()]
    np.testing.assert_allclose(margin, expected)


def divergence(first, second):
    middle = (first + second) / 2
    return (middle * np.log(middle / first)).sum() / 2 + (middle * np.log(middle / second)).sum() / 2


@COMMON
@given(matrices(-20, 20), st.sampled_from([1e-8, 1e-3]), st.randoms(use_true_random=False))
def test_ambiguity_equals_a_loop_and_follows_permutations(logits, eps, random):
    proba = softmax(logits, axis=1)
    score = ambiguity(proba, eps=eps)
    n_classes = proba.shape[1]
    for row, value in zip(proba, score, strict=True):
        smooth = [
            (part + eps) / (part + eps).sum()
            for part in (row, np.eye(n_classes)[row.argmax()], np.full(n_classes, 1 / n_classes))
        ]
        expected = divergence(smooth[0], smooth[1]) * divergence(smooth[0], smooth[2])
        np.testing.assert_allclose(value, expected, rtol=1e-7, atol=1e-13)
    assert (score >= -1e-12).all()
    classes = list(range(n_classes))
    random.shuffle(classes)
    if (np.sort(proba, axis=1)[:, -2] < proba.max(axis=1)).all():
        np.testing.assert_allclose(ambiguity(proba[::-1, classes], eps=eps), score[::-1], atol=1e-9)


def test_ambiguity_vanishes_at_both_ends():
    ends = np.array([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(ambiguity(ends), 0, atol=1e-6)
    assert ambiguity(np.array([[0.5, 0.5, 0.0, 0.0]]))[0] > 1


def test_a_smaller_eps_weighs_the_distance_from_certain_more():
    values = [ambiguity(np.array([[0.6, 0.3, 0.1]]), eps=eps)[0] for eps in (1e-2, 1e-4, 1e-8)]
    assert (np.diff(values) > 0).all()


X = np.ones((3, 2))
NAN = np.array([[1.0, np.nan]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dirichlet_uncertainty(np.array([[1.0, 0.0]])), ValueError, "concentration contains 0"),
        (lambda: dirichlet_uncertainty(NAN), ValueError, "concentration contains 1 non-finite"),
        (lambda: dirichlet_uncertainty(X[:, :1]), ValueError, "concentration.*2 columns"),
        (lambda: dirichlet_uncertainty(X[0]), ValueError, "concentration.*2 dimensions"),
        (lambda: max_activation_posterior(X[:, :1]), ValueError, "logits.*2 columns"),
        (lambda: max_activation_posterior(X.astype(int)), TypeError, "logits.*int64"),
        (lambda: max_activation_posterior(NAN), ValueError, "logits contains 1 non-finite"),
        (lambda: max_activation_posterior(X[:0]), ValueError, "logits is empty"),
        (lambda: aleatoric_uncertainty(X[:, :1]), ValueError, "logits"),
        (lambda: aleatoric_uncertainty(NAN), ValueError, "logits"),
        (lambda: epistemic_energy(X, n_known=3), ValueError, "values has 2 columns.*n_known=3"),
        (lambda: epistemic_energy(np.ones((3, 4)), n_known=2), ValueError, "values has 4 columns"),
        (lambda: epistemic_energy(X, n_known=0), ValueError, "n_known"),
        (lambda: epistemic_energy(NAN, n_known=1), ValueError, "values"),
        (lambda: purity_margin(X, n_known=3), ValueError, "logits has 2 columns.*n_known=3"),
        (lambda: purity_margin(X, n_known=1.0), TypeError, "n_known"),
        (lambda: ambiguity(X), ValueError, "proba: row 0 sums to 2"),
        (lambda: ambiguity(X / 2, eps=0), ValueError, "eps"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
