import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from skweak.datasets import make_multilabel_noise, make_partial_multilabel
from skweak.multilabel import CCMNClassifier, MultiLabelClassifier
from skweak.multilabel.ccmn import estimate_noise_rates
from tests.latent_data import latent_labels

TINY = {"warmup_epochs": 1, "max_epochs": 3, "module__hidden": (8,), "batch_size": 32, "random_state": 0}
RATES = {"false_negative_rate": 0.2, "false_positive_rate": 0.1}


@pytest.fixture(scope="module")
def rows():
    X, Y = latent_labels(90, seed=0, n_labels=3)
    return X, Y, make_multilabel_noise(Y, **RATES, random_state=0)


@pytest.mark.parametrize("correction", ["none", "relu", "abs"])
def test_without_noise_it_is_plain_training(rows, correction):
    X, _, target = rows
    settings = {**TINY, "false_negative_rate": 0.0, "false_positive_rate": 0.0, "correction": correction}
    plain = MultiLabelClassifier(**{k: v for k, v in TINY.items() if k != "warmup_epochs"}).fit(X, target)
    clf = CCMNClassifier(**settings).fit(X, target)
    np.testing.assert_allclose(clf.predict_proba(X), plain.predict_proba(X), rtol=1e-4)
    np.testing.assert_allclose(clf.class_prior_, target.mean(0))
    assert np.array_equal(clf.transduction_, target)


@pytest.mark.parametrize(
    ("module", "correction"), [((), "none"), ((8,), "relu")], ids=["linear model", "network"]
)
def test_automatic_correction(rows, module, correction):
    X, _, target = rows
    settings = {**TINY, **RATES, "module__hidden": module}
    automatic, named = (
        CCMNClassifier(**settings, correction=c).fit(X, target).predict_proba(X) for c in ("auto", correction)
    )
    assert np.array_equal(automatic, named)


def test_rates_of_each_label(rows):
    X, _, target = rows
    clf = CCMNClassifier(**TINY, false_negative_rate=[0.0, 0.2, 0.4], false_positive_rate=0.1).fit(X, target)
    np.testing.assert_allclose(clf.noise_rates_, [[0.0, 0.2, 0.4], [0.1, 0.1, 0.1]])
    np.testing.assert_allclose(clf.class_prior_, (target.mean(0) - 0.1) / [0.9, 0.7, 0.5])


def test_estimates_by_hand():
    proba = torch.linspace(0.1, 0.8, 101, dtype=torch.float64)[:, None].repeat(1, 2)
    # The third smallest and the third largest of 101.
    missed, added = estimate_noise_rates(proba, quantile=0.02)
    np.testing.assert_allclose(added, [0.114] * 2)
    np.testing.assert_allclose(missed, [1 - 0.786] * 2)
    # What is known stays, and both together stay below 0.9.
    missed, added = estimate_noise_rates(proba + 0.18, torch.tensor([0.0, 0.7]).double(), quantile=0.0)
    np.testing.assert_allclose(missed, [0.0, 0.7])
    np.testing.assert_allclose(added, [0.28, 0.2])
    # A label whose predictions are all alike would have rates that leave no information.
    missed, added = estimate_noise_rates(torch.full((9, 1), 0.5).double())
    np.testing.assert_allclose([missed.item(), added.item()], [0.45, 0.45])


def test_rates_are_estimated_once_after_the_warmup(rows):
    X, _, target = rows
    seen = []

    class Spy(CCMNClassifier):
        def _start_epoch(self, run):
            super()._start_epoch(run)
            seen.append(None if run.state.rates is None else run.state.rates.clone())

    clf = Spy(**{**TINY, "warmup_epochs": 2, "max_epochs": 5}, false_negative_rate=0.0).fit(X, target)
    assert seen[:2] == [None, None] and all(torch.equal(rates, seen[2]) for rates in seen[2:])
    assert (clf.noise_rates_[0] == 0).all() and (clf.noise_rates_[1] > 0).all()
    assert clf.noise_rates_[1].max() <= 0.49


def test_estimated_rates_are_near_the_truth():
    X, Y = latent_labels(1500, seed=0)
    target = make_partial_multilabel(Y, rate=0.4, random_state=0)
    settings = {"module__hidden": (32,), "max_epochs": 21, "warmup_epochs": 20, "random_state": 0}
    settings |= {"module__scale_inputs": False}
    small, large = (
        CCMNClassifier(**settings, false_negative_rate=0.0, rate_quantile=q).fit(X, target).noise_rates_[1]
        for q in (0.02, 0.1)
    )
    np.testing.assert_allclose(large, 0.4, atol=0.1)
    assert (small < large).all()


