"""The study of the family of candidate labels."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.study import Fit, Split, Study
from skweak.datasets import load_fashion_mnist, load_partial_label, make_uniform_candidates
from skweak.noisy import CrossEntropyClassifier
from skweak.partial import (
    CCClassifier,
    LWSClassifier,
    MoGDClassifier,
    PiCOClassifier,
    PRODENClassifier,
    RCClassifier,
)

# Verified rows per class that the methods "+ verified" are told, as a mask or as sets of one.
N_VERIFIED = 5
RATES = (0.1, 0.3, 0.5, 0.7)


def digits(seed, rate):
    """Digits, pixels in [0, 1], 70 % for training, wrong labels join the sets with probability ``rate``."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return Split(X, make_uniform_candidates(y, rate=rate, random_state=seed), y, X_test, y_test)


def fashion_mnist(seed, rate, n_rows=4000):
    """``n_rows`` images of Fashion-MNIST as pixels in [0, 1], drawn by ``seed``, and the whole test set."""
    train, test = load_fashion_mnist("train"), load_fashion_mnist("test")
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, X_test = (np.float32(images.reshape(len(images), -1)) / 255 for images in (train.data[rows], test.data))
    y = train.target[rows]
    return Split(X, make_uniform_candidates(y, rate=rate, random_state=seed), y, X_test, test.target)


def real(seed, name):
    """A real set, a fifth kept for testing, features standardised."""
    bunch = load_partial_label(name)
    split = train_test_split(bunch.data, bunch.target, bunch.clean_target, test_size=0.2, random_state=seed)
    X, X_test, candidates, _, y, y_test = split
    scaler = StandardScaler().fit(X)
    return Split(scaler.transform(X), candidates, y, scaler.transform(X_test), y_test)


class Method(NamedTuple):
    """An estimator, and a function of split and seed that returns the labels it gets and facts for ``fit``."""

    make: callable
    labels: callable = lambda split, seed: (split.y, {})


def _verified(split, seed, told=False):
    """A few rows of each class have sets of one; ``told`` names them."""
    y = split.clean
    rows = np.random.RandomState(seed).permutation(len(y))
    chosen = np.concatenate([rows[y[rows] == c][:N_VERIFIED] for c in np.unique(y)])
    mask = np.isin(np.arange(len(y)), chosen)
    sets = np.where(mask[:, None], np.arange(split.y.shape[1]) == y[:, None], split.y)
    return sets, {"trusted": mask} if told else {}


def _at_random(split, seed):
    """One candidate of each set."""
    return (split.y * np.random.RandomState(seed).rand(*split.y.shape)).argmax(1), {}


def _true(split, seed):
    """The labels nobody knows in earnest."""
    return split.clean, {}


METHODS = {
    "CC": Method(CCClassifier),
    "RC": Method(RCClassifier),
    "PRODEN": Method(PRODENClassifier),
    "LWS": Method(LWSClassifier),
    "PiCO": Method(PiCOClassifier),
    "MoGD": Method(MoGDClassifier),
    "PRODEN + verified": Method(PRODENClassifier, _verified),
    "MoGD + verified": Method(MoGDClassifier, partial(_verified, told=True)),
    "candidate at random": Method(CrossEntropyClassifier, _at_random),
    "true labels": Method(CrossEntropyClassifier, _true),
}


def prepare(method, split, seed, **settings):
    """Make the estimator and the labels it gets."""
    return Fit(method.make(random_state=seed, **settings), split.X, *method.labels(split, seed))


def metrics(estimator, split):
    """Return the accuracy, and the share of training rows whose true label was found among the candidates."""
    result = {"accuracy": estimator.score(split.X_test, split.y_test)}
    if not isinstance(estimator, CrossEntropyClassifier):
        result["disambiguation"] = float((estimator.transduction_ == split.clean).mean())
    return result


# Fewer steps than on the other sets, only to keep the table short.
_SHORT = {"max_epochs": 30, "batch_size": 128}
# Settled on seed 100.
_PIXELS = {
    "module__hidden": (256,), "optimizer": torch.optim.Adam, "lr": 0.001, "max_epochs": 12, "batch_size": 128,
}  # fmt: skip

STUDY = Study(
    "partial",
    data={f"fashion_mnist_flip{100 * rate:.0f}": partial(fashion_mnist, rate=rate) for rate in RATES}
    | {name: partial(real, name=name) for name in ("lost", "msrcv2")}
    | {f"digits_flip{100 * rate:.0f}": partial(digits, rate=rate) for rate in RATES},
    methods=METHODS,
    settings={f"fashion_mnist_flip{100 * rate:.0f}": _PIXELS for rate in RATES} | {"msrcv2": _SHORT},
    prepare=prepare,
    metrics=metrics,
    quick=("digits_flip30",),
)
