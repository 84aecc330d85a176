import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import KFold, cross_validate

from skweak.datasets import make_uniform_candidates
from skweak.metrics import (
    candidate_hit_rate,
    candidate_hit_scorer,
    candidate_log_loss,
    candidate_log_loss_scorer,
)
from skweak.partial import CCClassifier

PROBA = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])
CANDIDATES = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]])


def test_by_hand():
    # The most probable classes 1, 0, 2, 0 are candidates in all rows but the second.
    assert candidate_hit_rate(CANDIDATES, PROBA) == 0.75
    assert candidate_hit_rate(CANDIDATES, PROBA, sample_weight=[1, 3, 0, 0]) == 0.25
    # Probabilities of the sets: 0.9, 0.5, 0.8, 1.
    assert candidate_log_loss(CANDIDATES, PROBA) == pytest.approx(-np.log(0.9 * 0.5 * 0.8) / 4)
    assert candidate_log_loss(CANDIDATES, PROBA, sample_weight=[0, 2, 0, 2]) == pytest.approx(np.log(2) / 2)


@given(seed=st.integers(0, 1000), rate=st.floats(0, 0.9))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_single_candidates_are_labels_and_further_candidates_only_help(seed, rate):
    random = np.random.RandomState(seed)
    proba, y = random.dirichlet(np.ones(4), size=8), random.randint(4, size=8)
    single = np.eye(4, dtype=int)[y]
    assert candidate_hit_rate(single, proba) == accuracy_score(y, proba.argmax(1))
    assert candidate_log_loss(single, proba) == pytest.approx(log_loss(y, proba, labels=range(4)))
    S = make_uniform_candidates(y, rate=rate, classes=range(4), random_state=seed)
    assert candidate_hit_rate(S, proba) >= candidate_hit_rate(single, proba)
    assert candidate_log_loss(S, proba) <= candidate_log_loss(single, proba)
    order = random.permutation(4)
    assert candidate_log_loss(S[:, order], proba[:, order]) == pytest.approx(candidate_log_loss(S, proba))
    assert candidate_hit_rate(sparse.csr_matrix(S), proba) == candidate_hit_rate(S.astype(bool), proba)


def test_the_full_set_costs_nothing_and_an_impossible_one_a_finite_price():
    assert candidate_log_loss([[1, 1]], [[0.3, 0.7]]) == 0
    assert candidate_log_loss([[1, 0]], [[0.0, 1.0]]) == pytest.approx(708.4, abs=0.1)


def test_scorers_read_the_columns_by_place_whatever_they_are_called():
    X, y = load_iris(return_X_y=True)
    S = make_uniform_candidates(y, rate=0.4, random_state=0)
    clf = CCClassifier(classes=["c", "a", "b"], max_epochs=5, random_state=0).fit(X, S)
    assert candidate_hit_scorer(clf, X, S) == clf.score(X, S)
    assert candidate_log_loss_scorer(clf, X, S) == -candidate_log_loss(S, clf.predict_proba(X))
    assert candidate_hit_scorer(clf, X, sparse.csr_matrix(S)) == clf.score(X, S)


def test_two_classes():
    X = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    clf, S = LogisticRegression().fit(X, ["no", "no", "yes", "yes"]), np.array([[1, 0], [1, 1], [1, 0], [0, 1]])
    assert candidate_hit_scorer(clf, X, S) == candidate_hit_rate(S, clf.predict_proba(X)) == 0.75
    assert candidate_log_loss_scorer(clf, X, S) == pytest.approx(-candidate_log_loss(S, clf.predict_proba(X)))


@pytest.mark.parametrize("classes", [None, ["no", "yes"], ["b", "a"], [2.5, 1.5]], ids=str)
def test_two_classes_of_candidates_pass_through_the_tools(classes):
    # Of two classes scikit-learn hands a scorer the probabilities of the last one only.
    random = np.random.RandomState(0)
    X = random.randn(60, 3)
    S = np.eye(2, dtype=int)[(X[:, 0] > 0).astype(int)]
    S[random.rand(60) < 0.4] = 1
    clf = CCClassifier(classes=classes, max_epochs=5, random_state=0)
    folds = KFold(2, shuffle=True, random_state=0)
    scoring = {"hit": candidate_hit_scorer, "likelihood": candidate_log_loss_scorer}
    result = cross_validate(clf, X, S, cv=folds, scoring=scoring, error_score="raise", return_estimator=True)
    for fold, (clf, (_, test)) in enumerate(zip(result["estimator"], folds.split(X), strict=True)):
        proba = clf.predict_proba(X[test])
        assert result["test_hit"][fold] == candidate_hit_rate(S[test], proba) == clf.score(X[test], S[test])
        assert result["test_likelihood"][fold] == pytest.approx(-candidate_log_loss(S[test], proba), rel=1e-6)
    assert result["test_hit"].mean() > 0.8


@pytest.mark.parametrize("score", [candidate_hit_rate, candidate_log_loss])
@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([0, 1, 2, 0], "candidates must be a 0/1 matrix"),
        (CANDIDATES[:, :2], r"candidates has shape \(4, 2\), proba \(4, 3\)"),
        (2 * CANDIDATES, "candidates must hold 0 and 1 only"),
        (CANDIDATES * [[1], [0], [1], [1]], "candidates has none in row 1"),
    ],
    ids=["labels", "shape", "values", "empty"],
)
def test_what_is_no_candidate_matrix_is_named(score, candidates, message):
    with pytest.raises(ValueError, match=message):
        score(candidates, PROBA)
