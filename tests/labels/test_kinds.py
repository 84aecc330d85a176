"""Encoding and scoring of every kind of ``y``, on examples small enough to check by eye."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skweak.labels import KINDS, encode_labels, score_labels

nan = np.nan
quick = settings(max_examples=25, deadline=None, derandomize=True)
SEMI, OPEN = {"unlabeled": -1}, {"unlabeled": -1, "unknown_label": 9}
MATRIX_KINDS = ["partial", "multilabel", "crowd"]


def encode(y, kind, **markers):
    """Encode without any warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return encode_labels(y, kind, **markers)


def check(labels, classes, target):
    assert labels.classes.tolist() == classes
    assert labels.target.tolist() == target


# Each row: kind, y, keywords, classes, target.
ENCODED = {
    "integers": ("noisy", [2, 0, 2], {}, [0, 2], [1, 0, 1]),
    "strings": ("noisy", ["dog", "cat", "dog"], {}, ["cat", "dog"], [1, 0, 1]),
    "booleans": ("noisy", [True, False], {}, [False, True], [1, 0]),
    "minus zero": ("noisy", [-0.0, 0.0, 1.0], {}, [0.0, 1.0], [0, 0, 1]),
    "spread": ("noisy", [10**9, -5, 0], {}, [-5, 0, 10**9], [2, 0, 1]),
    "ends of int64": ("noisy", [2**63 - 1, -(2**63)], {}, [-(2**63), 2**63 - 1], [1, 0]),
    "beyond int64": ("noisy", np.array([2**63, 0], np.uint64), {}, [0, 2**63], [1, 0]),
    "other byte order": ("noisy", np.array([1, 0], ">i4"), {}, [0, 1], [1, 0]),
    "half precision": ("noisy", np.array([1, 0], np.float16), {}, [0, 1], [1, 0]),
    "series": ("noisy", pd.Series([5, 3], index=[7, 1]), {}, [3, 5], [1, 0]),
    "category": ("noisy", pd.Series(["b", "a"], dtype="category"), {}, ["a", "b"], [1, 0]),
    "nullable integers": ("noisy", pd.Series([1, 0], dtype="Int64"), {}, [0, 1], [1, 0]),
    "nullable strings": ("noisy", pd.Series(["b", "a"], dtype="string"), {}, ["a", "b"], [1, 0]),
    "objects": ("noisy", np.array(["b", "a"], object), {}, ["a", "b"], [1, 0]),
    "given order": ("noisy", ["a", "b"], {"classes": ["b", "a"]}, ["b", "a"], [1, 0]),
    "class without rows": ("noisy", [1, 1], {"classes": [0, 1]}, [0, 1], [1, 1]),
    "booleans as given numbers": ("noisy", [True, False], {"classes": [0, 1]}, [0, 1], [1, 0]),
    "semi": ("semi", [3, -1, 1], {"unlabeled": -1}, [1, 3], [1, -1, 0]),
    "semi, strings": ("semi", ["b", "?", "a"], {"unlabeled": "?"}, ["a", "b"], [1, -1, 0]),
    "semi without marker": ("semi", [-1, 1], {}, [-1, 1], [0, 1]),
    "semi, one labeled row": ("semi", [-1, 1, -1], {"unlabeled": -1, "classes": [0, 1]}, [0, 1], [-1, 1, -1]),
    "open": ("open", [5, 9, -1, 4], {"unlabeled": -1, "unknown_label": 9}, [4, 5], [1, 2, -1, 0]),
    "open, strings": ("open", ["b", "other", "a"], {"unknown_label": "other"}, ["a", "b"], [1, 2, 0]),
    "open without unknown": ("open", [1, 0], {"unknown_label": -1}, [0, 1], [1, 0]),
    "candidates": ("partial", [[1, 0, 1], [0, 1, 0]], {}, [0, 1, 2], [[1, 0, 1], [0, 1, 0]]),
    "candidates, floats": ("partial", [[1.0, -0.0], [0.0, 1.0]], {}, [0, 1], [[1, 0], [0, 1]]),
    "candidates, booleans": ("partial", [[True, False], [True, True]], {}, [0, 1], [[1, 0], [1, 1]]),
    "candidates, frame": ("partial", pd.DataFrame([[1, 0], [1, 1]], dtype="Int64"), {}, [0, 1], [[1, 0], [1, 1]]),
    "candidates, one each": ("partial", [7, 3, 7], {}, [3, 7], [[0, 1], [1, 0], [0, 1]]),
    "candidates, all in one row": ("partial", [[1, 1], [0, 1]], {}, [0, 1], [[1, 1], [0, 1]]),
    "named columns": ("partial", [[1, 0], [1, 1]], {"classes": ["b", "a"]}, ["b", "a"], [[1, 0], [1, 1]]),
    "named column without candidates": ("partial", [[1, 0]], {"classes": ["b", "a"]}, ["b", "a"], [[1, 0]]),
    "labels": ("multilabel", [[1, 0], [-1, 1]], {}, [0, 1], [[1, 0], [-1, 1]]),
    "labels, constant columns": ("multilabel", [[1, 0], [1, 0]], {}, [0, 1], [[1, 0], [1, 0]]),
    "labels, unknown row and column": ("multilabel", [[-1, -1], [-1, 0]], {}, [0, 1], [[-1, -1], [-1, 0]]),
    "labels, bytes": ("multilabel", np.array([[1, 0]], np.uint8), {}, [0, 1], [[1, 0]]),
    "one binary label": ("multilabel", ["no", "yes"], {}, ["no", "yes"], [[0], [1]]),
    "answers": ("crowd", [[2, -1], [0, 2]], {}, [0, 2], [[1, -1], [0, 1]]),
    "answers, strings": ("crowd", [["b", "?"], ["a", "b"]], {"missing": "?"}, ["a", "b"], [[1, -1], [0, 1]]),
    "answers, classes": ("crowd", [[2, -1]], {"classes": [2, 0]}, [2, 0], [[0, -1]]),
    "annotator without answers": ("crowd", [[0, -1], [1, -1]], {}, [0, 1], [[0, -1], [1, -1]]),
    "row without answers": ("crowd", [[0, 1], [-1, -1]], {}, [0, 1], [[0, 1], [-1, -1]]),
    "more annotators than rows": ("crowd", [[0, 1, 0]], {}, [0, 1], [[0, 1, 0]]),
    "one annotator": ("crowd", [-1, 1], {}, [-1, 1], [[0], [1]]),
    "answers, nan": ("crowd", [[0.0, nan], [1.0, 1.0]], {"missing": nan}, [0.0, 1.0], [[0, -1], [1, 1]]),
    "answers, frame of strings": (
        "crowd", pd.DataFrame({"ann": ["x", None], "bob": ["y", "x"]}), {"missing": nan}, ["x", "y"], [[0, 1], [-1, 0]],
    ),
    "answers, objects": (
        "crowd", np.array([["x", None], ["y", nan], ["x", pd.NA]], object), {"missing": nan}, ["x", "y"],
        [[0, -1], [1, -1], [0, -1]],
    ),
    "answers, nullable integers": (
        "crowd", pd.DataFrame({"ann": [0, None], "bob": [1, 0]}, dtype="Int64"), {"missing": nan}, [0.0, 1.0],
        [[0, 1], [-1, 0]],
    ),
    "answers, nan beside -1": ("crowd", [[0, nan], [1, -1]], {}, [0, 1], [[0, -1], [1, -1]]),
    "answers, nan in strings": (
        "crowd", [["x", nan], ["y", "x"]], {"missing": nan}, ["x", "y"], [[0, -1], [1, 0]],
    ),
    "answers, -1 in a frame of strings": (
        "crowd", pd.DataFrame({"ann": ["x", -1], "bob": ["y", "x"]}), {}, ["x", "y"], [[0, 1], [-1, 0]],
    ),
    "labels, nan": ("multilabel", [[1.0, nan], [nan, 0.0]], {}, [0, 1], [[1, -1], [-1, 0]]),
    "labels, None": ("multilabel", [[1, None], [-1, 0]], {}, [0, 1], [[1, -1], [-1, 0]]),
    "labels, NA": ("multilabel", pd.DataFrame([[1, None], [None, 0]], dtype="Int64"), {}, [0, 1], [[1, -1], [-1, 0]]),
    "labels, nullable booleans": (
        "multilabel", pd.DataFrame([[True, None], [None, False]], dtype="boolean"), {}, [0, 1], [[1, -1], [-1, 0]],
    ),
    "labels, sparse nan": ("multilabel", sparse.csr_matrix([[1, nan], [0, 0]]), {}, [0, 1], [[1, -1], [0, 0]]),
    "a class named as a marker prints": (
        "semi", np.array(["-1", "1"]), {"unlabeled": None}, ["-1", "1"], [0, 1],
    ),
    "answers, nothing is nan": ("crowd", [[0, 1], [1, 1]], {"missing": nan}, [0, 1], [[0, 1], [1, 1]]),
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODED)
def test_encoding(name):
    kind, y, keywords, classes, target = ENCODED[name]
    labels = encode(y, kind, **keywords)
    check(labels, classes, target)
    assert labels.kind.name == kind and labels.flat == (np.ndim(y) == 1)
    assert labels.target.dtype == {"partial": np.uint8, "multilabel": np.int8}.get(kind, np.int64)
    assert labels.n_outputs == (labels.target.shape[1] if kind == "multilabel" else len(classes))


