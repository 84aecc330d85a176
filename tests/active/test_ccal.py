"""CCAL with given features: hand-computed scores, shares of the classes, and a slow loop."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skweak.active import CCAL
from skweak.active.ccal import _closeness
from skweak.active.scores.neighbors import top_similarities

LABELED = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])


def learner_of(n_classes):
    return SimpleNamespace(classes_=np.arange(n_classes))


def test_closeness_by_hand():
    # Cosines of (0.6, 0.8) to the two anchors: 0.6 and 0.48 + 0.48 = 0.96; between the anchors 0.8.
    found = _closeness(np.array([[0.6, 0.8]]), LABELED[:2])
    assert found[0] == pytest.approx((0.96 - 0.6) + 0.8 + 0.96)
    # One anchor stands for both: no difference, and it is like itself.
    assert _closeness(np.array([[3.0, 4.0]]), LABELED[2:])[0] == pytest.approx(0 + 1 + 0.8)


def slow_ccal(X, labeled, y, n_instances, k, t):
    def cosine(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    def scale(v):
        return (v - v.min()) / (v.max() - v.min())

    near = scale(np.array([max(cosine(x, a) for a in labeled) for x in X]))
    e = np.exp(-k * (near - t))
    semantic = (1 - e) / (1 + e)
    picks, best = [], {}
    classes = np.unique(y)
    for number, label in enumerate(classes):
        anchors = labeled[y == label]
        raw = []
        for x in X:
            order = sorted(range(len(anchors)), key=lambda i: -cosine(x, anchors[i]))[:2]  # noqa: B023
            one, two = (cosine(x, anchors[i]) for i in order)
            raw.append((one - two) + cosine(anchors[order[0]], anchors[order[1]]) + one)
        scores = semantic + 1 - scale(np.array(raw))
        share = n_instances // len(classes) + (number < n_instances % len(classes))
        for row in np.argsort(-scores, kind="stable"):
            if share and row not in picks:
                picks.append(int(row))
                best[int(row)] = scores[row]
                share -= 1
    return sorted(picks, key=lambda row: -best[row]), best


def test_it_equals_a_slow_loop():
    generator = np.random.default_rng(0)
    X, labeled = generator.normal(size=(40, 4)), generator.normal(size=(12, 4))
    y = np.arange(12) % 3
    indices, scores = CCAL(steepness=5.0, threshold=0.6)(learner_of(3), X, 11, labeled=(labeled, y))
    picks, best = slow_ccal(X, labeled, y, 11, 5.0, 0.6)
    assert indices.tolist() == picks
    np.testing.assert_allclose(scores, [best[row] for row in picks], atol=1e-12)


def test_unknown_rows_are_no_anchors():
    X = np.random.default_rng(1).normal(size=(20, 2))
    with_junk = np.vstack([LABELED, [[-1.0, -1.0]]]), np.array([0, 0, 1, -1])
    expected = CCAL()(learner_of(2), X, 6, labeled=(LABELED, [0, 0, 1]))
    found = CCAL()(learner_of(2), X, 6, labeled=with_junk)
    assert found[0].tolist() == expected[0].tolist()


def test_rows_far_from_everything_labeled_come_last():
    near = np.array([[1.0, 0.1], [0.1, 1.0], [0.9, 0.5]])
    X = np.vstack([-near, near])
    indices = CCAL()(learner_of(2), X, 6, labeled=(LABELED, [0, 0, 1]))[0]
    assert set(indices[:3].tolist()) == {3, 4, 5}


def test_encoders_may_be_functions_or_transformers():
    generator = np.random.default_rng(2)
    X, labeled, y = generator.normal(size=(30, 3)), generator.normal(size=(6, 3)), np.arange(6) % 2
    scaler = StandardScaler().fit(X)
    by_hand = CCAL()(learner_of(2), scaler.transform(X), 5, labeled=(scaler.transform(labeled), y))
    given = CCAL(semantic=scaler, distinctive=scaler.transform)(learner_of(2), X, 5, labeled=(labeled, y))
    assert given[0].tolist() == by_hand[0].tolist()
    mixed = CCAL(semantic=scaler)(learner_of(2), X, 5, labeled=(labeled, y))
    assert not np.array_equal(mixed[1], by_hand[1])


@pytest.mark.parametrize("n_top", [1, 2, 4])
def test_top_similarities_equal_a_sort(n_top):
    generator = np.random.default_rng(3)
    X, anchors = generator.normal(size=(17, 5)), generator.normal(size=(4, 5))
    cosine = X @ anchors.T / np.linalg.norm(X, axis=1)[:, None] / np.linalg.norm(anchors, axis=1)
    values, places = top_similarities(X, anchors, n_top)
    np.testing.assert_array_equal(places, np.argsort(-cosine, axis=1)[:, :n_top])
    np.testing.assert_allclose(values, -np.sort(-cosine, axis=1)[:, :n_top], atol=1e-12)


def test_top_similarities_repeat_the_last_anchor():
    values, places = top_similarities(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]), 3)
    assert values.tolist() == [[1, 0, 0]] and places.tolist() == [[1, 0, 0]]
