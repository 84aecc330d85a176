"""Named data sets of the benchmarks: training rows with dirty labels, their true labels, and clean test rows."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak import datasets


class NoisySplit(NamedTuple):
    """Training rows with given and true labels, and test rows with true ones."""

    X: np.ndarray
    y: np.ndarray
    clean: np.ndarray | None
    X_test: np.ndarray
    y_test: np.ndarray


def digits_noisy(seed, noise="symmetric_exclusive:0.4"):
    """Digits, pixels in [0, 1], 70 % for training, noise on the training labels only."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return NoisySplit(X, datasets.make_noisy_labels(y, noise, X, random_state=seed)[0], y, X_test, y_test)


def cifar10n(seed, labels="worst", n_rows=10_000):
    """``n_rows`` images of CIFAR-10 with human labels, drawn by ``seed``, and the whole test set."""
    train, test = datasets.load_cifar10n(labels), datasets.load_cifar10_test()
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    return NoisySplit(train.data[rows], train.target[rows], train.clean_target[rows], test.data, test.target)


def fashion_mnist_noisy(seed, noise="symmetric_exclusive:0.4", n_rows=10_000):
    """``n_rows`` images of Fashion-MNIST, drawn by ``seed``, with synthetic noise, and the whole test set."""
    train, test = datasets.load_fashion_mnist("train"), datasets.load_fashion_mnist("test")
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, clean = train.data[rows], train.target[rows]
    mapping = "fashion_mnist" if noise.startswith("asymmetric") else None
    y = datasets.make_noisy_labels(clean, noise, X, mapping=mapping, random_state=seed)[0]
    return NoisySplit(X, y, clean, test.data, test.target)


def csv_noisy(path, target, seed, noise=None):
    """Rows of a CSV file, a quarter kept for testing; optional noise on the training labels."""
    bunch = datasets.load_csv(path, target)
    X, y = bunch.data, bunch.target
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    if noise is None:
        return NoisySplit(X, y, None, X_test, y_test)
    return NoisySplit(X, datasets.make_noisy_labels(y, noise, X, random_state=seed)[0], y, X_test, y_test)
