"""Learning with imperfect labels behind the scikit-learn interface."""

__version__ = "0.1.0"
__all__ = ["FileFormatError", "export_onnx", "load", "save"]


def __getattr__(name):
    # Loaded when asked for, so that pure parts of the package need not wait for torch and skorch.
    if name in __all__:
        from skweak import persistence

        return getattr(persistence, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
