"""What is saved comes back: the same estimator, the same bits; what cannot be kept without code says so."""

import json
import pickle
import re
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler
from torch import nn

import skweak
from skweak.distill import FitNetClassifier, KDClassifier
from skweak.multilabel import CAPClassifier
from skweak.nn import MLP, ResNet
from skweak.noisy import BLDRClassifier, CrossEntropyClassifier, ELRClassifier, GCEClassifier
from skweak.storage.document import FORMAT
from tests.reliability.fits import NETWORKS, outcome, quiet_fit, small_estimator, small_rows
from tests.small_data import blobs

X, _, Y = blobs(60)
FILES = Path(__file__).parent.parent / "files"
SMALL = {"max_epochs": 2, "batch_size": 16, "random_state": 0}


def there_and_back(estimator, path, trusted=()):
    skweak.save(estimator, path / "model")
    return skweak.load(path / "model", trusted=trusted)


def same_parameters(a, b):
    return repr(a.get_params(deep=False)) == repr(b.get_params(deep=False))


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_estimator_comes_back(cls, tmp_path, global_generators):
    X, y = small_rows(cls)
    fitted = quiet_fit(small_estimator(cls), X, y)
    if "teacher" in fitted.get_params():
        # A tree, which is of another package.
        fitted.set_params(teacher=None)
    again = there_and_back(fitted, tmp_path)
    assert outcome(again, X) == outcome(fitted, X)
    assert type(again) is cls and set(vars(again)) == set(vars(fitted)) and same_parameters(again, fitted)
    assert np.array_equal(again.predict(X), fitted.predict(X)) and np.array_equal(again.embed(X), fitted.embed(X))
    if "teacher" not in fitted.get_params():
        assert np.array_equal(quiet_fit(again, X, y).predict_proba(X), fitted.predict_proba(X))


def test_text_classes_named_columns_and_images(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = ELRClassifier(**SMALL).fit(frame, np.array(["cat", "dog", "fox"])[Y])
    again = there_and_back(fitted, tmp_path)
    assert again.classes_.dtype == fitted.classes_.dtype and again.feature_names_in_.tolist() == list("abcd")
    assert again.predict(frame).tolist() == fitted.predict(frame).tolist()
    images = np.random.RandomState(0).randint(0, 255, (24, 1, 8, 8)).astype(np.uint8)
    fitted = quiet_fit(BLDRClassifier(module=ResNet, module__blocks=(1, 1), module__width=4, **SMALL), images, Y[:24])
    assert np.array_equal(there_and_back(fitted, tmp_path).predict_proba(images), fitted.predict_proba(images))


def test_one_dimensional_labels_of_the_multi_label_kind(tmp_path):
    fitted = quiet_fit(CAPClassifier(max_epochs=12, batch_size=16, random_state=0), X, Y == 0)
    assert np.array_equal(there_and_back(fitted, tmp_path).predict_proba(X), fitted.predict_proba(X))


PARAMETERS = {
    "an optimizer": {"optimizer": torch.optim.AdamW, "optimizer__betas": (0.8, 0.9)},
    "a partial network": {"module": partial(MLP, hidden=(5, 4))},
    "callbacks": {"callbacks": [("stop", EarlyStopping("train_loss", patience=7)), LRScheduler("StepLR", step_size=2)]},
    "a random state": {"random_state": np.random.RandomState(3)},
    "double precision": {"dtype": "float64"},
    "classes": {"classes": [2, 1, 0]},
    "not finite": {"module__hidden": (3,), "verbose": 0, "validation_fraction": 0.2},
    "a path": {"checkpoint": Path("somewhere")},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_come_back(name, tmp_path):
    clf = CrossEntropyClassifier(**(SMALL | PARAMETERS[name]))
    again = there_and_back(clf, tmp_path)
    assert not hasattr(again, "net_") and set(again.get_params()) == set(clf.get_params())
    again.checkpoint = clf.checkpoint = None
    first, second = clf.fit(X, Y), again.fit(X, Y)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert np.array_equal(there_and_back(first, tmp_path).predict_proba(X), first.predict_proba(X))


def test_a_loaded_estimator_goes_on_learning_and_travels(tmp_path):
    clf = GCEClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])
    again = there_and_back(clf, tmp_path)
    assert len(again.partial_fit(X, Y).history_) == 2
    warm = there_and_back(ELRClassifier(warm_start=True, **SMALL).fit(X, Y), tmp_path).fit(X, Y)
    assert len(warm.history_) == 4 and np.isfinite(warm.predict_proba(X)).all()
    assert np.array_equal(pickle.loads(pickle.dumps(warm)).predict_proba(X), warm.predict_proba(X))


