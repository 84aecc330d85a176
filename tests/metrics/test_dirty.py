"""Scores by wrong labels: unbiased in the mean, equal to the plain ones without noise, and usable as scorers."""

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.metrics import (
    determinant_score,
    determinant_scorer,
    make_clean_scorer,
    noise_corrected_accuracy,
    noise_corrected_log_loss,
    noise_corrected_scorer,
    peer_accuracy,
    peer_accuracy_scorer,
)

fast = settings(max_examples=25, deadline=None, derandomize=True)
NOISE = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.4, 0.6]])


@st.composite
def predicted(draw, n_classes=3):
    """Draw true labels, predictions and probabilities."""
    n_rows = draw(st.integers(1, 8))
    random = np.random.RandomState(draw(st.integers(0, 10_000)))
    y, predictions = random.randint(0, n_classes, n_rows), random.randint(0, n_classes, n_rows)
    return y, predictions, random.dirichlet(np.ones(n_classes), n_rows)


def expected_over_noise(score, y):
    """Mean of a score over all labelings that the noise can give, each with its probability: exact, no sampling."""
    total = 0.0
    for given_labels in np.ndindex(*(3,) * len(y)):
        total += np.prod(NOISE[y, list(given_labels)]) * score(np.array(given_labels))
    return total


def test_accuracy_by_hand():
    # The inverse of [[0.75, 0.25], [0.25, 0.75]] is [[1.5, -0.5], [-0.5, 1.5]]; (1.5 + 1.5 - 0.5) / 3.
    noise = [[0.75, 0.25], [0.25, 0.75]]
    score = noise_corrected_accuracy(["a", "b", "a"], ["a", "b", "b"], transition_matrix=noise)
    assert score == pytest.approx(2.5 / 3)
    weighted = noise_corrected_accuracy(["a", "b", "a"], ["a", "b", "b"], transition_matrix=noise, sample_weight=[1, 1, 2])
    assert weighted == pytest.approx(2.0 / 4)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(predicted())
def test_corrected_scores_are_unbiased(data):
    y, predictions, proba = (part[:4] for part in data)
    options = {"transition_matrix": NOISE, "classes": [0, 1, 2]}
    accuracy = expected_over_noise(lambda g: noise_corrected_accuracy(g, predictions, **options), y)
    assert accuracy == pytest.approx(accuracy_score(y, predictions))
    loss = expected_over_noise(lambda g: noise_corrected_log_loss(g, proba, **options), y)
    assert loss == pytest.approx(log_loss(y, proba, labels=[0, 1, 2]))


@fast
@given(predicted())
def test_without_noise_they_are_the_plain_scores(data):
    y, predictions, proba = data
    options = {"transition_matrix": np.eye(3), "classes": [0, 1, 2]}
    assert noise_corrected_accuracy(y, predictions, **options) == pytest.approx(accuracy_score(y, predictions))
    for correction in ("backward", "forward"):
        corrected = noise_corrected_log_loss(y, proba, correction=correction, **options)
        assert corrected == pytest.approx(log_loss(y, proba, labels=[0, 1, 2]))


def test_forward_correction_by_hand():
    # (0.2, 0.8) through the noise is (0.2 * 0.75 + 0.8 * 0.25, ...) = (0.35, 0.65).
    noise = [[0.75, 0.25], [0.25, 0.75]]
    loss = noise_corrected_log_loss([0, 1], [[0.2, 0.8]] * 2, transition_matrix=noise, correction="forward")
    assert loss == pytest.approx(-(np.log(0.35) + np.log(0.65)) / 2)
    assert noise_corrected_log_loss([0, 1], [0.8, 0.8], transition_matrix=noise, correction="forward") == loss


def test_certain_mistakes_cost_a_finite_number():
    noise = [[0.75, 0.25], [0.25, 0.75]]
    assert np.isfinite(noise_corrected_log_loss([0, 1], [[0.0, 1.0], [1.0, 0.0]], transition_matrix=noise))


def test_peer_accuracy_by_hand():
    # Half of the labels agree by chance: 3/4 - (1/2 * 3/4 + 1/2 * 1/4) = 1/4.
    assert peer_accuracy([0, 0, 1, 1], [0, 0, 0, 1]) == pytest.approx(0.25)


@fast
@given(predicted())
def test_a_constant_prediction_is_worth_nothing(data):
    y, predictions, _ = data
    assert peer_accuracy(y, np.zeros(len(y), dtype=int)) == pytest.approx(0)
    assert determinant_score(y, np.zeros(len(y), dtype=int), classes=[0, 1, 2]) == 0
    assert peer_accuracy(y, predictions) <= 1 and 0 <= determinant_score(y, predictions, classes=[0, 1, 2]) <= 1


