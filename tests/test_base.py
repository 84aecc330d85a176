"""What the base class promises: model selection around it, warm starts, weights, verified rows, precision."""

import io
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
    GCEClassifier,
)
from tests.small_data import as_strings, blobs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
X, CLEAN, NOISY = blobs(120)
SMALL = {"module__hidden": (8,), "batch_size": 32, "random_state": 0}


def pipeline(**params):
    clf = DPCClassifier(max_epochs=5, warmup_epochs=3, **SMALL)
    return Pipeline([("scale", StandardScaler()), ("clf", clf.set_params(**params))])


GRID = {"clf__module__hidden": [(8,), (12, 8)], "clf__lr": [0.02, 0.05], "clf__kl_weight": [0.5]}


def test_grid_search_over_module_rate_and_method_with_strings_and_verified_rows():
    trusted = NOISY == CLEAN
    y = as_strings(NOISY)
    one, two = (
        GridSearchCV(pipeline(), GRID, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, y, clf__trusted=trusted)
        for n_jobs in (1, 2)
    )
    assert set(one.predict(X)) <= set(y)
    np.testing.assert_allclose(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"], atol=1e-5)
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-5)


def test_metadata_routing():
    with config_context(enable_metadata_routing=True):
        pipe = pipeline()
        pipe.set_params(clf=pipe["clf"].set_fit_request(trusted=True))
        search = GridSearchCV(pipe, {"clf__lr": [0.05]}, cv=2, error_score="raise").fit(
            X, NOISY, trusted=NOISY == CLEAN
        )
    assert (search.best_estimator_["clf"].clean_proba_[NOISY == CLEAN] == 1).all()


def test_three_metrics_in_cross_validation_and_calibration():
    clf = ELRClassifier(max_epochs=5, **SMALL)
    scores = cross_validate(
        clf, X, NOISY, cv=3, scoring=["accuracy", "roc_auc_ovr", "neg_log_loss"], error_score="raise"
    )
    assert all(np.isfinite(scores[f"test_{name}"]).all() for name in ("accuracy", "roc_auc_ovr", "neg_log_loss"))
    calibrated = CalibratedClassifierCV(clf, cv=StratifiedKFold(2)).fit(X, NOISY)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(1), 1, rtol=1e-6)


def test_joblib_round_trip():
    file, clf = io.BytesIO(), DPCClassifier(max_epochs=5, warmup_epochs=3, **SMALL).fit(X, NOISY)
    joblib.dump(clf, file)
    file.seek(0)
    assert np.array_equal(joblib.load(file).predict_proba(X), clf.predict_proba(X))


def test_images_of_28_by_28():
    images = np.random.RandomState(0).randint(0, 255, (40, 28, 28)).astype(np.uint8)
    clf = CrossEntropyClassifier(module__blocks=(1, 1), module__width=4, max_epochs=1, random_state=0)
    result = cross_validate(clf, images, np.arange(40) % 2, cv=2, error_score="raise")
    assert np.isfinite(result["test_score"]).all()


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, ELRClassifier, BLDRClassifier])
def test_warm_start_continues_from_the_networks(cls):
    # Once BLDR has estimated the noise, its loss is another one.
    late = {"reweight_start": 20} if cls is BLDRClassifier else {}
    clf = cls(max_epochs=4, warm_start=True, **SMALL, **late).fit(X, NOISY)
    first = clf.history_[-1]["train_loss"]
    weights = clf.net_.module_.state_dict()
    clf.fit(X, NOISY)
    assert len(clf.history_) == 8 and clf.history_[4]["train_loss"] < clf.history_[0]["train_loss"]
    assert clf.history_[4]["train_loss"] < first + 0.1
    changed = clf.net_.module_.state_dict()
    assert any(not torch.equal(weights[name], changed[name]) for name in weights)


@pytest.mark.parametrize("cls", [ELRClassifier, BLDRClassifier])
def test_warm_start_keeps_per_row_state_only_for_the_same_rows(cls):
    clf = cls(max_epochs=2, warm_start=True, **SMALL).fit(X, NOISY)
    with pytest.raises(ValueError, match="warm_start.*120 rows.*100 rows"):
        clf.fit(X[:100], NOISY[:100])
    CrossEntropyClassifier(max_epochs=2, warm_start=True, **SMALL).fit(X, NOISY).fit(X[:100], NOISY[:100])


def test_partial_fit_trains_one_pass_and_keeps_the_momentum():
    clf = GCEClassifier(lr=0.05, **SMALL)
    for _ in range(30):
        clf.partial_fit(X, NOISY, classes=[0, 1, 2])
    assert clf.score(X, CLEAN) > 0.8 and clf.history_[-1]["epoch"] == 30
    assert clf.net_.optimizer_ is not None
    with pytest.raises(ValueError, match="classes"):
        clf.partial_fit(X, NOISY, classes=[0, 1])


def test_partial_fit_exists_only_without_per_row_state():
    assert hasattr(CrossEntropyClassifier(), "partial_fit")
    assert not any(hasattr(cls(), "partial_fit") for cls in (ELRClassifier, DPCClassifier, DivideMixClassifier))


def test_partial_fit_failing_leaves_the_model():
    clf = GCEClassifier(**SMALL).partial_fit(X, NOISY, classes=[0, 1, 2])
    before = clf.predict_proba(X)
    with pytest.raises(ValueError, match="7"):
        clf.partial_fit(X, np.full(120, 7))
    assert np.array_equal(clf.predict_proba(X), before)


