"""Which file a fit is kept in, and what it must have in common with the fit that wrote it."""

from skweak.engine.checkpoint import FitCheckpoint, NoCheckpoint
from skweak.storage import describe, digest

# Parameters that change neither the course of a fit nor its result, or that are described otherwise.
_FREE = {"checkpoint", "checkpoint_seconds", "device", "n_threads", "random_state", "verbose", "warm_start"}


def open_checkpoint(method, previous):
    """Return the `FitCheckpoint` that the parameters of ``method`` ask for, or `NoCheckpoint`.

    A probe that goes on from the trainer ``previous`` is not kept.
    """
    if method.checkpoint is None or previous is not None:
        return NoCheckpoint()
    return FitCheckpoint(method.checkpoint, method.checkpoint_seconds)


def describe_fit(method, previous, X, labels, facts, seed, device):
    """Return the description of a fit by which its checkpoint is recognised: names and short texts."""
    given = {name: value for name, value in facts.items() if value is not None and name != "side"}
    given |= {name: getattr(value, "matrix", value) for name, value in facts["side"].items()}
    return {
        "estimator": type(method).__name__,
        "parameter": {name: describe(v) for name, v in method.get_params(deep=False).items() if name not in _FREE},
        "X": f"{X.shape} {digest(X)}",
        "y": f"{describe(labels.classes)} {digest(labels.target)}",
        "fact": {name: digest(value) for name, value in given.items()},
        "seed": seed,
        "device": device.type,
        "start": None if previous is None else describe(previous.module_),
    }
