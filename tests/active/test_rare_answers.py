"""Answered rows of rare classes are judged by models that have not seen them, as far as there are others."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from skweak.active import ActiveLab


@pytest.mark.filterwarnings("error")
def test_one_row_of_a_class_does_not_keep_the_others_from_being_judged():
    # Rows of the classes: 4, 2 and 1; the last two rows have no answer.
    target = np.array([0, 0, 0, 0, 1, 1, 2, -1, -1])
    X = np.eye(3)[np.maximum(target, 0)] + 0.01 * np.arange(9)[:, None]
    view = SimpleNamespace(pool=lambda: X, seed=lambda seed: seed, estimator=KNeighborsClassifier(1))
    untouched = np.full((9, 3), 1 / 3)
    proba = untouched.copy()
    ActiveLab(n_folds=3)._cross_fit(view, target[:, None], proba)
    assert proba[:6].argmax(axis=1).tolist() == [0, 0, 0, 0, 1, 1]
    assert np.allclose(proba[:6].max(axis=1), 1, atol=1e-6)
    assert np.array_equal(proba[6:], untouched[6:])
    for few in ([0, 1, 2], [0, 0, 1], [-1, -1, -1]):
        proba = untouched[:3].copy()
        ActiveLab(n_folds=3)._cross_fit(view, np.array(few)[:, None], proba)
        assert np.array_equal(proba, untouched[:3])
