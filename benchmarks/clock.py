"""The clock of the speed table, and a skorch callback that reads it."""

import time

import torch
from skorch.callbacks import Callback


def now(device="cpu"):
    """Return seconds: of the processor on one thread, so that a busy machine does not count; else of the wall."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


class EpochClock(Callback):
    """Sums the seconds of the epochs of a net, without what comes before the first and after the last."""

    def __init__(self, device="cpu"):
        self.device = device

    def on_train_begin(self, net, **kwargs):
        """Start from zero."""
        self.seconds_ = 0.0

    def on_epoch_begin(self, net, **kwargs):
        """Note the time."""
        self.start_ = now(self.device)

    def on_epoch_end(self, net, **kwargs):
        """Add what has passed since."""
        self.seconds_ += now(self.device) - self.start_


def timed(function, *args, **kwargs):
    """Return the seconds of one call."""
    start = now()
    function(*args, **kwargs)
    return now() - start


def race(contestants, repeats):
    """Return the seconds of every contestant, one after the other in each repeat.

    Parameters
    ----------
    contestants : dict of str to callable
        Each returns the seconds it took.
    repeats : int
    """
    seconds = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            seconds[name].append(run())
    return seconds
