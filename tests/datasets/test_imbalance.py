import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.datasets import make_long_tailed

Y = np.random.RandomState(0).permutation(np.repeat(np.arange(10), 500))


def test_sizes_by_eye():
    # 100 ** (-k / 2) for k = 0, 1, 2 is 1, 1/10, 1/100.
    y = np.repeat(["a", "b", "c"], 200)
    assert np.unique(y[make_long_tailed(y, imbalance=100)], return_counts=True)[1].tolist() == [200, 20, 2]
    # Step: the last half of four classes.
    y = np.repeat([0, 1, 2, 3], 60)
    assert np.bincount(y[make_long_tailed(y, imbalance=20, profile="step")]).tolist() == [60, 60, 3, 3]


@pytest.mark.parametrize("imbalance", [1, 2.5, 10, 100, 10**6])
def test_sizes_follow_the_profile(imbalance):
    sizes = np.bincount(Y[make_long_tailed(Y, imbalance=imbalance, random_state=0)], minlength=10)
    expected = [max(1, int(500 * imbalance ** (-k / 9))) for k in range(10)]
    assert sizes.tolist() == expected
    assert (np.diff(sizes) <= 0).all()


def test_classes_smaller_than_their_share_keep_all_rows():
    y = np.repeat([0, 1, 2], [100, 5, 50])
    # Wanted are 100, 70.7 and 50.
    assert np.bincount(y[make_long_tailed(y, imbalance=2)]).tolist() == [100, 5, 50]


def test_no_imbalance_keeps_everything():
    assert np.array_equal(make_long_tailed(Y, imbalance=1), np.arange(len(Y)))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    y=st.lists(st.integers(0, 4), min_size=2, max_size=80).filter(lambda v: len(set(v)) > 1),
    imbalance=st.floats(1, 200),
    profile=st.sampled_from(["exp", "step"]),
)
def test_index_is_ascending_and_keeps_every_class(y, imbalance, profile):
    index = make_long_tailed(y, imbalance=imbalance, profile=profile, random_state=0)
    assert index.dtype == np.int64 and (np.diff(index) > 0).all()
    assert set(np.array(y)[index]) == set(y)


def test_rows_are_a_random_choice_that_the_seed_decides():
    before, state = Y.copy(), np.random.get_state()
    first, second, other = (make_long_tailed(Y, imbalance=50, random_state=s) for s in (0, 0, 1))
    make_long_tailed(Y, imbalance=50)
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert np.array_equal(Y, before)
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def test_multilabel_counts_do_not_exceed_the_profile():
    targets = (np.random.RandomState(0).random_sample((4000, 5)) < 0.3).astype(int)
    index = make_long_tailed(targets, imbalance=20, random_state=0)
    largest = targets.sum(axis=0).max()
    wanted = [int(largest * 20 ** (-k / 4)) for k in range(5)]
    counts = targets[index].sum(axis=0)
    assert (counts <= wanted).all() and (counts >= 1).all()
    # Rows without a label are no reason to remove anything.
    assert np.isin(np.flatnonzero(~targets.any(axis=1)), index).all()


def test_multilabel_rows_with_one_label_are_treated_as_classes():
    one_hot = (Y[:, None] == np.arange(10)).astype(int)
    sizes = one_hot[make_long_tailed(one_hot, imbalance=10, random_state=0)].sum(axis=0)
    assert np.array_equal(sizes, np.bincount(Y[make_long_tailed(Y, imbalance=10, random_state=0)]))


def test_multilabel_spares_rows_with_later_labels():
    # Label 0 may keep all its 8 rows, label 1 int(8 / sqrt(2)) = 5 of 8, label 2 4 of 4. The three rows to
    # drop are taken from those without label 2.
    targets = np.array([[0, 1, 1]] * 4 + [[0, 1, 0]] * 4 + [[1, 0, 0]] * 8)
    kept = targets[make_long_tailed(targets, imbalance=2, random_state=0)]
    assert kept.sum(axis=0).tolist() == [8, 5, 4]


def test_multilabel_goes_from_the_last_label_to_the_first():
    # Wanted are 8, 4 and 2. Cutting label 2 first leaves four rows of label 1 alone, which suffice.
    targets = np.array([[0, 1, 1]] * 4 + [[0, 1, 0]] * 4 + [[0, 0, 1]] * 4 + [[1, 0, 0]] * 8)
    for seed in range(10):
        kept = targets[make_long_tailed(targets, imbalance=4, random_state=seed)]
        assert kept.sum(axis=0).tolist() == [8, 4, 2]


@pytest.mark.parametrize(
    ("y", "options", "error", "message"),
    [
        (Y, {"imbalance": 0.5}, ValueError, r"imbalance must be in \[1, inf\), got 0.5"),
        (Y, {"imbalance": float("inf")}, ValueError, "imbalance must be in"),
        (Y, {"imbalance": "10"}, TypeError, "imbalance must be a real number"),
        (Y, {"imbalance": 10, "profile": "linear"}, ValueError, "profile must be one of 'exp', 'step'"),
        ([1, 1], {"imbalance": 10}, ValueError, "y must have at least 2 classes"),
        ([[1], [0]], {"imbalance": 10}, ValueError, "y must be a 0/1 matrix with at least 2 columns"),
        ([[1, 2], [0, 1]], {"imbalance": 10}, ValueError, "y must be a 0/1 matrix"),
    ],
)
def test_errors_name_the_parameter(y, options, error, message):
    with pytest.raises(error, match=message):
        make_long_tailed(y, **options)
