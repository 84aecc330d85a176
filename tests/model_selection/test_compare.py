"""Estimators are scored on the same folds."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB

from skweak.model_selection import compare


def test_the_better_estimator_comes_first_and_twins_tie():
    X, y = load_iris(return_X_y=True)
    frame = compare({"guess": DummyClassifier(), "bayes": GaussianNB(), "twin": GaussianNB()}, X, y, seeds=2)
    assert frame.index.tolist() == ["bayes", "twin", "guess"]
    assert frame["rank"].tolist() == [1.5, 1.5, 3]
    assert frame.loc["guess", "mean"] == pytest.approx(1 / 3)
    assert frame.loc["bayes", "mean"] == frame.loc["twin", "mean"]


@pytest.mark.parametrize("bad", [{"estimators": {}}, {"seeds": 0}])
def test_bad_input_is_refused(bad):
    given = {"estimators": {"guess": DummyClassifier()}, **bad}
    with pytest.raises(ValueError, match=next(iter(bad))):
        compare(given.pop("estimators"), np.zeros((6, 1)), [0, 1] * 3, **given)
