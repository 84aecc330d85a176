"""EAOA: the energy detector, known-ness by two energies, quotas and the candidate factor."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

from skweak.active import EAOA, ActiveLearner, EAOAClassifier, run_loop
from skweak.active.scores import aleatoric_uncertainty
from skweak.utils import mixture_posterior
from tests.active.open_data import SMALL, digits_pool
from tests.small_data import blobs

X, Y, _ = blobs(120)
JUNK = np.where(Y == 2, -1, Y)


def classifier(**params):
    return EAOAClassifier(**{"module__hidden": (8,), "max_epochs": 10, "random_state": 0} | params)


def test_the_energy_is_the_score():
    clf = classifier().fit(X, JUNK)
    logits = clf.predict_activations(X).astype(float)
    expected = logsumexp(logits[:, :2], axis=1) - np.logaddexp(0, logits[:, 2])
    np.testing.assert_allclose(clf.score_samples(X), expected, rtol=1e-4, atol=1e-5)
    first_round = classifier().fit(X[JUNK >= 0], JUNK[JUNK >= 0])
    logits = first_round.predict_activations(X).astype(float)
    np.testing.assert_allclose(first_round.score_samples(X), logsumexp(logits[:, :2], axis=1), rtol=1e-4, atol=1e-5)
    assert (clf.n_unknown_, first_round.n_unknown_) == ((JUNK < 0).sum(), 0)


def test_without_weight_or_unknown_rows_the_detector_is_plain_cross_entropy():
    known = JUNK >= 0
    weighted, plain = classifier().fit(X[known], JUNK[known]), classifier(energy_weight=0.0).fit(X[known], JUNK[known])
    np.testing.assert_array_equal(weighted.predict_activations(X), plain.predict_activations(X))
    assert not np.allclose(classifier().fit(X, JUNK).predict_activations(X),
                           classifier(energy_weight=0.0).fit(X, JUNK).predict_activations(X))  # fmt: skip


def test_the_margins_push_the_energies_apart():
    known = JUNK >= 0
    gaps = []
    for weight in (0.0, 0.1):
        score = classifier(energy_weight=weight, max_epochs=40, lr=0.01).fit(X, JUNK).score_samples(X)
        gaps.append(score[known].mean() - score[~known].mean())
    assert gaps[1] > gaps[0]


def test_the_detectors_embedding_is_the_input_of_its_last_layer():
    clf = classifier().fit(X, JUNK)
    layer = clf.net_.detector_.head
    with torch.no_grad():
        logits = layer(torch.from_numpy(clf.embed_detector(X)))
    np.testing.assert_allclose(logits, clf.predict_activations(X), rtol=1e-4, atol=1e-5)


def test_every_predicted_class_gives_as_many_rows():
    clf = classifier(max_epochs=40).fit(X, JUNK)
    indices = EAOA(n_neighbors=20)(clf, X, 10, labeled=(X, JUNK))[0]
    assert np.bincount(clf.predict_logits(X)[indices].argmax(axis=1)).tolist() == [5, 5]


def test_with_one_candidate_per_pick_the_most_known_rows_are_taken():
    clf = classifier(first_factor=1.0, max_epochs=40).fit(X, JUNK)
    known = []

    class Watch(EAOA):
        def _knownness(self, *args):
            known.append(super()._knownness(*args))
            return known[-1]

    indices = Watch(n_neighbors=20)(clf, X, 10, labeled=(X, JUNK))[0]
    predicted = clf.predict_logits(X).argmax(axis=1)
    for label in (0, 1):
        rows = np.flatnonzero(predicted == label)
        assert set(indices[predicted[indices] == label]) == set(rows[np.argsort(-known[0][rows], kind="stable")[:5]])
    info = aleatoric_uncertainty(clf.predict_logits(X).astype(float))[indices]
    assert (np.diff(info) <= 1e-9).all()


def test_a_class_without_enough_rows_is_filled_up():
    clf = classifier(max_epochs=40).fit(X, JUNK)
    only = X[clf.predict(X) == 0]
    indices = EAOA(n_neighbors=20)(clf, only, len(only), labeled=(X, JUNK))[0]
    assert sorted(indices) == list(range(len(only)))


@pytest.mark.parametrize(
    ("precisions", "factor"),
    [([], 5), ([0.9], 6), ([0.6], 5), ([0.65], 5), ([0.1], 4), ([0.1] * 9, 1), ([0.9, 0.1, 0.1], 4)],
)  # fmt: skip
def test_the_candidate_factor_follows_the_precision(precisions, factor):
    answers = [np.where(np.arange(20) < round(20 * p), 0, -1) for p in precisions]
    assert EAOAClassifier().feedback(answers) == factor


def test_update_starts_from_the_first_factor():
    clf = classifier(first_factor=3.0).fit(X, JUNK)
    assert clf.candidate_factor_ == 3.0
    assert clf.update([0, 0, 1]).update([0, 1]).candidate_factor_ == 5.0


def test_neighbours_are_counted_in_the_detectors_embedding(monkeypatch):
    from skweak.active import eaoa

    seen = []

    def watch(*args, **kwargs):
        seen.append((args, kwargs))
        return original(*args, **kwargs)

    original = eaoa.reverse_neighbor_counts
    monkeypatch.setattr(eaoa, "reverse_neighbor_counts", watch)
    clf = classifier().fit(X, JUNK)
    EAOA(n_neighbors=7)(clf, X[:50], 4, labeled=(X, JUNK))
    (labeled, codes, pool), kwargs = seen[0]
    np.testing.assert_array_equal(labeled, clf.embed_detector(X))
    np.testing.assert_array_equal(codes, np.where(JUNK < 0, 2, JUNK))
    assert pool.shape[0] == 50 and kwargs == {"n_classes": 2, "n_neighbors": 7}


def test_known_is_known_to_the_detector_and_to_the_neighbours():
    clf = classifier(max_epochs=30).fit(X, JUNK)
    found = []

    class Watch(EAOA):
        def _knownness(self, *args):
            found.append(super()._knownness(*args))
            return found[-1]

    Watch(n_neighbors=15)(clf, X, 5, labeled=(X, JUNK))
    seed = int(np.random.SeedSequence([0, 120]).generate_state(1)[0] >> 1)
    Z = clf.embed_detector(X).astype(float)
    Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    codes = np.where(JUNK < 0, 2, JUNK)
    R = np.zeros((120, 3))
    for row, code in zip(Z, codes, strict=True):
        R[np.argsort(-(Z @ row), kind="stable")[:15], code] += 1
    R *= np.bincount(codes)[:2].mean() / np.bincount(codes)
    posteriors = []
    for values in (clf.predict_activations(X).astype(float), R):
        energy = -logsumexp(values[:, :2], axis=1) + np.logaddexp(0, values[:, 2])
        scaled = (energy - energy.min()) / (energy.max() - energy.min())
        posteriors.append(mixture_posterior(scaled, component="smallest", random_state=seed))
    np.testing.assert_allclose(found[0], posteriors[0] * posteriors[1], atol=1e-5)


def test_precision_and_detection_on_digits():
    precision, auc = [], []
    for seed in (0, 1):
        X, y, X_pool, y_pool = digits_pool(seed=seed, n_bought=30)
        learner = ActiveLearner(EAOAClassifier(random_state=seed, **SMALL), EAOA(), X, y)
        auc.append(roc_auc_score(y_pool >= 0, learner.estimator.score_samples(X_pool)))
        history = run_loop(learner, X_pool, y_pool, 3, 30, verbose=0)
        precision.append(np.mean([record["query_precision"] for record in history[1:]]))
    # Chance buys 0.4; the target is 0.6.
    assert np.mean(precision) > 0.5 and np.mean(auc) > 0.85
