"""Which file a fit is kept in, and what it must have in common with the fit that wrote it."""

from skweak.engine.checkpoint import FitCheckpoint
from skweak.engine.seeding import draw_seed
from skweak.storage import describe, digest

# Parameters that change neither the course of a fit nor its result, or that are described otherwise.
_FREE = {"checkpoint", "checkpoint_seconds", "device", "n_threads", "random_state", "verbose", "warm_start"}


def open_checkpoint(method):
    """Return the `FitCheckpoint` that the parameters of ``method`` ask for, or None."""
    if method.checkpoint is None:
        return None
    return FitCheckpoint(method.checkpoint, method.checkpoint_seconds)


def find_seed(random_state, checkpoint):
    """Return the seed of a fit; without ``random_state`` a fit that goes on keeps the one it began with."""
    if random_state is None and checkpoint is not None and checkpoint.header is not None:
        return checkpoint.header["seed"]
    return draw_seed(random_state)


def describe_fit(method, previous, X, labels, facts, seed, device):
    """Return the description of a fit by which its checkpoint is recognised: names and short texts."""
    given = {name: value for name, value in facts.items() if value is not None and name != "side"}
    given |= facts["side"] or {}
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
