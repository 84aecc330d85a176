"""BUAL: the three parts, the averaged negative head, the two forms and the feedback."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from skweak.active import BUAL, ActiveLearner, BUALClassifier, run_loop
from skweak.active.scores import bidirectional_uncertainty
from tests.active.open_data import SMALL, digits_pool
from tests.small_data import blobs

X, Y, _ = blobs(90)
JUNK = np.where(Y == 2, -1, Y)
START = JUNK[:30] >= 0


def classifier(**params):
    return BUALClassifier(**{"module__hidden": (8,), "max_epochs": 10, "random_state": 0} | params)


def with_pool(y, n_labeled):
    return np.where(np.arange(len(y)) < n_labeled, y, -7)


def test_the_parts_are_trained_one_after_the_other():
    clf = classifier(max_epochs=None, auxiliary_epochs=3, positive_epochs=4, negative_epochs=5, unlabeled=-7)
    assert len(clf.fit(X, with_pool(JUNK, 40)).history_) == 12
    known_only = with_pool(JUNK, 40) >= 0
    known_only[40:] = True
    assert len(clf.fit(X[known_only], with_pool(JUNK, 40)[known_only]).history_) == 9      # no auxiliary network
    assert len(clf.set_params(unlabeled=None).fit(X[:40], JUNK[:40]).history_) == 7         # no pool


def test_every_part_gets_its_epochs():
    parts = []

    class Watch(BUALClassifier):
        def _start_epoch(self, run):
            super()._start_epoch(run)
            parts.append(self._stage(run).loss.__name__)

    params = {"auxiliary_epochs": 2, "positive_epochs": 3, "negative_epochs": 4, "unlabeled": -7, "random_state": 0}
    Watch(module__hidden=(8,), **params).fit(X, with_pool(JUNK, 40))
    assert parts == ["_auxiliary_loss"] * 2 + ["_target_loss"] * 3 + ["_negative_loss"] * 4


def test_the_positive_head_is_plain_cross_entropy_on_the_known_rows():
    # The scale of the columns is that of all rows.
    clf = classifier(max_epochs=20, batch_size=90, module__scale_inputs=False).fit(X, JUNK)
    reference = classifier(max_epochs=20, batch_size=90, module__scale_inputs=False)
    reference = reference.fit(X[JUNK >= 0], JUNK[JUNK >= 0])
    # The pool and the junk change neither the start nor the course of the positive network.
    np.testing.assert_allclose(clf.predict_proba(X), reference.predict_proba(X), atol=1e-6)


def test_negative_learning_leaves_the_positive_network_alone():
    clf = classifier(unlabeled=-7).fit(X, with_pool(JUNK, 40))
    weights = clf.net_.module_.state_dict(), clf.net_.negative_.state_dict()
    assert not torch.equal(weights[0]["second.weight"], weights[1]["second.weight"])
    short = classifier(unlabeled=-7, max_epochs=None, auxiliary_epochs=10, positive_epochs=10, negative_epochs=1)
    np.testing.assert_array_equal(short.fit(X, with_pool(JUNK, 40)).predict_proba(X), clf.predict_proba(X))


def test_the_average_runs_over_the_evaluations_before_an_update():
    seen = []

    class Watch(BUALClassifier):
        def _evaluate_negative(self, run):
            proba = run.outputs(run.negative_, run.state.kept, function=lambda X: run.negative_.both(X)[1].softmax(1))
            seen.append((run.epoch, proba.double().numpy()))
            super()._evaluate_negative(run)

    clf = Watch(module__hidden=(8,), positive_epochs=2, negative_epochs=10, eval_every=5, unlabeled=-7, random_state=0)
    clf.fit(X, with_pool(np.where(Y == 2, 1, Y), 40))
    assert [epoch for epoch, _ in seen] == [2, 7, 12]
    np.testing.assert_allclose(clf.negative_proba_[40:], np.mean([proba for _, proba in seen], axis=0))
    assert np.isnan(clf.negative_proba_[:40]).all()


def test_negative_learning_starts_from_the_positive_network():
    starts = []

    class Watch(BUALClassifier):
        def _prepare_negative(self, run):
            super()._prepare_negative(run)
            starts.append([torch.equal(a, b) for a, b in zip(run.module_.state_dict().values(),
                                                             run.negative_.state_dict().values(), strict=True)])

    Watch(module__hidden=(8,), max_epochs=5, unlabeled=-7, random_state=0).fit(X, with_pool(JUNK, 40))
    assert len(starts) == 1 and all(starts[0])


def test_rows_taken_for_unknown_are_left_out():
    clf = classifier(unlabeled=-7, max_epochs=60).fit(X, with_pool(JUNK, 45))
    evaluated = np.isfinite(clf.negative_proba_[:, 0])
    unknown = clf.predict_unknown_proba(X) > 0.5
    assert not evaluated[:45].any()
    assert (evaluated[45:] == ~unknown[45:]).mean() > 0.95 and unknown[45:].any()
    assert (np.flatnonzero(evaluated) >= 45).all()


@pytest.mark.parametrize("filtered", [True, False])
def test_the_subset_is_drawn_from_the_rows_that_may_be_chosen(filtered):
    drawn = []

    class Watch(BUALClassifier):
        def _prepare_negative(self, run):
            super()._prepare_negative(run)
            drawn.append((run.state.subset.numpy(), run.state.kept.numpy()))

    clf = Watch(module__hidden=(8,), max_epochs=40, subset_size=30, filter_subset=filtered, unlabeled=-7,
                random_state=0)  # fmt: skip
    clf.fit(X, with_pool(JUNK, 45))
    subset, kept = drawn[0]
    assert len(set(subset)) == len(subset) <= 30 and (subset >= 45).all()
    assert np.isin(subset, kept).all() == filtered


def test_complements_never_name_the_label_and_are_uniform_for_the_pool(monkeypatch):
    from skweak.active import bual

    drawn = []

    def watch(target, **kwargs):
        result = original(target, **kwargs)
        drawn.append(torch.stack([target, result]))
        return result

    original = bual.draw_complementary_labels
    monkeypatch.setattr(bual, "draw_complementary_labels", watch)
    classifier(unlabeled=-7, max_epochs=40).fit(X, with_pool(Y, 45))
    target, complement = torch.cat(drawn, dim=1)
    assert not (target == complement).any()
    shares = torch.bincount(complement[target < 0]) / (target < 0).sum()
    # 40 epochs of 45 rows: a standard deviation of 0.011.
    assert (shares - 1 / 3).abs().max() < 0.05


def test_early_stop_ends_negative_learning_when_nothing_changes():
    params = {"unlabeled": -7, "max_epochs": None, "positive_epochs": 5, "negative_epochs": 400, "eval_every": 1}
    y = with_pool(np.where(Y == 2, 1, Y), 40)
    stopped = classifier(early_stop=True, lr=1e-4, **params).fit(X, y)
    assert len(stopped.history_) < 100
    assert len(classifier(early_stop=False, **params | {"negative_epochs": 20}).fit(X, y).history_) == 25


def test_the_scores_are_those_of_the_formula():
    learner = ActiveLearner(classifier(), BUAL(), X[:45], JUNK[:45])
    indices, scores = BUAL()(learner, X[45:], 10)
    clf, seed = learner.estimator, np.random.SeedSequence([0, 45]).generate_state(1)[0] >> 1
    negative = clf.negative_proba(X[:45], JUNK[:45], X[45:], random_state=int(seed))
    kept = np.flatnonzero(np.isfinite(negative[:, 0]))
    expected = bidirectional_uncertainty(
        negative[kept], clf.predict_proba(X[45:])[kept], clf.predict_unknown_proba(X[45:])[kept]
    )
    order = np.argsort(-expected, kind="stable")[:10]
    assert indices.tolist() == kept[order].tolist()
    np.testing.assert_allclose(scores, expected[order])


def test_the_raw_form_is_the_sum_of_uncertainties():
    # u = 1 - margin: 0.8 and 0.4 of the negative, 0.2 and 1.0 of the positive head.
    negative, positive = np.array([[0.6, 0.4], [0.8, 0.2]]), np.array([[0.9, 0.1], [0.5, 0.5]])
    strategy = BUAL(form="raw")
    np.testing.assert_allclose(strategy._utility(negative, positive, np.array([0.25, 0.5]), 0.5),
                               [0.25 * 0.8 + 0.5 * 0.75 * 0.2, 0.5 * 0.4 + 0.5 * 0.5 * 1.0])  # fmt: skip
    np.testing.assert_allclose(strategy._utility(negative, positive, None, 0.5), [0.8 + 0.1, 0.4 + 0.5])
    # Without feedback and with certain knowledge of being known nothing is left but the positive head, times 0.
    np.testing.assert_allclose(strategy._utility(negative, positive, np.zeros(2), 0.0), [0, 0])


def test_too_few_known_rows_are_filled_up_with_the_least_unknown():
    learner = ActiveLearner(classifier(max_epochs=60), BUAL(), X[:45], JUNK[:45])
    unknown = learner.estimator.predict_unknown_proba(X[45:])
    n_known = int((unknown <= 0.5).sum())
    indices, scores = BUAL()(learner, X[45:], n_known + 5)
    assert (unknown[indices[:n_known]] <= 0.5).all()
    assert indices[n_known:].tolist() == np.argsort(unknown, kind="stable")[n_known : n_known + 5].tolist()
    assert (np.diff(scores) <= 0).all()


def test_the_feedback_is_the_share_of_known_rows_in_the_last_batch():
    learner = ActiveLearner(classifier(), BUAL(), X[:30], JUNK[:30])
    rates = []

    class Watch(BUAL):
        def _utility(self, negative, positive, unknown, known_rate):
            rates.append(known_rate)
            return super()._utility(negative, positive, unknown, known_rate)

    learner.query_strategy = Watch()
    history = run_loop(learner, X[30:], JUNK[30:], 3, 8, verbose=0)
    assert rates == [0.0, *(record["query_precision"] for record in history[1:3])]


def test_a_bare_estimator_is_told_by_update():
    clf = classifier().fit(X, JUNK)
    assert clf.known_rate_ == 0.0
    assert clf.update([0, -1, 1, 1]).known_rate_ == 0.75
    assert clf.update([-1]).known_rate_ == 0.0
    seen = []

    class Watch(BUAL):
        def _utility(self, negative, positive, unknown, known_rate):
            seen.append(known_rate)
            return super()._utility(negative, positive, unknown, known_rate)

    Watch()(clf.update([0, -1]), X, 3, labeled=(X, JUNK))
    assert seen == [0.5]


def test_one_known_class_has_no_complement():
    with pytest.raises(ValueError, match="at least 2 classes"):
        classifier().fit(X, np.where(Y == 0, 0, -1))


def test_known_classes_may_have_no_row_yet():
    clf = classifier(known_classes=[0, 1, 2]).fit(X[Y != 2], Y[Y != 2])
    assert clf.predict_proba(X).shape == (90, 3) and clf.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="y contains label 2, which is not in classes"):
        classifier(known_classes=[0, 1]).fit(X, Y)
    with pytest.raises(ValueError, match="known_classes and classes both name the known classes"):
        classifier(known_classes=[0, 1, 2], classes=[0, 1, 2]).fit(X, Y)


def test_pools_of_other_widths_are_refused():
    learner = ActiveLearner(classifier(), BUAL(), X[:45], JUNK[:45])
    with pytest.raises(ValueError, match="features"):
        learner.query(X[45:, :3], 2)


def test_detection_and_selection_on_digits():
    X, y, X_pool, y_pool = digits_pool()
    clf = BUALClassifier(random_state=0, **SMALL).fit(X, y)
    assert roc_auc_score(y_pool >= 0, clf.score_samples(X_pool)) > 0.85
    np.testing.assert_allclose(clf.score_samples(X_pool) + clf.predict_unknown_proba(X_pool), 1, atol=1e-6)
    picks = BUAL()(clf, X_pool, 60, labeled=(X, y))[0]
    margin = np.diff(np.sort(clf.predict_proba(X_pool), axis=1)[:, -2:])[:, 0]
    # Plain margins buy junk: 0.1 of their rows are known, against 0.4 of the pool.
    assert (y_pool[picks] >= 0).mean() > (y_pool[margin.argsort()[:60]] >= 0).mean() + 0.15

