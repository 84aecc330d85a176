"""Names of columns, sets of labels, one-hot matrices, and predictions as tables."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score

import skweak
from skweak.crowd import VoteClassifier
from skweak.labels import encode_labels, score_labels
from skweak.multilabel import MultiLabelClassifier
from skweak.noisy import AutoNoisyClassifier, CrossEntropyClassifier, LabelIssueFilter
from skweak.partial import CCClassifier
from tests.small_data import blobs

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
CODES = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame({"dog": CODES, "cat": 1 - CODES}, index=np.arange(100, 140))
SETS = [{"dog"} if code else {"cat"} for code in CODES]
small = {"module__hidden": (8,), "max_epochs": 3, "random_state": 0}
MULTI, PARTIAL = MultiLabelClassifier(**small), CCClassifier(**small)


@pytest.mark.parametrize("kind", ["partial", "multilabel"])
def test_columns_of_a_frame_are_the_classes(kind):
    labels = encode_labels(FRAME, kind)
    assert labels.classes.tolist() == ["dog", "cat"] and labels.target.tolist() == FRAME.to_numpy().tolist()
    turned = encode_labels(FRAME[["cat", "dog"]], kind, classes=["dog", "cat"])
    assert turned.classes.tolist() == ["dog", "cat"] and turned.target.tolist() == labels.target.tolist()
    with pytest.raises(ValueError, match=r"y has the columns \['dog', 'cat'\], but the classes are \['dog', 'cow'\]"):
        encode_labels(FRAME, kind, classes=["dog", "cow"])
    with pytest.raises(ValueError, match="the columns of y are no list of names: .*distinct"):
        encode_labels(FRAME.set_axis(["a", "a"], axis=1), kind)
    with pytest.raises(TypeError, match="the columns of y are no list of names: .*1 .int."):
        encode_labels(FRAME.set_axis(["a", 1], axis=1), kind)
    assert encode_labels(FRAME.set_axis([3, 5], axis=1), kind).classes.tolist() == [3, 5]
    assert encode_labels(FRAME.set_axis([0, 1], axis=1), kind, classes=["a", "b"]).classes.tolist() == ["a", "b"]


def test_a_score_matches_columns_by_name():
    classes = np.array(["dog", "cat"])
    y = pd.DataFrame([[0, 1], [1, 1]], columns=["cat", "dog"])
    assert score_labels(y, np.array([[1, 0], [1, 0]]), "multilabel", classes=classes) == 3 / 4
    assert score_labels(y, np.array(["cat", "cat"]), "partial", classes=classes) == 1 / 2
    assert score_labels([{"dog"}, {"dog", "cat"}], np.array(["cat", "cat"]), "partial", classes=classes) == 1 / 2


@pytest.mark.parametrize("kind", ["partial", "multilabel"])
@pytest.mark.parametrize("form", [list, tuple, lambda y: pd.Series(y), lambda y: np.array(y, dtype=object)])
def test_sets_of_labels(kind, form):
    y = [{"cat"}, {"dog", "cat"}, frozenset({"cow"})]
    labels = encode_labels(form(y), kind)
    assert labels.classes.tolist() == ["cat", "cow", "dog"]
    assert labels.target.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    ordered = encode_labels(form(y), kind, classes=["dog", "cat", "cow", "hen"])
    assert ordered.target.tolist() == [[0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]]
    with pytest.raises(ValueError, match=r"y contains label 'cow', which is not in classes=\['cat', 'dog'\]"):
        encode_labels(form(y), kind, classes=["cat", "dog"])


def test_sets_of_numbers_and_of_nothing():
    assert encode_labels([{3}, set(), {3, 10}], "multilabel").target.tolist() == [[1, 0], [0, 0], [1, 1]]
    with pytest.raises(ValueError, match="row 1 has no candidate"):
        encode_labels([{3}, set(), {3, 10}], "partial")
    with pytest.raises(TypeError, match="y holds 'cat' among sets of labels"):
        encode_labels([{"dog"}, "cat"], "multilabel")
    with pytest.raises(TypeError, match="y holds None among sets"):
        encode_labels([{"dog"}, None], "multilabel")


@pytest.mark.parametrize("kind", ["noisy", "semi", "open", "crowd"])
def test_other_kinds_name_the_family_for_sets(kind):
    with pytest.raises(ValueError, match="y holds sets of labels.*skweak.partial.*skweak.multilabel"):
        encode_labels(SETS, kind)


@pytest.mark.parametrize("y", [FRAME, FRAME.to_numpy(), FRAME.to_numpy().tolist(), FRAME.astype(bool)])
def test_one_hot_labels_are_told_to_be_classes(y):
    with pytest.raises(ValueError, match=r"y should be a 1d array, got .* one-hot: .*y.argmax\(axis=1\)"):
        CrossEntropyClassifier().fit(X, y)
    with pytest.raises(ValueError, match=r"1d array.*several labels are for skweak.multilabel"):
        CrossEntropyClassifier().fit(X, np.ones((40, 2)))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_predictions_by_name_and_as_tables(tmp_path):
    table = pd.DataFrame(X, columns=list("abc"), index=FRAME.index)
    partial, multi = PARTIAL.fit(table, FRAME), MULTI.fit(table, FRAME)
    assert set(partial.predict(table)) <= {"dog", "cat"} and multi.classes_.tolist() == ["dog", "cat"]
    frame = multi.predict_frame(table)
    assert frame.columns.tolist() == ["dog", "cat"] and frame.index.equals(table.index)
    assert np.array_equal(frame, multi.predict(table))
    assert np.array_equal(multi.predict_frame(table, proba=True), multi.predict_proba(table))
    assert partial.predict_frame(table)["label"].tolist() == partial.predict(table).tolist()
    assert partial.predict_frame(table, proba=True).columns.tolist() == ["dog", "cat"]
    by_sets = CCClassifier(**small, classes=["dog", "cat"]).fit(table, SETS)
    assert np.array_equal(by_sets.predict_proba(table), partial.predict_proba(table))
    assert by_sets.score(table, SETS) == partial.score(table, FRAME)
    scores = cross_val_score(CCClassifier(**small), X, FRAME, cv=KFold(2), error_score="raise")
    assert np.isfinite(scores).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_annotators_are_named_and_kept(tmp_path):
    votes = pd.DataFrame({"ann": CODES, "bob": np.where(np.arange(40) % 3 == 0, np.nan, CODES)})
    clf = VoteClassifier(**small).fit(X, votes)
    assert clf.annotators_.tolist() == ["ann", "bob"] and clf.classes_.tolist() == [0, 1]
    skweak.save(clf, tmp_path / "m.skweak")
    assert skweak.load(tmp_path / "m.skweak").annotators_.tolist() == ["ann", "bob"]
    assert clf.fit(X, np.column_stack([CODES, CODES])).annotators_.tolist() == [0, 1]


@pytest.mark.parametrize("made", [
    LabelIssueFilter(LogisticRegression(), cv=2, random_state=0),
    AutoNoisyClassifier([("linear", LogisticRegression())], cv=2, random_state=0),
])  # fmt: skip
def test_estimators_around_others_predict_tables_as_well(made):
    X, y, _ = blobs(60)
    table = pd.DataFrame(X, columns=list("abcd"), index=np.arange(60) + 7)
    fitted = made.fit(table, np.array(["cat", "dog", "fox"])[y])
    shown = fitted.predict_frame(table, proba=True)
    assert shown.columns.tolist() == ["cat", "dog", "fox"] and shown.index.tolist() == table.index.tolist()
    assert fitted.predict_frame(table)["label"].tolist() == fitted.predict(table).tolist()
