"""E2OAL: guessed classes for unknown rows, the two heads, and the search for the candidates."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.preprocessing import FunctionTransformer

from skweak.active import E2OAL, ActiveLearner, E2OALClassifier, run_loop
from skweak.active.e2oal import _search_maximum, _split_unknown
from skweak.active.scores import ambiguity
from tests.active.open_data import SMALL, digits_pool
from tests.small_data import blobs

X, Y, _ = blobs(120)
JUNK = np.where(Y == 2, -1, Y)


def classifier(**params):
    return E2OALClassifier(**{"module__hidden": (8,), "max_epochs": 10, "random_state": 0} | params)


def six_blobs(n_known=2, seed=0):
    X, y = make_blobs(180, centers=6, n_features=8, cluster_std=0.3, center_box=(-5, 5), random_state=seed)
    return X / np.linalg.norm(X, axis=1, keepdims=True), np.where(y < n_known, y, n_known), y


def test_unknown_rows_are_split_into_their_true_classes():
    features, codes, y = six_blobs()
    split, n_clusters = _split_unknown(codes.copy(), features, 2, 1000, search=True)
    assert (split[codes < 2] == codes[codes < 2]).all()
    assert n_clusters >= 4 and split.max() < n_clusters and (split[codes == 2] >= 2).all()
    # Any number of clusters that isolates the known classes is as good as any other: two unknown ones may be joined.
    assert adjusted_rand_score(y[codes == 2], split[codes == 2]) > 0.5


def test_the_number_of_clusters_may_be_given():
    features, codes, y = six_blobs()
    split, n_clusters = _split_unknown(codes.copy(), features, 2, 6, search=False)
    assert n_clusters == 6
    assert adjusted_rand_score(y[codes == 2], split[codes == 2]) == 1


def test_too_few_rows_make_one_guessed_class():
    codes = np.array([0, 1, 2])
    split, n_clusters = _split_unknown(codes.copy(), np.eye(3), 2, 1000, search=True)
    assert split.tolist() == [0, 1, 2] and n_clusters == 3


@pytest.mark.parametrize("best", [3, 4, 17, 49, 50])
def test_the_search_finds_the_top_of_a_hill(best):
    assert _search_maximum(lambda k: -abs(k - best), 3, 50) == best


def test_of_equal_values_the_smallest_is_kept():
    assert _search_maximum(lambda k: 0, 3, 5) == 3


def test_the_head_has_one_output_per_class():
    assert classifier().fit(X[JUNK >= 0], JUNK[JUNK >= 0]).n_clusters_ == 2
    clf = classifier().fit(X, JUNK)
    assert clf.n_clusters_ > 2 and clf.predict_evidence(X).shape == (120, clf.n_clusters_)
    assert classifier(max_clusters=4).fit(X, JUNK).n_clusters_ <= 4


def test_predictions_are_the_known_part_of_the_evidence():
    clf = classifier(max_epochs=40).fit(X, JUNK)
    concentration = np.exp(np.clip(clf.predict_evidence(X).astype(float), -10, 10)) + 1
    known = concentration[:, :2] / concentration[:, :2].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X), known, rtol=1e-4)
    share = concentration[:, 2:].sum(axis=1) / concentration.sum(axis=1)
    np.testing.assert_allclose(clf.predict_unknown_proba(X), share, rtol=1e-4)
    evidence = clf.predict_evidence(X)
    np.testing.assert_allclose(clf.score_samples(X), evidence[:, :2].max(1) - evidence[:, 2:].max(1), atol=1e-5)
    np.testing.assert_allclose(clf.predict_base_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert (clf.predict_base_proba(X).argmax(axis=1) == clf.predict(X))[JUNK >= 0].mean() > 0.9


@pytest.mark.parametrize("as_callable", [True, False])
def test_given_features_are_clustered(as_callable):
    seen = []

    def project(rows):
        seen.append(rows.shape)
        return rows[:, :2]

    clf = classifier(features=project if as_callable else FunctionTransformer(project).fit(X)).fit(X, JUNK)
    assert seen and seen[0] == (120, 4) and clf.n_clusters_ > 2
    with pytest.raises(ValueError, match="'features' parameter"):
        classifier(features=3).fit(X, JUNK)


def test_a_warm_start_keeps_the_guessed_classes():
    clf = classifier(warm_start=True).fit(X, JUNK)
    n_clusters = clf.n_clusters_
    assert clf.fit(X, JUNK).n_clusters_ == n_clusters
    first = classifier(warm_start=True).fit(X[JUNK >= 0], JUNK[JUNK >= 0])
    with pytest.raises(ValueError, match="knows no class for unknown rows.*set warm_start=False"):
        first.fit(X, JUNK)


def test_the_target_precision_is_steered():
    clf = E2OALClassifier(target_precision=0.5)
    assert clf.feedback([]) == 0.5
    assert clf.feedback([np.array([0, -1, -1, -1])]) == 0.75
    assert clf.feedback([np.full(4, -1)] * 3) == 1.0
    assert classifier().fit(X, JUNK).update([0, 0, 0, -1]).target_precision_ == pytest.approx(0.45)


def test_rows_predicted_unknown_are_taken_last_and_the_rest_by_ambiguity():
    clf = classifier(max_epochs=60).fit(X, JUNK)
    known = clf.predict_evidence(X).argmax(axis=1) < 2
    indices, scores = E2OAL()(clf, X, 10, labeled=(X, JUNK))
    assert known[indices].all()
    np.testing.assert_allclose(scores, ambiguity(clf.predict_base_proba(X))[indices], rtol=1e-6)
    assert len(E2OAL()(clf, X, 120, labeled=(X, JUNK))[0]) == 120


def test_a_higher_target_never_takes_more_candidates():
    from skweak.active import e2oal

    sizes = []
    clf = classifier(max_epochs=60).fit(X, JUNK)
    original = e2oal.candidate_size
    try:
        e2oal.candidate_size = lambda *a, **k: sizes.append(original(*a, **k)) or sizes[-1]
        for target in (0.1, 0.5, 0.9):
            clf.target_precision_ = target
            E2OAL()(clf, X, 10, labeled=(X, JUNK))
    finally:
        e2oal.candidate_size = original
    assert sizes == sorted(sizes, reverse=True)


def test_precision_and_detection_on_digits():
    precision, auc, accuracy = [], [], []
    for seed in (0, 1):
        X, y, X_pool, y_pool = digits_pool(seed=seed, n_bought=30)
        learner = ActiveLearner(E2OALClassifier(random_state=seed, **SMALL), E2OAL(), X, y)
        auc.append(roc_auc_score(y_pool >= 0, learner.estimator.score_samples(X_pool)))
        history = run_loop(learner, X_pool, y_pool, 3, 30, verbose=0)
        precision.append(np.mean([record["query_precision"] for record in history[1:]]))
        accuracy.append(learner.score(X_pool, y_pool))
    # Chance buys 0.4; the target is 0.6.
    assert np.mean(precision) > 0.5 and np.mean(auc) > 0.8 and np.mean(accuracy) > 0.95
