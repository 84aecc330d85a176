"""Candidate matrices in every form that scikit-learn's tools hand over, for each estimator of the family."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skweak.partial
from skweak.datasets import make_uniform_candidates
from skweak.metrics import candidate_hit_scorer, candidate_log_loss_scorer
from skweak.noisy import CrossEntropyClassifier
from skweak.partial import CCClassifier, PRODENClassifier

FAMILY = [getattr(skweak.partial, name) for name in skweak.partial.__all__]
SMALL = {"random_state": 0, "batch_size": 32, "max_epochs": 20}
NAMES = np.array(["cat", "dog", "fox"])


@pytest.fixture(scope="module")
def data():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y, make_uniform_candidates(y, rate=0.4, random_state=0)


@pytest.fixture(params=FAMILY, ids=lambda cls: cls.__name__)
def make(request):
    """Return a maker of small estimators of one class."""
    cls = request.param
    return lambda **changes: cls(**cls._test_params() | SMALL | changes)


def test_a_dense_matrix_passes_through_the_tools(make, data):
    X, _, candidates = data
    folds = KFold(3, shuffle=True, random_state=0)
    scoring = {"hit": candidate_hit_scorer, "likelihood": candidate_log_loss_scorer}
    result = cross_validate(make_pipeline(StandardScaler(), make()), X, candidates, cv=folds, scoring=scoring)
    assert result["test_hit"].mean() > 0.9 and result["test_likelihood"].mean() > -0.4
    pipe = make_pipeline(StandardScaler(), make())
    name = pipe.steps[-1][0]
    search = GridSearchCV(pipe, {f"{name}__lr": [1e-6, 0.05]}, cv=folds).fit(X, candidates)
    assert search.best_params_ == {f"{name}__lr": 0.05} and search.best_score_ > 0.9


def test_a_dense_matrix_and_every_sparse_one_train_the_same_bits(make, data):
    X, _, candidates = data
    dense = make(max_epochs=8).fit(X, candidates)
    for layout in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array):
        other = make(max_epochs=8).fit(X, layout(candidates))
        np.testing.assert_array_equal(other.predict_proba(X), dense.predict_proba(X))
        np.testing.assert_array_equal(other.transduction_, dense.transduction_)
        assert other.score(X, layout(candidates)) == dense.score(X, candidates)


def test_a_sparse_matrix_passes_through_folds_and_searches(make, data):
    X, y, candidates = data
    S = sparse.csr_matrix(candidates)
    scores = []
    for train, test in KFold(3, shuffle=True, random_state=0).split(X, S):
        clf = make().fit(X[train], S[train])
        scores += [clf.score(X[test], S[test]), clf.score(X[test], y[test])]
    assert min(scores) > 0.8
    folds = KFold(2, shuffle=True, random_state=0)
    for scoring in (None, candidate_log_loss_scorer):
        search = GridSearchCV(make(), {"lr": [1e-6, 0.05]}, cv=folds, scoring=scoring).fit(X, S)
        assert search.best_params_ == {"lr": 0.05}


def test_cross_validate_takes_a_sparse_matrix_only_as_an_array(data):
    X, _, candidates = data
    S, clf = sparse.csr_matrix(candidates), PRODENClassifier(**PRODENClassifier._test_params(), random_state=0)
    folds = KFold(2, shuffle=True, random_state=0)
    with pytest.raises(ValueError, match="'y' parameter"):
        cross_val_score(clf, X, S, cv=folds)
    assert len(cross_val_score(clf, X, S.toarray(), cv=folds)) == 2
    X_train, X_test, S_train, S_test = train_test_split(X, S, random_state=0)
    assert clf.fit(X_train, S_train).score(X_test, S_test) > 0.9


def test_what_is_reported_of_the_rows_follows_from_one_belief(make, data):
    X, y, candidates = data
    clf = make(classes=NAMES).fit(X, candidates)
    weights = clf.candidate_weights_
    assert weights.shape == candidates.shape and (weights[candidates == 0] == 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(clf.label_quality_, weights.max(1))
    np.testing.assert_array_equal(clf.transduction_, NAMES[weights.argmax(1)])
    assert (clf.transduction_ == NAMES[y]).mean() > 0.85


def test_names_of_the_columns_are_those_of_predictions_and_scores(make, data):
    X, y, candidates = data
    numbers, names = make().fit(X, candidates), make(classes=NAMES).fit(X, candidates)
    predicted = names.predict(X)
    np.testing.assert_array_equal(predicted, NAMES[numbers.predict(X)])
    assert names.score(X, candidates) == candidates[np.arange(len(y)), numbers.predict(X)].mean()
    assert names.score(X, NAMES[y]) == (predicted == NAMES[y]).mean()


def test_clean_labels_train_as_by_cross_entropy(make, data):
    X, y, _ = data
    clf = make(max_epochs=8, dtype="float64", augment=None)
    if not hasattr(clf, "contrast_weight") and not hasattr(clf, "beta"):
        plain = CrossEntropyClassifier(clf.module, max_epochs=8, dtype="float64", batch_size=32, random_state=0)
        np.testing.assert_allclose(clf.fit(X, y).predict_proba(X), plain.fit(X, y).predict_proba(X), rtol=1e-9)
    as_matrix = make(max_epochs=8, dtype="float64", augment=None).fit(X, np.eye(3, dtype=int)[y])
    np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), as_matrix.predict_proba(X))
    np.testing.assert_array_equal(clf.transduction_, y)


def test_a_fold_without_a_class_keeps_its_column(make, data):
    X, y, candidates = data
    rows = candidates[:, 2] == 0
    with pytest.warns(UserWarning, match="Column 2 of y is a candidate of no row"):
        make(max_epochs=3).fit(X[rows], candidates[rows])
    clf = make(classes=NAMES).fit(X[rows], candidates[rows])
    assert clf.predict_proba(X).shape == (150, 3) and clf.score(X[rows], NAMES[y[rows]]) > 0.9


def test_held_out_rows_get_the_networks_own_belief(make, data):
    X, _, candidates = data
    clf = make(validation_fraction=0.3).fit(X, candidates)
    assert "valid_loss" in clf.history_[-1]
    np.testing.assert_allclose(clf.candidate_weights_.sum(1), 1, rtol=1e-5)
    assert (clf.candidate_weights_[candidates == 0] == 0).all() and clf.transduction_.shape == (150,)
    posterior = clf.predict_proba(X) * candidates
    posterior /= posterior.sum(1, keepdims=True)
    same = np.isclose(clf.candidate_weights_, posterior, rtol=1e-4).all(1)
    assert same.sum() >= 45


def test_a_warm_start_goes_on_from_its_beliefs_and_leaves_the_old_ones_alone(make, data):
    X, _, candidates = data
    clf = make(warm_start=True, max_epochs=4).fit(X, candidates)
    before = clf.candidate_weights_
    kept = before.copy()
    clf.fit(X, candidates)
    np.testing.assert_array_equal(before, kept)
    assert clf.label_quality_.mean() > kept.max(1).mean()
    if not isinstance(clf, CCClassifier):
        with pytest.raises(ValueError, match="each of 150 rows, but X has 100 rows"):
            clf.fit(X[:100], candidates[:100])


BAD = {
    "row without a candidate": ([[1, 0, 1], [0, 0, 0]], None, "row 1 has no candidate"),
    "other number": ([[1, 0, 2], [0, 1, 0]], None, "y contains 2"),
    "more columns than classes": ([[1, 0, 1], [0, 1, 0]], ["cat", "dog"], "3 columns of candidates but classes"),
    "class named twice": ([[1, 0, 1], [0, 1, 0]], ["cat", "dog", "cat"], "list of distinct labels"),
    "label outside classes": (["cat", "cow"], ["cat", "dog"], "'cow', which is not in classes"),
    "all candidates everywhere": ([[1, 1, 1], [1, 1, 1]], None, "says nothing"),
    "other number of rows": ([[1, 0, 1]], None, "inconsistent numbers of samples"),
    "words": ([["a", "b"], ["b", "a"]], None, "y must hold numbers"),
}


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(("y", "classes", "message"), BAD.values(), ids=BAD)
def test_labels_that_make_no_sense_are_named(y, classes, message, form):
    y = np.asarray(y)
    if form is sparse.csr_matrix and (y.ndim == 1 or y.dtype.kind == "U"):
        pytest.skip("only numbers are ever sparse")
    with pytest.raises(ValueError, match=message):
        PRODENClassifier(classes=classes, max_epochs=1).fit(np.eye(2), form(y))


def test_mixed_precision_keeps_beliefs_in_full_precision(make, data):
    X, y, candidates = data
    clf = make(amp=True, dtype="float32").fit(X, candidates)
    np.testing.assert_allclose(clf.candidate_weights_.sum(1), 1, rtol=1e-5)
    assert (clf.transduction_ == y).mean() > 0.85
