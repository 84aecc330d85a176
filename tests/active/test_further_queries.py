"""Strategies for several models, groups, novel classes, weak teachers and graphs: the idea of each on ten rows or so."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skweak.active import (
    MUSCDB,
    ActiveGCD,
    ActiveLearner,
    ConfusionQuery,
    DifficultyBalanced,
    DisharmonyQuery,
    LewisSampling,
    MarginSampling,
    RobustDistillation,
    SubspaceQuery,
)

LINE = np.linspace(-1, 1, 10)[:, None]
LEARNER = LogisticRegression(C=100).fit([[-1.0], [-0.9], [0.9], [1.0]], [0, 0, 1, 1])
LABELED = (np.array([[-1.0], [1.0], [1.1]]), np.array([0, 1, 1]))


def test_one_query_serves_two_models():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 200, 3))
    first[7] *= 50
    second[8] *= 50
    strategy = LewisSampling()
    indices, scores = strategy(LEARNER, first, 20, features=[first, second])
    # Each of the two rows decides the fit of one model.
    assert {7, 8} <= set(indices.tolist()) and scores[1] > 0.9
    for draw in ("iid", "systematic"):
        totals = []
        for seed in range(300):
            strategy = LewisSampling(draw=draw, random_state=seed)
            rows, weight = strategy.weights(LEARNER, first, 20, features=[first, second])
            totals.append((weight * (1 + second[rows, 0])).sum())
        # Weighted sums over the chosen rows estimate those over the pool.
        assert np.mean(totals) == pytest.approx((1 + second[:, 0]).sum(), rel=0.15), draw
    assert rows.tolist() == strategy(LEARNER, first, 20, features=[first, second])[0].tolist()
    assert [len(part) for part in strategy.weights(LEARNER, first, 0)] == [0, 0]
    with pytest.raises(ValueError, match=r"features must be arrays \(n, d\) of 200 rows"):
        strategy(LEARNER, first, 5, features=[first[:9]])


def test_weighted_fits_on_few_rows_come_near_the_fit_on_all():
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(500, 4)) * np.exp(generator.normal(size=500) * 2)[:, None]
    target = rows @ [1.0, -2, 3, 0.5] + generator.normal(size=500)

    def cost(index, weight):
        root = np.sqrt(weight)
        fit = np.linalg.lstsq(rows[index] * root[:, None], target[index] * root, rcond=None)[0]
        return ((rows @ fit - target) ** 2).sum()

    ours, drawn = [], []
    for seed in range(20):
        ours.append(cost(*LewisSampling(random_state=seed).weights(LEARNER, rows, 20)))
        index = np.random.default_rng(seed).choice(500, 20, replace=False)
        drawn.append(cost(index, np.ones(20)))
    full = cost(np.arange(500), np.ones(500))
    assert np.mean(ours) < 1.6 * full and np.mean(ours) < np.mean(drawn)


def test_doubtful_images_come_first():
    # Rows 4 and 5 are the most uncertain; the image of row 4 is sure of all else, that of row 5 is not.
    groups = np.array([0, 0, 1, 1, 0, 1, 1, 1, 0, 0])
    assert MUSCDB()(LEARNER, LINE, 1, labeled=LABELED, groups=groups)[0][0] == 5
    assert set(MUSCDB()(LEARNER, LINE, 2, labeled=LABELED)[0]) == {4, 5}
    # Class 0 is the rare one.
    picks = MUSCDB()(LEARNER, LINE, 5, labeled=(np.zeros((20, 1)), np.array([0] + [1] * 19)))[0]
    assert (picks < 5).sum() == 3
    with pytest.raises(ValueError, match="groups has shape"):
        MUSCDB()(LEARNER, LINE, 1, labeled=LABELED, groups=[0])


def test_novel_classes_are_sought():
    learner = LogisticRegression(C=100).fit([[-1.0], [0.0], [1.0]], [0, 1, 2])
    sure = ActiveGCD()(learner, LINE, 4, labeled=([[-1.0]], [0]))[0]
    # Two of each class without labels, the surest first; old rows are on the left.
    assert set(sure) == {4, 5, 8, 9} and set(ActiveGCD(old_classes=[0, 1])(learner, LINE, 2, labeled=LABELED)[0]) == {8, 9}
    later = ActiveGCD(adaptive_round=0)(learner, LINE, 4, labeled=([[-1.0]], [0]))[0]
    assert set(later) != set(sure) and later.min() >= 3
    bought = ActiveLearner(LogisticRegression(C=100), ActiveGCD(old_classes=[0], adaptive_round=1), [[-1.0], [0.0], [1.0]],
                           [0, 1, 2])  # fmt: skip
    first = bought.query(LINE, n_instances=4)[0]
    bought.teach([[0.05]], [1])
    assert set(bought.query(LINE, n_instances=4)[0]) != set(first)
    # Without novel classes the smallest margins are left.
    assert set(ActiveGCD()(LEARNER, LINE, 2, labeled=LABELED)[0]) == {4, 5}


def test_contradictions_are_asked():
    forest = RandomForestClassifier(20, random_state=0).fit(LINE, [0, 0, 0, 0, 1, 0, 1, 1, 1, 1])
    picks, scores = ConfusionQuery()(forest, LINE, 10)
    assert {4, 5} <= set(picks[:4].tolist()) and (scores <= 0.5).all() and scores[-1] < 0.1
    double = ConfusionQuery(weight=0.0)(forest, LINE, 10)[1]
    np.testing.assert_allclose(double, 2 * scores)


def test_difficulty_is_balanced():
    picks = DifficultyBalanced()(LEARNER, LINE, 4)[0]
    distance = np.abs(LINE[picks, 0])
    assert distance[0] > 0.7 and distance[-1] < 0.4
    assert set(DifficultyBalanced(shares=(0, 0, 1))(LEARNER, LINE, 2)[0]) <= {3, 4, 5, 6}
    # Complexity counts as much as uncertainty: rows on the right are complex.
    right = DifficultyBalanced(shares=(0, 0, 1), complexity=lambda rows: 100 * rows[:, 0])(LEARNER, LINE, 3)[0]
    assert LINE[right, 0].mean() > 0
    with pytest.raises(ValueError, match="complexity must return one finite number"):
        DifficultyBalanced(complexity=lambda rows: rows)(LEARNER, LINE, 3)


def test_a_weak_teacher_is_not_asked_only_where_it_errs():
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 2] / 16, y[y < 2]
    X = X + np.random.default_rng(0).normal(0, 0.9, X.shape)
    start, pool, test = np.r_[0:12], slice(12, 240), slice(240, None)
    learner = LogisticRegression(max_iter=300).fit(X[start], y[start])
    margin = np.abs(learner.predict_proba(X[pool])[:, 0] - 0.5)
    # The teacher errs on half of the rows of smallest margin.
    answers, hard = y[pool].copy(), np.argsort(margin)[:60]
    wrong = hard[np.random.default_rng(1).random(60) < 0.5]
    answers[wrong] = 1 - answers[wrong]

    def accuracy(picks):
        rows, labels = np.vstack([X[start], X[pool][picks]]), np.concatenate([y[start], answers[picks]])
        return LogisticRegression(max_iter=300).fit(rows, labels).score(X[test], y[test])

    plain = accuracy(MarginSampling()(learner, X[pool], 50)[0])
    ours = [accuracy(RobustDistillation(error_rate=0.3, random_state=s)(learner, X[pool], 50)[0]) for s in range(5)]
    assert np.mean(ours) > plain + 0.01
    none = RobustDistillation(error_rate=0.0)(learner, X[pool], 50)[0]
    assert set(none) == set(MarginSampling()(learner, X[pool], 50)[0])


def test_graphs_are_given_or_made():
    rows = np.repeat([[0.0, 1.0], [1.0, 0.0]], 5, axis=0) + np.random.default_rng(0).normal(0, 0.05, (10, 2))
    blocks = np.kron(np.eye(2), np.ones((5, 5)) - np.eye(5))
    for facts in ({}, {"graph": blocks}):
        assert SubspaceQuery(n_neighbors=3, n_clusters=2)(LEARNER, rows, 10, **facts)[0].shape == (10,)
    chain = np.diag(np.ones(9), 1) + np.diag(np.ones(9), -1)
    assert set(DisharmonyQuery()(LEARNER, LINE, 2, graph=chain)[0]) <= {3, 4, 5, 6}
    # Without edges only the uncertainty speaks.
    assert DisharmonyQuery()(LEARNER, LINE[:5], 1, graph=np.zeros((5, 5)))[0].tolist() == [4]
    with pytest.raises(ValueError, match="graph must be a matrix"):
        DisharmonyQuery()(LEARNER, LINE, 2, graph=np.eye(3))
