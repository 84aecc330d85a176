"""Small multi-label data whose labels depend on a few hidden variables."""

import numpy as np


def latent_labels(n, seed, n_labels=6):
    """Return rows of 40 features and their labels, both made from 8 hidden variables."""
    random = np.random.RandomState(seed)
    hidden = random.randn(n, 8)
    logits = 1.5 * np.tanh(hidden) @ (1.2 * random.randn(8, n_labels)) - 1.6 + 0.5 * random.randn(n_labels)
    Y = (random.rand(n, n_labels) < 1 / (1 + np.exp(-2 * logits))).astype(int)
    mixed = hidden @ (random.randn(8, 40) / 8**0.5)
    X = np.sin(1.5 * mixed) + 0.5 * mixed + 0.35 * random.randn(n, 40)
    return X.astype(np.float32), Y


def hide_rows(Y, n_labeled):
    """Return a copy in which only the first ``n_labeled`` rows keep their labels."""
    hidden = Y.copy()
    hidden[n_labeled:] = -1
    return hidden
