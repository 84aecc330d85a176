import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skweak.active.scores import candidate_size, coarse_to_fine, top_k

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
# Few distinct values make ties frequent.
VALUES = st.sampled_from([-1.5, 0.0, 0.25, 1.0])


@st.composite
def columns(draw, n_columns, elements=VALUES, max_rows=12):
    n = draw(st.integers(1, max_rows))
    return [draw(arrays(np.float64, n, elements=elements)) for _ in range(n_columns)]


def test_top_k_by_hand():
    scores = np.array([1, 3, 2, 3, 2])
    assert top_k(scores, 3).tolist() == [1, 3, 2]
    assert top_k(scores, 3, tie_break=np.array([0, 0, 0, 1, 1])).tolist() == [3, 1, 4]


@pytest.mark.parametrize(("n_instances", "size"), [(0, 0), (1, 1), (3, 3), (7, 3)])
def test_top_k_returns_what_there_is(n_instances, size):
    picks = top_k(np.arange(3.0), n_instances)
    assert picks.tolist() == [2, 1, 0][:size] and picks.dtype == np.int64


@COMMON
@given(columns(2), st.integers(0, 15))
def test_top_k_equals_sorting(case, n_instances):
    scores, tie_break = case
    rows = range(len(scores))
    assert top_k(scores, n_instances).tolist() == sorted(rows, key=lambda i: -scores[i])[:n_instances]
    expected = sorted(rows, key=lambda i: (-scores[i], -tie_break[i]))[:n_instances]
    assert top_k(scores, n_instances, tie_break=tie_break).tolist() == expected


def test_top_k_leaves_its_arguments():
    scores = np.array([3.0, 1.0, 2.0])
    top_k(scores, 2, tie_break=scores)
    assert scores.tolist() == [3, 1, 2]


def test_coarse_to_fine_by_hand():
    coarse = np.array([5, 4, 3, 2, 1])
    fine = np.array([1, 2, 3, 4, 5])
    # Candidates 0, 1, 2; of these 2 and 1 have the largest fine score.
    assert coarse_to_fine(coarse, fine, n_candidates=3, n_picks=2).tolist() == [2, 1]
    # Groups {0, 2, 4}, {1, 3}: candidates {0, 2} and {1, 3}.
    groups = np.array([0, 1, 0, 1, 0])
    assert coarse_to_fine(coarse, fine, n_candidates=2, n_picks=1, groups=groups).tolist() == [2, 3]
    assert coarse_to_fine(coarse, fine, n_candidates=2, n_picks=5, groups=groups, n_groups=1).tolist() == [
        2,
        0,
    ]


def coarse_to_fine_loop(coarse, fine, n_candidates, n_picks, groups, n_groups):
    picks = []
    for group in range(n_groups):
        rows = [i for i in range(len(coarse)) if groups[i] == group]
        candidates = sorted(sorted(rows, key=lambda i: -coarse[i])[:n_candidates])
        picks += sorted(candidates, key=lambda i: -fine[i])[:n_picks]
    return picks


@COMMON
@given(columns(3), st.integers(0, 6), st.integers(0, 6), st.integers(1, 5))
def test_coarse_to_fine_equals_a_loop(case, n_candidates, n_picks, n_groups):
    coarse, fine, values = case
    groups = np.unique(values, return_inverse=True)[1]
    sizes = {"n_candidates": n_candidates, "n_picks": n_picks}
    picks = coarse_to_fine(coarse, fine, **sizes, groups=groups, n_groups=n_groups)
    assert picks.dtype == np.int64
    assert picks.tolist() == coarse_to_fine_loop(coarse, fine, n_candidates, n_picks, groups, n_groups)
    everything = coarse_to_fine(coarse, fine, **sizes, groups=groups)
    assert everything.tolist() == coarse_to_fine_loop(
        coarse, fine, n_candidates, n_picks, groups, groups.max() + 1
    )
    ungrouped = coarse_to_fine(coarse, fine, **sizes)
    assert ungrouped.tolist() == coarse_to_fine_loop(coarse, fine, n_candidates, n_picks, 0 * groups, 1)


def test_enough_candidates_make_the_coarse_score_irrelevant():
    rng = np.random.default_rng(0)
    coarse, fine = rng.random((2, 20))
    assert coarse_to_fine(coarse, fine, n_candidates=20, n_picks=4).tolist() == top_k(fine, 4).tolist()
    assert set(coarse_to_fine(coarse, fine, n_candidates=4, n_picks=4)) == set(top_k(coarse, 4))


def test_rows_outside_the_groups_may_be_all_there_are():
    groups = np.array([3, 4])
    assert (
        coarse_to_fine(np.ones(2), np.ones(2), n_candidates=1, n_picks=1, groups=groups, n_groups=2).size == 0
    )


def candidate_size_loop(purity, informativeness, b, target):
    n = len(purity)
    order = sorted(range(n), key=lambda i: -purity[i])
    if target * b <= 0:
        return n
    for k in range(b, n + 1):
        best = sorted(order[:k], key=lambda i: -informativeness[i])[:b]
        if int(sum(purity[i] for i in best)) <= target * b:
            return k
    return n


