"""Estimators are scored on the same folds."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skweak.model_selection import compare
from skweak.model_selection.comparison_frame import summarise


def test_the_better_estimator_comes_first_and_twins_tie():
    X, y = load_iris(return_X_y=True)
    frame = compare({"guess": DummyClassifier(), "bayes": GaussianNB(), "twin": GaussianNB()}, X, y, seeds=2)
    assert frame.index.tolist() == ["bayes", "twin", "guess"]
    assert frame["rank"].tolist() == [1.5, 1.5, 3]
    assert frame.loc["guess", "mean"] == pytest.approx(1 / 3)
    assert frame.loc["bayes", "mean"] == frame.loc["twin", "mean"]
    assert frame.columns[:5].tolist() == ["mean", "spread", "rank", "seconds", "seed 0, fold 0"]
    assert frame.fold_scores.shape == (10, 3) and frame.friedman() < 0.01
    assert frame.wilcoxon().loc["bayes", "twin"] == 1


def test_numbers_by_hand():
    scores = {"a": [0.5, 0.7, 0.6, 0.6], "b": [0.9, 0.8, 0.8, 1.0], "c": [0.1, 0.2, 0.3, 0.4]}
    rows = [(name, i // 2, i % 2, score, i) for name, values in scores.items() for i, score in enumerate(values)]
    frame = summarise(rows)
    assert frame.index.tolist() == ["b", "a", "c"] and frame["rank"].tolist() == [1, 2, 3]
    assert frame.loc["b", "spread"] == pytest.approx(0.025) and frame.loc["a", "seconds"] == 1.5
    assert frame.friedman() == pytest.approx(stats.chi2.sf(8, 2))
    # Four differences of one sign: 2 / 2^4, times three pairs.
    np.testing.assert_allclose(frame.wilcoxon().to_numpy() + np.eye(3), 0.375 + 1.625 * np.eye(3))
    assert type(frame.iloc[:1]) is pd.DataFrame


def test_truth_is_scored_against_and_not_trained_on():
    X, y = load_iris(return_X_y=True)
    wrong = np.where(np.arange(150) % 3 == 0, (y + 1) % 3, y)
    given = compare({"bayes": GaussianNB()}, X, wrong, seeds=1, cv=3)
    true = compare({"bayes": GaussianNB()}, X, wrong, seeds=1, cv=3, truth=y)
    assert true.loc["bayes", "mean"] > given.loc["bayes", "mean"] + 0.15
    with pytest.raises(ValueError, match="inconsistent numbers"):
        compare({"bayes": GaussianNB()}, X, y, truth=y[1:])


def test_seeds_reach_nested_estimators_and_splitters():
    X, y = load_iris(return_X_y=True)
    models = {"tree": make_pipeline(DecisionTreeClassifier(max_features=1))}
    shuffled = KFold(3, shuffle=True)
    first, second = (compare(models, X, y, seeds=2, cv=shuffled, scoring="balanced_accuracy") for _ in range(2))
    assert first.fold_scores.equals(second.fold_scores) and shuffled.random_state is None
    same = compare({"bayes": GaussianNB()}, X, y, seeds=2, cv=KFold(3)).fold_scores
    assert same.loc[0].equals(same.loc[1])


@pytest.mark.parametrize("bad", [{"estimators": {}}, {"seeds": 0}])
def test_bad_input_is_refused(bad):
    given = {"estimators": {"guess": DummyClassifier()}, **bad}
    with pytest.raises(ValueError, match=next(iter(bad))):
        compare(given.pop("estimators"), np.zeros((6, 1)), [0, 1] * 3, **given)


def test_two_estimators_have_no_friedman():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="three or more"):
        compare({"a": DummyClassifier(), "b": GaussianNB()}, X, y, seeds=1, cv=2).friedman()


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skweak.model_selection.comparison_frame", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        compare({"a": DummyClassifier()}, np.zeros((6, 1)), [0, 1] * 3)
