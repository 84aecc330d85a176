"""DCFS: the two heads, the loss, the two stages and the feedback."""

import math

import numpy as np
import pytest
import torch
from scipy.special import digamma
from sklearn.metrics import roc_auc_score

from skweak.active import DCFS, ActiveLearner, DCFSClassifier, run_loop
from skweak.active.dcfs import _uncertainties
from skweak.utils import mixture_posterior
from tests.active.open_data import SMALL, digits_pool
from tests.small_data import blobs

X, Y, _ = blobs(120)
JUNK = np.where(Y == 2, -1, Y)


def classifier(**params):
    return DCFSClassifier(**{"module__hidden": (8,), "max_epochs": 10, "detector_steps": 30, "random_state": 0} | params)


def fixed(concentrations, **params):
    """A learner whose concentrations are given."""

    class Fixed(DCFSClassifier):
        def predict_concentrations(self, rows):
            return np.asarray(concentrations)[rows[:, 0].astype(int)]

    clf = Fixed(module__hidden=(2,), max_epochs=1, detector_steps=1, random_state=0)
    clf.fit(X[:30, :1], JUNK[:30])
    pool = np.arange(len(concentrations), dtype=float)[:, None]
    return lambda n, **kw: DCFS(**params)(clf, pool, n, labeled=(X[:30, :1], JUNK[:30]), **kw)


def test_uncertainties_by_hand():
    # Without evidence and with K = 3: expected entropy psi(4) - psi(2) = 1/2 + 1/3; total log 3; heads agree.
    nothing = _uncertainties(np.ones((1, 2, 3)))[0]
    np.testing.assert_allclose(nothing, [5 / 6, math.log(3) - 5 / 6, 0])
    # Heads (3, 1) and (1, 3): probabilities (3/4, 1/4) and the reverse, discrepancy 1/2.
    apart = _uncertainties(np.array([[[3.0, 1.0], [1.0, 3.0]]]))[0]
    data = 0.75 * (digamma(5) - digamma(4)) + 0.25 * (digamma(5) - digamma(2))
    total = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    np.testing.assert_allclose(apart, [data, total - data, 0.5])


def test_uncertainties_do_not_depend_on_the_order_of_heads_or_classes():
    alpha = np.random.default_rng(0).gamma(2.0, size=(20, 2, 4)) + 1
    np.testing.assert_allclose(_uncertainties(alpha), _uncertainties(alpha[:, ::-1]))
    np.testing.assert_allclose(_uncertainties(alpha), _uncertainties(alpha[:, :, [2, 0, 3, 1]]))


def test_the_stages_are_those_of_the_formulas():
    generator = np.random.default_rng(0)
    evidence = np.where(generator.random((60, 1, 1)) < 0.5, 0.1, 8.0)
    alpha = 1 + evidence * generator.gamma(1.0, size=(60, 2, 3))
    data, distribution, discrepancy = _uncertainties(alpha).T

    def scale(v):
        return (v - v.min()) / (v.max() - v.min())

    V = scale(data) + scale(distribution) + scale(discrepancy)
    seed = int(np.random.SeedSequence([0, 30]).generate_state(1)[0] >> 1)
    posterior = mixture_posterior(np.log(V + 1e-3), component="smallest", random_state=seed)
    M = max(5, int((posterior > 0.5).sum()))
    candidates = np.argsort(V, kind="stable")[:M]
    F = 0.5 * scale(discrepancy[candidates]) + scale(data[candidates]) - scale(distribution[candidates])
    expected = candidates[np.lexsort((candidates, -F))[:5]]
    indices, scores = fixed(alpha)(5)
    assert indices.tolist() == expected.tolist()
    np.testing.assert_allclose(scores, np.sort(F)[::-1][:5])
    assert 5 < M < 60 and scores.min() >= -1 and scores.max() <= 1.5


