"""The names by which a file may ask for classes and functions: a fixed table and what the user trusts."""

from functools import cache
from types import FunctionType

import skorch.callbacks
import torch
from skorch.callbacks import Callback
from skorch.utils import noop
from torch.optim import lr_scheduler

import skweak.nn
from skweak.base import WeakClassifier
from skweak.utils import all_estimators

_OPTIMIZERS = (
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
)  # fmt: skip
# None that reads or writes files.
_CALLBACKS = (
    "EarlyStopping", "EpochScoring", "EpochTimer", "Freezer", "GradientNormClipping", "LRScheduler", "PrintLog",
    "ProgressBar", "Unfreezer",
)  # fmt: skip
_SCHEDULES = (
    "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LinearLR", "MultiStepLR",
    "OneCycleLR", "ReduceLROnPlateau", "StepLR",
)  # fmt: skip
_BY_NAME = (torch.nn.Module, torch.optim.Optimizer, Callback, WeakClassifier)


def known_names(trusted=()):
    """Return what a file may name: estimators and networks of this package, optimizers, callbacks, and ``trusted``.

    Raises
    ------
    TypeError
        If an entry of ``trusted`` is no class or function.
    """
    table = dict(_own_names())
    for value in trusted:
        if not isinstance(value, (type, FunctionType)):
            raise TypeError(f"trusted must hold classes and functions, got {value!r}.")
        table[value.__qualname__] = value
    return table


@cache
def _own_names():
    table = {f"skweak.{name}": cls for name, cls in all_estimators() if issubclass(cls, WeakClassifier)}
    table |= {f"skweak.nn.{name}": getattr(skweak.nn, name) for name in skweak.nn.__all__}
    # Discovery has imported every family, and with it the callbacks that belong to one.
    own = (callback for callback in Callback.__subclasses__() if callback.__module__.startswith("skweak."))
    table |= {f"skweak.{callback.__name__}": callback for callback in own}
    table |= {f"torch.optim.{name}": getattr(torch.optim, name) for name in _OPTIMIZERS}
    table |= {f"torch.optim.lr_scheduler.{name}": getattr(lr_scheduler, name) for name in _SCHEDULES}
    table |= {f"skorch.callbacks.{name}": getattr(skorch.callbacks, name) for name in _CALLBACKS}
    return table | {"builtins.print": print, "skorch.utils.noop": noop}


def name_finder():
    """Return a function from a class or function to its name in a file, None where it gets none."""
    names = {value: name for name, value in known_names().items()}

    def name_of(value):
        if value in names:
            return names[value]
        if isinstance(value, type):
            return value.__qualname__ if issubclass(value, _BY_NAME) else None
        return value.__qualname__ if isinstance(value, FunctionType) and "<lambda>" not in value.__qualname__ else None

    return name_of
