"""Learning with imperfect labels behind the scikit-learn interface."""

import importlib

__version__ = "0.1.0"
__all__ = ["FileFormatError", "export_onnx", "load", "save"]

_MODULES = (
    "active", "audit", "augment", "base", "crowd", "datasets", "distill", "engine", "labels", "losses", "metrics",
    "model_selection", "multilabel", "nn", "noisy", "optim", "partial", "persistence", "plots", "semi",
    "utils",
)  # fmt: skip


def __getattr__(name):
    # Loaded when asked for, so that pure parts of the package need not wait for torch and skorch.
    if name in __all__:
        from skweak import persistence

        return getattr(persistence, name)
    if name in _MODULES:
        return importlib.import_module(f"skweak.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_MODULES, "__version__"])
