"""Which callbacks need which notifications: what nobody hears is not said, since it costs time in every step."""

from math import prod

from skorch.callbacks import Callback, EarlyStopping, EpochScoring


def someone_listens(run, name):
    """Return whether a callback acts on the notification ``name``."""
    callbacks = (cb for _, cb in run.callbacks_ if not _ignores_batches(cb))
    return any(getattr(type(callback), name) is not getattr(Callback, name) for callback in callbacks)


def notify_begin(run):
    """Tell the callbacks that training begins, with the inputs and the encoded labels."""
    # Of a part of the rows the inputs are a copy, which is made only for somebody who listens.
    listens = someone_listens(run, "on_train_begin")
    run.notify("on_train_begin", X=run.data.X if listens else None, y=run.data.y if listens else None)


def without_shapes(run, parameters):
    """Return parameters of the net without the shape of the rows, which skorch's InputShapeSetter sets."""
    shape = getattr(run, "input_shape", ())
    known = {"module__n_features": prod(shape), "module__n_channels": shape[0]} if shape else {}
    return {name: value for name, value in parameters.items() if name not in known or known[name] != value}


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
