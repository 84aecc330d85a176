"""Digits of which some classes are known, and a classifier that costs a second."""

from functools import partial

import numpy as np
from sklearn.datasets import load_digits

from skweak.datasets import make_open_set_pool
from skweak.nn import MLP

SMALL = {"module": partial(MLP, hidden=(64,)), "max_epochs": 60}


def digits_pool(n_known=4, seed=0, n_bought=60):
    """Return labeled rows, with ``n_bought`` rows of the pool answered, and the rest of the pool with its answers."""
    X, y = load_digits(return_X_y=True)
    pool = make_open_set_pool(X / 16, y, list(range(n_known)), labeled_fraction=0.05, random_state=seed)
    rows = np.random.default_rng(seed).permutation(len(pool.X_pool))
    bought, rest = rows[:n_bought], rows[n_bought:]
    X = np.vstack([pool.X_labeled, pool.X_pool[bought]])
    y = np.append(pool.y_labeled, pool.y_pool[bought])
    return X, y, pool.X_pool[rest], pool.y_pool[rest]
