"""Scenarios of the family of candidate labels."""

from functools import partial

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.scenario import Scenario, timed_fit
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

METHODS = {
    "CC": CCClassifier,
    "RC": RCClassifier,
    "PRODEN": PRODENClassifier,
    "LWS": LWSClassifier,
    "PiCO": PiCOClassifier,
    "MoGD": MoGDClassifier,
}
# Verified rows per class that the methods "+ verified" are told, as a mask or as sets of one.
N_VERIFIED = 5
RATES = (0.1, 0.3, 0.5, 0.7)


def digits(seed, rate):
    """Digits, pixels in [0, 1], 70 % for training, wrong labels join the sets with probability ``rate``."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return X, make_uniform_candidates(y, rate=rate, random_state=seed), y, X_test, y_test


def fashion_mnist(seed, rate, n_rows=4000):
    """``n_rows`` images of Fashion-MNIST as pixels in [0, 1], drawn by ``seed``, and the whole test set."""
    train, test = load_fashion_mnist("train"), load_fashion_mnist("test")
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, X_test = (np.float32(images.reshape(len(images), -1)) / 255 for images in (train.data[rows], test.data))
    y = train.target[rows]
    return X, make_uniform_candidates(y, rate=rate, random_state=seed), y, X_test, test.target


def real(seed, name):
    """A real set, a fifth kept for testing, features standardised."""
    bunch = load_partial_label(name)
    split = train_test_split(bunch.data, bunch.target, bunch.clean_target, test_size=0.2, random_state=seed)
    X, X_test, candidates, _, y, y_test = split
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), candidates, y, scaler.transform(X_test), y_test


def _verified(y, seed):
    rows = np.random.RandomState(seed).permutation(len(y))
    chosen = np.concatenate([rows[y[rows] == c][:N_VERIFIED] for c in np.unique(y)])
    return np.isin(np.arange(len(y)), chosen)


def _run(data, settings, make, told, seed):
    X, candidates, y, X_test, y_test = data(seed)
    estimator, facts = make(random_state=seed, **settings), {}
    if told:
        mask = _verified(y, seed)
        candidates = np.where(mask[:, None], np.arange(candidates.shape[1]) == y[:, None], candidates)
        facts = {"trusted": mask} if "MoGD" in type(estimator).__name__ else {}
    seconds = timed_fit(estimator, X, candidates, **facts)
    return {
        "accuracy": float((estimator.predict(X_test) == y_test).mean()),
        "disambiguation": float((estimator.transduction_ == y).mean()),
        "cpu_seconds": seconds,
    }


def _plain(data, settings, label, seed):
    """Train by cross-entropy on one label for each row that ``label`` makes of candidates and true labels."""
    X, candidates, y, X_test, y_test = data(seed)
    estimator = CrossEntropyClassifier(random_state=seed, **settings)
    seconds = timed_fit(estimator, X, label(candidates, y, seed))
    return {"accuracy": estimator.score(X_test, y_test), "cpu_seconds": seconds}


def _at_random(candidates, y, seed):
    return (candidates * np.random.RandomState(seed).rand(*candidates.shape)).argmax(1)


def _true(candidates, y, seed):
    return y


# Fewer steps than on the other sets, only to keep the table short.
_SHORT = {"max_epochs": 30, "batch_size": 128}
# Settled on seed 100.
_PIXELS = {
    "module__hidden": (256,), "optimizer": torch.optim.Adam, "lr": 0.001, "max_epochs": 12, "batch_size": 128,
}  # fmt: skip


# Small sets that together have every method, for the quick mode.
QUICK = ("digits_flip30",)


def scenarios():
    """Return the scenarios of this family."""
    tables = {f"fashion_mnist_flip{100 * rate:.0f}": (partial(fashion_mnist, rate=rate), _PIXELS) for rate in RATES}
    tables |= {"lost": (partial(real, name="lost"), {}), "msrcv2": (partial(real, name="msrcv2"), _SHORT)}
    tables |= {f"digits_flip{100 * rate:.0f}": (partial(digits, rate=rate), {}) for rate in RATES}
    found = []
    for name, given in tables.items():
        found += [
            Scenario("partial", name, method, partial(_run, *given, make, False)) for method, make in METHODS.items()
        ]
        found += [
            Scenario("partial", name, f"{method} + verified", partial(_run, *given, METHODS[method], True))
            for method in ("PRODEN", "MoGD")
        ]
        found += [
            Scenario("partial", name, "candidate at random", partial(_plain, *given, _at_random)),
            Scenario("partial", name, "true labels", partial(_plain, *given, _true)),
        ]
    return found
