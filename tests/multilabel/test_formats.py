"""Label matrices in every form that scikit-learn's tools hand over, for each estimator of the family."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skweak.multilabel
from skweak.base import WeakClassifier
from skweak.metrics import (
    coverage,
    coverage_scorer,
    macro_auc,
    macro_auc_scorer,
    mean_average_precision,
    mean_average_precision_scorer,
    one_error,
    one_error_scorer,
    overall_f1,
    overall_f1_scorer,
    per_class_f1,
    per_class_f1_scorer,
    ranking_loss,
    ranking_loss_scorer,
)
from skweak.multilabel import MultiLabelClassifier
from tests.latent_data import latent_labels

pytestmark = pytest.mark.filterwarnings("ignore:y holds no row of -1")

PUBLIC = [getattr(skweak.multilabel, name) for name in skweak.multilabel.__all__]
FAMILY = [cls for cls in PUBLIC if isinstance(cls, type) and issubclass(cls, WeakClassifier)]
FOLDS = KFold(2, shuffle=True, random_state=0)
SCORERS = {
    "mAP": (mean_average_precision_scorer, lambda y, proba, _: mean_average_precision(y, proba)),
    "AUC": (macro_auc_scorer, lambda y, proba, _: macro_auc(y, proba)),
    "OF1": (overall_f1_scorer, lambda y, _, decided: overall_f1(y, decided)),
    "CF1": (per_class_f1_scorer, lambda y, _, decided: per_class_f1(y, decided)),
    "ranking": (ranking_loss_scorer, lambda y, proba, _: -ranking_loss(y, proba)),
    "coverage": (coverage_scorer, lambda y, proba, _: -coverage(y, proba)),
    "one-error": (one_error_scorer, lambda y, proba, _: -one_error(y, proba)),
}


@pytest.fixture(scope="module")
def rows():
    """Return rows with three labels, every fourth row unlabeled."""
    X, Y = latent_labels(120, seed=0, n_labels=3)
    Y[::4] = -1
    return X, Y


@pytest.fixture(params=FAMILY, ids=lambda cls: cls.__name__)
def make(request):
    """Return a maker of small estimators of one class."""
    cls = request.param
    return lambda **changes: cls(**cls._test_params() | {"max_epochs": 8, "random_state": 0} | changes)


def test_a_dense_matrix_passes_through_the_tools(make, rows):
    X, Y = rows
    scoring = {name: scorer for name, (scorer, _) in SCORERS.items()}
    pipe = make_pipeline(StandardScaler(), make(max_epochs=15))
    result = cross_validate(pipe, X, Y, cv=FOLDS, scoring=scoring, error_score="raise")
    # CF1 is not defined where a fold predicts no label at all.
    assert all(np.isfinite(result[f"test_{name}"]).all() for name in SCORERS if name != "CF1")
    name = pipe.steps[-1][0]
    grid = {f"{name}__lr": [1e-7, make(lr=0.05).lr]}
    settings = {"cv": FOLDS, "scoring": mean_average_precision_scorer, "error_score": "raise"}
    assert GridSearchCV(pipe, grid, **settings).fit(X, Y).best_params_ == {f"{name}__lr": 0.05}


def test_a_sparse_matrix_trains_the_same_bits_and_passes_through_folds_and_searches(make, rows):
    X, Y = rows
    dense = make().fit(X, Y)
    for layout in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_array):
        other = make().fit(X, layout(Y))
        np.testing.assert_array_equal(other.predict_proba(X), dense.predict_proba(X))
        assert other.score(X, layout(Y)) == dense.score(X, Y)
    thin = sparse.csr_matrix(Y)
    train, test = next(FOLDS.split(X, thin))
    assert make().fit(X[train], thin[train]).score(X[test], thin[test]) == make().fit(X[train], Y[train]).score(
        X[test], Y[test]
    )
    for scoring in (None, ranking_loss_scorer):
        searches = [
            GridSearchCV(make(), {"lr": [1e-7, 0.05]}, cv=FOLDS, scoring=scoring, error_score="raise").fit(X, y)
            for y in (Y, thin)
        ]
        np.testing.assert_array_equal(*(search.cv_results_["mean_test_score"] for search in searches))


def test_cross_validate_takes_a_sparse_matrix_only_as_an_array(rows):
    X, Y = rows
    clf, thin = MultiLabelClassifier(**MultiLabelClassifier._test_params()), sparse.csr_matrix(Y)
    with pytest.raises(ValueError, match="'y' parameter"):
        cross_val_score(clf, X, thin, cv=FOLDS)
    assert np.isfinite(cross_val_score(clf, X, thin.toarray(), cv=FOLDS)).all()


def test_score_and_scorers_leave_out_what_is_unknown(make, rows):
    X, Y = rows
    clf = make().fit(X, Y)
    known = (Y != -1).any(1)
    assert clf.score(X, Y) == clf.score(X[known], Y[known]) == (clf.predict(X) == Y)[known].mean()
    holes = np.where(np.random.RandomState(0).rand(*Y.shape) < 0.3, -1, Y)
    proba, decided = clf.predict_proba(X), clf.predict(X)
    assert clf.score(X, holes) == (decided == holes)[holes != -1].mean()
    for scorer, metric in SCORERS.values():
        assert scorer(clf, X, holes) == pytest.approx(metric(holes, proba, decided), rel=1e-12, nan_ok=True)
        assert scorer(clf, X, Y) == pytest.approx(metric(Y[known], proba[known], decided[known]), nan_ok=True)


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_see_both_columns_of_two_labels(name, rows):
    # What scikit-learn's own scorers take for two classes, of which they hand on one column.
    X, Y = rows
    scorer, metric = SCORERS[name]
    clf = MultiLabelClassifier(max_epochs=20, random_state=0).fit(X, Y[:, :2])
    expected = metric(Y[:, :2], clf.predict_proba(X), clf.predict(X))
    assert scorer(clf, X, Y[:, :2]) == pytest.approx(expected, rel=1e-12, nan_ok=name == "CF1")


def test_decisions_follow_the_fitted_thresholds(make, rows):
    X, Y = rows
    clf = make().fit(X, Y)
    thresholds = getattr(clf, "thresholds_", np.full(3, 0.5))
    assert thresholds.shape == (3,)
    np.testing.assert_array_equal(clf.predict(X), clf.predict_proba(X) >= thresholds)
    if hasattr(clf, "transduction_"):
        assert clf.transduction_.shape == Y.shape and set(np.unique(clf.transduction_)) <= {0, 1}


def test_a_label_that_no_row_has_turns_no_row_positive(make, rows):
    X, Y = rows
    never = np.where(np.arange(3) == 1, np.minimum(Y, 0), Y)
    clf = make(max_epochs=60).fit(X, never)
    assert clf.predict(X)[:, 1].mean() < 0.05 and np.isfinite(clf.predict_proba(X)).all()
    if hasattr(clf, "class_prior_"):
        assert clf.class_prior_[1] < 0.05
    if hasattr(clf, "transduction_"):
        assert clf.transduction_[:, 1].mean() < 0.05


def test_a_matrix_of_unknown_entries_is_refused(make, rows):
    X, Y = rows
    for form in (np.asarray, sparse.csr_matrix):
        with pytest.raises(ValueError, match="y holds only -1"):
            make().fit(X, form(np.full_like(Y, -1)))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_other_numbers_are_named(form, rows):
    X, Y = rows
    with pytest.raises(ValueError, match="y contains 2"):
        MultiLabelClassifier(max_epochs=1).fit(X, form(np.where(Y == 1, 2, Y)))
