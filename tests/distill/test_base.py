"""What students keep of their teacher, and what becomes of it in clones, searches and files."""

import gc
import pickle
import warnings
import weakref
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from skweak.distill import DHKDClassifier, FitNetClassifier, KDClassifier
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
SMALL = {"module": partial(MLP, hidden=(16,)), "max_epochs": 3, "random_state": 0}
BIG = {"module": partial(MLP, hidden=(64,)), "max_epochs": 20, "random_state": 0}


@pytest.fixture(scope="module")
def network():
    return CrossEntropyClassifier(**BIG).fit(X, Y)


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(20, min_samples_leaf=3, random_state=0).fit(X, Y)


def test_given_logits_stand_in_for_the_teacher(forest):
    logits = np.log(forest.predict_proba(X).clip(1e-12))
    taught = KDClassifier(teacher=forest, **SMALL).fit(X, Y).predict_proba(X)
    given = KDClassifier(**SMALL).fit(X, Y, teacher_logits=logits).predict_proba(X)
    np.testing.assert_allclose(taught, given, rtol=1e-4)
    assert np.array_equal(given, KDClassifier(**SMALL).fit(X, Y, teacher_logits=logits.tolist()).predict_proba(X))


def test_given_logits_are_sliced_by_cross_validation():
    codes = np.random.RandomState(0).randint(0, 3, len(X))
    student = KDClassifier(cross_entropy_weight=0, module__hidden=(16,), lr=0.05, random_state=0)
    rows = np.hstack([X, np.eye(3)[codes]])
    found = cross_validate(
        student, rows, Y, params={"teacher_logits": 5.0 * np.eye(3)[codes]}, cv=KFold(3, shuffle=True, random_state=0),
        error_score="raise", return_estimator=True, return_indices=True,
    )  # fmt: skip
    for clf, test in zip(found["estimator"], found["indices"]["test"], strict=True):
        # The labels are not looked at: the student knows the codes, which only given logits told.
        assert (clf.predict(rows[test]) == codes[test]).mean() > 0.9


class CountingTree(DecisionTreeClassifier):
    """Notes every fit in a file, which also counts those in other processes."""

    def __init__(self, log=None, max_depth=4):
        super().__init__(max_depth=max_depth)
        self.log = log

    def fit(self, X, y):
        with open(self.log, "a") as log:
            log.write("fit\n")
        return super().fit(X, y)


@pytest.mark.parametrize("wrap", [lambda t: t, FrozenEstimator], ids=["as-it-is", "frozen"])
def test_a_search_never_refits_a_fitted_teacher(tmp_path, wrap):
    log = tmp_path / "fits"
    teacher = CountingTree(log).fit(X, Y)
    pipe = make_pipeline(StandardScaler(), KDClassifier(teacher=wrap(teacher), **SMALL))
    search = GridSearchCV(
        pipe, {"kdclassifier__temperature": [1, 4]}, cv=KFold(2, shuffle=True, random_state=0), n_jobs=2,
        error_score="raise",
    ).fit(X, Y)  # fmt: skip
    assert log.read_text().count("fit") == 1
    assert clone(search.best_estimator_)[1].teacher is pipe[1].teacher


def test_an_unfitted_teacher_is_fitted_once_per_fit(tmp_path):
    log = tmp_path / "fits"
    student = KDClassifier(teacher=CountingTree(log), **SMALL)
    GridSearchCV(student, {"teacher__max_depth": [1, 2]}, cv=2, error_score="raise").fit(X, Y)
    assert log.read_text().count("fit") == 2 * 2 + 1
    assert clone(student).teacher is not student.teacher


def test_clone_carries_fitted_teachers_by_reference_and_the_rest_over(network):
    for teacher in (network, nn.Linear(4, 3), FrozenEstimator(network)):
        student = KDClassifier(teacher=teacher, module__hidden=(5,), temperature=2.0)
        copy = clone(student)
        assert copy.teacher is teacher is student.teacher
        assert copy.temperature == 2.0 and copy.get_params()["module__hidden"] == (5,)
    assert clone(KDClassifier()).teacher is None


@pytest.mark.parametrize("augment", [None, "weak"])
def test_fit_keeps_no_second_reference(augment):
    teacher = CrossEntropyClassifier(**BIG).fit(X, Y)
    student = FitNetClassifier(teacher=teacher, augment=augment, warm_start=True, **SMALL).fit(X, Y).fit(X, Y)
    module = weakref.ref(teacher.net_.module_)
    student.set_params(teacher=None)
    del teacher
    gc.collect()
    assert module() is None
    assert np.isfinite(student.predict_proba(X)).all()


def test_the_file_without_the_teacher_is_small():
    rows, y, _ = blobs(n=3000)
    teacher = RandomForestClassifier(50, random_state=0).fit(rows, y)
    student = KDClassifier(teacher=teacher, **SMALL).fit(rows, y)
    with_teacher = len(pickle.dumps(student))
    expected = student.predict_proba(rows)
    dumped = pickle.dumps(student.set_params(teacher=None))
    # 3000 rows of label_quality_ are 12 kB; their cached lessons would be 36 kB more.
    assert len(dumped) < 40_000 < 150_000 < with_teacher
    assert np.array_equal(pickle.loads(dumped).predict_proba(rows), expected)


def test_students_learn_from_forest_network_and_module(forest, network):
    for teacher in (forest, network, network.net_.module_):
        student = DHKDClassifier(teacher=teacher, module__hidden=(16,), max_epochs=20, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert student.fit(X, Y).score(X, Y) > 0.9
