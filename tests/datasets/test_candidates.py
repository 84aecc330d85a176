import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.datasets import (
    make_class_dependent_candidates,
    make_hierarchical_candidates,
    make_instance_dependent_candidates,
    make_noisy_candidates,
    make_pair_candidates,
    make_uniform_candidates,
    make_uniform_subsets,
)

N, C = 4000, 5
Y = np.random.RandomState(3).permutation(np.arange(N) % C)
SCORES = np.random.RandomState(4).dirichlet(np.ones(C), size=N)
RING = 0.3 * (np.roll(np.eye(C), 1, axis=1) + np.roll(np.eye(C), -1, axis=1))
GROUPS = [0, 0, 1, 1, 1]

GENERATORS = {
    "uniform": lambda seed: make_uniform_candidates(Y, rate=0.3, random_state=seed),
    "ambiguous": lambda seed: make_uniform_candidates(Y, rate=0.3, force_ambiguous=True, random_state=seed),
    "subsets": lambda seed: make_uniform_subsets(Y, random_state=seed),
    "pair": lambda seed: make_pair_candidates(Y, rate=0.3, random_state=seed),
    "class": lambda seed: make_class_dependent_candidates(Y, RING, random_state=seed),
    "instance": lambda seed: make_instance_dependent_candidates(Y, SCORES, rate=0.5, random_state=seed),
    "hierarchical": lambda seed: make_hierarchical_candidates(Y, GROUPS, rate=0.4, random_state=seed),
}
every_generator = pytest.mark.parametrize("name", GENERATORS)


def close(share, proba, n_rows):
    """Within four standard errors of a share of n_rows independent draws."""
    return np.all(
        np.abs(share - proba) <= 4 * np.sqrt(np.multiply(proba, 1 - np.asarray(proba)) / n_rows) + 1e-12
    )


@every_generator
def test_the_true_label_is_always_a_candidate(name):
    candidates = GENERATORS[name](0)
    assert candidates.shape == (N, C) and candidates.dtype == np.int64
    assert set(np.unique(candidates)) == {0, 1}
    assert candidates[np.arange(N), Y].all()


@every_generator
def test_the_seed_decides_and_nothing_else_is_touched(name):
    before, state = Y.copy(), np.random.get_state()
    assert np.array_equal(GENERATORS[name](1), GENERATORS[name](1))
    assert not np.array_equal(GENERATORS[name](1), GENERATORS[name](2))
    GENERATORS[name](None)
    assert np.array_equal(Y, before)
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def class_shares(candidates):
    """Share of the rows of class i (row) that have candidate j (column)."""
    return np.array([candidates[k == Y].mean(axis=0) for k in range(C)])


@pytest.mark.parametrize(
    ("name", "proba"),
    [
        ("uniform", np.full((C, C), 0.3)),
        ("pair", 0.3 * np.roll(np.eye(C), 1, axis=1)),
        ("class", RING),
        ("hierarchical", 0.4 * np.equal.outer(GROUPS, GROUPS)),
        # All sets that hold y but not everything: 2**4 - 1 = 15 sets, 7 of them hold a given other class.
        ("subsets", np.full((C, C), 7 / 15)),
        # 0.7**4 of the rows would be left alone and get each of four classes with probability 1/4.
        ("ambiguous", np.full((C, C), 0.3 + 0.7**4 / 4)),
    ],
)
def test_shares_match_the_probabilities(name, proba):
    expected = np.array(proba, dtype=float)
    np.fill_diagonal(expected, 1)
    assert close(class_shares(GENERATORS[name](5)), expected, N / C)


def test_mean_size_of_uniform_sets():
    # 1 + 0.3 * 4 = 2.2 with standard deviation sqrt(4 * 0.21) = 0.917 per row.
    assert abs(GENERATORS["uniform"](8).sum(axis=1).mean() - 2.2) < 4 * 0.917 / np.sqrt(N)


def test_instance_dependent_shares_follow_the_scores():
    # Wrong scores 0.4, 0.2 and 0.0 relative to the best one: probabilities 0.8, 0.4 and 0.
    scores = np.tile([0.4, 0.4, 0.2, 0.0], (N, 1))
    y = np.zeros(N, dtype=int)
    candidates = make_instance_dependent_candidates(y, scores, rate=0.8, classes=range(4), random_state=0)
    assert close(candidates.mean(axis=0), [1, 0.8, 0.4, 0], N)


def test_instance_without_a_plausible_rival_stays_alone():
    candidates = make_instance_dependent_candidates([0, 1], [[1, 0], [0, 1]], rate=1.0)
    assert candidates.tolist() == [[1, 0], [0, 1]]
    candidates = make_instance_dependent_candidates([0, 1], [[1, 0], [0, 1]], rate=1.0, force_ambiguous=True)
    assert candidates.tolist() == [[1, 1], [1, 1]]


def test_subsets_are_never_full_and_all_others_occur():
    candidates = make_uniform_subsets(np.arange(4000) % 3, random_state=0)
    assert candidates.sum(axis=1).max() == 2
    # Class 0 of three: the sets {0}, {0, 1}, {0, 2} are equally likely.
    sets, counts = np.unique(candidates[::3], axis=0, return_counts=True)
    assert sets.tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]
    assert close(counts / counts.sum(), 1 / 3, counts.sum())
    # With two classes only the true label is left.
    assert make_uniform_subsets([0, 1, 1]).tolist() == [[1, 0], [0, 1], [0, 1]]


