"""Multi-label metrics: hand-computed values, scikit-learn where it has them, and masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.metrics import (
    macro_auc,
    macro_auc_scorer,
    mean_average_precision,
    mean_average_precision_scorer,
    overall_f1,
    overall_f1_scorer,
    per_class_f1,
    per_class_f1_scorer,
    top_k_labels,
)
from skweak.multilabel import MultiLabelClassifier

quick = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def truth_and_scores(draw, values=(0, 1)):
    shape = draw(st.integers(2, 8)), draw(st.integers(1, 5))
    truth = draw(hnp.arrays(np.int64, shape, elements=st.sampled_from(values)))
    # Few distinct scores, so that ties are common.
    return truth, draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 6))) / 6


def test_hand_computed_map():
    y_true = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    y_score = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    # Label 0: hits at places 1 and 3, (1 + 2/3) / 2 = 5/6. Label 1: hits at places 2 and 3, (1/2 + 2/3) / 2 = 7/12.
    assert mean_average_precision(y_true, y_score) == pytest.approx((5 / 6 + 7 / 12) / 2)


def test_labels_without_positives():
    y_true, y_score = [[1, 0], [0, 0]], [[0.9, 0.1], [0.2, 0.5]]
    assert mean_average_precision(y_true, y_score) == 1.0
    assert mean_average_precision(y_true, y_score, absent="zero") == 0.5
    assert np.isnan(mean_average_precision([[0], [0]], [[0.1], [0.2]]))
    assert mean_average_precision([[1], [1]], [[0.1], [0.2]]) == 1.0
    assert np.isnan(macro_auc([[1], [1]], [[0.1], [0.2]]))


def test_hand_computed_f1():
    # Label 0: predicted twice, once right, once of two found. Label 1: never predicted, one missed. Label 2: right.
    y_true = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0]])
    y_pred = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0]])
    assert overall_f1(y_true, y_pred) == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    precision, recall = (1 / 2 + 1) / 2, (1 / 2 + 0 + 1) / 3
    assert per_class_f1(y_true, y_pred) == pytest.approx(2 * precision * recall / (precision + recall))


def test_nothing_predicted_or_nothing_present():
    nothing, something = [[0, 0], [0, 0]], [[1, 0], [0, 1]]
    assert overall_f1(something, nothing) == 0 and np.isnan(per_class_f1(something, nothing))
    assert overall_f1(nothing, something) == 0 and np.isnan(per_class_f1(nothing, something))
    assert per_class_f1(something, [[0, 1], [1, 0]]) == 0


def test_thresholds_per_label():
    y_true, y_score = [[1, 0], [1, 1]], [[0.3, 0.3], [0.4, 0.9]]
    assert overall_f1(y_true, y_score, threshold=[0.3, 0.5]) == 1
    assert overall_f1(y_true, y_score, threshold=0.3) == pytest.approx(6 / 7)


@given(truth_and_scores())
@quick
def test_scikit_learn_agrees_on_complete_data(data):
    y_true, y_score = data
    some = (y_true == 1).any(0)
    both = some & (y_true == 0).any(0)
    if some.any():
        expected = average_precision_score(y_true[:, some], y_score[:, some], average="macro")
        assert mean_average_precision(y_true, y_score) == pytest.approx(expected)
    if both.any():
        expected = np.mean([roc_auc_score(t, s) for t, s in zip(y_true.T[both], y_score.T[both], strict=True)])
        assert macro_auc(y_true, y_score) == pytest.approx(expected)
    predicted = (y_score >= 0.5).astype(int)
    expected = f1_score(y_true.ravel(), predicted.ravel(), zero_division=0)
    assert overall_f1(y_true, y_score) == pytest.approx(expected)


@given(truth_and_scores(values=(0, 1, -1)), st.randoms(use_true_random=False))
@quick
def test_unknown_entries_never_matter(data, random):
    y_true, y_score = data
    other = np.where(y_true == -1, random.random(), y_score)
    for metric in (mean_average_precision, macro_auc, overall_f1, per_class_f1):
        np.testing.assert_equal(metric(y_true, y_score), metric(y_true, other))
    kept = [(t[t != -1], s[t != -1]) for t, s in zip(y_true.T, y_score.T, strict=True)]
    values = [average_precision_score(t, s) for t, s in kept if t.any()]
    np.testing.assert_allclose(mean_average_precision(y_true, y_score), np.mean(values) if values else np.nan)


@given(truth_and_scores(values=(0, 1, -1)))
@quick
def test_ranking_metrics_see_only_the_order(data):
    y_true, y_score = data
    for metric in (mean_average_precision, macro_auc):
        np.testing.assert_allclose(metric(y_true, y_score), metric(y_true, np.exp(3 * y_score) - 7))


@given(truth_and_scores(), st.data())
@quick
def test_rows_and_labels_may_be_permuted(data, draw):
    y_true, y_score = data
    rows = draw.draw(st.permutations(range(len(y_true))))
    labels = draw.draw(st.permutations(range(y_true.shape[1])))
    for metric in (mean_average_precision, macro_auc, overall_f1, per_class_f1):
        moved = metric(y_true[rows][:, labels], y_score[rows][:, labels])
        np.testing.assert_allclose(metric(y_true, y_score), moved)


@given(truth_and_scores())
@quick
def test_perfect_scores_are_perfect(data):
    y_true, _ = data
    y_true[0] = 1
    for metric in (mean_average_precision, overall_f1, per_class_f1):
        assert metric(y_true, y_true.astype(float)) == 1
    assert overall_f1(y_true, y_true.astype(float), top_k="oracle") == 1


@given(truth_and_scores(), st.integers(0, 5))
@quick
def test_top_k_against_a_slow_loop(data, k):
    _, y_score = data
    n_labels = y_score.shape[1]
    k = min(k, n_labels)
    slow = [[int(sum(other >= score for other in row) <= k) for score in row] for row in y_score]
    assert top_k_labels(y_score, k).tolist() == slow


def test_top_k_takes_a_number_per_row():
    y_true, y_score = [[1, 1, 0], [0, 0, 1]], [[0.9, 0.2, 0.3], [0.9, 0.2, 0.3]]
    assert top_k_labels(y_score, [3, 0]).tolist() == [[1, 1, 1], [0, 0, 0]]
    assert top_k_labels([[0.5, 0.5, 0.1]], 1).tolist() == [[0, 0, 0]]      # a tie at the cut
    # The oracle predicts labels 0 and 2, and label 0: one hit, two false alarms, two misses.
    assert overall_f1(y_true, y_score, top_k="oracle") == pytest.approx(2 / (2 + 2 + 2))
    assert overall_f1(y_true, y_score, top_k=9) == overall_f1(y_true, np.ones((2, 3)))


def test_sparse_truth():
    y_true, y_score = np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.1], [0.2, 0.3]])
    assert mean_average_precision(sparse.csr_matrix(y_true), y_score) == mean_average_precision(y_true, y_score)


@pytest.mark.parametrize("n_labels", [1, 2, 5])
def test_scorers_in_cross_validation(n_labels):
    X, Y = make_multilabel_classification(90, n_classes=n_labels, random_state=0)
    pipe = make_pipeline(StandardScaler(), MultiLabelClassifier(module__hidden=(8,), max_epochs=10, random_state=0))
    scorers = {
        "map": mean_average_precision_scorer, "auc": macro_auc_scorer, "of1": overall_f1_scorer,
        "cf1": per_class_f1_scorer,
    }  # fmt: skip
    if n_labels == 1:
        Y = Y.ravel()
        with pytest.raises(ValueError, match=r"must both be of shape"):
            scorers["map"](pipe.fit(X, Y), X, Y)
        return
    found = cross_validate(
        pipe, X, Y, cv=KFold(2, shuffle=True, random_state=0), scoring=scorers, error_score="raise"
    )
    for name in scorers:
        assert ((found[f"test_{name}"] > 0.3) & (found[f"test_{name}"] <= 1)).all(), name
    Y[::3] = -1
    assert 0 < mean_average_precision_scorer(pipe.fit(X, Y), X, Y) <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_average_precision([[1, 0]], [[0.1]]), r"y_true and y_score must both be of shape"),
        (lambda: mean_average_precision([1, 0], [0.1, 0.2]), r"y_true and y_score must both be of shape"),
        (lambda: mean_average_precision([[2, 0]], [[0.1, 0.2]]), r"y_true contains .*2.*accepted are 0, 1 and -1"),
        (lambda: mean_average_precision([[1, 0]], [[0.1, np.nan]]), "y_score contains NaN"),
        (lambda: mean_average_precision([[1]], [[0.1]], absent="one"), "absent must be 'skip' or 'zero'"),
        (lambda: overall_f1([[1, 0]], [[0.1, 0.2]], threshold=[0.1]), "threshold must be a number or one for each"),
        (lambda: overall_f1([[1, 0]], [[0.1, 0.2]], top_k="best"), "top_k must be an integer, 'oracle' or None"),
        (lambda: top_k_labels([[0.1, 0.2]], 3), r"k must hold integers in \[0, 2\]"),
        (lambda: top_k_labels([[0.1, 0.2]], 0.5), r"k must hold integers in \[0, 2\]"),
    ],
    ids=["shapes", "one-dimensional", "values", "nan", "absent", "threshold", "top_k", "k-large", "k-real"],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
