"""One signature for every estimator, and the ``module__``, ``optimizer__`` and ``callbacks__`` spellings.

Constructors end in ``**training`` and hand it on. `merge_parameters` shows the inherited parameters in the signature
instead, which is what ``help``, ``get_params``, ``clone`` and grid search read.
"""

import copy
import inspect
import os
import re
from difflib import get_close_matches
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from skorch.callbacks import Callback

from skweak.labels import find_kind

PREFIXES = ("module__", "optimizer__", "callbacks__")

# What single precision holds; a larger number would end inside torch.
_LARGEST = 3e38

TRAINING_CONSTRAINTS = {
    "module": [StrOptions({"auto"}), callable],
    "optimizer": [StrOptions({"auto"}), type],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "device": [str, torch.device],
    "dtype": [StrOptions({"float32", "float64"})],
    "augment": [None, StrOptions({"weak", "strong"}), callable, tuple],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "classes": [None, "array-like"],
    "class_weight": [None, StrOptions({"balanced"}), dict],
    "callbacks": [None, list],
    "warm_start": ["boolean"],
    "amp": [StrOptions({"auto"}), "boolean"],
    "compile": ["boolean", StrOptions({"reduce-overhead", "max-autotune"})],
    "on_divergence": [StrOptions({"raise", "best"})],
    "checkpoint": [None, str, os.PathLike],
    "checkpoint_seconds": [Interval(Real, 0, None, closed="left")],
    "n_threads": [None, Interval(Integral, 1, 4096, closed="both")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


def merge_parameters(cls):
    """Give ``cls`` the inherited parameters: in the signature, in place of its ``**`` entry, and in the constraints."""
    tables = [vars(base).get("_parameter_constraints", {}) for base in reversed(cls.__mro__)]
    cls._parameter_constraints = {name: rule for table in tables for name, rule in table.items()}
    init, kinds = vars(cls).get("__init__"), inspect.Parameter
    if init is None or all(p.kind is not kinds.VAR_KEYWORD for p in inspect.signature(init).parameters.values()):
        return
    own = inspect.signature(init)
    inherited = next((vars(base)["__init__"] for base in cls.__mro__[1:-1] if "__init__" in vars(base)), None)
    parameters = {p.name: p for p in own.parameters.values()}
    if inherited is not None:
        parameters |= {n: p for n, p in inspect.signature(inherited).parameters.items() if n not in parameters}
    if cls._class_weighting is None or not find_kind(cls._label_kind).weighs_classes:
        parameters.pop("class_weight", None)
    shown = [p for p in parameters.values() if p.kind is not kinds.VAR_KEYWORD]
    # Positional-or-keyword parameters come before keyword-only ones.
    init.__signature__ = own.replace(parameters=sorted(shown, key=lambda p: p.kind))


def is_spelling(name):
    """Return whether ``name`` addresses the module, the optimizer or a callback."""
    return any(name.startswith(prefix) and len(name) > len(prefix) for prefix in PREFIXES)


def check_spelled(estimator, spelled):
    """Return what the constructor got besides its parameters, or raise and name the parameter that was meant."""
    for name in spelled:
        if not is_spelling(name):
            raise TypeError(
                f"{type(estimator).__name__} got an unexpected parameter {name!r}{did_you_mean(name, estimator)}; see "
                "get_params()."
            )
    return spelled


def take_spelled(estimator, params):
    """Remove the spellings from the ``params`` of ``set_params`` and return them; an unknown name raises before."""
    known = set(estimator.get_params(deep=False))
    for name in params:
        # What follows a parameter of ours, as in teacher__lr, is for the estimator that it holds to judge.
        if not is_spelling(name) and name.partition("__")[0] not in known:
            raise ValueError(
                f"Invalid parameter {name!r} for estimator {type(estimator).__name__}{did_you_mean(name, estimator)}; "
                "see get_params()."
            )
    return {name: params.pop(name) for name in list(params) if is_spelling(name)}


def did_you_mean(name, estimator):
    """Return ", did you mean ...?" with the parameter or prefix that is most like ``name``, or nothing."""
    for prefix in PREFIXES:
        # A single underscore, as in module_hidden.
        if name.startswith(prefix[:-1]) and not is_spelling(name) and len(name) > len(prefix):
            return f", did you mean {prefix + name[len(prefix) - 1 :].lstrip('_')!r}?"
    head, mark, rest = name.partition("__")
    known = [prefix[:-2] for prefix in PREFIXES] if mark else type(estimator)._get_param_names()
    return nearest(head, known, f"{{}}{mark}{rest}")


def nearest(name, known, shown="{}"):
    """Return ", did you mean ...?" with the one of ``known`` that is most like ``name``, or nothing."""
    like = get_close_matches(name, known, n=1, cutoff=0.7)
    return f", did you mean {shown.format(like[0])!r}?" if like else ""


def find_preset(cls, name):
    """Return a copy of the published settings of a class, callbacks included."""
    if name not in cls._presets:
        known = sorted(cls._presets)
        told = f"its presets are {known}" if known else "it has none, as no published settings exceed its defaults"
        raise ValueError(f"{cls.__name__} has no preset {name!r}; {told}.")
    return copy.deepcopy(cls._presets[name])


def spellings(estimator, prefix):
    """Return the values of the parameters starting with ``prefix``, without it."""
    return {name[len(prefix) :]: value for name, value in vars(estimator).items() if name.startswith(prefix)}


def check_parameters(estimator):
    """Check the constructor parameters against the table of types and intervals of their class."""
    estimator._validate_params()
    for name, allowed in estimator._parameter_constraints.items():
        # Python counts True and False as integers.
        is_number = any(isinstance(rule, Interval) for rule in allowed) and "boolean" not in allowed
        value = getattr(estimator, name)
        if is_number and isinstance(value, bool):
            raise ValueError(f"The {name!r} parameter must be a number, got {value!r}.")
        if "array-like" in allowed and isinstance(value, (dict, set, type)):
            raise ValueError(f"The {name!r} parameter must be array-like, got {value!r}.")
        if is_number and isinstance(value, Real) and abs(value) > _LARGEST:
            raise ValueError(f"The {name!r} parameter must be at most {_LARGEST:.0e}, got {value!r}.")
    optimizer, seed = estimator.optimizer, estimator.random_state
    if not isinstance(optimizer, str) and not issubclass(optimizer, torch.optim.Optimizer):
        raise ValueError(f"The 'optimizer' parameter must be 'auto' or a torch.optim class, got {optimizer!r}.")
    if isinstance(seed, Integral) and (isinstance(seed, bool) or not 0 <= seed < 2**32):
        raise ValueError(f"The 'random_state' parameter must be in [0, 2**32), got {seed!r}.")
    _check_callbacks(estimator)


def _check_callbacks(estimator):
    names = {"epoch_timer"}
    for item in estimator.callbacks or []:
        name, callback = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback):
            raise ValueError(f"The 'callbacks' parameter must hold skorch callbacks or (name, callback), got {item!r}.")
        names.add(name or kind.__name__)
    for spelled in spellings(estimator, "callbacks__"):
        # Of several callbacks of one class skorch numbers the names.
        name = spelled.split("__")[0]
        if not names & {name, re.sub(r"_\d+$", "", name)}:
            raise ValueError(f"callbacks__{spelled} belongs to none of the callbacks; their names are {sorted(names)}.")


def find_device(device):
    """Return the torch device that the parameter ``device`` names."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"The 'device' parameter is {device!r}, which is not there: {error}") from error
    return torch.device(device)
