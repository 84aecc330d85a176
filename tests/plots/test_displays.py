"""Each display: what it collects, what it draws, and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skweak.noisy import ELRClassifier, ForwardCorrectionClassifier, LabelIssueFilter
from skweak.plots import (
    ComparisonDisplay,
    EmbeddingDisplay,
    LabelAuditDisplay,
    LabelQualityDisplay,
    ReliabilityDisplay,
    TrainingCurveDisplay,
    TransitionMatrixDisplay,
)
from tests.small_data import blobs

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture(scope="module")
def fitted():
    X, y, noisy = blobs()
    return X, y, noisy, ELRClassifier(max_epochs=5, validation_fraction=0.2, random_state=0).fit(X, noisy)


def fresh_axes():
    return matplotlib.figure.Figure().subplots()


def test_training_curves_of_an_estimator(fitted):
    *_, clf = fitted
    display = TrainingCurveDisplay.from_estimator(clf)
    assert [line.get_label() for line in display.lines_] == ["train loss", "valid loss"]
    expected = [[row["epoch"], row["train_loss"]] for row in clf.history_]
    np.testing.assert_allclose(display.lines_[0].get_xydata(), expected)
    assert len(expected) == 5 and display.ax_.get_ylabel() == "loss"
    only = TrainingCurveDisplay.from_estimator(clf, y="valid_loss", ax=(ax := fresh_axes()))
    assert only.ax_ is ax and ax.get_ylabel() == "valid loss" and ax.get_xlabel() == "epoch"


def test_training_curves_of_histories():
    display = TrainingCurveDisplay.from_results({"a": [{"loss": 2}, {"loss": 1}], "b": [{"loss": 3}]}, y="loss").plot()
    assert display.lines_[0].get_xydata().tolist() == [[1, 2], [2, 1]] and len(display.lines_) == 2


def test_label_quality_counts_right_and_wrong_rows_apart():
    display = LabelQualityDisplay.from_results([0.1, 0.2, 0.9, 0.95], wrong=[True, False, False, False])
    assert display.plot(bins=2).counts_.tolist() == [[1, 2], [1, 0]]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["not suspected", "suspected"]
    assert LabelQualityDisplay.from_results([0.1, 0.2, 0.9]).plot(bins=2).counts_.tolist() == [[2, 1]]


def test_label_quality_of_an_estimator(fitted):
    X, _, noisy, clf = fitted
    display = LabelQualityDisplay.from_estimator(clf, ax=fresh_axes())
    assert display.counts_.sum() == 90 and display.counts_[1].sum() == clf.noise_mask_.sum()
    around = LabelIssueFilter(LogisticRegression(), cv=3).fit(X, noisy)
    assert LabelQualityDisplay.from_estimator(around, wrong=np.zeros(90)).counts_[1].sum() == 0


def test_transition_matrix_shows_its_numbers(fitted):
    X, _, noisy, _ = fitted
    display = TransitionMatrixDisplay.from_results([[0.9, 0.1], [0.25, 0.75]], classes=["cat", "dog"]).plot()
    assert display.text_[1, 0].get_text() == "0.25" and display.im_.get_array().tolist() == [[0.9, 0.1], [0.25, 0.75]]
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["cat", "dog"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("given label", "true class")
    assert TransitionMatrixDisplay.from_results(np.eye(13)).plot(ax=fresh_axes()).text_ is None
    clf = ForwardCorrectionClassifier(transition_matrix=np.eye(3), max_epochs=2, random_state=0).fit(X, noisy)
    assert TransitionMatrixDisplay.from_estimator(clf).text_[2, 2].get_text() == "1.00"


def test_reliability_by_hand():
    # Bins of 0.5: confidence 0.6 and 0.8 right and wrong, 0.4 (of three classes) wrong.
    proba = [[0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]
    display = ReliabilityDisplay.from_results([0, 2, 1], proba, n_bins=2, name="m").plot()
    np.testing.assert_allclose(display.line_.get_xydata(), [[0.4, 0.0], [0.7, 0.5]])
    np.testing.assert_allclose(display.share, [1 / 3, 2 / 3])
    assert display.calibration_error == pytest.approx(0.4 / 3 + 0.2 * 2 / 3)
    assert display.line_.get_label() == "m (error 0.267)"


def test_reliability_of_estimators_shares_axes_and_diagonal(fitted):
    X, y, _, clf = fitted
    first = ReliabilityDisplay.from_estimator(clf, X, y)
    second = ReliabilityDisplay.from_estimator(DummyClassifier().fit(X, y), X, y, name="dummy", ax=first.ax_)
    assert len(second.ax_.get_lines()) == 3 and 0 <= first.calibration_error <= 1


def test_embedding_has_a_colour_per_class_and_crosses(fitted):
    X, _, noisy, clf = fitted
    display = EmbeddingDisplay.from_estimator(clf, X, noisy, marked=clf.noise_mask_)
    assert [len(points.get_offsets()) for points in display.scatters_] == np.bincount(noisy).tolist()
    assert len(display.crosses_.get_offsets()) == clf.noise_mask_.sum()
    flat = EmbeddingDisplay.from_results([[0, 1], [2, 3], [4, 4]], ["a", "b", "a"]).plot(ax=fresh_axes())
    assert flat.scatters_[0].get_offsets().tolist() == [[0, 1], [4, 4]] and flat.crosses_ is None
    many = EmbeddingDisplay.from_results(np.random.RandomState(0).randn(30, 3), np.arange(30)).plot()
    assert len({tuple(points.get_facecolor()[0]) for points in many.scatters_}) == 30


def test_the_embedding_does_not_depend_on_the_container_of_transformers():
    rows = np.random.RandomState(0).randn(30, 3)
    expected = EmbeddingDisplay.from_results(rows, np.arange(30) % 2).points
    with config_context(transform_output="pandas"):
        display = EmbeddingDisplay.from_results(rows, np.arange(30) % 2, marked=np.arange(30) < 4).plot()
    np.testing.assert_array_equal(display.points, expected)
    assert [len(scatter.get_offsets()) for scatter in display.scatters_] == [15, 15]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda clf: TrainingCurveDisplay.from_estimator(clf, y="f1"), ValueError, "y='f1' is not recorded; the history has"),
        (lambda clf: TrainingCurveDisplay.from_results({}), ValueError, "results is empty"),
        (lambda clf: TrainingCurveDisplay.from_results({"a": []}), ValueError, r"results\['a'\] is an empty history"),
        (lambda clf: TrainingCurveDisplay.from_results({"a": [{"x": 1}]}), ValueError, r"no entry 'train_loss' .* \['x'\]"),
        (lambda clf: TrainingCurveDisplay.from_estimator(ELRClassifier()), NotFittedError, "not fitted"),
        (lambda clf: LabelQualityDisplay.from_results([2.0]), ValueError, r"quality must hold numbers in \[0, 1\]"),
        (lambda clf: LabelQualityDisplay.from_results([1.0], wrong=[True, True]), ValueError, "wrong has 2 entries"),
        (lambda clf: LabelQualityDisplay.from_estimator(DummyClassifier().fit([[0]], [0])), TypeError, "LabelIssueFilter"),
        (lambda clf: TransitionMatrixDisplay.from_results(np.ones((2, 3))), ValueError, r"square, got shape \(2, 3\)"),
        (lambda clf: TransitionMatrixDisplay.from_results(np.eye(2), classes="abc"), ValueError, "classes has 3 names for 2"),
        (lambda clf: TransitionMatrixDisplay.from_estimator(clf), TypeError, "estimate_transition_matrix"),
        (lambda clf: ReliabilityDisplay.from_results([0, 1], [[1.0, 0.0]]), ValueError, r"proba has shape \(1, 2\)"),
        (lambda clf: ReliabilityDisplay.from_results([0, 1], np.eye(2), n_bins=0), ValueError, "n_bins must be at least 1"),
        (lambda clf: EmbeddingDisplay.from_results([[0, 1]], [0, 1]), ValueError, "y has 2 entries but embedding 1 rows"),
        (lambda clf: EmbeddingDisplay.from_estimator(DummyClassifier().fit([[0]], [0]), [[0]], [0]), TypeError, "embed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(fitted, make, error, message):
    with pytest.raises(error, match=message):
        make(fitted[3])


def test_rows_that_nothing_could_judge_are_left_out():
    display = LabelQualityDisplay.from_results([0.1, np.nan, 0.9], wrong=[True, False, False])
    assert display.quality.tolist() == [0.1, 0.9] and display.wrong.tolist() == [True, False]


def test_predictions_are_drawn_at_once():
    proba, y, ax = [[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]], [0, 1, 1], fresh_axes()
    display = LabelQualityDisplay.from_predictions(y, proba, wrong=[False, False, True], ax=ax)
    assert display.ax_ is ax and display.quality.tolist() == [0.9, 0.7, 0.2]
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=2, ax=(ax := fresh_axes()))
    assert display.ax_ is ax and display.line_.get_ydata().tolist() == pytest.approx([2 / 3])
    display = TransitionMatrixDisplay.from_predictions(list("aabb"), list("abbb"), ax=(ax := fresh_axes()))
    assert display.ax_ is ax and display.transition_matrix.tolist() == [[0.5, 0.5], [0, 1]] and display.classes == ["a", "b"]


def test_an_audit_and_a_comparison_show_points_and_intervals():
    import pandas as pd

    by_class = pd.DataFrame({"wrong": [0.1, 0.3], "low": [0.0, 0.2], "high": [0.2, 0.5]}, index=["cat", "a$b"])
    audit = SimpleNamespace(by_class=by_class, noise_share=0.2, interval=(0.1, 0.3))
    display = LabelAuditDisplay.from_results(audit).plot(fresh_axes())
    assert display.points_[0].get_xdata().tolist() == [0.3, 0.1]
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [r"a\$b", "cat"]
    assert display.line_.get_xdata()[0] == 0.2
    folds = pd.MultiIndex.from_product([[0, 1], [0]], names=["seed", "fold"])
    scores = pd.DataFrame({"a": [0.5, 0.7], "b": [0.9, 0.7]}, index=folds)
    display = ComparisonDisplay.from_results(scores).plot(fresh_axes())
    np.testing.assert_allclose(display.points_[0].get_xdata(), [0.8, 0.6])
    assert len(display.dots_) == 2 and display.ax_.get_xlabel() == "score"
    with pytest.raises(ValueError, match="compare"):
        ComparisonDisplay.from_results(pd.DataFrame({"a": [1.0]}))
