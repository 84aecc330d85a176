"""Answers as people have them: every form gives the same, and what cannot be read has its sentence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from skweak.crowd import long_from_votes, majority_vote, votes_from_long
from skweak.crowd.answers import _number, read_answers

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
CODES = np.array([[0, 1, -1], [-1, 1, 1], [2, -1, -1], [-1, -1, -1]])
NAMES = np.array(["cat", "dog", "fox"], dtype=object)


def told(codes, absent):
    """Return names of classes with something else where nobody was asked."""
    return np.where(codes >= 0, NAMES[codes], absent)


FORMS = {
    "integers": (CODES, {}),
    "list": (CODES.tolist(), {}),
    "floats and nan": (np.where(CODES < 0, np.nan, CODES), {}),
    "frame": (pd.DataFrame(CODES), {}),
    "nullable frame": (pd.DataFrame(CODES).astype("Int64").mask(CODES < 0), {}),
    "texts and None": (told(CODES, None), {}),
    "list of texts and nan": (told(CODES, np.nan).tolist(), {}),
    "texts and NA": (pd.DataFrame(told(CODES, pd.NA)), {}),
    "texts and a marker": (told(CODES, "?").astype(str), {"missing": "?"}),
    "objects and a marker": (told(CODES, "?"), {"missing": "?"}),
    "another number": (np.where(CODES < 0, 99, CODES), {"missing": 99}),
    "categories": (pd.DataFrame(told(CODES, None)).astype("category"), {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_alike(form):
    table, options = FORMS[form]
    answers = read_answers(table, **options)
    assert answers.task.tolist() == [0, 0, 1, 1, 2] and answers.worker.tolist() == [0, 1, 1, 2, 0]
    assert answers.code.tolist() == [0, 1, 1, 1, 2] and answers.shape == (4, 3, 3)
    expected = ["cat", "dog", "fox"] if isinstance(answers.classes[0], str) else [0, 1, 2]
    assert answers.classes.tolist() == expected
    assert answers.n_answers.tolist() == [2, 2, 1, 0]


def test_of_a_sparse_matrix_explicit_zeros_are_answers():
    row, column = np.nonzero(CODES >= 0)
    answers = read_answers(sparse.csr_matrix((CODES[row, column], (row, column)), shape=CODES.shape))
    assert answers.code.tolist() == [0, 1, 1, 1, 2] and answers.shape == (4, 3, 3)


def test_the_long_form_and_a_frame_keep_names():
    frame = pd.DataFrame({"task": ["b", "a", "b"], "worker": ["tom", "eva", "eva"], "label": ["x", "y", None]})
    answers = read_answers(frame)
    assert answers.tasks.tolist() == ["a", "b"] and answers.workers.tolist() == ["eva", "tom"]
    assert answers.task.tolist() == [1, 0] and answers.worker.tolist() == [1, 0] and answers.code.tolist() == [0, 1]
    named = read_answers(pd.DataFrame({"eva": [1, 0], "tom": [1, -1]}, index=["p", "q"]))
    assert named.workers.tolist() == ["eva", "tom"] and named.tasks.tolist() == ["p", "q"]


@COMMON
@given(st.one_of(
    arrays(np.int8, st.integers(0, 30)), arrays(np.int64, st.integers(0, 30), elements=st.integers(-3, 3)),
    arrays(np.uint64, st.integers(0, 30)), arrays("U1", st.integers(0, 30), elements=st.sampled_from("abc")),
))  # fmt: skip
def test_values_are_numbered_as_numpy_does(values):
    names, index = np.unique(values, return_inverse=True)
    found, number = _number(values)
    assert found.dtype == values.dtype and found.tolist() == names.tolist() and number.tolist() == index.tolist()


@COMMON
@given(arrays(np.int64, (6, 3), elements=st.integers(-1, 2)).filter(lambda codes: (codes >= 0).any()))
def test_tables_and_entries_by_a_loop(codes):
    answers = read_answers(codes, classes=[0, 1, 2])
    weight, proba = np.arange(1.0, len(answers.code) + 1), np.arange(18.0).reshape(6, 3)
    table = np.zeros((6, 3))
    for task, code, value in zip(answers.task, answers.code, weight, strict=True):
        table[task, code] += value
    np.testing.assert_array_equal(answers.table(weight), table)
    np.testing.assert_array_equal(answers.pick(proba), proba[answers.task, answers.code])


def test_no_array_of_tasks_by_workers_is_made():
    # A table of 10^5 x 10^5 entries would take 80 GB.
    ids = np.arange(100_000)
    consensus = majority_vote({"task": ids, "worker": ids, "label": ids % 3})
    assert np.array_equal(consensus.label, ids % 3)


@COMMON
@given(arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.integers(-1, 2)))
def test_a_table_and_its_list_are_the_same(votes):
    if (votes < 0).all():
        return
    table, tasks, workers = votes_from_long(**long_from_votes(votes), tasks=range(len(votes)))
    assert tasks.tolist() == list(range(len(votes)))
    # Annotators without answers are not in the list.
    np.testing.assert_array_equal(table, votes[:, (votes >= 0).any(axis=0)])
    assert workers.tolist() == np.flatnonzero((votes >= 0).any(axis=0)).tolist()


def test_rows_come_in_the_order_asked_for():
    votes, tasks, workers = votes_from_long(["b", "a"], ["t", "t"], ["x", "y"], tasks=["c", "b", "a"], missing="?")
    assert votes.tolist() == [["?"], ["x"], ["y"]] and tasks.tolist() == ["c", "b", "a"] and workers.tolist() == ["t"]


@pytest.mark.parametrize(("repeated", "label"), [("first", 3), ("last", 5)])
def test_repeated_answers(repeated, label):
    long = {"task": [0, 0, 0], "worker": [1, 2, 1], "label": [3, 4, 5]}
    votes, _, _ = votes_from_long(**long, repeated=repeated)
    assert votes.tolist() == [[label, 4]]
    with pytest.raises(ValueError, match="annotator 1 answered task 0 more than once"):
        votes_from_long(**long)


@pytest.mark.parametrize(
    ("answers", "options", "error", "message"),
    [
        ([[-1, -1]], {}, ValueError, "only the marker missing=-1"),
        ([["a", None, 1]], {}, TypeError, "among other values"),
        ([[0, 3]], {"classes": [0, 1]}, ValueError, r"answer 3, which is not in classes"),
        ([[0, 1]], {"classes": [-1, 0]}, ValueError, "missing=-1 is also one of classes"),
        (np.zeros((2, 2, 2), int), {}, ValueError, "one column per annotator"),
        (np.zeros((0, 2), int), {}, ValueError, "0 tasks"),
        (np.array([[0.5, 1.25]]), {}, ValueError, "continuous"),
        (np.ma.array([[0, 1]]), {}, TypeError, "masked"),
        ({"task": [0], "label": [1]}, {}, ValueError, "worker is not there"),
        ({"task": [0, 1], "worker": [0], "label": [1]}, {}, ValueError, "one length"),
        ({"task": [0.0, np.nan], "worker": [0, 1], "label": [1, 0]}, {}, ValueError, "task is not finite in row 1"),
        ({"task": ["a", None], "worker": [0, 1], "label": [1, 0]}, {}, ValueError, "task is missing in row 1"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), {}, TypeError, "numbers or strings"),
    ],
)
def test_what_cannot_be_read_has_its_sentence(answers, options, error, message):
    with pytest.raises(error, match=message):
        read_answers(answers, **options)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"repeated": "all"}, ValueError, "repeated"),
        ({"tasks": [0, 0]}, ValueError, "distinct"),
        ({"tasks": [5]}, ValueError, "task 0, which is not in"),
        ({"missing": "?"}, TypeError, "cannot stand among"),
        (
            {"task": np.arange(20_000), "worker": np.arange(20_000), "label": np.zeros(20_000, int)},
            ValueError,
            "need no table",
        ),
    ],
)
def test_tables_that_cannot_be_made(changes, error, message):
    with pytest.raises(error, match=message):
        votes_from_long(**({"task": [0], "worker": [0], "label": [1]} | changes))
