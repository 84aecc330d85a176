"""What the suites and users of peers met: weights in streams, messages, re-encoded matrices, other array types."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score

from skweak.metrics import label_quality, neighbor_votes
from skweak.multilabel import MultiLabelClassifier
from skweak.noisy import CrossEntropyClassifier, ELRClassifier, GCEClassifier, SCEClassifier, find_label_issues
from skweak.partial import CCClassifier
from skweak.utils import mixture_posterior
from tests.small_data import blobs


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, GCEClassifier, SCEClassifier])
def test_partial_fit_weighs_rows(cls):
    settings = {"batch_size": 60, "dtype": "float64", "random_state": 0}
    X, _, noisy = blobs(60)
    weight = np.ones(60)
    plain = cls(**settings).partial_fit(X, noisy, classes=[0, 1, 2])
    same = cls(**settings).partial_fit(X, noisy, classes=[0, 1, 2], sample_weight=weight)
    np.testing.assert_allclose(same.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    # A row of weight zero is not there.
    weight[:20] = 0
    without = cls(**settings).partial_fit(X, noisy, classes=[0, 1, 2], sample_weight=weight)
    part = cls(**settings).partial_fit(X[20:], noisy[20:], classes=[0, 1, 2])
    np.testing.assert_allclose(without.predict_proba(X), part.predict_proba(X), rtol=1e-9)
    with pytest.raises(ValueError, match="sample_weight must be"):
        cls(**settings).partial_fit(X, noisy, sample_weight=weight[:3])


def test_partial_fit_of_matrices_weighs_rows():
    X, y, _ = blobs(60)
    for cls in (MultiLabelClassifier, CCClassifier):
        clf = cls(random_state=0).partial_fit(X, np.eye(3, dtype=int)[y], sample_weight=np.linspace(0, 1, 60))
        assert clf.predict_proba(X).shape == (60, 3)


def test_messages_name_plain_numbers():
    X, y, _ = blobs(60)
    clf = CrossEntropyClassifier(max_epochs=1, random_state=0).partial_fit(X, y)
    for act in (
        lambda: clf.partial_fit(X, y, classes=np.array([0, 1])),
        lambda: CrossEntropyClassifier(classes=[0, 1]).fit(X, y),
        lambda: find_label_issues(LogisticRegression(), X, y, classes=[0, 1]),
        lambda: neighbor_votes(X, y, classes=[0, 1]),
        lambda: label_quality(y, np.full((60, 2), 0.5), classes=[0, 1]),
    ):
        with pytest.raises(ValueError) as told:
            act()
        assert "np." not in str(told.value)


@pytest.mark.filterwarnings("error:cross_val_predict:UserWarning")
def test_cross_val_predict_numbers_matrices_anew():
    X, y, _ = blobs(60)
    matrix = np.eye(3, dtype=int)[y]
    clf = MultiLabelClassifier(max_epochs=1, random_state=0)
    with pytest.raises(UserWarning, match="numbers the values of each column of y anew"):
        cross_val_predict(clf, X, matrix, cv=2, method="predict_proba")
    unknown = matrix.copy()
    unknown[::7] = -1
    with pytest.raises(ValueError, match="multilabel labels lose their meaning"):
        cross_val_predict(clf, X, unknown, cv=2, method="predict_proba")
    # Predictions leave y alone.
    assert cross_val_predict(clf, X, unknown, cv=KFold(2)).shape == (60, 3)
    cross_val_score(clf, X, unknown, cv=KFold(2))
    clf.fit(X, unknown)


def test_a_mixture_is_fitted_whatever_is_dispatched(monkeypatch):
    values = np.r_[np.linspace(0, 0.1, 20), np.linspace(0.9, 1, 20)]
    expected = mixture_posterior(values, random_state=0)
    monkeypatch.setitem(os.environ, "SCIPY_ARRAY_API", "1")
    code = (
        "import numpy as np; from sklearn import config_context; from skweak.utils import mixture_posterior\n"
        "with config_context(array_api_dispatch=True):\n"
        f"    print(mixture_posterior(np.array({values.tolist()}), random_state=0).tolist())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(json.loads(told), expected, rtol=1e-6)


def tiny(cls=CrossEntropyClassifier, **changes):
    return cls(**{"module__hidden": (8,), "max_epochs": 15, "random_state": 0} | changes)


MISSING = [
    (np.nan, [0, 1, 2], float),
    (-1, [0, 1, 2], int),
    ("nan", ["a", "b", "c"], str),
    (None, ["a", "b", "c"], object),
]


@pytest.mark.parametrize(("missing", "classes", "kind"), MISSING, ids=["nan", "minus one", "text", "none"])
def test_the_wrapper_of_scikit_activeml_marks_what_is_missing(missing, classes, kind):
    SklearnClassifier = pytest.importorskip("skactiveml.classifier").SklearnClassifier
    X, y, _ = blobs(60)
    given = np.array(classes, dtype=object)[y]
    known, given[::3] = given.copy(), missing
    given, wrapped = given.astype(kind), SklearnClassifier(tiny(), classes=classes, missing_label=missing)
    fitted = pickle.loads(pickle.dumps(clone(wrapped).fit(X, given)))
    rows = np.arange(60) % 3 > 0
    expected = tiny().fit(X[rows], y[rows]).predict_proba(X)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-6)
    assert np.array_equal(fitted.predict(X), np.array(classes)[expected.argmax(1)])
    assert np.mean(fitted.predict(X) == known) > 0.5
    # Before the first label, and with a class that no label names yet.
    assert np.allclose(clone(wrapped).fit(X[::3], given[::3]).predict_proba(X), 1 / 3)
    one = clone(wrapped).fit(X[y == 1], np.array([classes[1]] * (y == 1).sum()).astype(kind))
    assert one.predict_proba(X).shape == (60, 3) and set(one.predict(X)) == {classes[1]}


def test_the_wrapper_of_scikit_activeml_hands_weights_and_parameters_on():
    SklearnClassifier = pytest.importorskip("skactiveml.classifier").SklearnClassifier
    X, y, _ = blobs(60)
    wrapped = SklearnClassifier(tiny(), classes=[0, 1, 2]).set_params(estimator__lr=0.02)
    weight = (np.arange(60) % 2).astype(float)
    expected = tiny(lr=0.02).fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(wrapped.fit(X, y, sample_weight=weight).predict_proba(X), expected, rtol=1e-6)
    stream = SklearnClassifier(tiny(), classes=[0, 1, 2]).partial_fit(X[:30], y[:30])
    stream.partial_fit(X[30:], y[30:], sample_weight=np.ones(30))
    ours = tiny().partial_fit(X[:30], y[:30], classes=[0, 1, 2]).partial_fit(X[30:], y[30:], sample_weight=np.ones(30))
    np.testing.assert_allclose(stream.predict_proba(X), ours.predict_proba(X), rtol=1e-6)


def test_strategies_of_scikit_activeml_ask_ours():
    pool = pytest.importorskip("skactiveml.pool")
    SklearnClassifier = pytest.importorskip("skactiveml.classifier").SklearnClassifier
    X, y, _ = blobs(60)
    given = np.where(np.arange(60) < 12, y, np.nan)
    wrapped = SklearnClassifier(tiny(), classes=[0, 1, 2])
    for strategy in (pool.UncertaintySampling(random_state=0), pool.Badge(random_state=0)):
        assert min(strategy.query(X, given, wrapped, batch_size=2)) >= 12
    committee = [SklearnClassifier(tiny(random_state=seed), classes=[0, 1, 2]) for seed in range(2)]
    assert min(pool.QueryByCommittee(random_state=0).query(X, given, committee)) >= 12


FORMS = {"array": np.asarray, "frame": pd.DataFrame, "sparse": sparse.csr_matrix}


@pytest.mark.parametrize("form", FORMS)
def test_clean_learning_of_cleanlab_judges_by_ours(form):
    CleanLearning = pytest.importorskip("cleanlab.classification").CleanLearning
    X, y, noisy = blobs(90)
    rows = FORMS[form](X)
    learner = CleanLearning(tiny(), cv_n_folds=3, seed=0).fit(rows, noisy)
    issues = learner.get_label_issues()
    assert issues.shape[0] == 90 and issues["is_label_issue"].any()
    assert np.mean(noisy[issues["is_label_issue"]] != y[issues["is_label_issue"]]) > 0.5
    assert pickle.loads(pickle.dumps(learner)).score(rows, y) > 0.8
    # With and without weights in our fit; cleanlab weighs the classes where it can.
    CleanLearning(tiny(ELRClassifier), cv_n_folds=3, seed=0).fit(rows, noisy).predict(rows)
    learner = CleanLearning(tiny(), cv_n_folds=3, seed=0).fit(rows, noisy, sample_weight=np.linspace(0.5, 1, 90))
    assert learner.predict_proba(rows).shape == (90, 3)
