"""Rows of the speed table for query strategies: seconds of one whole call, beside modAL where it has the same task."""

import time
from types import SimpleNamespace

import numpy as np

from skweak.active import BADGE, EntropySampling, KCenterGreedy, MarginSampling, RankedBatch


def _learner(proba, labeled):
    """A learner whose probabilities are given: what is measured is the query alone."""
    estimator = SimpleNamespace(classes_=np.arange(proba.shape[1]), predict_proba=None)
    learner = SimpleNamespace(estimator=estimator, teach=None, on_transformed=False)
    learner.X_training, learner.y_training = labeled, np.zeros(len(labeled), dtype=int)
    place = [0]

    def predict_proba(X):
        start = place[0]
        place[0] = (start + len(X)) % len(proba)
        return proba[start : start + len(X)]

    learner.predict_proba = estimator.predict_proba = predict_proba
    return learner


def _peer(module, name):
    """Return a strategy of modAL, None where it is not installed."""
    try:
        return getattr(__import__(f"modAL.{module}", fromlist=[name]), name)
    except ImportError:
        return None


def _compare(ours, peer, learner, X, n_instances, repeats):
    calls = {"query": lambda: ours(learner, X, n_instances)}
    if peer is not None:
        calls["modAL"] = lambda: peer(learner, X, n_instances=n_instances)
    seconds = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _data(n, width, n_classes, dtype=np.float32):
    generator = np.random.default_rng(0)
    proba = generator.dirichlet(np.ones(n_classes), size=n).astype(dtype)
    labeled = generator.standard_normal((100, width), dtype=np.float32)
    return _learner(proba, labeled), generator.standard_normal((n, width), dtype=np.float32)


def entropy(repeats):
    """100 rows of 1e6 x 10 probabilities by entropy."""
    learner, X = _data(1_000_000, 1, 10)
    return _compare(EntropySampling(), _peer("uncertainty", "entropy_sampling"), learner, X, 100, repeats)


def margin(repeats):
    """100 rows of 1e6 x 10 probabilities by margin."""
    learner, X = _data(1_000_000, 1, 10)
    return _compare(MarginSampling(), _peer("uncertainty", "margin_sampling"), learner, X, 100, repeats)


def ranked_batch(repeats):
    """100 of 5,000 x 128 rows by ranked batch."""
    learner, X = _data(5000, 128, 10)
    return _compare(RankedBatch(), _peer("batch", "uncertainty_batch_sampling"), learner, X, 100, repeats)


def k_center(repeats):
    """500 of 50,000 x 128 rows by k-center greedy."""
    learner, X = _data(50_000, 128, 10)
    return _compare(KCenterGreedy(), None, learner, X, 500, repeats)


def badge(repeats):
    """100 of 20,000 x 128 rows of 10 classes by BADGE."""
    learner, X = _data(20_000, 128, 10)
    return _compare(BADGE(), None, learner, X, 100, repeats)


ROWS = {"entropy": entropy, "margin": margin, "ranked_batch": ranked_batch, "k_center": k_center, "badge": badge}
