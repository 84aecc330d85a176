"""Scenarios of the family of candidate labels."""

import time
from functools import partial

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.scenario import Scenario
from skweak.datasets import load_partial_label, make_uniform_candidates
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


def digits(seed, rate):
    """Digits, pixels in [0, 1], 70 % for training, wrong labels join the sets with probability ``rate``."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return X, make_uniform_candidates(y, rate=rate, random_state=seed), y, X_test, y_test


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


def _run(data, make, told, seed):
    X, candidates, y, X_test, y_test = data(seed)
    estimator, facts = make(random_state=seed), {}
    if told:
        mask = _verified(y, seed)
        candidates = np.where(mask[:, None], np.arange(candidates.shape[1]) == y[:, None], candidates)
        facts = {"trusted": mask} if "MoGD" in type(estimator).__name__ else {}
    start = time.perf_counter()
    estimator.fit(X, candidates, **facts)
    result = {"accuracy": float((estimator.predict(X_test) == y_test).mean()), "seconds": time.perf_counter() - start}
    return result | {"disambiguation": float((estimator.transduction_ == y).mean())}


def _oracle(data, seed):
    X, _, y, X_test, y_test = data(seed)
    start = time.perf_counter()
    estimator = CrossEntropyClassifier(random_state=seed).fit(X, y)
    return {"accuracy": estimator.score(X_test, y_test), "seconds": time.perf_counter() - start}


def _at_random(data, seed):
    X, candidates, _, X_test, y_test = data(seed)
    noise = np.random.RandomState(seed).rand(*candidates.shape)
    start = time.perf_counter()
    estimator = CrossEntropyClassifier(random_state=seed).fit(X, (candidates * noise).argmax(1))
    return {"accuracy": estimator.score(X_test, y_test), "seconds": time.perf_counter() - start}


def scenarios():
    """Return the scenarios of this family."""
    tables = {f"digits_flip{int(10 * rate)}0": partial(digits, rate=rate) for rate in (0.1, 0.3, 0.5, 0.7)}
    tables |= {name: partial(real, name=name) for name in ("lost", "msrcv2")}
    found = []
    for name, data in tables.items():
        found += [
            Scenario("partial", name, method, partial(_run, data, make, False)) for method, make in METHODS.items()
        ]
        found += [
            Scenario("partial", name, f"{method} + verified", partial(_run, data, METHODS[method], True))
            for method in ("PRODEN", "MoGD")
        ]
        found += [
            Scenario("partial", name, "candidate at random", partial(_at_random, data)),
            Scenario("partial", name, "true labels", partial(_oracle, data)),
        ]
    return found
