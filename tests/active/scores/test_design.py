"""Design of experiments, kernels and joint information: against brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import xlogy

from skweak.active.scores import (
    batch_bald,
    committee_disagreement,
    expected_cost_reduction,
    expected_gradient_length,
    fisher_greedy,
    last_layer_gain,
    neighbor_divergence,
    quire,
)

SEEDS = st.integers(0, 10_000)


def simplex(generator, *shape):
    values = generator.random(shape) ** 3 + 1e-3
    return values / values.sum(axis=-1, keepdims=True)


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_gains_are_decreases_of_the_trace(seed):
    generator = np.random.default_rng(seed)
    h, w = generator.normal(size=(12, 3)), generator.random(12)
    known, known_weight = generator.normal(size=(4, 3)), generator.random(4)
    fisher = (h * w[:, None]).T @ h / 12

    def trace(rows):
        information = np.eye(3) + (known * known_weight[:, None]).T @ known
        information = information + (h[rows] * w[rows, None]).T @ h[rows]
        return np.trace(np.linalg.solve(information, fisher))

    facts = {"labeled_features": known, "labeled_weight": known_weight}
    index, gain = fisher_greedy(h, w, 5, oversample=1.0, **facts)
    np.testing.assert_allclose(gain, [trace(index[:k]) - trace(index[: k + 1]) for k in range(5)], rtol=1e-7)
    # The first pick is the best of all, and giving back keeps the batch distinct.
    assert trace(index[:1]) == pytest.approx(min(trace(np.array([row])) for row in range(12)))
    kept = fisher_greedy(h, w, 5, **facts)[0]
    assert len(set(kept.tolist())) == 5
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    assert fisher_greedy(h @ turn, w, 5, labeled_features=known @ turn, labeled_weight=known_weight)[0].tolist() == (
        kept.tolist()
    )


def test_quire_is_the_min_max():
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(7, 2)), np.array([1.0, -1.0, 1.0])
    kernel = np.exp(-((X[:, None] - X) ** 2).sum(axis=2))
    scores = quire(kernel[:3, :3], kernel[:3, 3:], y)
    matrix = np.linalg.inv(kernel + np.eye(7))
    for row in range(3, 7):
        others = np.setdiff1d(np.arange(3, 7), [row])

        def loss(label, row=row, others=others):
            def value(free):
                full = np.empty(7)
                full[:3], full[row], full[others] = y, label, free
                return full @ matrix @ full

            return minimize(value, np.zeros(3)).fun

        constant = y @ np.linalg.inv(kernel[:3, :3] + np.eye(3)) @ y
        np.testing.assert_allclose(scores[row - 3], constant - max(loss(1.0), loss(-1.0)), atol=1e-5)
    two_columns = quire(kernel[:3, :3], kernel[:3, 3:], np.column_stack([y, -y]))
    np.testing.assert_allclose(two_columns, 2 * scores)
    far = quire(kernel[:3, :3], kernel[:3, 3:], y, ridge=1e9)
    np.testing.assert_allclose(far, far[0], rtol=1e-6)
    with pytest.raises(ValueError, match="-1 and 1"):
        quire(np.eye(1), np.eye(1), [0.0])


def joint_information(proba, rows):
    n_members, _, n_classes = proba.shape
    joint = 0.0
    for labels in product(range(n_classes), repeat=len(rows)):
        chance = np.prod([proba[:, row, label] for row, label in zip(rows, labels, strict=True)], axis=0).mean()
        joint -= xlogy(chance, chance)
    return joint + sum(xlogy(proba[:, row], proba[:, row]).sum(axis=1).mean() for row in rows)


@settings(deadline=None, max_examples=10)
@given(SEEDS)
def test_batch_bald_is_the_joint_information(seed):
    proba = simplex(np.random.default_rng(seed), 4, 6, 3)
    index, score = batch_bald(proba, 3)
    np.testing.assert_allclose(np.cumsum(score), [joint_information(proba, index[:k]) for k in (1, 2, 3)], atol=1e-9)
    assert (np.diff(score) <= 1e-9).all()
    assert index[0] == committee_disagreement(proba, kind="consensus_kl").argmax()
    best = max(joint_information(proba, [index[0], row]) for row in range(6) if row != index[0])
    assert score[:2].sum() == pytest.approx(best)


def test_batch_bald_by_draws_is_near():
    proba = simplex(np.random.default_rng(1), 5, 8, 3)
    exact, drawn = batch_bald(proba, 4), batch_bald(proba, 4, n_joint=20, random_state=0)
    assert drawn[0][:2].tolist() == exact[0][:2].tolist()
    np.testing.assert_allclose(batch_bald(proba, 4, n_joint=80, random_state=0)[1].sum(), exact[1].sum(), rtol=0.3)
    assert np.allclose(batch_bald(proba[:1], 2)[1], 0)
    twins = batch_bald(np.repeat(proba[:, :1], 2, axis=1), 2)[1]
    assert twins[1] < twins[0]


def test_committees_by_hand():
    sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    expected = {"vote_entropy": np.log(2), "soft_vote_entropy": np.log(2), "consensus_kl": np.log(2),
                "variation_ratio": 0.5, "max_disagreement": np.log(2), "std": 0.5}  # fmt: skip
    for kind, value in expected.items():
        np.testing.assert_allclose(committee_disagreement(sure, kind=kind), value)
        assert committee_disagreement(sure[:1], kind=kind) == pytest.approx(0)
    with pytest.raises(ValueError, match="kind"):
        committee_disagreement(sure, kind="noise")


def test_last_layer_scores_by_hand():
    proba, features = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[np.sqrt(3)], [5.0]])
    np.testing.assert_allclose(expected_gradient_length(proba, features), [2 * np.sqrt(0.5), 0], atol=1e-12)
    generator = np.random.default_rng(0)
    proba, features, gradient = simplex(generator, 5, 3), generator.normal(size=(5, 2)), generator.normal(size=(3, 3))
    residual = proba - np.eye(3)[proba.argmax(axis=1)]
    outer = np.einsum("nc,nd->ncd", residual, np.column_stack([features, np.ones(5)]))
    np.testing.assert_allclose(last_layer_gain(proba, features, gradient), np.einsum("ncd,cd->n", outer, gradient))
    known = simplex(generator, 4, 3)
    neighbors = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]])
    expected = [np.mean([(known[j] * np.log(known[j] / proba[i])).sum() for j in neighbors[i]]) for i in range(5)]
    np.testing.assert_allclose(neighbor_divergence(proba, known, neighbors), expected, rtol=1e-5)


def test_cost_reduction_by_brute_force():
    counts = np.array([[0.4, 1.2], [3.0, 0.1], [0.0, 0.0]])
    alpha = counts + 1e-3

    def one(row):
        total = alpha[row].sum()
        now = 1 - alpha[row, counts[row].argmax()] / total
        after = 0.0
        for label in range(2):
            new = alpha[row] + np.eye(2)[label]
            after += alpha[row, label] / total * (1 - new[np.argmax(counts[row] + np.eye(2)[label])] / (total + 1))
        return now - after

    np.testing.assert_allclose(
        expected_cost_reduction(counts, max_labels=1), [one(row) for row in range(3)], atol=1e-12
    )
    gains = expected_cost_reduction(counts)
    assert gains.argmax() == 2 and (gains >= expected_cost_reduction(counts, max_labels=1) - 1e-12).all()
    with pytest.raises(ValueError, match="counts must be at least 0"):
        expected_cost_reduction(-counts)
