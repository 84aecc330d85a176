"""Losses of plain training for wrong labels: weights, streams, files, and settings that are refused before training."""

import numpy as np
import pytest
from sklearn.base import clone

import skweak
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, CLEAN, NOISY = blobs(60)
SETTINGS = {"module__hidden": (16,), "max_epochs": 4, "batch_size": 200, "dtype": "float64", "random_state": 0}
CHOICES = [
    {"loss": "label_smoothing", "loss_params": {"smoothing": 0.4}},
    {"loss": "bootstrap", "loss_params": {"belief": "soft", "label_share": 0.7}},
    {"loss": "peer", "loss_params": {"strength": 0.5}},
]
every_choice = pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice["loss"])


@every_choice
def test_a_row_of_weight_two_is_two_rows_and_one_of_weight_zero_is_none(choice):
    weight = np.arange(60) % 3
    repeated = np.repeat(np.arange(60), weight)
    clf = CrossEntropyClassifier(**SETTINGS, **choice, module__scale_inputs=False)
    weighted = clone(clf).fit(X, NOISY, sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(weighted, clone(clf).fit(X[repeated], NOISY[repeated]).predict_proba(X), rtol=1e-7)


@every_choice
def test_the_settings_matter_and_survive_a_file(choice, tmp_path):
    clf = CrossEntropyClassifier(**SETTINGS, **choice).fit(X, NOISY)
    plain = CrossEntropyClassifier(**SETTINGS, loss=choice["loss"]).fit(X, NOISY)
    assert not np.allclose(clf.predict_proba(X), plain.predict_proba(X))
    skweak.save(clf, tmp_path / "file.skweak")
    again = skweak.load(tmp_path / "file.skweak")
    assert again.loss_params == choice["loss_params"]
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))


@every_choice
def test_parts_of_a_stream_are_passes_of_a_fit(choice):
    clf = CrossEntropyClassifier(**SETTINGS | {"max_epochs": 2}, **choice).fit(X, NOISY)
    parts = CrossEntropyClassifier(**SETTINGS, **choice).partial_fit(X, NOISY).partial_fit(X, NOISY)
    np.testing.assert_allclose(parts.predict_proba(X), clf.predict_proba(X), rtol=1e-9)


def test_smoothed_labels_are_remembered_less():
    settings = {"max_epochs": 150, "lr": 0.1, "module__scale_inputs": False, "random_state": 0}
    wrong = CLEAN != NOISY
    plain, smoothed = (
        CrossEntropyClassifier(**settings, **more).fit(X, NOISY).label_quality_[wrong].mean()
        for more in ({}, {"loss": "label_smoothing", "loss_params": {"smoothing": 0.5}})
    )
    assert smoothed < plain - 0.02


def test_the_scale_of_ldam_reaches_predictions():
    first, second = (
        CrossEntropyClassifier(**SETTINGS, loss="ldam", loss_params=params).fit(X, NOISY).predict_proba(X).max(1).mean()
        for params in (None, {"scale": 2.0})
    )
    assert second < first


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"loss": "unknown"}, "'loss' parameter"),
        ({"loss": "peer", "loss_params": [1.0]}, "'loss_params' parameter"),
        ({"loss_params": {"smoothing": 0.1}}, "loss='cross_entropy' takes none"),
        ({"loss": "peer", "loss_params": {"smoothing": 0.1}}, r"loss_params has 'smoothing', but loss='peer' takes"),
        ({"loss": "peer", "loss_params": {"strength": -1.0}}, "strength must be .* got -1.0"),
        ({"loss": "bootstrap", "loss_params": {"belief": "firm"}}, "belief must be one of"),
    ],
)
def test_bad_settings_never_train(own, message):
    clf = CrossEntropyClassifier(**own)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, NOISY)
    assert not hasattr(clf, "net_")
