"""Markers of another type than the classes, in every form a table brings them in: none becomes a class."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from skweak.labels import encode_labels, score_labels
from skweak.labels.markers import class_values, read_labels
from skweak.metrics import labeled_scorer
from skweak.model_selection import SemiStratifiedKFold

MARKERS = [-1, float("nan"), None, "other"]
FORMS = {
    "list": list,
    "tuple": tuple,
    "objects": lambda y: np.array(y, dtype=object),
    "series": lambda y: pd.Series(y, dtype=object) if np.ndim(y[0]) == 0 else pd.DataFrame(y, dtype=object),
}
NAMES = {"strings": ["circle", "square"], "numbers": [4, 7]}
# The marker that each kind is given by this name, and the code it gets.
KINDS = {"semi": ("unlabeled", -1), "open": ("unknown_label", 2), "crowd": ("missing", -1)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("marker", MARKERS, ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_a_marker_of_any_type_is_a_marker(kind, marker, names, form):
    first, second = NAMES[names]
    parameter, code = KINDS[kind]
    y = [second, first, marker, second]
    target = [1, 0, code, 1]
    if kind == "crowd":
        y, target = [y, y[::-1]], [target, target[::-1]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = encode_labels(FORMS[form](y), kind, **{parameter: marker})
    assert labels.classes.tolist() == [first, second] and type(labels.classes.tolist()[0]) is type(first)
    assert labels.target.tolist() == target
    predicted = np.array([second] * len(y))
    assert score_labels(FORMS[form](y), predicted, kind, **{parameter: marker}) == pytest.approx(2 / 3)


def test_a_string_that_looks_like_the_marker_may_be_named_as_a_class():
    y = np.array(["-1", "1", "-1"])
    with pytest.raises(ValueError, match=r"holds the string '-1', to which numpy turns unlabeled=-1.*name the class"):
        encode_labels(y, "semi", unlabeled=-1)
    with pytest.warns(UserWarning, match="no row marked"):
        assert encode_labels(y, "semi", unlabeled=-1, classes=["-1", "1"]).target.tolist() == [0, 1, 0]


def test_None_is_no_unlabeled_row_where_it_may_be_an_unknown_one():
    labels = encode_labels(["a", None, "b"], "open", unlabeled=None, unknown_label=None)
    assert labels.target.tolist() == [0, 2, 1]
    with pytest.raises(ValueError, match="unlabeled and unknown_label are both nan"):
        encode_labels(["a", "b"], "open", unlabeled=np.nan, unknown_label=float("nan"))


def test_reading_keeps_whole_numbers_whole():
    assert read_labels([4, float("nan")]).tolist()[0] == 4 and read_labels([4.5, float("nan")]).dtype.kind == "f"
    assert read_labels([["a", -1]]).tolist() == [["a", -1]] and read_labels([["a", "b"]]).dtype.kind == "U"
    values = class_values(np.array([0.5, np.nan, 2.0]), np.array([True, False, True]))
    assert values.tolist() == [0.5, 2.0] and values.dtype == float


class First(ClassifierMixin, BaseEstimator):
    """Predicts the first class."""

    def fit(self, X, y):
        self.classes_ = np.array(["circle", "square"])
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("marker", MARKERS, ids=repr)
@pytest.mark.parametrize("form", FORMS)
def test_scorer_and_folds_compare_before_they_convert(marker, form):
    y = FORMS[form](["circle", "circle", marker, "square", "square", marker])
    X = np.zeros((6, 1))
    scorer = labeled_scorer("balanced_accuracy", unlabeled=marker)
    assert scorer(First().fit(X, y), X, y) == 0.5
    parts = list(SemiStratifiedKFold(2, unlabeled=marker).split(X, y))
    assert [test.tolist() for _, test in parts] == [[0, 3], [1, 4]]
    assert all({2, 5} <= set(train) for train, _ in parts)


def test_a_scorer_refuses_what_numpy_printed():
    with pytest.raises(ValueError, match="to which numpy turns unlabeled=-1"):
        labeled_scorer()(First(), np.zeros((2, 1)), np.array(["circle", -1]))
