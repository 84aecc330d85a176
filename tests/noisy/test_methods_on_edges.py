"""Every method on data that leaves it little to work with."""

from functools import partial

import numpy as np
import pytest

from skweak.nn import MLP, SmallCNN
from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
    ForwardCorrectionClassifier,
    GCEClassifier,
    SCEClassifier,
)
from tests.small_data import blobs

pytestmark = pytest.mark.filterwarnings("ignore:With two classes the negative head:UserWarning")

METHODS = {
    "ce": (CrossEntropyClassifier, {}),
    "gce": (GCEClassifier, {}),
    "sce": (SCEClassifier, {}),
    "forward": (ForwardCorrectionClassifier, {"warmup_epochs": 2}),
    "elr": (ELRClassifier, {}),
    "coteaching": (CoTeachingClassifier, {"forget_rate": 0.5, "ramp_epochs": 2}),
    "dividemix": (DivideMixClassifier, {"warmup_epochs": 2, "unlabeled_weight": 5.0}),
    "dpc": (DPCClassifier, {"warmup_epochs": 2, "unlabeled_weight": 5.0, "consistency_weight": 1.0}),
    "bldr": (BLDRClassifier, {"reweight_start": 2}),
}
each = pytest.mark.parametrize("name", METHODS)
PER_ROW = ("label_quality_", "noise_mask_", "transduction_", "clean_proba_", "margin_", "sample_weight_")


def fitted(name, X, y, **changes):
    """Fit a small instance, check what holds on any data, and return it with its probabilities."""
    cls, own = METHODS[name]
    settings = {"module": partial(MLP, hidden=(16, 16)), "max_epochs": 4, "batch_size": 16, "lr": 0.02}
    clf = cls(**(settings | own | changes), random_state=0).fit(X, y)
    proba = clf.predict_proba(X)
    assert proba.shape == (len(X), len(np.unique(y))) and np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
    assert all(np.isfinite(row["train_loss"]) for row in clf.history_)
    for attribute in PER_ROW:
        if hasattr(clf, attribute):
            assert len(getattr(clf, attribute)) == len(X), attribute
    assert ((clf.label_quality_ >= 0) & (clf.label_quality_ <= 1)).all()
    if hasattr(clf, "transduction_"):
        assert set(clf.transduction_) <= set(clf.classes_)
    return clf, proba


@each
def test_two_classes(name):
    X, clean, noisy = blobs(90)
    two = (clean < 2) & (noisy < 2)
    settings = {"max_epochs": 20, "lr": 0.05, "module": "auto"} | dict.fromkeys(
        {"warmup_epochs", "reweight_start"} & set(METHODS[name][1]), 10
    )
    clf, _ = fitted(name, X[two], np.array(["no", "yes"])[noisy[two]], **settings)
    assert clf.classes_.tolist() == ["no", "yes"]
    assert clf.score(X[two], np.array(["no", "yes"])[clean[two]]) > 0.8


@each
@pytest.mark.parametrize("n", [2, 3, 7])
def test_fewer_rows_than_a_batch(name, n):
    X = np.random.RandomState(0).randn(n, 4)
    fitted(name, X, np.arange(n) % 2, batch_size=64)


@each
def test_a_class_of_one_row(name):
    X, _, noisy = blobs(33)
    noisy = np.where(np.arange(33) == 5, 3, noisy)
    clf, _ = fitted(name, X, noisy)
    assert clf.classes_.tolist() == [0, 1, 2, 3]


@each
def test_nothing_but_classes_of_one_row(name):
    fitted(name, np.eye(5), np.arange(5))


@each
def test_duplicate_rows_with_contradictory_labels(name):
    X, _, noisy = blobs(30)
    clf, proba = fitted(name, np.vstack([X, X]), np.r_[noisy, (noisy + 1) % 3])
    np.testing.assert_allclose(proba[:30], proba[30:], rtol=1e-5)


@each
def test_identical_rows(name):
    clf, proba = fitted(name, np.ones((20, 4)), np.arange(20) % 2)
    assert np.ptp(proba[:, 0]) < 1e-5


@each
def test_string_labels(name):
    X, _, noisy = blobs(60)
    animals = np.array(["cat", "dog", "a very long name"])
    clf, proba = fitted(name, X, animals[noisy])
    assert clf.classes_.tolist() == sorted(animals)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(1)])


@each
@pytest.mark.parametrize("batch_size", [2, 3])
def test_batches_with_labels_of_a_single_class(name, batch_size):
    # One row of class 1 among twenty: nearly every batch holds class 0 alone.
    X = np.random.RandomState(0).randn(20, 4)
    fitted(name, X, (np.arange(20) == 3).astype(int), batch_size=batch_size)


@each
def test_everything_verified_and_nothing_verified(name):
    X, _, noisy = blobs(33)
    cls, _ = METHODS[name]
    if name in ("ce", "gce", "sce", "elr"):
        with pytest.raises(TypeError, match="trusted"):
            cls().fit(X, noisy, trusted=np.ones(33, dtype=bool))
        return
    settings = {"max_epochs": 4, "batch_size": 16, "lr": 0.02, "random_state": 0}
    for trusted in (np.ones(33, dtype=bool), np.zeros(33, dtype=bool)):
        clf = cls(**settings, **METHODS[name][1]).fit(X, noisy, trusted=trusted)
        assert np.isfinite(clf.predict_proba(X)).all()
        assert not (trusted & getattr(clf, "noise_mask_", False)).any()
    for wrong in (np.ones(32, dtype=bool), np.ones(33, dtype=int), np.ones((33, 1), dtype=bool)):
        with pytest.raises(ValueError, match="trusted must be a boolean mask"):
            cls(**settings).fit(X, noisy, trusted=wrong)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_images(name, dtype):
    random = np.random.RandomState(0)
    X, y = random.randint(0, 256, (24, 28, 28)), np.arange(24) % 3
    X = X.astype(np.uint8) if dtype == np.uint8 else (X / 255).astype(dtype)
    # One epoch, after one of warm-up where a method needs it.
    warmup = {"warmup_epochs": 1, "max_epochs": 2} if "warmup_epochs" in METHODS[name][1] else {"max_epochs": 1}
    changes = {"reweight_start": 0} if name == "bldr" else warmup
    clf, _ = fitted(name, X, y, **({"module": partial(SmallCNN, widths=(4, 8)), "max_epochs": 1} | changes))
    assert clf.embed(X).shape == (24, 8)
