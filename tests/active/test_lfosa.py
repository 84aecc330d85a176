"""LfOSA: the temperature detector and the choice by activation."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skweak.active import LfOSA, LfOSAClassifier
from skweak.active.lfosa import _standardised
from skweak.active.scores import max_activation_posterior
from tests.active.open_data import SMALL, digits_pool
from tests.small_data import blobs

X, Y, _ = blobs(90)
JUNK = np.where(Y == 2, -1, Y)


def classifier(**params):
    return LfOSAClassifier(**{"module__hidden": (8,), "max_epochs": 10, "random_state": 0} | params)


def fixed(logits):
    """A strategy whose detector gives the rows of ``logits``."""

    class Fixed(LfOSAClassifier):
        def predict_activations(self, rows):
            return np.asarray(logits, dtype=float)[rows[:, 0].astype(int)]

    clf = Fixed(module__hidden=(2,), max_epochs=1).fit(X[:30, :1], JUNK[:30])
    pool = np.arange(len(logits), dtype=float)[:, None]
    return lambda n: LfOSA()(clf, pool, n, labeled=(X[:30, :1], JUNK[:30]))


def test_large_activations_come_first_and_unknown_rows_last():
    logits = [[9.0, 0, 0], [2.0, 0, 0], [0, 0, 5.0], [8.8, 0, 0], [0, 0, 1.0], [2.1, 0, 0], [0, 7.0, 0]]
    indices, scores = fixed(logits)(7)
    # Class 0 splits into rows 0 and 3, and 1 and 5; class 1 has one row; rows 2 and 4 are unknown, 4 the less so.
    assert indices.tolist() == [0, 3, 6, 5, 1, 4, 2]
    np.testing.assert_allclose(scores, [1, 1, 0, 0, 0, 0, 0], atol=1e-6)


def test_ties_go_to_the_larger_standardised_activation():
    # Class 0: 4, 2 -> +1, -1; class 1: 20, 10 -> +1, -1; rows 4 and 5 unknown by 3 and 1.
    logits = np.array([[4.0, 0, 0], [2.0, 0, 0], [0, 20.0, 0], [0, 10.0, 0], [0, 0, 3.0], [0, 0, 1.0]])
    np.testing.assert_allclose(_standardised(logits), [1, -1, 1, -1, -5, -3])
    assert _standardised(np.ones((3, 3))).tolist() == [0, 0, 0]


def test_a_constant_for_all_rows_changes_nothing_and_one_per_row_does():
    logits = np.random.default_rng(0).normal(size=(60, 4)) * 3
    base = fixed(logits)(20)[0].tolist()
    assert fixed(logits + 5)(20)[0].tolist() == base
    assert fixed(logits + np.linspace(0, 9, 60)[:, None])(20)[0].tolist() != base


def test_the_scores_are_the_posteriors():
    clf = classifier().fit(X, JUNK)
    indices, scores = LfOSA()(clf, X, 90, labeled=(X, JUNK))
    seed = int(np.random.SeedSequence([0, 90]).generate_state(1)[0] >> 1)
    expected = max_activation_posterior(clf.predict_activations(X).astype(float), random_state=seed)
    np.testing.assert_allclose(scores, expected[indices], atol=1e-12)


def test_the_target_is_trained_on_known_rows_alone():
    # The scale of the columns is that of all rows.
    clf = classifier(batch_size=90, module__scale_inputs=False).fit(X, JUNK)
    reference = classifier(batch_size=90, module__scale_inputs=False).fit(X[JUNK >= 0], JUNK[JUNK >= 0])
    np.testing.assert_allclose(clf.predict_proba(X), reference.predict_proba(X), atol=1e-6)
    assert clf.predict_activations(X).shape == (90, 3)


def test_the_temperature_is_one_half():
    plain, soft = classifier(known_temperature=1.0, unknown_temperature=1.0), classifier()
    assert not np.allclose(plain.fit(X, JUNK).score_samples(X), soft.fit(X, JUNK).score_samples(X))
    assert (soft.known_temperature, soft.unknown_temperature) == (0.5, 0.5)
    with pytest.raises(ValueError, match="known_temperature"):
        classifier(known_temperature=0.0).fit(X, JUNK)


def test_no_feedback_is_kept():
    clf = classifier().fit(X, JUNK)
    assert clf.update([0, -1]) is clf and clf.feedback([np.array([0, -1])]) is None


def test_pure_batches_on_digits():
    precision, auc, shares = [], [], []
    for seed in (0, 1, 2):
        X, y, X_pool, y_pool = digits_pool(seed=seed)
        clf = LfOSAClassifier(random_state=seed, **SMALL).fit(X, y)
        precision.append((y_pool[LfOSA()(clf, X_pool, 60, labeled=(X, y))[0]] >= 0).mean())
        auc.append(roc_auc_score(y_pool >= 0, clf.score_samples(X_pool)))
        shares.append((y_pool >= 0).mean())
    # At least half of the way from chance to 1.
    assert np.mean(precision) > (1 + np.mean(shares)) / 2
    assert np.mean(auc) > 0.85
