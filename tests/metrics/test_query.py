import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.metrics import query_precision_recall

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


def test_query_metrics_by_hand():
    # 3 of 4 known; (3 + 7) of the 13 + 7 known rows are labelled now
    result = query_precision_recall(np.array([True, False, True, True]), n_labeled_known=7, n_pool_known=13)
    assert result == (0.75, 0.5)
    assert all(type(value) is float for value in result)


@pytest.mark.parametrize("known", [[1, 0], np.array([1, 0], dtype=np.int8), np.array([True, False])])
def test_binary_answers_of_any_type(known):
    assert query_precision_recall(known, n_labeled_known=0, n_pool_known=2) == (0.5, 0.5)


@COMMON
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=5), st.integers(0, 5))
def test_recall_over_rounds_never_falls_and_ends_at_one(rounds, n_start):
    n_labeled, n_pool = n_start, sum(map(sum, rounds))
    if n_labeled + n_pool == 0:
        return
    previous = n_labeled / (n_labeled + n_pool)
    for known in rounds:
        precision, recall = query_precision_recall(known, n_labeled_known=n_labeled, n_pool_known=n_pool)
        assert precision == sum(known) / len(known)
        assert recall >= previous
        n_labeled, n_pool, previous = n_labeled + sum(known), n_pool - sum(known), recall
    assert previous == 1


@pytest.mark.parametrize(
    ("known", "n_labeled_known", "n_pool_known", "error", "message"),
    [
        ([], 1, 1, (ValueError, TypeError), "known"),
        (np.zeros(0, bool), 1, 1, ValueError, "known is empty"),
        ([0, 2], 1, 1, ValueError, "known contains 2"),
        ([0.5, 1.0], 1, 1, TypeError, "known"),
        ([[True]], 1, 1, ValueError, "known"),
        ([True], -1, 1, ValueError, "n_labeled_known"),
        ([True], 1, 1.5, TypeError, "n_pool_known"),
        ([True, True], 1, 1, ValueError, "n_pool_known is 1 but the query found 2"),
        ([False], 0, 0, ValueError, "n_pool_known and n_labeled_known"),
    ],
)
def test_errors_name_the_parameter(known, n_labeled_known, n_pool_known, error, message):
    with pytest.raises(error, match=message):
        query_precision_recall(known, n_labeled_known=n_labeled_known, n_pool_known=n_pool_known)
