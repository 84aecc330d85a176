"""Published settings by name: they are accepted, they are copies, and a wrong name is answered with the right ones."""

import numpy as np
import pytest
import torch

import skweak
from skweak.base import WeakClassifier
from skweak.distill import L2DClassifier
from skweak.nn import ResNet, SmallCNN
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier
from skweak.partial import PiCOClassifier
from skweak.semi import FixMatchClassifier
from skweak.utils import all_estimators
from tests.small_data import blobs, labels_of

NAMED = [
    (cls, name)
    for _, cls in all_estimators()
    if issubclass(cls, WeakClassifier)
    for name in cls._presets
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("cls", "name"), NAMED, ids=lambda value: getattr(value, "__name__", value))
def test_every_preset_trains_on_small_images(cls, name):
    clf = cls(**cls.preset(name))
    # The same settings on a network and on epochs that fit into a test.
    small = {"max_epochs": 2, "batch_size": 16, "random_state": 0}
    # A preset of texts has an MLP, which takes small images flattened.
    small |= {"module__width": 2, "module__blocks": (1,)} if cls.preset(name).get("module") is ResNet else {}
    small |= {key: 1 for key in ("warmup_epochs", "reweight_start") if key in cls.preset(name)}
    small |= {"queue_size": 32} if "queue_size" in cls.preset(name) else {}
    if "module" not in cls.preset(name):
        small |= {"module": "auto", "module__width": 2, "module__blocks": (1,)}
    X, y = np.random.RandomState(0).randn(32, 3, 8, 8).astype(np.float32), labels_of(cls._label_kind, np.arange(32) % 3)
    if "teacher" in clf.get_params():
        torch.manual_seed(0)
        small["teacher"] = SmallCNN(3, 3, (4,))
    assert clf.set_params(**small).fit(X, y).predict(X).shape == (y.shape if cls._label_kind == "multilabel" else (32,))


def test_every_family_with_settings_of_images_has_them():
    named = {cls.__name__ for cls, _ in NAMED}
    assert {"DHKDClassifier", "L2DClassifier", "PiCOClassifier", "CAPClassifier", "FixMatchClassifier"} <= named
    assert PiCOClassifier.preset("cifar10")["queue_size"] == 8192
    assert L2DClassifier.paper_weights.items() <= L2DClassifier.preset("coco").items()
    # The rate of FixMatch ends at 0.03 cos(7 pi / 16).
    schedule = FixMatchClassifier.preset("cifar10")["callbacks"][0][1]
    assert schedule.simulate(9364, 0.03)[[0, -1]] == pytest.approx([0.03, 0.03 * np.cos(7 * np.pi / 16)])


def test_the_schedules_of_presets_are_kept_in_files(tmp_path):
    X, _, y = blobs(60)
    for cls, name in NAMED:
        callbacks = cls.preset(name).get("callbacks")
        clf = CrossEntropyClassifier(max_epochs=1, callbacks=callbacks, random_state=0).fit(X, y)
        skweak.save(clf, tmp_path / "file.skweak")
        assert np.array_equal(skweak.load(tmp_path / "file.skweak").predict_proba(X), clf.predict_proba(X))


def test_the_table_of_the_paper():
    assert {"cifar10", "cifar100", "cifar10n_worst"} <= set(DPCClassifier._presets)
    settings = DPCClassifier.preset("cifar10")
    assert settings["max_epochs"] == 300 and settings["lr"] == 0.02 and settings["unlabeled_weight"] == 25
    assert ELRClassifier.preset("cifar100")["penalty"] == 7


def test_a_preset_is_a_copy():
    ELRClassifier.preset("cifar10")["callbacks"].clear()
    assert ELRClassifier.preset("cifar10")["callbacks"]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"DPCClassifier has no preset 'cifar'; its presets are \['cifar10'"):
        DPCClassifier.preset("cifar")
    with pytest.raises(ValueError, match="it has none"):
        CrossEntropyClassifier.preset("cifar10")