def test_a_warm_start_after_a_fit_that_kept_nothing():
    clf = quiet_fit(CAPClassifier(max_epochs=12, batch_size=16, random_state=0), X, np.eye(3, dtype=int)[Y])
    clf.set_params(warm_start=True)
    assert len(quiet_fit(clf, X, np.eye(3, dtype=int)[Y]).history_) == 24


def test_teachers(tmp_path):
    teacher = CrossEntropyClassifier(**SMALL).fit(X, Y)
    for cls in (KDClassifier, FitNetClassifier):
        student = cls(teacher=teacher, **SMALL).fit(X, Y)
        again = there_and_back(student, tmp_path)
        assert np.array_equal(again.teacher.predict_proba(X), teacher.predict_proba(X))
        assert np.array_equal(again.predict_proba(X), student.predict_proba(X))


class Own(nn.Module):
    def __init__(self, n_features, n_outputs, width=4):
        super().__init__()
        self.layer, self.head = nn.Linear(n_features, width), nn.Linear(width, n_outputs)
        # No parameter and no part of the state: it must be there all the same.
        self.scale = torch.full((1,), 2.0)
        self.register_buffer("shift", torch.tensor(0.5), persistent=False)

    def forward(self, X):
        return self.head(torch.relu(self.layer(X) * self.scale + self.shift))


