"""Answers of which some are the marker of unknown rows, of whatever type: none becomes a class."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.active import ActiveLearner, LfOSA, LfOSAClassifier, MarginSampling, RandomSampling, run_loop
from skweak.active.answers import as_answers, is_marked, join_labels
from skweak.crowd import CrowdLayerClassifier
from skweak.labels.markers import read_labels
from skweak.nn import MLP
from skweak.semi import FixMatchClassifier

RNG = np.random.default_rng(0)
CODES = np.arange(90) % 3
X = (RNG.normal(size=(90, 2)) * 0.3 + np.array([[0, 0], [3, 0], [0, 3]])[CODES]).astype(np.float32)
NAMES = {"strings": ["circle", "square"], "numbers": [4, 7]}
MARKERS = [-1, float("nan"), None, "other"]
# The two classes and one unknown row.
START = [0, 1, 3, 4, 6, 7, 2]


def answers_of(kind, marker):
    return [[*NAMES[kind], marker][code] for code in CODES]


def classifier(marker):
    return LfOSAClassifier(MLP, module__hidden=(8,), max_epochs=5, unknown_label=marker, random_state=0, verbose=0)


def modal_learner(*args):
    pytest.importorskip("modAL")
    from skweak.active import modal

    return modal.ActiveLearner(*args)


def committee(estimator, strategy, *rows):
    pytest.importorskip("modAL")
    from skweak.active import modal

    return modal.Committee([modal.ActiveLearner(estimator, strategy, *rows)], strategy)


@pytest.mark.parametrize("make", [ActiveLearner, modal_learner, committee])
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("marker", MARKERS, ids=repr)
@pytest.mark.parametrize("asked", ["list", "function"])
def test_a_loop_counts_unknown_rows_and_learns_no_class_of_them(make, kind, marker, asked, tmp_path):
    answers = answers_of(kind, marker)
    # First rows without an unknown one: the marker first meets the classes in a batch.
    first = START[:-1]

    def run():
        learner = make(classifier(marker), MarginSampling(), X[first], [answers[row] for row in first])
        oracle = answers if asked == "list" else answers.__getitem__
        return learner, run_loop(learner, X, oracle, 2, 40, verbose=0, checkpoint=tmp_path)

    learner, history = run()
    for record in history:
        assert record["n_unknown"] == int((CODES[record["indices"]] == 2).sum())
        assert record["n_known"] == len(record["indices"]) - record["n_unknown"]
    member = learner.learner_list[0] if make is committee else learner
    assert member.estimator.classes_.tolist() == NAMES[kind]
    assert all(type(label) is type(NAMES[kind][0]) for label in member.estimator.classes_.tolist())
    assert set(learner.predict(X)) <= set(NAMES[kind])
    taught = np.concatenate([first, *[record["indices"] for record in history]]).astype(int)
    assert is_marked(read_labels(list(member.y_training)), marker).tolist() == (CODES[taught] == 2).tolist()
    again = run()[1]
    assert [record["indices"].tolist() for record in again] == [record["indices"].tolist() for record in history]
    lines = [json.loads(line[9:]) for line in (tmp_path / "answers.jsonl").read_text().splitlines()[1:]]
    assert repr([line["answer"] for line in lines]) == repr([a for record in history for a in record["answers"]])
    assert len(lines) == 80


@pytest.mark.parametrize("make", [ActiveLearner, modal_learner])
@pytest.mark.parametrize("container", [list, lambda y: np.array(y, dtype=object), lambda y: pd.Series(y, dtype=object)])
@pytest.mark.parametrize("marker", MARKERS, ids=repr)
def test_fit_and_teach_read_mixed_answers_as_a_string_marker(make, container, marker):
    answers = answers_of("strings", marker)
    plain = np.array(answers_of("strings", "other"))
    expected = classifier("other").fit(X[[*START, 5, 8, 9]], plain[[*START, 5, 8, 9]])
    learner = make(classifier(marker), LfOSA(), X[START], container([answers[row] for row in START]))
    # A batch of unknown rows alone has no type that tells of the classes.
    learner.teach(X[[5, 8]], container([answers[row] for row in (5, 8)]))
    learner.teach(X[[9]], container([answers[9]]))
    assert learner.estimator.classes_.tolist() == ["circle", "square"]
    np.testing.assert_array_equal(learner.estimator.predict_unknown_proba(X), expected.predict_unknown_proba(X))
    assert learner.estimator.encode_answers(answers[:3]).tolist() == [0, 1, 2]
    assert len(learner.query(X, n_instances=3)[0]) == 3


def test_a_pipeline_hands_mixed_answers_on():
    answers = answers_of("strings", -1)
    learner = ActiveLearner(make_pipeline(StandardScaler(), classifier(-1)), LfOSA(), X[START], answers_at(answers))
    history = run_loop(learner, X, answers, 1, 90, verbose=0)
    assert history[1]["n_unknown"] == 30 and history[1]["query_precision"] == pytest.approx(2 / 3)
    assert history[1]["query_recall"] == pytest.approx(1.0, abs=0.1)


def answers_at(answers):
    return [answers[row] for row in START]


def test_unlabeled_rows_beside_unknown_ones():
    y = ["circle", "square", None, -1] * 5
    clf = classifier(None).set_params(unlabeled=-1, max_epochs=1).fit(X[:20], y)
    assert clf.classes_.tolist() == ["circle", "square"]
    assert clf.encode_answers(y[:4]).tolist() == [0, 1, 2, -1]


@pytest.mark.parametrize("make", [ActiveLearner, modal_learner])
def test_a_marker_that_numpy_turned_into_a_string_is_refused(make):
    spoilt = np.asarray(["circle", "square", -1])
    with pytest.raises(ValueError, match="y holds the string '-1', .*give the answers as a list or as an array of dtype"):
        make(classifier(-1), LfOSA(), X[:3], spoilt)
    learner = make(classifier(-1), LfOSA(), X[START], answers_at(answers_of("strings", -1)))
    with pytest.raises(ValueError, match="oracle holds the string '-1'"):
        run_loop(learner, X, np.asarray(answers_of("strings", -1)), 1, 1, verbose=0)


def test_a_wrong_answer_is_not_kept(tmp_path):
    learner = ActiveLearner(classifier(-1), LfOSA(), X[START], answers_at(answers_of("strings", -1)))
    with pytest.raises(ValueError, match="oracle holds the string '-1'"):
        run_loop(learner, X, lambda row: "-1", 1, 1, verbose=0, checkpoint=tmp_path)
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("make", [ActiveLearner, modal_learner])
def test_an_estimator_without_a_marker_refuses_a_mixture(make):
    with pytest.raises(TypeError, match=r"y holds -1 \(int\) among strings; .*has no unknown_label, so use one that has"):
        make(LogisticRegression(), MarginSampling(), X[:3], ["circle", "square", -1])
    learner = make(LogisticRegression(), MarginSampling(), X[:2], ["circle", "square"])
    with pytest.raises(ValueError, match="y holds int64 labels, but the labels so far are <U6; use one type"):
        learner.teach(X[:1], [-1])


def test_an_answer_that_is_neither_marker_nor_class_is_refused():
    with pytest.raises(TypeError, match=r"among strings; .* with the estimator's unknown_label=-1"):
        as_answers(["circle", -1, 5], -1)


def test_pandas_missing_value_is_no_marker_but_nan():
    y = np.array(["circle", pd.NA, None, np.nan], dtype=object)
    assert is_marked(y, np.nan).tolist() == [False, True, True, True]
    assert is_marked(y, None).tolist() == [False, False, True, False]
    assert not is_marked(y, -1).any() and not is_marked(y, "nan").any()


def test_labels_are_joined_as_what_they_are():
    assert join_labels(np.array([1, 2]), np.array([np.nan]), np.nan).tolist()[:2] == [1, 2]
    matrix = join_labels(np.array([["circle", "square"]]), np.array([[-1, -1]]), -1)
    assert matrix.tolist() == [["circle", "square"], [-1, -1]]


@pytest.mark.parametrize("make", [ActiveLearner, modal_learner])
@pytest.mark.parametrize("marker", MARKERS, ids=repr)
def test_unlabeled_rows_are_taught_as_such(make, marker):
    def fixmatch():
        return FixMatchClassifier(MLP, module__hidden=(8,), max_epochs=1, unlabeled=marker, random_state=0)

    answers = answers_of("strings", marker)
    learner = make(fixmatch(), MarginSampling(), X[START], answers_at(answers))
    learner.teach(X[[8]], [answers[8]])
    learner.teach(X[[9]], [answers[9]])
    assert learner.estimator.classes_.tolist() == ["circle", "square"]
    rows = [*START, 8, 9]
    expected = fixmatch().fit(X[rows], [answers[row] for row in rows])
    np.testing.assert_array_equal(learner.estimator.predict_proba(X), expected.predict_proba(X))
    labeled = np.flatnonzero(CODES[rows] < 2)
    assert expected.transduction_[labeled].tolist() == [answers[rows[i]] for i in labeled]


@pytest.mark.parametrize("marker", [-1, float("nan"), None], ids=repr)
def test_a_loop_that_starts_cold_keeps_the_marker(marker):
    answers = answers_of("strings", marker)
    learner = ActiveLearner(classifier(marker), RandomSampling(random_state=0))
    history = run_loop(learner, X, answers, 4, 2, verbose=0)
    bought = np.concatenate([record["indices"] for record in history]).astype(int)
    assert sum(record["n_unknown"] for record in history) == (CODES[bought] == 2).sum()
    assert learner.estimator.classes_.tolist() == ["circle", "square"]


@pytest.mark.parametrize("marker", MARKERS, ids=repr)
def test_a_crowd_learns_no_class_of_the_answers_that_are_missing(marker):
    votes = [["circle", marker], [marker, "square"], ["circle", "circle"], ["square", "square"]] * 5
    clf = CrowdLayerClassifier(MLP, module__hidden=(8,), max_epochs=1, missing=marker, random_state=0)
    assert clf.fit(X[:20], votes).classes_.tolist() == ["circle", "square"]
    assert set(clf.predict(X)) <= {"circle", "square"}
