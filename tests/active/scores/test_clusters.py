from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from skweak.active.scores import cluster_match_f1

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def clusterings(draw):
    n, n_known = draw(st.integers(1, 12)), draw(st.integers(1, 2))
    target = draw(arrays(np.int64, n, elements=st.integers(0, n_known)))
    clusters = draw(arrays(np.int64, n, elements=st.integers(0, 3)))
    return target, clusters, n_known


def test_perfect_clusters_score_one():
    target = np.array([0, 0, 1, 1, 2, 2, 2])
    score, matched = cluster_match_f1(target, np.array([3, 3, 0, 0, 1, 1, 2]), n_known=2)
    # The unknown rows may fall into several clusters; the largest of them is matched.
    assert score == pytest.approx(1) and matched.tolist() == [3, 0, 1]
    assert matched.dtype == np.int64


def test_score_by_hand():
    target = np.array([0, 0, 0, 1, 1, 1])
    clusters = np.array([0, 0, 1, 1, 1, 1])
    score, matched = cluster_match_f1(target, clusters, n_known=1)
    # Known: cluster 0 holds 2 of 3, nothing else: F1 = 4 / 5. Unknown, outside of it: 3 of 4 rows, all 3: F1
    # = 6 / 7.
    assert score == pytest.approx(np.sqrt(4 / 5 * 6 / 7)) and matched.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("target", "clusters"),
    [([0, 0, 1, 1], [0, 0, 1, 1]), ([2, 2, 0, 0], [0, 0, 1, 1]), ([0, 0, 1, 1, 2], [0, 0, 0, 0, 1])],
    ids=["no unknown rows", "a class without rows", "classes in one cluster"],
)
def test_a_label_that_is_missed_altogether_gives_zero(target, clusters):
    score, _ = cluster_match_f1(np.array(target), np.array(clusters), n_known=2)
    assert score == 0.0


def test_labels_without_a_cluster_are_marked():
    _, matched = cluster_match_f1(np.array([0, 1, 2, 2]), np.array([7, 7, 7, 7]), n_known=2)
    assert matched.tolist() == [-1, -1, 7]


@COMMON
@given(clusterings())
def test_score_and_matching_equal_brute_force(case):
    target, clusters, n_known = case
    score, matched = cluster_match_f1(target, clusters, n_known=n_known)
    found = matched[matched >= 0]
    names = np.unique(clusters)
    assert len(set(found.tolist())) == len(found) == min(len(names), n_known + 1)
    overlap = sum(np.sum((clusters == c) & (target == k)) for k, c in enumerate(matched))
    slots = [*names, *[-1] * (n_known + 1)]
    best = max(
        sum(np.sum((clusters == c) & (target == k)) for k, c in enumerate(choice))
        for choice in permutations(slots, n_known + 1)
    )
    assert overlap == best
    f1 = []
    for k, c in enumerate(matched):
        predicted = clusters == c if k < n_known else ~np.isin(clusters, matched[:n_known])
        f1.append(f1_score(target == k, predicted, zero_division=0))
    assert score == pytest.approx(np.prod(f1) ** (1 / (n_known + 1)), abs=1e-12)
    assert 0 <= score <= 1 + 1e-12


@COMMON
@given(clusterings())
def test_names_of_clusters_and_order_of_rows_do_not_matter(case):
    target, clusters, n_known = case
    score, matched = cluster_match_f1(target, clusters, n_known=n_known)
    renamed_score, renamed = cluster_match_f1(target, 10 * clusters + 5, n_known=n_known)
    assert renamed_score == score
    assert renamed.tolist() == np.where(matched >= 0, 10 * matched + 5, -1).tolist()
    moved_score, moved = cluster_match_f1(target[::-1], clusters[::-1], n_known=n_known)
    assert moved_score == score and moved.tolist() == matched.tolist()


T, K = np.array([0, 1, 2]), np.array([0, 1, 2])


@pytest.mark.parametrize(
    ("target", "clusters", "n_known", "error", "message"),
    [
        (T, K[:2], 2, ValueError, "clusters has 2 rows"),
        (T + 1, K, 2, ValueError, r"target contains 3.*0\.\.2"),
        (T, K - 1, 2, ValueError, "clusters contains -1"),
        (T * 1.0, K, 2, TypeError, "target"),
        (T[:0], K[:0], 2, ValueError, "target is empty"),
        (T, K, 0, ValueError, "n_known"),
    ],
)
def test_errors_name_the_parameter(target, clusters, n_known, error, message):
    with pytest.raises(error, match=message):
        cluster_match_f1(target, clusters, n_known=n_known)
