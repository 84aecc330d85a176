"""Votes of neighbours: by hand, their laws, and what they find in digits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skweak.metrics import neighbor_agreement, neighbor_agreement_scorer, neighbor_votes

fast = settings(max_examples=25, deadline=None, derandomize=True)

X = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], dtype=float)
Y = np.array([0, 0, 1, 1, 1, 1])


def slow_votes(X, y, n_neighbors, n_classes):
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    votes = np.zeros((len(X), n_classes))
    for i in range(len(X)):
        similarity = unit @ unit[i]
        others = [j for j in np.argsort(-similarity, kind="stable") if j != i][: n_neighbors - 1]
        own = 1 - (2 * (1 - similarity[others[0]]) - (1 - similarity[others[1]]))
        votes[i, y[i]] += min(1, max(0, own))
        for j in others:
            votes[i, y[j]] += max(0, similarity[j])
        votes[i] = votes[i] / votes[i].sum() if votes[i].sum() > 0 else np.eye(n_classes)[y[i]]
    return votes


def test_votes_by_hand():
    # Among the first three rows two say 0 and one says 1, each with similarity 1.
    np.testing.assert_allclose(neighbor_votes(X, Y, n_neighbors=3), [[2 / 3, 1 / 3]] * 3 + [[0, 1]] * 3)


@fast
@given(st.integers(0, 10_000), st.integers(3, 7))
def test_votes_equal_a_slow_loop(seed, n_neighbors):
    random = np.random.RandomState(seed)
    features, y = random.randn(12, 3), random.randint(0, 3, 12)
    votes = neighbor_votes(features, y, n_neighbors=n_neighbors, classes=[0, 1, 2])
    np.testing.assert_allclose(votes, slow_votes(features, y, n_neighbors, 3), atol=1e-9)
    np.testing.assert_allclose(votes.sum(1), 1)
    order = random.permutation(12)
    np.testing.assert_allclose(
        neighbor_votes(features[order] * 7, y[order], n_neighbors=n_neighbors, classes=[0, 1, 2]), votes[order], atol=1e-9
    )


def test_kinds_of_features_agree():
    random = np.random.RandomState(0)
    images, y = random.rand(20, 1, 3, 3), random.randint(0, 2, 20)
    flat = images.reshape(20, 9)
    expected = neighbor_votes(flat, y, n_neighbors=4)
    np.testing.assert_allclose(neighbor_votes(images, y, n_neighbors=4), expected)
    np.testing.assert_allclose(neighbor_votes(sparse.csr_matrix(flat), y, n_neighbors=4), expected)


def test_rows_without_a_similar_one_keep_their_label():
    assert neighbor_votes(np.vstack([X, [[0.0, 0.0]]]), [*Y, 0], n_neighbors=3)[6].tolist() == [1, 0]


def test_agreement_by_hand():
    # The neighbours say 0, 0, 0, 1, 1, 1; five of six predictions agree.
    assert neighbor_agreement(X, Y, [0, 0, 0, 1, 1, 0], n_neighbors=3) == pytest.approx(5 / 6)


def test_a_model_that_repeats_mistakes_falls_behind():
    features, y = load_digits(return_X_y=True)
    random = np.random.RandomState(0)
    noisy = np.where(random.rand(len(y)) < 0.4, random.randint(0, 10, len(y)), y)
    right = LogisticRegression(max_iter=300).fit(features[:1200], y[:1200])
    assert neighbor_agreement(features, noisy, y) > neighbor_agreement(features, noisy, noisy) + 0.3
    assert neighbor_agreement_scorer(right, features[1200:], noisy[1200:]) > 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_neighbors": 2}, "n_neighbors must be an integer of at least 3, got 2"),
        ({"n_neighbors": 6}, "n_neighbors=6 needs more than 6 rows, got 6"),
        ({"n_neighbors": 3, "classes": [0, 2]}, "y holds .*1.*, which is not among classes"),
        ({"n_neighbors": 3, "y": [0, 1]}, "y has 2 labels but X has 6 rows"),
    ],
    ids=["few", "many", "class", "rows"],
)
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        neighbor_votes(**({"X": X, "y": Y} | arguments))
    with pytest.raises(ValueError, match="y_pred has 1 labels but y has 6"):
        neighbor_agreement(X, Y, [0])