@pytest.mark.parametrize("kind", ["semi", "open"])
@pytest.mark.parametrize("y", [[0, 1], ["a", "b"], [True, False]], ids=["absent", "strings", "booleans"])
def test_marker_that_matches_nothing_warns(kind, y):
    with pytest.warns(UserWarning, match="no row marked unlabeled=-1"):
        labels = encode_labels(y, kind, unlabeled=-1)
    assert sorted(labels.target) == [0, 1]


def test_string_marker_does_not_match_a_number():
    with pytest.warns(UserWarning, match="no row marked unlabeled='-1'"):
        check(encode_labels([-1, 1], "semi", unlabeled="-1"), [-1, 1], [0, 1])


def test_column_without_candidates_warns_unless_named():
    with pytest.warns(UserWarning, match="Column 1 of y is a candidate of no row"):
        encode_labels([[1, 0, 0], [1, 0, 1]], "partial")


@pytest.mark.parametrize("y", [[[1], [0]], pd.DataFrame({"y": [1, 0]})], ids=["lists", "frame"])
@pytest.mark.parametrize("kind", KINDS)
def test_matrix_of_one_column_is_a_vector(kind, y):
    with pytest.warns(DataConversionWarning):
        labels = encode_labels(y, kind)
    vector = encode_labels([1, 0], kind)
    assert labels.flat and np.array_equal(labels.target, vector.target)


