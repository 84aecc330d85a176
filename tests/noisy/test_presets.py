"""Published settings by name: they are accepted, they are copies, and a wrong name is answered with the right ones."""

import numpy as np
import pytest

from skweak.base import WeakClassifier
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier
from skweak.utils import all_estimators

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
    small |= {"module__width": 2, "module__blocks": (1,)} if "module" in cls.preset(name) else {}
    small |= {key: 1 for key in ("warmup_epochs", "reweight_start") if key in cls.preset(name)}
    X, y = np.random.RandomState(0).randn(32, 3, 8, 8).astype(np.float32), np.arange(32) % 4
    assert clf.set_params(**small).fit(X, y).predict(X).shape == (32,)


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
