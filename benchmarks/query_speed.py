"""Rows of the speed table for query strategies: processor seconds of a whole call, beside peers with the same task.

A peer that is not installed is left out with a word about it. Every peer gets the same rows and the same probabilities;
what is measured is the query alone, checks of its arguments included. Processor time, because a busy machine would
interrupt a long call of one more often than the short call of another; run it on one thread.
"""

import sys
from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks import activeml
from benchmarks.clock import race, timed
from skweak.active import BADGE, EntropySampling, Falcun, KCenterGreedy, MarginSampling, RankedBatch

_N_LABELED = 100


def _learner(proba, labeled):
    """A learner whose probabilities are given."""
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


def _modal(learner, X, n_instances, module, name):
    """Return a call of modAL's strategy."""
    strategy = getattr(__import__(f"modAL.{module}", fromlist=[name]), name)
    return lambda: strategy(learner, X, n_instances=n_instances)


def _activeml(learner, X, n_instances, name, **parameters):
    """Return a call of scikit-activeml's strategy."""
    classes = learner.estimator.classes_
    return activeml.prepare(name, learner.X_training, X, n_instances, learner.predict_proba, classes, **parameters)


def _activeml_scores(learner, X, n_instances, method):
    """Return a call of scikit-activeml's scoring function alone: no checks and no choice of rows."""
    from skactiveml.pool import uncertainty_scores

    return lambda: uncertainty_scores(learner.predict_proba(X), method=method)


def _compare(ours, learner, X, n_instances, repeats, peers):
    calls = {"query": lambda: ours(learner, X, n_instances)}
    for peer, make in peers.items():
        try:
            calls[peer] = make(learner, X, n_instances)
        except ImportError as error:
            print(f"{peer} is left out: {error}", file=sys.stderr)
    return race({name: partial(timed, call) for name, call in calls.items()}, repeats)


def _data(n, width, n_classes, dtype=np.float64):
    generator = np.random.default_rng(0)
    proba = generator.dirichlet(np.ones(n_classes), size=n).astype(dtype)
    labeled = generator.standard_normal((_N_LABELED, width), dtype=np.float32)
    return _learner(proba, labeled), generator.standard_normal((n, width), dtype=np.float32)


def _uncertainty(ours, modal_name, activeml_name, repeats, dtype):
    learner, X = _data(1_000_000, 1, 10, dtype)
    peers = {
        "modAL": partial(_modal, module="uncertainty", name=modal_name),
        "scikit-activeml": partial(_activeml, name="UncertaintySampling", method=activeml_name),
        "scikit-activeml, scores alone": partial(_activeml_scores, method=activeml_name),
    }
    return _compare(ours, learner, X, 100, repeats, peers)


def entropy(repeats):
    """100 rows of 1e6 x 10 probabilities by entropy."""
    return _uncertainty(EntropySampling(), "entropy_sampling", "entropy", repeats, np.float64)


def entropy_float32(repeats):
    """100 rows of 1e6 x 10 probabilities by entropy, single precision."""
    return _uncertainty(EntropySampling(), "entropy_sampling", "entropy", repeats, np.float32)


def margin(repeats):
    """100 rows of 1e6 x 10 probabilities by margin."""
    return _uncertainty(MarginSampling(), "margin_sampling", "margin_sampling", repeats, np.float64)


def margin_float32(repeats):
    """100 rows of 1e6 x 10 probabilities by margin, single precision."""
    return _uncertainty(MarginSampling(), "margin_sampling", "margin_sampling", repeats, np.float32)


def ranked_batch(repeats):
    """100 of 5,000 x 128 rows by ranked batch."""
    learner, X = _data(5000, 128, 10)
    peers = {"modAL": partial(_modal, module="batch", name="uncertainty_batch_sampling")}
    return _compare(RankedBatch(), learner, X, 100, repeats, peers)


def k_center(repeats):
    """500 of 50,000 x 128 rows by k-center greedy."""
    learner, X = _data(50_000, 128, 10)
    return _compare(KCenterGreedy(), learner, X, 500, repeats, {"scikit-activeml": partial(_activeml, name="CoreSet")})


def core_set(repeats):
    """100 of 20,000 x 128 rows by k-center greedy."""
    learner, X = _data(20_000, 128, 10)
    return _compare(KCenterGreedy(), learner, X, 100, repeats, {"scikit-activeml": partial(_activeml, name="CoreSet")})


def badge(repeats):
    """100 of 20,000 x 128 rows of 10 classes by BADGE."""
    learner, X = _data(20_000, 128, 10)
    return _compare(BADGE(), learner, X, 100, repeats, {"scikit-activeml": partial(_activeml, name="Badge")})


def k_center_wide(repeats):
    """100 of 100,000 x 128 rows by k-center greedy."""
    learner, X = _data(100_000, 128, 10)
    peers = {"scikit-activeml": partial(_activeml, name="CoreSet")}
    return _compare(KCenterGreedy(), learner, X, 100, max(1, repeats // 9), peers)


def badge_wide(repeats):
    """100 of 100,000 x 128 rows of 10 classes by BADGE."""
    learner, X = _data(100_000, 128, 10)
    peers = {"scikit-activeml": partial(_activeml, name="Badge")}
    return _compare(BADGE(), learner, X, 100, max(1, repeats // 9), peers)


def falcun_wide(repeats):
    """100 of 100,000 x 128 rows of 10 classes by FALCUN."""
    learner, X = _data(100_000, 128, 10)
    peers = {"scikit-activeml": partial(_activeml, name="Falcun")}
    return _compare(Falcun(), learner, X, 100, max(1, repeats // 9), peers)


def margin_wide(repeats):
    """100 of 100,000 x 128 rows of 10 classes by margin."""
    learner, X = _data(100_000, 128, 10)
    peers = {"scikit-activeml": partial(_activeml, name="UncertaintySampling", method="margin_sampling")}
    return _compare(MarginSampling(), learner, X, 100, max(1, repeats // 3), peers)


ROWS = {
    function.__name__: function
    for function in (
        entropy, entropy_float32, margin, margin_float32, ranked_batch, k_center, core_set, badge,
        k_center_wide, badge_wide, falcun_wide, margin_wide,
    )
}  # fmt: skip
