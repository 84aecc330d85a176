"""What is refused as ``y``, with the message that says why."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skweak.labels import encode_labels
from skweak.labels.checks import binary_matrix, class_list, column_names, find_classes, label_array
from skweak.labels.markers import marked

nan, inf = np.nan, np.inf
SEMI, OPEN = {"unlabeled": -1}, {"unlabeled": -1, "unknown_label": 9}
# Each row: kind, y, keywords, type of the error, what its message says.
REFUSED = {
    "one class": ("noisy", [1, 1], {}, ValueError, "only one class: 1"),
    "one class named": ("noisy", ["a"], {"classes": ["a"]}, ValueError, "only one class: 'a'"),
    "one class labeled": ("semi", [-1, 1], SEMI, ValueError, "only one class: 1"),
    "one answer": ("crowd", [[1, -1], [1, 1]], {}, ValueError, "only one class: 1"),
    "wrong length": ("noisy", [0, 1], {"n_rows": 3}, ValueError, "X has 3 rows, y has 2"),
    "wrong length, sparse": ("partial", sparse.csr_matrix([[1, 0]]), {"n_rows": 3}, ValueError, "X has 3 rows"),
    "wide": ("noisy", [[0, 1], [1, 0]], {}, ValueError, r"y should be a 1d array"),
    "nan": ("noisy", [0, nan], {}, ValueError, "y contains NaN"),
    "nullable nan": ("noisy", pd.Series([0, None], dtype="Int64"), {}, ValueError, "y contains NaN"),
    "infinity": ("noisy", [0, inf], {}, ValueError, "y contains infinity"),
    "nan of one annotator": ("crowd", [0, 1, nan], {"missing": nan}, ValueError, "y contains NaN"),
    "infinite answer": ("crowd", [[0, inf], [1, nan]], {"missing": nan}, ValueError, "y contains infinity"),
    "nan beside another marker": ("semi", [0, 1, nan, -1], SEMI, ValueError, "y contains NaN.*marker"),
    "nan among candidates": ("partial", [[0, nan]], {}, ValueError, "y contains NaN"),
    "None": ("noisy", ["a", None], {}, TypeError, "Unknown label type: y holds None"),
    "None beside numbers": ("noisy", [0, None], {}, TypeError, "y holds 0 .int. among strings or objects"),
    "NA": ("noisy", pd.Series(["a", None], dtype="string"), {}, TypeError, "y holds"),
    "None beside another marker": ("semi", ["a", "b", None, -1], SEMI, TypeError, "y holds None"),
    "mixed list": ("noisy", ["a", 1], {}, TypeError, "y holds 1 .int. among strings"),
    "mixed tuple": ("noisy", ("a", 1.5), {}, TypeError, "y holds 1.5 .float. among strings"),
    "mixed array": ("noisy", np.array([1, "a"], object), {}, TypeError, "y holds 1 "),
    "number that is no marker": ("semi", ["a", "b", -2, -1], SEMI, TypeError, "y holds -2 .int. among strings"),
    "mixed answers": ("crowd", [["a", 5], ["b", "a"]], {}, TypeError, "y holds 5 .int. among strings"),
    "marker as numpy prints it": ("semi", np.array(["a", "b", -1]), SEMI, ValueError, "'-1', to which numpy turns unl"),
    "answer as numpy prints it": ("crowd", np.array([["a", -1], ["b", "a"]]), {}, ValueError, "numpy turns missing=-1"),
    "nan as numpy prints it": ("crowd", np.array([["a", nan], ["b", "a"]]), {}, ValueError, "holds the string 'nan'"),
    "unknown as numpy prints it": ("open", np.array(["a", "b", 9]), OPEN, ValueError, "numpy turns unknown_label=9"),
    "integers as objects": ("noisy", np.array([1, 0], object), {}, TypeError, "y holds 1 .int.*numeric dtype"),
    "too large integers": ("noisy", [2**70, 0], {}, TypeError, "y holds 1180591620717411303424"),
    "bytes": ("noisy", np.array([b"a", b"b"]), {}, TypeError, r"y holds \|S1 values"),
    "dates": ("noisy", np.array(["2020-01-01", "2020-01-02"], "M8[D]"), {}, TypeError, "y holds datetime64"),
    "times": ("noisy", pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"])), {}, TypeError, "y holds datetime64"),
    "durations": ("noisy", np.array([1, 2], "m8[D]"), {}, TypeError, "y holds timedelta64"),
    "dates as objects": ("noisy", [date(2020, 1, 1), date(2020, 1, 2)], {}, TypeError, "y holds datetime.date"),
    "records": ("noisy", np.zeros(2, [("a", int)]), {}, TypeError, "y holds .* values"),
    "masked": ("noisy", np.ma.array([0, 1], mask=[0, 1]), {}, TypeError, "y is a masked array.*noisy"),
    "continuous": ("noisy", [0.5, 1.2], {}, ValueError, "Unknown label type: continuous"),
    "continuous answers": ("crowd", [[0.5, 1], [1, 0]], {}, ValueError, "Unknown label type: continuous"),
    "complex": ("noisy", [1j, 2], {}, ValueError, "y cannot be read as labels: Complex"),
    "ragged": ("noisy", [[0, 1], [1]], {}, ValueError, "y cannot be read as labels"),
    "empty": ("noisy", [], {}, ValueError, r"y has shape \(0,\)"),
    "no column": ("multilabel", np.zeros((3, 0)), {}, ValueError, r"y has shape \(3, 0\)"),
    "scalar": ("noisy", 3, {}, ValueError, r"one or two dimensions, got shape \(\)"),
    "text": ("noisy", "abc", {}, ValueError, r"one or two dimensions, got shape \(\)"),
    "set": ("noisy", {0, 1}, {}, ValueError, r"one or two dimensions, got shape \(\)"),
    "cube": ("noisy", np.zeros((2, 2, 2)), {}, ValueError, r"one or two dimensions, got shape \(2, 2, 2\)"),
    "nothing": ("noisy", None, {"owner": "This Forest"}, ValueError, "This Forest estimator requires y"),
    "kind": ("clean", [0, 1], {}, ValueError, "kind must be one of"),
    "sparse classes": ("noisy", sparse.csr_matrix([[0, 1]]), {}, TypeError, "y is a sparse matrix.*noisy"),
    "sparse answers": ("crowd", sparse.csr_matrix([[0, 1]]), {}, TypeError, "y is a sparse matrix.*crowd"),
    "outside": ("noisy", ["b", "z"], {"classes": ["b", "a"]}, ValueError, "label 'z'.*not in classes=.'b', 'a'"),
    "outside, above all": ("noisy", [0, 9], {"classes": [0, 1]}, ValueError, "label 9.*not in classes"),
    "answer outside": ("crowd", [[0, 5], [1, -1]], {"classes": [0, 1]}, ValueError, "answer 5.*not in classes"),
    "duplicates": ("noisy", [0, 1], {"classes": [0, 1, 1]}, ValueError, "classes must be a list of distinct labels"),
    "no classes": ("noisy", [0, 1], {"classes": []}, ValueError, "classes must be a list of distinct"),
    "number as classes": ("noisy", [0, 1], {"classes": 2}, ValueError, "classes must be a list of distinct"),
    "text as classes": ("partial", [[0, 1]], {"classes": "ab"}, ValueError, "classes must be a list of distinct"),
    "matrix as classes": ("partial", [[0, 1]], {"classes": [["a", "b"]]}, ValueError, "classes must be a list"),
    "mixed classes": ("noisy", ["a", "b"], {"classes": ["a", 1]}, TypeError, "classes holds 1 .int."),
    "classes with None": ("noisy", ["a", "b"], {"classes": ["a", None]}, TypeError, "classes holds None"),
    "classes of another type": ("noisy", ["1", "0"], {"classes": [0, 1]}, ValueError, "y holds <U1.*classes holds"),
    "too few names": ("partial", [[1, 0], [1, 1]], {"classes": ["a"]}, ValueError, "y has 2 columns of candidates"),
    "too many names": ("multilabel", [[1, 0]], {"classes": list("abc")}, ValueError, "2 columns of labels.*names 3"),
    "all unlabeled": ("semi", [-1, -1], SEMI, ValueError, "no row with a class: all 2 rows are marked"),
    "all unknown or unlabeled": ("open", [9, -1], OPEN, ValueError, "no row with a class"),
    "marker twice": ("open", [0, 1, -1], SEMI | {"unknown_label": -1}, ValueError, "unlabeled and unknown_label"),
    "marker is a class": ("semi", [0, 1, 2], {"unlabeled": 2, "classes": [0, 1, 2]}, ValueError, "unlabeled=2 is also"),
    "unknown is a class": ("open", [0, 1], {"unknown_label": 1, "classes": [0, 1]}, ValueError, "unknown_label=1 is"),
    "missing is a class": ("crowd", [[0, 1]], {"classes": [-1, 0, 1]}, ValueError, "missing=-1 is also one of classes"),
    "no answer at all": ("crowd", [[-1, -1]], {}, ValueError, "only the marker missing=-1"),
    "all nan": ("crowd", [[nan, nan]], {"missing": nan}, ValueError, "only the marker missing=nan"),
    "row without candidates": ("partial", [[1, 0], [0, 0]], {}, ValueError, "row 1 has no candidate"),
    "half a candidate": ("partial", [[0.5, 0], [1, 1]], {}, ValueError, "y contains 0.5; partial labels accept only"),
    "negative candidate": ("partial", [[-1, 0], [1, 1]], {}, ValueError, "y contains -1; partial labels accept only"),
    "candidate of 2": ("partial", [[2, 0], [1, 1]], {}, ValueError, "y contains 2; partial labels accept only"),
    "all candidates everywhere": ("partial", [[1, 1], [1, 1]], {}, ValueError, "every one of the 2 classes"),
    "candidates as text": ("partial", [["1", "0"], ["0", "1"]], {}, ValueError, "y must hold numbers.*partial"),
    "label of 2": ("multilabel", [[2, 0]], {}, ValueError, "y contains 2; multilabel labels accept only"),
    "half a label": ("multilabel", [[0.5, 0]], {}, ValueError, "y contains 0.5"),
    "nothing known": ("multilabel", [[-1, -1]], {}, ValueError, "y holds only -1"),
    "three binary classes": ("multilabel", [0, 1, 2], {}, ValueError, "Only binary classification is supported"),
    "sparse nan": ("partial", sparse.csr_matrix([[nan, 0]]), {}, ValueError, "y contains nan"),
    "sparse half": ("partial", sparse.csr_matrix([[0.5, 0]]), {}, ValueError, "y contains 0.5"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_refusal(name):
    kind, y, keywords, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        encode_labels(y, kind, **keywords)


# Each row: y, marker, where it is.
MARKED = {
    "none": ([0, 1], None, [False, False]),
    "None in objects": (np.array(["a", None, nan], object), None, [False, True, False]),
    "number in objects": (np.array(["-1", -1, pd.NA], object), -1, [False, True, False]),
    "number": ([0, -1], -1, [False, True]),
    "equal number of another type": ([0, -1], -1.0, [False, True]),
    "text in numbers": ([0, -1], "-1", [False, False]),
    "number in text": (["0", "-1"], -1, [False, False]),
    "text": (["0", "-1"], "-1", [False, True]),
    "text in objects": (np.array(["0", "-1"], object), "-1", [False, True]),
    "nan in integers": ([0, 1], nan, [False, False]),
    "nan": ([0, nan], nan, [False, True]),
    "nan of numpy": ([0, nan], np.float32(nan), [False, True]),
    "nan in text": (["a", "nan"], nan, [False, False]),
    "nan in objects": (np.array(["a", "nan", "None", None, nan, pd.NA], object), nan, [False] * 3 + [True] * 3),
    "number in booleans": ([True, False], -1, [False, False]),
}


@pytest.mark.parametrize("name", MARKED)
def test_marked(name):
    y, marker, expected = MARKED[name]
    found = marked(np.asarray(y), marker)
    assert found.dtype == bool and found.tolist() == expected


def test_floats_keep_their_type_and_lose_their_negative_zeros():
    y = label_array(np.array([-0.0, 1.0], np.float32), "noisy")
    assert y.dtype == np.float32 and not np.signbit(y).any()


def test_binary_matrix_keeps_canonical_matrices_as_they_are():
    y = sparse.csr_matrix([[1, 0], [0, 1]])
    assert binary_matrix(y, "partial", (0, 1)) is y


def test_find_classes_in_the_given_order():
    values = np.array([["c", "a"], ["b", "c"]])
    classes, codes = find_classes(values, class_list(["c", "a", "b"]), 2, "answer")
    assert classes.tolist() == ["c", "a", "b"] and codes.tolist() == [[0, 1], [2, 0]]
    classes, codes = find_classes(values, None, 2, "answer")
    assert classes.tolist() == ["a", "b", "c"] and codes.tolist() == [[2, 0], [1, 2]]


def test_columns_are_numbered_unless_named():
    assert column_names(None, 3, "labels").tolist() == [0, 1, 2]
    assert column_names(class_list(["b", "a"]), 2, "labels").tolist() == ["b", "a"]