class Impatient(Own):
    """Reads a number while it is built, which a network without memory cannot give."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.first = self.layer.weight[0, 0].item()


def twice_as_wide(n_features, n_outputs):
    return Own(n_features, n_outputs, width=8)


@pytest.mark.parametrize("module", [Own, Impatient, twice_as_wide], ids=lambda module: module.__name__)
def test_networks_of_the_user_are_trusted_by_name(module, tmp_path):
    fitted = CrossEntropyClassifier(module=module, **SMALL).fit(X, Y)
    again = there_and_back(fitted, tmp_path, [module])
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(skweak.FileFormatError, match=rf"needs '{module.__name__}'.*trusted=\[{module.__name__}\]"):
        skweak.load(tmp_path / "model")
    with pytest.raises(TypeError, match="trusted must hold classes"):
        skweak.load(tmp_path / "model", trusted=["Own"])


REFUSED = {
    "parameters.module": {"module": nn.Sequential(nn.Linear(4, 3))},
    "parameters.augment": {"augment": lambda X: X},
    "parameters.callbacks.0.settings": {"callbacks": [EarlyStopping(threshold_mode=object())]},
    "parameters.teacher .* set such parameters to None": {"teacher": nn.Linear(4, 3)},
    "parameters.module__activation": {"module__activation": object},
    "parameters.classes": {"classes": np.array([{}, {}])},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_code_is_refused_by_name_and_writes_nothing(name, tmp_path):
    with pytest.raises(TypeError, match=name):
        cls = KDClassifier if "teacher" in name else CrossEntropyClassifier
        skweak.save(cls(**REFUSED[name]), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_an_attribute_that_cannot_be_kept_is_named(tmp_path):
    clf = CrossEntropyClassifier(**SMALL).fit(X, Y)
    clf.extra_ = {1: [1 + 2j]}
    with pytest.raises(TypeError, match=r"attributes\.extra_\.1\.0"):
        skweak.save(clf, tmp_path / "model")
    clf.extra_ = [1]
    clf.extra_.append(clf.extra_)
    with pytest.raises(TypeError, match="contain themselves"):
        skweak.save(clf, tmp_path / "model")


def test_only_estimators_are_saved(tmp_path):
    for other in (nn.Linear(1, 1), GCEClassifier, {"a": GCEClassifier()}):
        with pytest.raises(TypeError, match="estimator must be"):
            skweak.save(other, tmp_path / "model")


def test_callbacks_that_touch_files_are_loaded_only_when_trusted(tmp_path):
    skweak.save(CrossEntropyClassifier(callbacks=[Checkpoint(dirname="elsewhere")]), tmp_path / "model")
    with pytest.raises(skweak.FileFormatError, match="Checkpoint"):
        skweak.load(tmp_path / "model")
    assert skweak.load(tmp_path / "model", trusted=[Checkpoint]).callbacks[0].dirname == "elsewhere"


def test_any_reader_of_the_layout_finds_the_weights(tmp_path):
    """A reader of a few lines, written from the description of the layout alone."""
    fitted = ELRClassifier(**SMALL).fit(X, Y)
    skweak.save(fitted, tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    entry = header["estimator.net.networks.module.head.weight"]
    start, stop = entry["data_offsets"]
    weight = np.frombuffer(data[8 + length :][start:stop], dtype="<f4").reshape(entry["shape"])
    assert entry["dtype"] == "F32" and np.array_equal(weight, fitted.net_.module_.head.weight.detach())
    assert all(isinstance(value, str) for value in header["__metadata__"].values()) and length % 8 == 0


def test_every_format_has_a_file_that_still_loads():
    numbers = sorted(int(re.search(r"\d+", file.name)[0]) for file in FILES.glob("format_*.skweak"))
    assert numbers == list(range(1, FORMAT + 1))
    for number in numbers:
        expected = json.loads((FILES / f"format_{number}.json").read_text())
        clf = skweak.load(FILES / f"format_{number}.skweak")
        proba = clf.predict_proba(pd.DataFrame(expected["features"], columns=list("abcd")))
        np.testing.assert_allclose(proba, expected["proba"], atol=1e-6)
        assert clf.classes_.tolist() == expected["classes"]
        assert np.flatnonzero(clf.noise_mask_).tolist() == expected["suspects"]


def test_a_newer_format_says_what_to_do(tmp_path, monkeypatch):
    from skweak.storage import document

    with monkeypatch.context() as patch:
        patch.setattr(document, "FORMAT", FORMAT + 1)
        skweak.save(GCEClassifier(), tmp_path / "model")
    with pytest.raises(skweak.FileFormatError, match=rf"format {FORMAT + 1} .* up to format {FORMAT}: update"):
        skweak.load(tmp_path / "model")


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        skweak.load(tmp_path / "nothing")


def test_pickles_carry_a_version(monkeypatch):
    clf = GCEClassifier(**SMALL)
    state = clf.__getstate__()
    assert state["_skweak_version"] == skweak.__version__
    restored = GCEClassifier.__new__(GCEClassifier)
    del state["checkpoint"]
    with pytest.warns(UserWarning, match=rf"GCEClassifier was pickled by skweak 0.0.1, this is {skweak.__version__}"):
        restored.__setstate__(state | {"_skweak_version": "0.0.1"})
    # A parameter that the old version did not have gets its default.
    assert restored.checkpoint is None and "_skweak_version" not in vars(restored)
    with pytest.raises(ValueError, match=rf"pickled by skweak 99.1.0, which this version {skweak.__version__}"):
        restored.__setstate__(state | {"_skweak_version": "99.1.0"})
