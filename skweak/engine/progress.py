"""The bar of a fit."""

import sys
from contextlib import nullcontext

from tqdm.auto import tqdm

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