def test_determinant_by_hand_and_under_noise():
    # Joint [[0.5, 0.25], [0, 0.25]]: determinant 1/8, 2 * sqrt(1/8).
    assert determinant_score([0, 0, 0, 1], [0, 0, 1, 1]) == pytest.approx(2 * 0.125**0.5)
    assert determinant_score([0, 1, 2], [0, 1, 2]) == pytest.approx(1) == determinant_score([0, 1, 2], [2, 0, 1])
    # Rows in exact proportion of the noise multiply the determinant by that of the matrix, whatever the model.
    rows = {(i, j): int(10 * NOISE[i, j]) for i in range(3) for j in range(3)}
    for confusion in (np.diag([3, 3, 3]), np.array([[2, 1, 0], [0, 3, 0], [1, 1, 1]])):
        clean, noisy, model = [], [], []
        for true in range(3):
            for guess in range(3):
                for label in range(3):
                    count = confusion[true, guess] * rows[true, label]
                    clean += [true] * count
                    noisy += [label] * count
                    model += [guess] * count
        ratio = determinant_score(noisy, model) / determinant_score(clean, model)
        assert ratio == pytest.approx(np.linalg.det(NOISE) ** (1 / 3))


@pytest.fixture(scope="module")
def digits():
    """Digits whose 3 is called 5 by half of the annotators, so that agreement rewards repeating it."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:900] / 16, y[:900]
    noise = np.eye(10)
    noise[3, 3], noise[3, 5] = 0.55, 0.45
    random = np.random.RandomState(0)
    return X, y, np.where((y == 3) & (random.rand(900) < 0.45), 5, y), noise


def test_the_scorers_work_in_searches(digits):
    X, y, noisy, noise = digits
    pipe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    scorers = {
        "accuracy": noise_corrected_scorer("accuracy", transition_matrix=noise),
        "backward": noise_corrected_scorer("log_loss", transition_matrix=noise),
        "forward": noise_corrected_scorer("log_loss", transition_matrix=noise, correction="forward"),
        "peer": peer_accuracy_scorer,
        "determinant": determinant_scorer,
    }
    grid = {"logisticregression__C": [1e-4, 0.1]}
    search = GridSearchCV(pipe, grid, scoring=scorers, refit="accuracy", cv=3).fit(X, noisy)
    for name in scorers:
        low, high = search.cv_results_[f"mean_test_{name}"]
        assert low < high, name
    assert search.best_params_ == {"logisticregression__C": 0.1}


def test_corrected_accuracy_estimates_the_clean_one(digits):
    X, y, noisy, noise = digits
    clf = LogisticRegression(max_iter=300).fit(X[:450], y[:450])
    clean, plain = clf.score(X[450:], y[450:]), clf.score(X[450:], noisy[450:])
    corrected = noise_corrected_scorer(transition_matrix=noise)(clf, X[450:], noisy[450:])
    assert abs(corrected - clean) < 0.02 < clean - plain


def test_labels_of_the_fold_may_lack_classes(digits):
    X, y, _, noise = digits
    clf = LogisticRegression(max_iter=300).fit(X, y)
    few = np.flatnonzero(y < 3)[:30]
    assert noise_corrected_scorer("log_loss", transition_matrix=noise)(clf, X[few], y[few]) > -0.5


def test_clean_labels_travel_as_metadata(digits):
    X, y, noisy, _ = digits
    clf = LogisticRegression(max_iter=300)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_clean_scorer(accuracy_score)
        clean = cross_validate(clf, X, noisy, cv=3, scoring=scorer, params={"clean_y": y})["test_score"]
        losses = make_clean_scorer(log_loss, response_method="predict_proba", greater_is_better=False)
        search = GridSearchCV(clf, {"C": [1e-4, 0.1]}, scoring=losses, cv=3).fit(X, noisy, clean_y=y)
        with pytest.raises(ValueError, match="clean_y is missing"):
            cross_val_score(clf, X, noisy, scoring=scorer, error_score="raise")
    assert search.best_params_ == {"C": 0.1} and (search.cv_results_["mean_test_score"] < 0).all()
    folds = StratifiedKFold(3).split(X, noisy)
    by_hand = [clf.fit(X[train], noisy[train]).score(X[test], y[test]) for train, test in folds]
    np.testing.assert_allclose(clean, by_hand)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transition_matrix": np.eye(3)}, r"transition_matrix has shape \(3, 3\) for 2 classes"),
        ({"transition_matrix": [[0.5, 0.4], [0, 1]]}, "rows sum to 1"),
        ({"transition_matrix": [[0.5, 0.5], [0.5, 0.5]]}, "cannot be inverted"),
        ({"classes": [0, 2]}, "y_true holds .*1.*, which is not among classes"),
    ],
    ids=["shape", "sum", "singular", "class"],
)
def test_matrices_that_do_not_fit_are_named(changes, message):
    options = {"transition_matrix": np.eye(2), "classes": [0, 1]} | changes
    with pytest.raises(ValueError, match=message):
        noise_corrected_accuracy([0, 1], [0, 1], **options)
    with pytest.raises(ValueError, match=message):
        noise_corrected_log_loss([0, 1], [[0.5, 0.5]] * 2, **options)


def test_options_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match="correction must be 'backward' or 'forward', got 'none'"):
        noise_corrected_log_loss([0, 1], [0.5, 0.5], transition_matrix=np.eye(2), correction="none")
    with pytest.raises(ValueError, match="metric must be 'accuracy' or 'log_loss', got 'f1'"):
        noise_corrected_scorer("f1", transition_matrix=np.eye(2))
    with pytest.raises(ValueError, match="cannot be inverted"):
        noise_corrected_scorer(transition_matrix=np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match=r"proba has shape \(1, 2\), expected is \(2, 2\)"):
        noise_corrected_log_loss([0, 1], [[0.5, 0.5]], transition_matrix=np.eye(2))
