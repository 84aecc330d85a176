"""Small data in the format of every label kind."""

import numpy as np
from sklearn.datasets import make_blobs

N_CLASSES = 3


def blobs(n=90, seed=0):
    """Three separable classes in four dimensions, standardised, with a few wrong labels."""
    X, y = make_blobs(n, centers=N_CLASSES, n_features=4, cluster_std=1.5, random_state=seed)
    X = (X - X.mean(0)) / X.std(0)
    wrong = np.random.RandomState(seed).permutation(n)[: n // 10]
    noisy = y.copy()
    noisy[wrong] = (noisy[wrong] + 1) % N_CLASSES
    return X, y, noisy


def labels_of(kind, noisy, seed=0):
    """Turn class labels into the format of ``kind``, its dirt included."""
    random, n = np.random.RandomState(seed), len(noisy)
    if kind == "semi":
        return np.where(random.rand(n) < 0.3, -1, noisy)
    if kind == "open":
        return np.where(random.rand(n) < 0.2, -1, noisy)
    one_hot = np.eye(N_CLASSES, dtype=int)[noisy]
    if kind == "partial":
        return np.maximum(one_hot, random.rand(n, N_CLASSES) < 0.2).astype(int)
    if kind == "multilabel":
        return np.where(random.rand(n, N_CLASSES) < 0.1, -1, one_hot)
    if kind == "crowd":
        votes = np.where(random.rand(n, 4) < 0.2, random.randint(0, N_CLASSES, (n, 4)), noisy[:, None])
        votes[:, 1:][random.rand(n, 3) < 0.3] = -1
        return votes
    return noisy


def as_strings(y):
    """Name the classes of integer labels; the markers stay what they are, as text."""
    return np.where(y < 0, "-1", np.char.add("class", y.astype(str)))
