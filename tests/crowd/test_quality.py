"""Grades of a consensus by a model, and the report on annotators."""

import numpy as np
import pandas as pd
import pytest

from skweak.crowd import annotator_report, crowd_label_quality, dawid_skene, majority_vote
from skweak.datasets import make_annotators, make_crowd_labels


def test_grades_by_hand():
    answers = np.array([[0, 0, 0], [1, 1, 0], [1, 1, 1], [0, -1, -1]])
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    result = crowd_label_quality(answers, proba)
    # Shares of equal other answers: rows 0 and 2 are unanimous, in row 1 they are 1/2, 1/2 and 0.
    agreement = (6 + 1) / 9
    own = np.array([2.5, 2.5, 2]) / 3
    # The vote of the three tasks with several answers is 0, 1, 1; saying 1 always is wrong in a third.
    weight = np.maximum(1 - (1 - own) / (1 / 3), 1e-6)
    model = 1 * np.sqrt(10 / 4)
    np.testing.assert_allclose(result.details["annotator_weight"], weight)
    assert result.details["model_weight"] == pytest.approx(model)
    rows = model * proba
    for i, j in zip(*np.nonzero(answers >= 0), strict=True):
        rows[i] += weight[j] * np.where(np.arange(2) == answers[i, j], agreement, 1 - agreement)
    np.testing.assert_allclose(result.posterior, rows / rows.sum(1, keepdims=True))
    assert result.label.tolist() == [0, 1, 1, 1]


def test_a_row_that_nobody_answered_has_the_label_of_the_model():
    result = crowd_label_quality([[0, 0], [1, 1], [-1, -1]], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    assert result.label[2] == 1 and result.quality[2] == pytest.approx(0.9)


def test_ties_go_to_the_class_of_the_model_and_one_answer_each_is_enough():
    proba = [[0.4, 0.6], [0.3, 0.7], [0.8, 0.2]]
    assert crowd_label_quality([[0, 1], [1, 1], [0, 0]], proba).label.tolist() == [1, 1, 0]
    alone = crowd_label_quality([[0], [1], [0]], proba)
    assert np.isfinite(alone.posterior).all() and np.isfinite(alone.annotator_quality).all()


def test_a_good_model_finds_what_the_vote_cannot():
    truth = np.random.RandomState(0).randint(0, 3, 500)
    answers, _ = make_crowd_labels(truth, n_annotators=20, accuracy=0.6, labels_per_row=2, random_state=0)
    proba = np.full((500, 3), 0.1)
    proba[np.arange(500), truth] = 0.8
    result = crowd_label_quality(answers, proba)
    assert (result.label == truth).mean() > (majority_vote(answers).label == truth).mean() + 0.2
    useless = crowd_label_quality(answers, np.full((500, 3), 1 / 3))
    assert useless.details["model_weight"] < result.details["model_weight"]
    right = result.label == truth
    assert result.quality[right].mean() > result.quality[~right].mean() if (~right).any() else True


@pytest.mark.parametrize(
    ("proba", "message"),
    [([[1.0, 0.0]], "rows"), ([[0.2, 0.2, 0.6]] * 2, "3 columns"), ([[0.5, 0.6]] * 2, "sums to")],
)
def test_probabilities_that_do_not_fit(proba, message):
    with pytest.raises(ValueError, match=message):
        crowd_label_quality([[0, 1], [1, 1]], proba)


def test_a_report_by_hand():
    answers = pd.DataFrame({"eva": ["a", "b", "b", "b"], "tom": ["a", "a", "a", "b"], "ann": ["a", "b", "b", None]})
    answers["new"] = None
    report = annotator_report(answers)
    assert report.index.tolist() == ["eva", "tom", "ann", "new"]
    assert report.n_answers.tolist() == [4, 4, 3, 0] and report.n_classes.tolist() == [2, 2, 2, 0]
    # Tom: with both in row 0, with nobody in rows 1 and 2, with Eva in row 3.
    np.testing.assert_allclose(report.agreement[:3], [(1 + 0.5 + 0.5 + 1) / 4, 0.5, 2 / 3])
    np.testing.assert_allclose(report.consensus_agreement[:3], [1, 0.5, 1])
    assert report.favourite[:3].tolist() == ["b", "a", "b"]
    assert report.confusion.tolist() == ["", "b as a", "", ""] and report.confusion_count.tolist() == [0, 2, 0, 0]
    # Tom's running agreement is 1, 1/2, 1/3, 1/2.
    assert report.settled_after.tolist() == [1, 4, 1, 0]
    assert report.loc["new", ["agreement", "quality", "consensus_agreement"]].isna().all()
    assert report.loc["new", "favourite"] is None or pd.isna(report.loc["new", "favourite"])


def test_a_report_by_a_model_names_who_does_not_look():
    truth = np.random.RandomState(0).randint(0, 3, 300)
    confusion, kind = make_annotators(3, reliable=4, lazy=2, random_state=0)
    answers, _ = make_crowd_labels(truth, confusion=confusion, random_state=0)
    report = annotator_report(answers, dawid_skene(answers))
    assert set(report.quality.nsmallest(2).index) == set(np.flatnonzero(kind == "lazy"))
    assert (report.favourite_share[kind == "lazy"] > 0.8).all()
    with pytest.raises(ValueError, match="same answers"):
        annotator_report(answers[:10], dawid_skene(answers))
    with pytest.raises(ValueError, match="band"):
        annotator_report(answers, band=0)