def fixed_proba(n):
    """What the classifier of `fixed` predicts for its pool."""
    clf = DCFSClassifier(module__hidden=(2,), max_epochs=1, detector_steps=1, random_state=0)
    return clf.fit(X[:30, :1], JUNK[:30]).predict_proba(np.arange(n, dtype=float)[:, None])


def test_the_options_change_what_they_name():
    generator = np.random.default_rng(1)
    alpha = 1 + generator.gamma(0.5, size=(80, 2, 3)) * generator.choice([0.2, 20], size=(80, 1, 1))
    default = fixed(alpha)(10)[0].tolist()
    terms = _uncertainties(alpha)
    alone = fixed(alpha, fine="discrepancy")(80)
    # All but the candidate of least discrepancy.
    candidates = set(alone[0][alone[1] > 0])
    assert alone[0][0] == max(candidates, key=lambda i: terms[i, 2])
    for option in ({"discrepancy_weight": 3.0}, {"fine": "discrepancy"}):
        assert fixed(alpha, **option)(10)[0].tolist() != default
    # The uncertainty of the predictions instead, of the same candidates.
    # With all rows asked for, all are candidates.
    by_margin, proba = fixed(alpha, fine="margin")(80), np.sort(fixed_proba(80), axis=1)
    spread = 1 - (proba[:, -1] - proba[:, -2])
    np.testing.assert_allclose(by_margin[1], spread[by_margin[0]], atol=1e-6)
    assert by_margin[1][0] == pytest.approx(spread.max(), abs=1e-6)
    without = {**dict.fromkeys(["coarse"], "data+distribution")}
    assert set(fixed(alpha, **without)(40)[0]) != set(fixed(alpha)(40)[0])


def test_constant_scores_give_the_first_rows():
    assert fixed(np.full((10, 2, 3), 2.0))(4)[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("precisions", "factor"),
    [([], 1.0), ([0.9], 1.2), ([0.5], 1.0), ([0.3], 1 / 1.2), ([0.9] * 20, 3.0), ([0.1] * 20, 0.5),
     ([0.9, 0.3], 1.0), ([0.8], 1.0), ([0.4], 1.0)],
)  # fmt: skip
def test_the_feedback_widens_and_narrows(precisions, factor):
    answers = [np.where(np.arange(10) < round(10 * p), 0, -1) for p in precisions]
    assert DCFSClassifier().feedback(answers) == pytest.approx(factor)


def test_adapt_uses_the_batches_of_the_learner():
    def course(adapt):
        learner = ActiveLearner(classifier(detector_steps=100), DCFS(adapt=adapt), X[:30], JUNK[:30])
        factors = []

        class Watch(DCFS):
            def _count_candidates(self, unknownness, n_instances, factor, seed):
                factors.append(factor)
                return super()._count_candidates(unknownness, n_instances, factor, seed)

        learner.query_strategy = Watch(adapt=adapt)
        history = run_loop(learner, X[30:], JUNK[30:], 3, 10, verbose=0)
        return factors, [record["query_precision"] for record in history[1:3]]

    factors, precisions = course(True)
    expected = [1.0]
    for p in precisions:
        expected.append(expected[-1] * (1.2 if p > 0.8 else 1 / 1.2 if p < 0.4 else 1))
    np.testing.assert_allclose(factors, expected)
    assert course(False)[0] == [1.0, 1.0, 1.0]


def test_the_detector_takes_at_least_its_steps_and_its_rate_falls_to_zero():
    rates = []

    class Watch(DCFSClassifier):
        def _train_step(self, run, batch):
            loss = super()._train_step(run, batch)
            if hasattr(run, "detector_optimizer_") and self._stage(run).loss is None:
                rates.append(run.detector_optimizer_.param_groups[0]["lr"])
            return loss

    Watch(module__hidden=(4,), max_epochs=3, detector_steps=50, random_state=0).fit(X, JUNK)
    # 80 known rows make two whole batches of 32: 25 epochs.
    assert len(rates) == 50
    np.testing.assert_allclose(rates, 0.02 * (1 - np.arange(50) / 50))


