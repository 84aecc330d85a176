"""The study of active learning with an open set: a few known classes, a pool full of others."""

import time
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from benchmarks.study import Study
from skweak import active, datasets
from skweak.nn import MLP, SmallCNN


class Protocol(NamedTuple):
    """One open-set experiment: the data of a seed, the purchases and the network of every method."""

    pool: callable
    n_known: int
    n_queries: int
    n_instances: int
    network: dict
    # Pool rows for negative learning.
    subset_size: int


def _open_set(X, y, X_test, y_test, n_known, fraction, seed):
    return datasets.make_open_set_pool(
        X, y, list(range(n_known)), labeled_fraction=fraction, X_test=X_test, y_test=y_test, random_state=seed
    )


def digits_pool(seed, n_known):
    """Digits, 30 % for testing, 5 % of the known training rows labeled."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    return _open_set(X, y, X_test, y_test, n_known, 0.05, seed)


def _rows(part, n_rows, seed):
    rows = np.random.RandomState(seed).permutation(len(part.target))[:n_rows]
    return part.data[rows], part.target[rows]


def fashion_pool(seed, n_known):
    """6,000 images of Fashion-MNIST averaged to 14 x 14 pixels, 2 % of the known rows labeled, 2,000 test rows."""
    parts = []
    for name, n_rows in (("train", 6000), ("test", 2000)):
        images, target = _rows(datasets.load_fashion_mnist(name), n_rows, seed)
        small = images.reshape(len(images), 14, 2, 14, 2).mean((2, 4)).reshape(len(images), -1) / 255
        parts += [small, target]
    return _open_set(*parts, n_known, 0.02, seed)


def cifar10_pool(seed, n_known):
    """10,000 images of CIFAR-10, 5 % of the known rows labeled, 2,000 test rows."""
    train, test = datasets.load_cifar10n("aggre"), datasets.load_cifar10_test()
    rows = np.random.RandomState(seed).permutation(len(train.clean_target))[:10_000]
    X_test, y_test = _rows(test, 2000, seed)
    return _open_set(train.data[rows], train.clean_target[rows], X_test, y_test, n_known, 0.05, seed)


_TABLE = {"module": partial(MLP, hidden=(128, 64))}
_IMAGES = {"module": partial(SmallCNN, widths=(16, 32, 64)), "augment": "weak", "max_epochs": 30, "batch_size": 64}
PROTOCOLS = {
    **{f"digits_{k}of10": Protocol(digits_pool, k, 5, 30, _TABLE, 400) for k in (2, 4, 7)},
    **{f"fashion_{k}of10": Protocol(fashion_pool, k, 5, 60, _TABLE, 1000) for k in (3, 6)},
    **{f"cifar10_{k}of10": Protocol(cifar10_pool, k, 4, 200, _IMAGES, 1000) for k in (4,)},
}

# Strategies without a classifier of their own share the plain target network of BUAL; BALD alone needs dropout in it.
_PLAIN = partial(active.BUALClassifier, auxiliary_epochs=1)
METHODS = {
    "random": (_PLAIN, active.RandomSampling),
    "least confidence": (_PLAIN, active.LeastConfidenceSampling),
    "margin": (_PLAIN, active.MarginSampling),
    "entropy": (_PLAIN, active.EntropySampling),
    "BALD": (partial(_PLAIN, module__dropout=0.2), active.BALD),
    "committee": (_PLAIN, active.QueryByCommittee),
    "ranked batch": (_PLAIN, active.RankedBatch),
    "density-weighted": (_PLAIN, active.DensityWeighted),
    "class-balanced": (_PLAIN, active.ClassBalanced),
    "core-set": (_PLAIN, active.KCenterGreedy),
    "BADGE": (_PLAIN, active.BADGE),
    "CCAL": (_PLAIN, active.CCAL),
    "MQ-Net": (_PLAIN, active.MQNet),
    "BUAL": (active.BUALClassifier, active.BUAL),
    "BUAL raw": (active.BUALClassifier, partial(active.BUAL, form="raw")),
    "DCFS": (active.DCFSClassifier, active.DCFS),
    "LfOSA": (active.LfOSAClassifier, active.LfOSA),
    "EAOA": (active.EAOAClassifier, active.EAOA),
    "E2OAL": (active.E2OALClassifier, active.E2OAL),
}


def _run(protocol, method, seed):
    make, strategy = method
    pool = protocol.pool(seed, protocol.n_known)
    settings = protocol.network | {"known_classes": list(range(protocol.n_known)), "random_state": seed}
    estimator = make(**settings)
    if isinstance(estimator, active.BUALClassifier):
        estimator.set_params(subset_size=protocol.subset_size)
    start = time.process_time()
    learner = active.ActiveLearner(estimator, strategy(), pool.X_labeled, pool.y_labeled)
    history = active.run_loop(
        learner, pool.X_pool, pool.y_pool, protocol.n_queries, protocol.n_instances, verbose=0,
        scorers={"accuracy": lambda learner: learner.score(pool.X_test, pool.y_test)},
    )  # fmt: skip
    # Of the processor: machines that run benchmarks are seldom idle.
    seconds = time.process_time() - start
    bought = history[1:]
    left = np.setdiff1d(np.arange(len(pool.X_pool)), np.concatenate([record["indices"] for record in bought]))
    known = pool.y_pool[left] != -1
    # The plain target network has no detector worth a score.
    detects = "auxiliary_epochs" not in getattr(make, "keywords", {})
    return {
        "accuracy": history[-1]["accuracy"],
        "mean_accuracy": np.mean([record["accuracy"] for record in history]),
        "precision": np.mean([record["query_precision"] for record in bought]),
        "later_precision": np.mean([record["query_precision"] for record in bought[1:]]),
        "recall": bought[-1]["query_recall"],
        **({"known_auc": roc_auc_score(known, estimator.score_samples(pool.X_pool[left]))} if detects else {}),
        "seconds": seconds,
    }


STUDY = Study("active", data=PROTOCOLS, methods=METHODS, measure=_run, quick=("digits_2of10",))