def test_force_ambiguous_leaves_no_singleton():
    assert make_uniform_candidates(Y, rate=0.0, random_state=0).sum(axis=1).max() == 1
    candidates = make_uniform_candidates(Y, rate=0.0, force_ambiguous=True, random_state=0)
    assert (candidates.sum(axis=1) == 2).all()
    candidates = make_class_dependent_candidates(Y, np.zeros((C, C)), force_ambiguous=True, random_state=0)
    assert (candidates.sum(axis=1) == 2).all()


def test_limits_checkable_by_eye():
    assert make_pair_candidates(["b", "a", "c"], rate=1.0).tolist() == [[0, 1, 1], [1, 1, 0], [1, 0, 1]]
    full_within = make_hierarchical_candidates([0, 1, 2], ["x", "y", "x"], rate=1.0)
    assert full_within.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    assert make_class_dependent_candidates([1, 0], np.eye(2)).tolist() == [[0, 1], [1, 0]]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    codes=st.lists(st.integers(0, 2), min_size=1, max_size=30),
    order=st.permutations(["ant", "bee", "cow"]),
    rate=st.floats(0, 0.9),
    seed=st.integers(0, 100),
)
def test_classes_name_the_columns(codes, order, rate, seed):
    labels = np.array(order)[codes]
    by_name = make_uniform_candidates(labels, rate=rate, classes=order, random_state=seed)
    by_number = make_uniform_candidates(codes, rate=rate, classes=[0, 1, 2], random_state=seed)
    assert np.array_equal(by_name, by_number)
    assert by_name[np.arange(len(codes)), codes].all()


def test_noisy_candidates_lose_the_truth_at_the_rate():
    clean = make_uniform_candidates(Y, rate=0.3, random_state=0)
    before = clean.copy()
    noisy = make_noisy_candidates(clean, Y, rate=0.25, random_state=0)
    assert np.array_equal(clean, before)
    lost = noisy[np.arange(N), Y] == 0
    assert close(lost.mean(), 0.25, N)
    assert np.array_equal(noisy[~lost], clean[~lost])
    # One out and one in, unless every class was a candidate.
    full = clean.all(axis=1)
    assert full[lost].any()
    sizes = clean.sum(axis=1)
    assert np.array_equal(noisy[lost & ~full].sum(axis=1), sizes[lost & ~full])
    assert np.array_equal(noisy[lost & full].sum(axis=1), sizes[lost & full] - 1)
    assert (noisy >= clean).sum(axis=1)[lost].min() == C - 1


def test_noisy_candidates_do_not_bring_the_truth_back():
    # The first set lost its true class 0 before: it gains the last free class, not the true one.
    assert make_noisy_candidates([[0, 1, 0], [1, 1, 1]], [0, 2], rate=1.0, classes=range(3)).tolist() == [
        [0, 1, 1],
        [1, 1, 0],
    ]


def test_noisy_candidates_at_the_limits():
    clean = make_uniform_candidates(Y, rate=0.3, random_state=0)
    assert np.array_equal(make_noisy_candidates(clean, Y, rate=0.0), clean)
    everywhere = make_noisy_candidates(clean, Y, rate=1.0, random_state=0)
    assert not everywhere[np.arange(N), Y].any() and everywhere.any(axis=1).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: make_uniform_candidates(Y, rate=1.0), ValueError, r"rate must be in \[0, 1\), got 1.0"),
        (lambda: make_uniform_candidates([0, 0], rate=0.1), ValueError, "y must have at least 2 classes"),
        (
            lambda: make_uniform_candidates([0, 3], rate=0.1, classes=[0, 1]),
            ValueError,
            "y contains 3, which is not",
        ),
        (
            lambda: make_uniform_candidates([0], rate=0.1, classes=[0, 0]),
            ValueError,
            "classes must be a 1-D list",
        ),
        (lambda: make_pair_candidates(Y, rate=1.1), ValueError, "rate must be in"),
        (
            lambda: make_class_dependent_candidates(Y, np.eye(3)),
            ValueError,
            r"proba must have shape \(5, 5\)",
        ),
        (
            lambda: make_class_dependent_candidates(Y, 2 * np.eye(C)),
            ValueError,
            "proba must hold probabilities",
        ),
        (
            lambda: make_class_dependent_candidates(Y, np.nan * RING),
            ValueError,
            "proba must hold probabilities",
        ),
        (
            lambda: make_instance_dependent_candidates(Y, SCORES[:9], rate=0.1),
            ValueError,
            "scores must have shape",
        ),
        (
            lambda: make_instance_dependent_candidates(Y, -SCORES, rate=0.1),
            ValueError,
            "scores must be finite",
        ),
        (
            lambda: make_hierarchical_candidates(Y, [0, 1], rate=0.1),
            ValueError,
            r"groups must have shape \(5,\)",
        ),
        (
            lambda: make_noisy_candidates(np.eye(4), Y, rate=0.1),
            ValueError,
            "candidates must be a 0/1 matrix",
        ),
        (
            lambda: make_noisy_candidates([[2, 0], [0, 1]], [0, 1], rate=0.1),
            ValueError,
            "candidates must be a 0/1",
        ),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
