"""Weights of answers: 0 is an answer nobody gave, 2 an answer that counts twice."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import KFold, cross_validate

from skweak.crowd import CrowdLayerClassifier, DoctorNetClassifier, VoteClassifier
from skweak.crowd.crowd_layer import answer_losses, vote_shares
from tests.small_data import blobs, labels_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, _, NOISY = blobs(30)
Y = labels_of("crowd", NOISY)
WEIGHT = np.random.RandomState(0).randint(0, 2, Y.shape).astype(float)
SMALL = {"max_epochs": 4, "batch_size": 10, "dtype": "float64", "random_state": 0, "n_threads": 1}
SETTINGS = SMALL | {"module__hidden": (4,), "validation_fraction": 0.3}
each = pytest.mark.parametrize(
    "clf",
    [
        CrowdLayerClassifier(**SETTINGS),
        CrowdLayerClassifier(reduction="cells", **SETTINGS),
        DoctorNetClassifier(**SETTINGS),
        DoctorNetClassifier(averaging="weighted", **SETTINGS),
    ],
    ids=["layer", "layer, cells", "doctors", "doctors, weighted"],
)


@each
def test_weight_zero_is_an_answer_nobody_gave(clf):
    weighted = clf.fit(X, Y, cell_weight=WEIGHT)
    proba, losses, found = weighted.predict_proba(X), weighted.history_[-1], weighted.confusion_
    unknown = clf.fit(X, np.where(WEIGHT == 0, -1, Y))
    np.testing.assert_allclose(proba, unknown.predict_proba(X), rtol=1e-6)
    np.testing.assert_allclose(found, unknown.confusion_, rtol=1e-6)
    for name in ("train_loss", "valid_loss"):
        assert losses[name] == pytest.approx(unknown.history_[-1][name])
    assert not np.allclose(clf.fit(X, Y).predict_proba(X), proba)


def test_weight_two_is_an_answer_counted_twice_by_hand():
    answers, weight = torch.tensor([[0, 2], [-1, 1]]), torch.tensor([[2.0, 1.0], [5.0, 1.0]])
    logits = torch.zeros(2, 2, 3)
    logits[0, 0, 0] = 1.0
    sure, even = logits[0, 0].logsumexp(0) - 1, torch.tensor(3.0).log()
    # Four answers, one of them twice; the marker has none whatever its weight says.
    found = answer_losses(logits, answers, weight=weight).mean()
    torch.testing.assert_close(found, (2 * sure + 2 * even) / 4)
    torch.testing.assert_close(vote_shares(answers, 3, weight), torch.tensor([[2 / 3, 0, 1 / 3], [0, 1, 0]]))


def test_folds_cut_them_and_methods_without_them_say_so():
    clf = CrowdLayerClassifier(**SETTINGS)
    found = cross_validate(clf, X, Y, params={"cell_weight": WEIGHT}, cv=KFold(2), return_estimator=True)
    half = clf.fit(X[15:], Y[15:], cell_weight=WEIGHT[15:]).predict_proba(X)
    np.testing.assert_array_equal(found["estimator"][0].predict_proba(X), half)
    with pytest.raises(TypeError, match="VoteClassifier.fit takes X.*got 'cell_weight'"):
        VoteClassifier(**SMALL).fit(X, Y, cell_weight=WEIGHT)
    with pytest.raises(ValueError, match=r"cell_weight has shape \(30, 2\), but y has \(30, 4\)"):
        clf.fit(X, Y, cell_weight=np.ones((30, 2)))