def test_batches_are_balanced():
    sizes = []

    class Watch(DCFSClassifier):
        def _detector_loss(self, run, known, unknown, progress):
            assert (known.y < 2).all() and (unknown.y == 2).all()
            sizes.append((len(known.y), len(unknown.y)))
            return super()._detector_loss(run, known, unknown, progress)

    y = JUNK.copy()
    Watch(module__hidden=(4,), max_epochs=1, detector_steps=10, random_state=0).fit(X, y)
    assert set(sizes) == {(32, 32)}


def test_the_loss_is_the_sum_of_its_parts():
    clf = classifier(kl_ramp=0.0, kl_weight=0.0, unknown_kl_weight=0.0, agreement_weight=0.0, disagreement_weight=0.0)
    losses = {}
    for name in ("kl_weight", "unknown_kl_weight", "agreement_weight", "disagreement_weight"):
        for weight in (0.0, 1.0):
            seen = []

            class Watch(DCFSClassifier):
                def _detector_loss(self, run, known, unknown, progress, seen=seen):
                    seen.append(float(super()._detector_loss(run, known, unknown, progress).detach()))
                    return super()._detector_loss(run, known, unknown, progress)

            Watch(**clf.get_params() | {name: weight}).fit(X, JUNK)
            losses[name, weight] = seen[0]
    plain = losses["kl_weight", 0.0]
    # Two heads, each near -log(1/2) at the start.
    assert plain == pytest.approx(2 * math.log(2), rel=0.3)
    for name in ("kl_weight", "unknown_kl_weight", "agreement_weight"):
        assert losses[name, 1.0] > losses[name, 0.0] == plain
    assert plain - 0.5 <= losses["disagreement_weight", 1.0] < plain


def test_without_a_separate_target_the_heads_predict():
    clf = classifier(separate_target=False).fit(X, JUNK)
    alpha = clf.predict_concentrations(X).astype(float)
    expected = (alpha / alpha.sum(axis=2, keepdims=True)).mean(axis=1)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-6)
    assert not hasattr(clf.net_, "detector_")


@pytest.mark.parametrize("evidence", ["exp", "softplus", "relu"])
def test_concentrations_are_offset_plus_evidence(evidence):
    clf = classifier(evidence=evidence, offset=2.0).fit(X, JUNK)
    with torch.no_grad():
        logits = torch.stack(clf.net_.detector_.both(torch.as_tensor(X, dtype=torch.float32)), 1).double()
    function = {"exp": torch.exp, "softplus": torch.nn.functional.softplus, "relu": torch.relu}[evidence]
    np.testing.assert_allclose(clf.predict_concentrations(X), function(logits) + 2, rtol=1e-4)
    np.testing.assert_allclose(
        clf.predict_unknown_proba(X), (2 * 2 / (function(logits) + 2).sum(2)).mean(1), rtol=1e-4
    )


def test_detection_and_selection_on_digits():
    scores = []
    for seed in (0, 1):
        X, y, X_pool, y_pool = digits_pool(seed=seed)
        clf = DCFSClassifier(random_state=seed, **SMALL).fit(X, y)
        terms = _uncertainties(clf.predict_concentrations(X_pool))
        junk = y_pool < 0
        picks = DCFS()(clf, X_pool, 60, labeled=(X, y))[0]
        scores.append([roc_auc_score(junk, terms[:, :2].sum(axis=1)), roc_auc_score(junk, terms[:, 2]),
                       roc_auc_score(junk, -clf.score_samples(X_pool)), (~junk[picks]).mean() - (~junk).mean(),
                       terms[junk, 2].mean() - terms[~junk, 2].mean()])  # fmt: skip
    by_uncertainty, by_discrepancy, by_vacuity, gain, larger = np.mean(scores, axis=0)
    assert by_uncertainty > 0.85 and by_vacuity > 0.85
    assert by_discrepancy > 0.65 and larger > 0
    assert gain > 0.03