@pytest.mark.parametrize("kind", ["partial", "multilabel"])
def test_sparse_column(kind):
    expected = encode([1, 0, 1], kind).target
    with pytest.warns(DataConversionWarning):
        assert np.array_equal(encode_labels(sparse.csr_matrix([[1], [0], [1]]), kind).target, expected)


@pytest.mark.parametrize("kind", ["partial", "multilabel"])
@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "coo_array", "dia_array", "lil_array"])
def test_sparse_forms_equal_the_dense_matrix(kind, form):
    dense = np.array([[1, 0, 1], [0, 1, 0]])
    labels = encode(getattr(sparse, form)(dense), kind)
    assert np.array_equal(labels.target, encode(dense, kind).target) and not labels.flat


@pytest.mark.parametrize("kind", ["partial", "multilabel"])
def test_explicit_zeros_count_as_zeros_and_duplicates_add_up(kind):
    zeros = sparse.csr_matrix((np.array([1, 0, 0, 1]), np.array([0, 1, 0, 1]), np.array([0, 2, 4])), shape=(2, 2))
    assert zeros.nnz == 4
    assert encode(zeros, kind).target.tolist() == [[1, 0], [0, 1]]
    twice = sparse.csr_matrix((np.array([1, 1, 1]), np.array([0, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    with pytest.raises(ValueError, match="y contains 2"):
        encode_labels(twice, kind)
    halves = sparse.csr_matrix((np.array([0.5, 0.5, 1]), np.array([0, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    assert encode(halves, kind).target.tolist() == [[1, 0], [0, 1]]
    assert halves.nnz == 3 and twice.nnz == 3, "the matrix of the caller changed"


def test_labels_of_unknown_entries_may_be_sparse():
    y = sparse.csr_matrix([[-1, 0], [1, 1]])
    assert encode(y, "multilabel").target.tolist() == [[-1, 0], [1, 1]]
    with pytest.raises(ValueError, match="y contains -1"):
        encode_labels(y, "partial")


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize(
    ("n_rows", "n_classes", "refused"),
    [(1000, 1000, False), (1001, 1001, True), (2002, 1001, False), (2001, 1001, True)],
)
def test_thousands_of_classes_must_be_named(n_rows, n_classes, refused):
    y = np.arange(n_rows) % n_classes * 10**6
    if not refused:
        assert len(encode_labels(y, "noisy").classes) == n_classes
        return
    with pytest.raises(ValueError, match=f"{n_classes} classes on {n_rows} rows.*classes="):
        encode_labels(y, "noisy")
    labels = encode_labels(y, "noisy", classes=np.arange(n_classes) * 10**6)
    assert np.array_equal(labels.target, np.arange(n_rows) % n_classes)


def test_wide_candidates_are_not_widened():
    y = np.zeros((4, 10**6), np.uint8)
    y[:, :4] = 1
    labels = encode(y, "partial", classes=np.arange(10**6))
    assert labels.target.nbytes == y.nbytes


def test_decoding():
    noisy = encode(["dog", "cat"], "noisy")
    assert noisy.decode(noisy.target).tolist() == ["dog", "cat"]
    flat, matrix = encode(["no", "yes"], "multilabel"), encode([[1, 0]], "multilabel", classes=["a", "b"])
    assert flat.decode(np.array([[1], [0]])).tolist() == ["yes", "no"]
    assert matrix.decode(np.array([[1, 0]])).tolist() == [[1, 0]]


@quick
@given(st.lists(st.integers(-3, 3), min_size=2, max_size=12), st.permutations(range(-3, 4)))
def test_decoding_inverts_encoding_and_classes_only_reorder(y, order):
    if len(set(y)) < 2:
        return
    labels, ordered = encode_labels(y, "noisy"), encode_labels(y, "noisy", classes=order)
    assert labels.decode(labels.target).tolist() == y == ordered.decode(ordered.target).tolist()
    assert labels.classes.tolist() == sorted(set(y)) and ordered.classes.tolist() == list(order)


@quick
@given(st.data())
def test_crowd_marker_may_be_any_number_or_nan(data):
    y = np.array(data.draw(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=2, max_size=6)))
    absent = np.array(data.draw(st.lists(st.booleans(), min_size=y.size, max_size=y.size))).reshape(y.shape)
    if len(set(y[~absent])) < 2:
        return
    expected = encode_labels(np.where(absent, -1, y), "crowd")
    assert np.array_equal(expected.target == -1, absent)
    for marker in (99, nan):
        labels = encode_labels(np.where(absent, marker, y), "crowd", missing=marker)
        assert np.array_equal(labels.target, expected.target)


# Each row: kind, y, predictions, keywords, expected.
ROWS = {"sample_weight": [1, 2, 1, 0]}
SCORED = {
    "noisy": ("noisy", [0, 1, 1, 2], [0, 1, 2, 2], {}, 3 / 4),
    "noisy, weights": ("noisy", [0, 1, 1, 2], [0, 1, 2, 2], ROWS, 3 / 4),
    "noisy, strings": ("noisy", ["a", "b"], ["a", "a"], {}, 1 / 2),
    "noisy, -1 is a class": ("noisy", [-1, 1], [-1, -1], {}, 1 / 2),
    "noisy, weights zero": ("noisy", [0, 1], [0, 1], {"sample_weight": [0, 0]}, nan),
    "semi": ("semi", [0, -1, 1, -1], [0, 0, 0, 1], SEMI, 1 / 2),
    "semi, weights": ("semi", [0, -1, 1, 1], [0, 0, 0, 1], SEMI | {"sample_weight": [3, 9, 1, 1]}, 4 / 5),
    "semi, nothing to judge": ("semi", [-1, -1], [0, 0], SEMI, nan),
    "semi, no marker": ("semi", [-1, 1], [-1, 1], {}, 1.0),
    "open": ("open", [0, 9, -1, 1], [0, 1, 1, 0], OPEN, 1 / 2),
    "open, all unknown": ("open", [9, 9], [0, 1], OPEN, nan),
    "partial": ("partial", [[1, 1, 0], [0, 0, 1]], ["b", "a"], {"classes": np.array(["a", "b", "c"])}, 1 / 2),
    "partial, weights": (
        "partial", [[1, 1, 0], [0, 0, 1]], [1, 0], {"classes": np.arange(3), "sample_weight": [3, 1]}, 3 / 4,
    ),
    "partial, sparse": (
        "partial", sparse.csr_matrix((np.array([1, 0, 1]), np.array([0, 1, 2]), np.array([0, 2, 3])), shape=(2, 3)),
        [1, 2], {"classes": np.arange(3)}, 1 / 2,
    ),
    "partial, nothing possible": ("partial", [[0, 0], [0, 0]], [0, 1], {"classes": np.arange(2)}, 0.0),
    "partial, vector": ("partial", ["a", "b"], ["a", "a"], {"classes": np.array(["a", "b"])}, 1 / 2),
    # Known entries: 1 0 1; the predictions agree on the first and the last.
    "multilabel": ("multilabel", [[1, 0], [-1, 1]], [[1, 1], [0, 1]], {}, 2 / 3),
    "multilabel, weights": ("multilabel", [[1, 0], [-1, 1]], [[1, 1], [0, 1]], {"sample_weight": [1, 2]}, 3 / 4),
    "multilabel, sparse": ("multilabel", sparse.csr_matrix([[1, 0], [-1, 1]]), [[1, 1], [0, 1]], {}, 2 / 3),
    "multilabel, nothing known": ("multilabel", [[-1, -1]], [[1, 0]], {}, nan),
    "multilabel, vector": ("multilabel", ["no", "yes"], ["yes", "yes"], {}, 1 / 2),
    # Answers 0 2 | 1 are there; the prediction of the first row agrees with one, that of the second row with none.
    "crowd": ("crowd", [[0, 2], [1, -1]], [0, 2], {}, 1 / 3),
    "crowd, weights": ("crowd", [[0, 2], [1, -1]], [0, 1], {"sample_weight": [1, 4]}, 5 / 6),
    "crowd, nan": ("crowd", [[0, 2], [1, nan]], [0, 1], {"missing": nan}, 2 / 3),
    "crowd, objects": ("crowd", [["x", None], ["y", "x"]], ["x", "y"], {"missing": nan}, 2 / 3),
    "crowd, nan beside -1": ("crowd", [[0, nan], [1, -1]], [0, 0], {}, 1 / 2),
    "crowd, strings and -1": ("crowd", [["x", -1], ["y", "x"]], ["x", "y"], {}, 2 / 3),
    "semi, strings and -1": ("semi", ["x", -1, "y"], ["x", "x", "x"], SEMI, 1 / 2),
    "semi, nan": ("semi", [3, nan, 4], [3, 3, 3], {"unlabeled": nan}, 1 / 2),
    "semi, NA": ("semi", pd.Series(["x", None, "y"], dtype="string"), ["x", "x", "x"], {"unlabeled": nan}, 1 / 2),
    "open, strings, None and -1": ("open", ["x", None, -1, "y"], ["x"] * 4, {"unlabeled": -1}, 1 / 2),
    "multilabel, nan": ("multilabel", [[1, 0], [nan, 1]], [[1, 1], [0, 1]], {}, 2 / 3),
    "crowd, row without answers": ("crowd", [[-1, -1], [1, 1]], [0, 1], {}, 1.0),
    "crowd, no answers": ("crowd", [[-1, -1]], [0], {}, nan),
    "crowd, vector": ("crowd", [-1, 1], [-1, -1], {}, 1 / 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SCORED)
def test_score(name):
    kind, y, predicted, keywords, expected = SCORED[name]
    score = score_labels(y, np.array(predicted), kind, **keywords)
    assert isinstance(score, float) and score == pytest.approx(expected, nan_ok=True)


UNSCORED = {
    "length": ("noisy", [0, 1], [0], {}, "y has inconsistent numbers of samples: 2, but X has 1 rows"),
    "wide classes": ("noisy", [[0, 1], [1, 0]], [0, 1], {}, "y should be a 1d array"),
    "candidates too narrow": ("partial", [[1, 0]], [2], {"classes": np.arange(3)}, "y has 2 columns of candidates"),
    "half a candidate": ("partial", [[0.5, 1, 0]], [2], {"classes": np.arange(3)}, "y contains 0.5"),
    "labels too narrow": ("multilabel", [[1, 0]], [[1, 0, 1]], {}, r"y has shape \(1, 2\).*shape \(1, 3\)"),
    "one label for many": ("multilabel", [[1], [0]], [[1, 0], [0, 1]], {}, r"y has shape \(2, 1\)"),
    "vector for many labels": ("multilabel", [1, 0], [[1, 0], [0, 1]], {}, r"y has shape \(2,\)"),
    "label of 2": ("multilabel", [[2, 0]], [[1, 0]], {}, "y contains 2"),
    "weights of another length": ("noisy", [0, 1], [0, 1], {"sample_weight": [1, 1, 1]}, "sample_weight"),
    "weights of nan": ("noisy", [0, 1], [0, 1], {"sample_weight": [1, nan]}, "sample_weight contains NaN"),
    "answer that numpy printed": ("crowd", np.array([["a", -1]]), ["a"], {}, "numpy turns missing=-1"),
}


@pytest.mark.parametrize("name", UNSCORED)
def test_what_cannot_be_scored(name):
    kind, y, predicted, keywords, message = UNSCORED[name]
    with pytest.raises(ValueError, match=message):
        score_labels(y, np.array(predicted), kind, **keywords)


@quick
@given(st.data())
def test_score_equals_a_loop_over_answers(data):
    n, a = data.draw(st.integers(1, 5)), data.draw(st.integers(2, 4))
    entries = st.lists(st.lists(st.integers(-1, 2), min_size=a, max_size=a), min_size=n, max_size=n)
    y, predicted = data.draw(entries), data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    weight = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    hits = total = 0
    for row, guess, w in zip(y, predicted, weight, strict=True):
        for answer in row:
            total += w * (answer != -1)
            hits += w * (answer != -1) * (answer == guess)
    score = score_labels(y, np.array(predicted), "crowd", sample_weight=weight)
    assert score == pytest.approx(hits / total if total else nan, nan_ok=True)
    assert np.isnan(score) or 0 <= score <= 1


@pytest.mark.parametrize("kind", MATRIX_KINDS)
def test_y_is_left_alone(kind):
    y = np.array([[1.0, -0.0], [0.0, 1.0]])
    y.setflags(write=False)
    encode(y, kind, missing=nan)
    assert np.signbit(y[0, 1])


def test_numbers_beyond_every_integer_are_refused_without_a_warning():
    with warnings.catch_warnings(), pytest.raises(ValueError, match="continuous"):
        warnings.simplefilter("error")
        encode_labels(np.array([1e20, 0.5, 1.0]), "noisy")
