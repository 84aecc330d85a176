"""The bar of a fit."""

import sys
import time
from contextlib import nullcontext

import numpy as np
from tqdm.auto import tqdm

from skweak.engine.recording import label_loss

# Rows whose labels are looked at, evenly spaced, and the least seconds between two looks.
_ROWS, _SECONDS = 500, 0.5
# Between two lines in a log, which keeps every one of them.
_SECONDS_IN_A_LOG = 60.0


def bar_interval():
    """Return the seconds between two states of a bar: a tenth where it is drawn anew, a minute in a log."""
    return 0.1 if sys.stderr.isatty() or "ipykernel" in sys.modules else _SECONDS_IN_A_LOG


def progress_bar(run):
    """Return the bar of the epochs of a fit as a context, None without one.

    A log that is no terminal gets a line at the start, at the end and once a minute.
    """
    # Even a silent bar would start a thread.
    if not run.verbose:
        return nullcontext()
    return tqdm(
        total=run.max_epochs, initial=run.epoch, desc=type(run.method).__name__, unit="epoch",
        mininterval=bar_interval(),
    )  # fmt: skip


def show_epoch(bar, run):
    """Move the bar on by an epoch and show, now and then, the cross-entropy of some training rows.

    What a method minimises differs from it in size and sign, so that two bars could not be compared.
    """
    now = time.monotonic()
    if run.epoch == run.max_epochs or now - getattr(bar, "looked", -np.inf) >= max(_SECONDS, bar.mininterval):
        bar.looked, step = now, -(-len(run.data) // _ROWS)
        if run.data.target.is_floating_point():
            # Soft targets, set by a callback.
            bar.set_postfix_str(f"loss {run.history[-1, 'train_loss']:.4f}", refresh=False)
        else:
            loss = label_loss(run, run.data.subset(np.arange(0, len(run.data), step)))
            bar.set_postfix_str(f"cross-entropy {loss:.4f}", refresh=False)
    bar.update()