def test_candidate_sets_lose_labels_only(rows):
    X, _, _ = rows
    candidates = make_partial_multilabel(rows[1], rate=0.4, random_state=0)
    clf = CCMNClassifier(**TINY, false_negative_rate=0.0, false_positive_rate=0.4).fit(X, candidates)
    assert (clf.transduction_ <= candidates).all()


def test_corrected_entry_weighs_prediction_against_observation():
    X, Y = latent_labels(300, seed=0, n_labels=3)
    rates = {"false_negative_rate": 0.4, "false_positive_rate": 0.1}
    target = make_multilabel_noise(Y, **rates, random_state=0)
    target[:5] = -1
    clf = CCMNClassifier(**{**TINY, **rates, "max_epochs": 40}).fit(X, target)
    proba = clf.predict_proba(X)
    # Bayes: 0.6 p against 0.1 (1 - p) if seen, 0.4 p against 0.9 (1 - p) if not, p alone if unknown.
    cut = np.select([target == 1, target == 0], [0.1 / 0.7, 0.9 / 1.3], 0.5)
    assert np.array_equal(clf.transduction_, (proba >= cut).astype(int))
    assert (clf.transduction_ > target)[5:].any() and (clf.transduction_ < target).any()


def test_ranking_loss_decides_by_the_prior():
    X, Y = latent_labels(300, seed=0)
    target = make_multilabel_noise(Y, **RATES, random_state=0)
    clf = CCMNClassifier(**RATES, loss="ranking", module__hidden=(32,), random_state=0).fit(X, target)
    np.testing.assert_allclose(clf.class_prior_, ((target.mean(0) - 0.1) / 0.7).clip(0, 1))
    assert (clf.predict(X).sum(0) == np.floor(clf.class_prior_ * 300 + 1e-9)).all()
    # Only differences within a row are learned, and the present labels come first.
    proba = clf.predict_proba(X)
    present = np.where(Y == 1, proba, np.nan)
    absent = np.where(Y == 0, proba, np.nan)
    mixed = (Y.sum(1) > 0) & (Y.sum(1) < 6)
    assert (np.nanmean(present[mixed], 1) > np.nanmean(absent[mixed], 1)).mean() > 0.9


@pytest.mark.parametrize("hidden", [(), (64,)], ids=["linear model", "network"])
def test_halves_the_errors_of_added_labels(hidden):
    X, Y = latent_labels(3000, seed=0, n_labels=12)
    target = make_multilabel_noise(Y[:2000], false_positive_rate=0.4, random_state=0)
    settings = {"module__hidden": hidden, "max_epochs": 20, "batch_size": 256, "random_state": 0}
    plain = MultiLabelClassifier(**settings).fit(X[:2000], target)
    clf = CCMNClassifier(**settings, false_negative_rate=0.0, false_positive_rate=0.4).fit(X[:2000], target)
    error = [(c.predict(X[2000:]) != Y[2000:]).mean() for c in (plain, clf)]
    score = [average_precision_score(Y[2000:], c.predict_proba(X[2000:])) for c in (plain, clf)]
    assert error[1] < error[0] / 2 and score[1] > score[0] - 0.01


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"false_negative_rate": 0.6, "false_positive_rate": [0.1, 0.2, 0.4]}, "must be below 1 .* got 1"),
        ({"false_negative_rate": [0.1, 0.2]}, "false_negative_rate must be .* or 3 of them"),
        ({"false_positive_rate": [0.1, 0.2, 1.0]}, "false_positive_rate must be"),
        ({"false_positive_rate": -0.1}, "false_positive_rate"),
        ({"false_positive_rate": "guess"}, "false_positive_rate"),
        ({"warmup_epochs": 3}, "warmup_epochs=3 must be smaller than max_epochs=3"),
        ({"surrogate": "cubic"}, "surrogate"),
        ({"rate_quantile": 0.5}, "rate_quantile"),
    ],
    ids=["sum", "length", "one", "negative", "word", "warmup", "surrogate", "quantile"],
)
def test_bad_parameters(rows, parameters, message):
    X, _, target = rows
    with pytest.raises(ValueError, match=message):
        CCMNClassifier(**{**TINY, **parameters}).fit(X, target)


def test_ranking_needs_two_labels(rows):
    X, _, target = rows
    with pytest.raises(ValueError, match="loss='ranking' compares"):
        CCMNClassifier(**TINY, loss="ranking").fit(X, target[:, 0])


def test_warmup_may_be_long_when_rates_are_given(rows):
    X, _, target = rows
    CCMNClassifier(**{**TINY, "warmup_epochs": 9}, **RATES).fit(X, target)
