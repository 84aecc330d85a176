"""Random numbers and threads of a fit, without a trace in the caller's process."""

import os
import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from sklearn.utils import check_random_state
from threadpoolctl import ThreadpoolController

from skweak.engine.economy import sensible_threads

# `fork_rng` and `manual_seed` act on the whole process, so fits in threads take turns. Re-entrant, because a teacher or
# a query strategy fits inside a fit.
_lock = threading.RLock()


# Limits of thread pools within `seeded`, the last one last.
_limits = []


def _renew_lock():
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@cache
def _pools():
    # Finding the libraries takes milliseconds, so they are looked up once.
    return ThreadpoolController()


def use_threads(number):
    """Let torch, and what scikit-learn and numpy compute within a fit, run on so many threads until `seeded` ends."""
    torch.set_num_threads(number)
    _limits.append(_pools().limit(limits=number))


def draw_seed(random_state):
    """Return one seed; with ``random_state=None`` a fresh one that leaves numpy's global generator alone."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@contextmanager
def seeded(seed, device):
    """Seed torch for the block and yield ``(torch.Generator, numpy RandomState)``; restore everything afterwards."""
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    n_threads = torch.get_num_threads()
    with _lock, torch.random.fork_rng(devices=devices):
        # Not `torch.manual_seed`, which walks the stack and seeds devices that are not in use.
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        n_limits = len(_limits)
        try:
            yield torch.Generator().manual_seed(seed), np.random.RandomState(seed)
        finally:
            while len(_limits) > n_limits:
                _limits.pop().restore_original_limits()
            if torch.get_num_threads() != n_threads:
                torch.set_num_threads(n_threads)


class Seeding:
    """Random numbers and threads of one fit.

    Parameters
    ----------
    random_state : int, RandomState or None
    n_threads : int or None
        None takes one thread for small steps and else the caller's.
    """

    def __init__(self, random_state=None, n_threads=None):
        self.random_state, self.n_threads = random_state, n_threads

    def seed(self, kept=None):
        """Return the seed; without ``random_state`` a fit that goes on keeps the one it began with, ``kept``."""
        return kept if self.random_state is None and kept is not None else draw_seed(self.random_state)

    def numbers(self, seed, device):
        """Return the context of the fit, which gives its generators: see `seeded`."""
        return seeded(seed, device)

    def use_threads(self, run):
        """Set the threads of the fit ``run``, whose networks are there, until that context ends."""
        use_threads(int(self.n_threads or sensible_threads(run)))
