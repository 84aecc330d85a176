"""Named data sets of the benchmarks: training rows with dirty labels, their true labels, and clean test rows."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.study import Split
from skweak import datasets


def digits_noisy(seed, noise="symmetric_exclusive:0.4"):
    """Digits, pixels in [0, 1], 70 % for training, noise on the training labels only."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return Split(X, datasets.make_noisy_labels(y, noise, X, random_state=seed)[0], y, X_test, y_test)


def foreign_rows(X, y, X_test, y_test, known, seed):
    """Rows of ``known`` classes with 40 % wrong labels, all others with labels at random; tested on known classes."""
    told = datasets.make_open_set_noise(X, y, known, rate=0.4, random_state=seed)
    inside = np.isin(y_test, known)
    return Split(told.data, told.target, told.clean_target, X_test[inside], y_test[inside])


def digits_foreign(seed):
    """Digits, of which eights and nines are no class, 70 % for training."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return foreign_rows(X, y, X_test, y_test, range(8), seed)


def cifar10_foreign(seed, n_rows=10_000):
    """``n_rows`` images of CIFAR-10 at 16 x 16, drawn by ``seed``, of which ships and trucks are no class."""
    train, test = datasets.load_cifar10n("aggre"), datasets.load_cifar10_test()
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, X_test = halve(train.data[rows]), halve(test.data)
    return foreign_rows(X, train.clean_target[rows], X_test, test.target, range(8), seed)


def digits_long_tail(seed, noise="symmetric_exclusive:0.3", imbalance=10):
    """Digits with a long tail of classes, in an order drawn by the seed, then noise on their labels; balanced test."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    order = np.random.RandomState(seed).permutation(10)
    kept = datasets.make_long_tailed(order[y], imbalance=imbalance, random_state=seed)
    X, y = X[kept], y[kept]
    return Split(X, datasets.make_noisy_labels(y, noise, X, random_state=seed)[0], y, X_test, y_test)


def small_noisy(seed, name, noise="symmetric_exclusive:0.3"):
    """A few hundred rows that come with scikit-learn, standardised, 70 % for training, noise on their labels only."""
    load = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}[name]
    X, X_test, y, y_test = train_test_split(*load(return_X_y=True), test_size=0.3, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    return Split(X, datasets.make_noisy_labels(y, noise, X, random_state=seed)[0], y, X_test, y_test)


class Nodes(NamedTuple):
    """Nodes of a graph: features, given labels with -1 for none, true labels, and edges."""

    X: np.ndarray
    given: np.ndarray
    clean: np.ndarray
    adjacency: Any


def block_model(seed, rate, n_labeled=300):
    """A block model of 900 nodes and three classes, of which ``n_labeled`` have labels, a share of them wrong."""
    X, clean, adjacency = datasets.make_block_model(random_state=seed)
    noisy = datasets.make_noisy_labels(clean, f"symmetric_exclusive:{rate}", random_state=seed)[0]
    given = datasets.make_unlabeled(noisy, n_labeled, random_state=seed)
    return Nodes(X, given, clean, adjacency)


def youtube_noisy(seed, noise):
    """Comments below videos, spam or not, as weighted word counts; noise on all labels but those of the test rows."""
    parts = {subset: datasets.load_youtube_spam(subset) for subset in ("train", "valid", "test")}
    text, clean = (
        np.concatenate([parts["train"][key], parts["valid"][key]]) for key in ("text", "clean_target")
    )
    words = TfidfVectorizer(dtype=np.float32)
    X, X_test = words.fit_transform(text).toarray(), words.transform(parts["test"].text).toarray()
    y = datasets.make_noisy_labels(clean, noise, random_state=seed)[0]
    return Split(X, y, clean, X_test, parts["test"].clean_target)


def halve(images):
    """Return images at half their height and width, each pixel the mean of four, as bytes."""
    *rest, height, width = images.shape
    fine = images.reshape(*rest, height // 2, 2, width // 2, 2)
    return fine.mean((-3, -1)).round().astype(np.uint8)


def cifar10n(seed, labels="worst", n_rows=10_000):
    """``n_rows`` images of CIFAR-10 at 16 x 16 with human labels, drawn by ``seed``, and the whole test set."""
    train, test = datasets.load_cifar10n(labels), datasets.load_cifar10_test()
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, X_test = halve(train.data[rows]), halve(test.data)
    return Split(X, train.target[rows], train.clean_target[rows], X_test, test.target)


def fashion_mnist_noisy(seed, noise="symmetric_exclusive:0.4", n_rows=10_000):
    """``n_rows`` images of Fashion-MNIST at 14 x 14, drawn by ``seed``, synthetic noise, and the whole test set."""
    train, test = datasets.load_fashion_mnist("train"), datasets.load_fashion_mnist("test")
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, clean = halve(train.data[rows]), train.target[rows]
    mapping = "fashion_mnist" if noise.startswith("asymmetric") else None
    y = datasets.make_noisy_labels(clean, noise, X, mapping=mapping, random_state=seed)[0]
    return Split(X, y, clean, halve(test.data), test.target)


def csv_noisy(path, target, seed, noise=None):
    """Rows of a CSV file, standardised, a quarter kept for testing; optional noise on the training labels."""
    bunch = datasets.load_csv(path, target)
    X, y = bunch.data, bunch.target
    # A class of one row cannot be on both sides.
    stratify = y if np.unique(y, return_counts=True)[1].min() > 1 else None
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=stratify, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    if noise is None:
        return Split(X, y, None, X_test, y_test)
    return Split(X, datasets.make_noisy_labels(y, noise, X, random_state=seed)[0], y, X_test, y_test)


def multilabel(name, seed):
    """A multi-label set with its true labels, a third kept for testing; features standardised unless they are 0/1."""
    candidates = name == "mirflickr"
    bunch = datasets.load_partial_multilabel(name) if candidates else datasets.load_multilabel(name, subset="all")
    Y = np.asarray(bunch.clean_target if candidates else bunch.target, dtype=int)
    X, X_test, Y, Y_test = train_test_split(bunch.data, Y, test_size=1 / 3, random_state=seed)
    if not np.isin(X, (0, 1)).all():
        scaler = StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    return X.astype(np.float32), Y, X_test.astype(np.float32), Y_test
