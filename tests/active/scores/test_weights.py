"""Lewis weights, and chances against wrong answers."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from skweak.active.scores import lewis_weights, robust_inclusion, systematic_sample

SEEDS = st.integers(0, 10_000)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.sampled_from([1.0, 1.5, 2.0, 3.0, 6.0]))
def test_lewis_weights_sum_to_the_rank_and_know_no_basis(seed, p):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(30, 4)) * generator.uniform(0.1, 9, 30)[:, None]
    weight = lewis_weights(rows, p=p)
    assert weight.sum() == pytest.approx(4, rel=1e-5) and (weight > 0).all() and (weight <= 1).all()
    gram = rows.T @ (weight[:, None] ** (1 - 2 / p) * rows)
    np.testing.assert_allclose(weight, np.einsum("ij,ji->i", rows, np.linalg.solve(gram, rows.T)) ** (p / 2), rtol=1e-4)
    np.testing.assert_allclose(lewis_weights(rows @ generator.normal(size=(4, 4)), p=p), weight, rtol=1e-4)
    # A column that is the sum of others changes nothing.
    np.testing.assert_allclose(lewis_weights(np.column_stack([rows, rows.sum(1)]), p=p), weight, rtol=1e-4)


def test_lewis_weights_by_hand():
    assert lewis_weights([[2.0], [0.0], [1.0]]).round(6).tolist() == [0.8, 0.0, 0.2]
    assert lewis_weights([[2.0], [0.0], [1.0]], p=1.0).round(6).tolist() == [0.666667, 0.0, 0.333333]
    assert lewis_weights(np.zeros((3, 2))).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="p must be at least 1"):
        lewis_weights([[1.0]], p=0.5)


def optimum(gain, size, wrong):
    """The worst case of the best chances, by linear programming over chances, a threshold and what exceeds it."""
    n = len(gain)
    # max sum v - 2 (wrong t + sum s) with v = p g and s >= v - t, s >= 0.
    cost = np.concatenate([-gain, [2.0 * wrong], np.full(n, 2.0)])
    above = np.column_stack([np.diag(gain), -np.ones(n), -np.eye(n)])
    total = np.concatenate([np.ones(n), np.zeros(n + 1)])[None]
    bounds = [(0, 1)] * n + [(None, None)] + [(0, None)] * n
    return -linprog(cost, above, np.zeros(n), total, [size], bounds).fun


def worst_case(chances, gain, wrong):
    value = np.sort(chances * gain)[::-1]
    return value.sum() - 2 * value[:wrong].sum()


# In the first the best level does not fill the batch: some rows must exceed it.
@example(1560)
@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_chances_are_the_best_against_the_worst(seed):
    generator = np.random.default_rng(seed)
    gain = generator.uniform(0.01, 1, 12)
    size, wrong = int(generator.integers(1, 12)), int(generator.integers(0, 5))
    chances = robust_inclusion(gain, size, wrong)
    assert (chances >= 0).all() and (chances <= 1).all() and chances.sum() == pytest.approx(size, abs=1e-9)
    assert worst_case(chances, gain, wrong) == pytest.approx(optimum(gain, size, wrong), abs=1e-5)
    turn = generator.permutation(12)
    np.testing.assert_allclose(robust_inclusion(gain[turn], size, wrong), chances[turn], atol=1e-9)
    if wrong == 0:
        assert set(np.flatnonzero(chances > 0.5)) == set(np.argsort(-gain)[:size])


def test_draws_follow_their_chances():
    chances = np.array([1.0, 0.5, 0.25, 0.25, 0.0])
    drawn = [systematic_sample(chances, random_state=seed) for seed in range(2000)]
    assert all(len(set(picks.tolist())) == 2 for picks in drawn)
    np.testing.assert_allclose(np.bincount(np.concatenate(drawn), minlength=5) / 2000, chances, atol=0.035)
    with pytest.raises(ValueError, match="add up to a whole number"):
        systematic_sample([0.5, 0.2])
    with pytest.raises(ValueError, match="gain has only 2"):
        robust_inclusion([1.0, 1.0], 3, 0)
    with pytest.raises(ValueError, match="at least 0"):
        robust_inclusion([-1.0], 1, 0)
