"""A fit that ends with one class for everybody says so, with the remedy; an honest one does not."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skweak.noisy import CrossEntropyClassifier
from skweak.partial import RCClassifier


def told(clf, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y)
    return [str(warning.message) for warning in caught if "of its training rows" in str(warning.message)]


def test_one_class_for_all_rows_is_told_with_cause_and_remedy():
    X, y = load_iris(return_X_y=True)
    # A step so small that nothing is learnt: the first weights happen to prefer one class.
    clf = CrossEntropyClassifier(lr=1e-12, max_epochs=1, module__hidden=(), module__scale_inputs=False, random_state=0)
    (message,) = told(clf, X + 100, y)
    assert "3 classes" in message and "lr=1e-13" in message and "StandardScaler" in message
    clf.set_params(module__scale_inputs=True, lr=1e-12, random_state=1)
    for message in told(clf, X[:100], np.repeat(["cat", "dog"], [99, 1])):
        pytest.fail(f"a class of one percent may be missed, but: {message}")


def test_a_network_that_learnt_is_left_alone():
    X, y = load_iris(return_X_y=True)
    assert told(CrossEntropyClassifier(max_epochs=20, random_state=0), X, y) == []


def test_one_class_in_y_and_candidate_matrices_are_no_collapse():
    X, y = load_iris(return_X_y=True)
    assert told(CrossEntropyClassifier(max_epochs=2, random_state=0), X, np.r_[0, np.ones(149)]) == []
    assert told(RCClassifier(max_epochs=1, lr=1e-9, random_state=0), X, np.eye(3, dtype=int)[y]) == []


