import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skweak.crowd import vote_proportions

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
LABELS = arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.integers(-1, 2))


def test_votes_by_hand():
    labels = np.array([[0, 0, 2, -1], [1, -1, -1, -1], [-1, -1, -1, -1]])
    expected = [[2 / 3, 0, 1 / 3], [0, 1, 0], [1 / 3, 1 / 3, 1 / 3]]
    np.testing.assert_allclose(vote_proportions(labels, n_classes=3), expected, rtol=1e-15)


@COMMON
@given(LABELS, st.randoms(use_true_random=False))
def test_votes_equal_a_loop_and_follow_permutations(labels, random):
    votes = vote_proportions(labels, n_classes=3)
    for row, proportion in zip(labels, votes, strict=True):
        given_labels = row[row >= 0]
        for c in range(3):
            expected = np.mean(given_labels == c) if len(given_labels) else 1 / 3
            assert proportion[c] == pytest.approx(expected, abs=1e-15)
    np.testing.assert_allclose(votes.sum(axis=1), 1)
    annotators = list(range(labels.shape[1]))
    random.shuffle(annotators)
    np.testing.assert_array_equal(vote_proportions(labels[::-1, annotators], n_classes=3), votes[::-1])
    renamed = np.where(labels >= 0, 2 - labels, -1)
    np.testing.assert_array_equal(vote_proportions(renamed, n_classes=3), votes[:, ::-1])


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_result_is_float64_for_any_integer_type(dtype):
    labels = np.full((3, 200), 1, dtype=dtype)
    votes = vote_proportions(labels, n_classes=100)
    assert votes.dtype == np.float64 and (votes[:, 1] == 1).all()


@pytest.mark.parametrize(
    ("labels", "n_classes", "error", "message"),
    [
        (np.array([[0, 3]]), 3, ValueError, r"labels contains 3.*-1\.\.2"),
        (np.array([[0, -2]]), 3, ValueError, "labels contains -2"),
        (np.array([[0.0, 1.0]]), 3, TypeError, "labels.*float64"),
        (np.array([["a", "b"]]), 3, TypeError, "labels"),
        (np.array([0, 1]), 3, ValueError, "labels.*2 dimensions"),
        (np.zeros((0, 2), int), 3, ValueError, "labels is empty"),
        (np.zeros((2, 0), int), 3, ValueError, "labels.*columns"),
        (np.array([[0]]), 1, ValueError, "n_classes"),
        (np.array([[0]]), 2.0, TypeError, "n_classes"),
    ],
)
def test_errors_name_the_parameter(labels, n_classes, error, message):
    with pytest.raises(error, match=message):
        vote_proportions(labels, n_classes=n_classes)
