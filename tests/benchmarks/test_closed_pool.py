"""The closed pool: a run is what it says, and a strategy of another package is asked about the right rows."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from benchmarks import activeml, closed_pool
from benchmarks.scenario import Skipped
from skweak.active import RandomSampling


@pytest.fixture
def package(monkeypatch):
    """Put a package of one strategy in the place of scikit-activeml; it takes the rows of the least certain class."""
    asked = []

    class Unsure:
        def __init__(self, random_state, power=1):
            self.random_state, self.power = random_state, power

        def query(self, X, y, clf, fit_clf=True, batch_size=1):
            rows = np.flatnonzero(np.isnan(y))
            assert not fit_clf
            asked.append((self.random_state, self.power, X, y))
            return rows[clf.predict_proba(X[rows]).max(1).argsort(kind="stable")[:batch_size]]

    class Classifier:
        def __init__(self, classes):
            self.classes = classes

    pool, base = ModuleType("skactiveml.pool"), ModuleType("skactiveml.base")
    pool.Unsure, base.SkactivemlClassifier = Unsure, Classifier
    parent = ModuleType("skactiveml")
    parent.pool, parent.base = pool, base
    for module in (parent, pool, base):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def test_a_peer_sees_embeddings_labels_and_probabilities_and_answers_in_rows_of_the_pool(package):
    proba = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]])
    estimator = SimpleNamespace(embed=lambda X: 10 * X, classes_=np.array(["a", "b"]))
    learner = SimpleNamespace(
        estimator=estimator, predict_proba=lambda X: proba, X_training=np.array([[1.0], [2.0]]), y_training=["b", "a"]
    )
    chosen = activeml.ask(learner, np.array([[3.0], [4.0], [5.0]]), 2, name="Unsure", power=3)
    # Least certain are the second and the third row of the pool.
    assert chosen.tolist() == [1, 2]
    ((seed, power, X, y),) = package
    assert (seed, power) == (2, 3) and X.ravel().tolist() == [10, 20, 30, 40, 50]
    np.testing.assert_array_equal(y, [1, 0, np.nan, np.nan, np.nan])


def test_a_missing_peer_is_skipped(monkeypatch):
    monkeypatch.setattr(closed_pool, "find_spec", lambda name: None)
    with pytest.raises(Skipped, match="scikit-activeml is not installed"):
        closed_pool.peer(name="Badge")


def test_a_run_measures_the_loop(monkeypatch):
    monkeypatch.setattr(closed_pool, "N_QUERIES", 2)
    monkeypatch.setattr(closed_pool, "NETWORK", closed_pool.NETWORK | {"max_epochs": 20})
    result = closed_pool._run(closed_pool.digits, (RandomSampling, 0.0), 100)
    assert set(result) == {"accuracy", "mean_accuracy", "seconds"}
    assert 0.4 < result["mean_accuracy"] < result["accuracy"] < 1