def test_candidate_size_by_hand():
    purity = np.array([0.1, 1.0, 0.5, 1.0, 1.0])
    informativeness = np.array([9.0, 1.0, 5.0, 2.0, 3.0])
    # Purest first: rows 1, 3, 4, 2, 0. Best two of the first k and their purity, cut to an integer:
    # k = 2: rows 3, 1: 2; k = 3: rows 4, 3: 2; k = 4: rows 2, 4: 1.5 -> 1; k = 5: rows 0, 2: 0.6 -> 0.
    for target, size in ((1.0, 2), (0.6, 4), (0.5, 4), (0.4, 5), (0.0, 5)):
        assert candidate_size(purity, informativeness, 2, target_precision=target) == size


@COMMON
@given(
    columns(2, elements=st.integers(0, 10).map(lambda tenth: tenth / 10), max_rows=20),
    st.integers(0, 8),
    st.sampled_from([0.0, 0.2, 0.3, 0.6, 1.0]),
)
def test_candidate_size_equals_the_definition(case, b, target):
    purity, informativeness = case
    size = candidate_size(purity, informativeness, b, target_precision=target)
    assert isinstance(size, int) and min(b, len(purity)) <= size <= len(purity)
    # Exact tenths, so that the sums of the definition carry no rounding either.
    tenths = np.round(10 * purity).astype(int)

    def definition(purity, b):
        order = sorted(range(len(purity)), key=lambda i: -purity[i])
        for k in range(b, len(purity) + 1):
            best = sorted(order[:k], key=lambda i: -informativeness[i])[:b]
            if sum(purity[i] for i in best) // 10 <= target * b:
                return k
        return len(purity)

    assert size == (len(purity) if target * b <= 0 else definition(tenths.tolist(), b))


@COMMON
@given(columns(2, elements=st.floats(0, 1, width=16), max_rows=20), st.integers(1, 8))
def test_a_larger_target_never_gives_more_candidates(case, b):
    purity, informativeness = case
    sizes = [candidate_size(purity, informativeness, b, target_precision=t) for t in np.linspace(0, 1, 11)]
    assert (np.diff(sizes) <= 0).all()
    assert sizes[6] == candidate_size_loop(purity, informativeness, b, np.linspace(0, 1, 11)[6])


def test_rounding_of_the_running_sum_does_not_decide():
    # Sums for k = 2, 3, 4: 1.3, 1.0, 0.7; a running sum 1.3 + 0.4 - 0.7 in floating point is just below 1.
    purity, informativeness = np.array([0.7, 0.6, 0.4, 0.3]), np.arange(4.0)
    assert candidate_size(purity, informativeness, 2, target_precision=0.4) == 4


def test_running_sum_stays_right_over_many_rows():
    rng = np.random.default_rng(0)
    purity, informativeness = rng.random(3000), rng.random(3000)
    size = candidate_size(purity, informativeness, 30, target_precision=0.6)
    assert 30 < size < 3000
    order = np.argsort(-purity)

    def total(k):
        return int(purity[order[:k]][np.argsort(-informativeness[order[:k]])[:30]].sum())

    assert total(size) <= 18 < total(size - 1)


ONES = np.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: top_k(np.array([1.0, np.nan, np.inf]), 1), ValueError, "scores contains 2 non-finite"),
        (lambda: top_k(np.ones((2, 2)), 1), ValueError, "scores"),
        (lambda: top_k(np.ones(0), 1), ValueError, "scores is empty"),
        (lambda: top_k(np.array(["a"]), 1), TypeError, "scores"),
        (lambda: top_k(ONES, -1), ValueError, "n_instances"),
        (lambda: top_k(ONES, 1.0), TypeError, "n_instances"),
        (lambda: top_k(ONES, True), TypeError, "n_instances"),
        (lambda: top_k(ONES, 1, tie_break=np.ones(2)), ValueError, "tie_break has 2 rows"),
        (lambda: coarse_to_fine(ONES, np.ones(2), n_candidates=1, n_picks=1), ValueError, "fine has 2 rows"),
        (lambda: coarse_to_fine(ONES * np.nan, ONES, n_candidates=1, n_picks=1), ValueError, "coarse"),
        (lambda: coarse_to_fine(ONES, ONES, n_candidates=-1, n_picks=1), ValueError, "n_candidates"),
        (lambda: coarse_to_fine(ONES, ONES, n_candidates=1, n_picks=1.5), TypeError, "n_picks"),
        (lambda: coarse_to_fine(ONES, ONES, n_candidates=1, n_picks=1, n_groups=2), ValueError, "n_groups=2"),
        (
            lambda: coarse_to_fine(ONES, ONES, n_candidates=1, n_picks=1, groups=np.array([0, -1, 0])),
            ValueError,
            "groups contains -1",
        ),
        (lambda: coarse_to_fine(ONES, ONES, n_candidates=1, n_picks=1, groups=ONES), TypeError, "groups"),
        (
            lambda: coarse_to_fine(
                ONES, ONES, n_candidates=1, n_picks=1, groups=np.zeros(3, int), n_groups=0
            ),
            ValueError,
            "n_groups",
        ),
        (lambda: candidate_size(2 * ONES, ONES, 1), ValueError, r"purity contains 2.*\[0, 1\]"),
        (lambda: candidate_size(ONES, np.ones(2), 1), ValueError, "informativeness has 2 rows"),
        (lambda: candidate_size(ONES, ONES * np.inf, 1), ValueError, "informativeness contains 3"),
        (lambda: candidate_size(ONES, ONES, -1), ValueError, "n_instances"),
        (lambda: candidate_size(ONES, ONES, 1, target_precision=1.1), ValueError, "target_precision"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
