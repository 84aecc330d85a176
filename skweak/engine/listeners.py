"""Which callbacks need which notifications: what nobody hears is not said, since it costs time in every step."""

from skorch.callbacks import Callback, EarlyStopping, EpochScoring


def someone_listens(run, name):
    """Return whether a callback acts on the notification ``name``."""
    callbacks = (cb for _, cb in run.callbacks_ if not _ignores_batches(cb))
    return any(getattr(type(callback), name) is not getattr(Callback, name) for callback in callbacks)


def check_monitors(run, held_out):
    """Raise when a callback waits for ``valid_loss`` but no rows are held out."""
    for name, callback in run.callbacks_:
        if held_out is None and str(getattr(callback, "monitor", "")).startswith("valid_loss"):
            raise ValueError(f"The callback {name} monitors valid_loss, which needs validation_fraction > 0.")


def stopped_early(run):
    """Return whether skorch's EarlyStopping has ended training, which it does by a KeyboardInterrupt."""
    return any(isinstance(cb, EarlyStopping) and cb.misses_ >= cb.patience for _, cb in run.callbacks_)


def _ignores_batches(callback):
    """Return whether a callback has methods for batches that do nothing: no caching, steps by epoch."""
    return isinstance(callback, EpochScoring) or getattr(callback, "step_every", None) == "epoch"