def test_a_row_of_weight_zero_is_a_row_that_is_not_there():
    weight = np.ones(120)
    weight[:30] = 0
    settings = {"max_epochs": 5, "batch_size": 200, "dtype": "float64", "random_state": 0, "module__hidden": (8,)}
    with_weight = CrossEntropyClassifier(**settings).fit(X, NOISY, sample_weight=weight)
    without = CrossEntropyClassifier(**settings).fit(X[30:], NOISY[30:])
    np.testing.assert_allclose(with_weight.predict_proba(X), without.predict_proba(X), atol=1e-12)
    assert with_weight.label_quality_.shape == (120,)
    with pytest.raises(ValueError, match="zero"):
        CrossEntropyClassifier(**settings).fit(X, NOISY, sample_weight=np.zeros(120))
    with pytest.raises(ValueError, match="[Nn]egative"):
        CrossEntropyClassifier(**settings).fit(X, NOISY, sample_weight=-weight)


@pytest.mark.parametrize(
    "trusted",
    [np.ones(120), np.ones(119, bool), "yes", np.ones((120, 1), bool)],
    ids=["floats", "short", "text", "wide"],
)
def test_trusted_must_be_a_mask_of_the_rows(trusted):
    with pytest.raises(ValueError, match="trusted must be a boolean mask"):
        DPCClassifier(**SMALL).fit(X, NOISY, trusted=trusted)


@pytest.mark.parametrize("cls", [DPCClassifier, DivideMixClassifier, BLDRClassifier, CoTeachingClassifier])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_none_or_all_rows_trusted(cls, share):
    params = {"warmup_epochs": 2} if cls in (DPCClassifier, DivideMixClassifier) else {}
    clf = cls(max_epochs=4, **params, **SMALL).fit(X, NOISY, trusted=np.full(120, bool(share)))
    assert np.isfinite(clf.predict_proba(X)).all()
    if share == 1:
        assert not clf.noise_mask_.any()


@pytest.mark.parametrize(
    "cls", [CrossEntropyClassifier, ELRClassifier, DPCClassifier, DivideMixClassifier, BLDRClassifier]
)
def test_mixed_precision_learns_about_as_well(cls):
    params = {"warmup_epochs": 5, "unlabeled_weight": 1.0} if cls in (DPCClassifier, DivideMixClassifier) else {}
    half, full = (cls(max_epochs=12, amp=amp, **params, **SMALL).fit(X, NOISY) for amp in (True, False))
    proba = half.predict_proba(X)
    assert proba.dtype == np.float32 and np.isfinite(proba).all()
    assert not np.array_equal(proba, full.predict_proba(X))
    assert half.score(X, CLEAN) > full.score(X, CLEAN) - 0.1


def test_double_precision_all_the_way():
    clf = DPCClassifier(max_epochs=4, warmup_epochs=2, dtype="float64", **SMALL).fit(X, NOISY)
    assert clf.predict_proba(X).dtype == np.float64
    assert all(p.dtype == torch.float64 for p in clf.net_.module_.parameters())


@pytest.mark.long
@pytest.mark.parametrize("mode", [True, "reduce-overhead"])
@pytest.mark.parametrize("make", [CrossEntropyClassifier, CoTeachingClassifier, partial(DPCClassifier, warmup_epochs=1)])
def test_compiled_networks_predict_the_same(make, mode):
    plain, compiled = (make(max_epochs=3, compile=c, **SMALL).fit(X, NOISY) for c in (False, mode))
    np.testing.assert_allclose(plain.predict_proba(X), compiled.predict_proba(X), atol=1e-4)


def test_memory_maps_train_and_predict(tmp_path):
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    clf = CrossEntropyClassifier(max_epochs=2, **SMALL).fit(mapped, NOISY)
    expected = CrossEntropyClassifier(max_epochs=2, **SMALL).fit(np.asarray(mapped).copy(), NOISY)
    assert np.array_equal(clf.predict_proba(mapped), expected.predict_proba(X.astype(np.float32)))


def test_a_module_instance_is_copied_and_its_embedding_is_the_input_of_the_last_linear():
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    clf = CrossEntropyClassifier(module=network, max_epochs=2, random_state=0).fit(X, NOISY)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    with torch.no_grad():
        expected = clf.net_.module_[:2](torch.from_numpy(X.astype(np.float32)))
    np.testing.assert_allclose(clf.embed(X), expected, atol=1e-6)


def test_twins_from_one_instance_start_different():
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    clf = CoTeachingClassifier(module=network, max_epochs=1, lr=1e-9, random_state=0).fit(X, NOISY)
    assert not torch.allclose(clf.net_.module_[0].weight, clf.net_.peer_[0].weight)


def test_labels_outside_classes_and_unknown_parameters():
    with pytest.raises(ValueError, match="not in classes"):
        CrossEntropyClassifier(classes=[0, 1], **SMALL).fit(X, NOISY)
    clf = CrossEntropyClassifier(classes=[2, 0, 1, 5], max_epochs=2, **SMALL).fit(X, NOISY)
    assert clf.classes_.tolist() == [2, 0, 1, 5] and clf.predict_proba(X).shape == (120, 4)
    with pytest.raises(TypeError, match="modul__hidden"):
        CrossEntropyClassifier(modul__hidden=(3,))
    with pytest.raises(ValueError, match="modul"):
        CrossEntropyClassifier().set_params(modul__hidden=(3,))
