"""What the learner is given and when it trains."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skweak.active import ActiveLearner, MarginSampling

X, Y = load_iris(return_X_y=True)
START = np.arange(0, 150, 25)


def test_rows_may_be_added_now_and_learned_later():
    expected = LogisticRegression(max_iter=500).fit(X[[*START, *range(5), 60]], Y[[*START, *range(5), 60]])
    for last in ("teach", "retrain"):
        learner = ActiveLearner(LogisticRegression(max_iter=500), None, X[START], Y[START])
        before = learner.predict_proba(X)
        learner.teach(X[:5], Y[:5], train=False)
        np.testing.assert_array_equal(learner.predict_proba(X), before)
        assert len(learner.y_training) == 11 and learner.batch_sizes == [5]
        learner.teach(X[[60]], Y[[60]], train=last == "teach")
        if last == "retrain":
            assert learner.retrain() is learner
        assert learner.batch_sizes == [5, 1]
        np.testing.assert_array_equal(learner.predict_proba(X), expected.predict_proba(X))


def test_the_first_rows_may_be_added_without_training():
    learner = ActiveLearner(LogisticRegression(max_iter=500))
    with pytest.raises(ValueError, match="no labeled rows yet; teach it some first"):
        learner.retrain()
    learner.teach(X[:60], Y[:60], train=False)
    learner.retrain(sample_weight=np.ones(60))
    assert learner.estimator.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("how", [{"only_new": True}, {"sample_weight": np.ones(5)}])
def test_what_says_how_to_train_needs_training(how):
    learner = ActiveLearner(LogisticRegression(max_iter=500), None, X[START], Y[START])
    with pytest.raises(ValueError, match=f"train=False does not train, but {next(iter(how))}=.* says how"):
        learner.teach(X[:5], Y[:5], train=False, **how)
    assert len(learner.y_training) == 6


def test_a_strategy_class_is_no_strategy():
    with pytest.raises(TypeError, match=r"query_strategy is the class MarginSampling, .*give MarginSampling\(\) instead"):
        ActiveLearner(LogisticRegression(), MarginSampling)
