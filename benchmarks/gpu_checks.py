"""Rows of the GPU command for correctness: same results as the processor, no waiting, no memory kept."""

import gc
import warnings
from functools import partial

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from skweak.active import E2OALClassifier
from skweak.distill import KDClassifier
from skweak.multilabel import CAPClassifier
from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
)
from skweak.partial import PiCOClassifier, PRODENClassifier

# One of every shape the training loop knows.
METHODS = {
    CrossEntropyClassifier: {}, ELRClassifier: {}, CoTeachingClassifier: {}, DPCClassifier: {"warmup_epochs": 2},
    BLDRClassifier: {}, DivideMixClassifier: {"warmup_epochs": 2}, PRODENClassifier: {},
    CAPClassifier: {"warmup_epochs": 2},
    PiCOClassifier: {"queue_size": 32, "projection_width": 8}, KDClassifier: {"teacher": LogisticRegression()},
    E2OALClassifier: {},
}  # fmt: skip
SETTINGS = {"max_epochs": 5, "batch_size": 16, "module__hidden": (8,), "random_state": 0, "n_threads": 1, "amp": False}
TOLERANCE = 1e-4


def data(kind, n=64):
    """Return rows of three separable classes and labels of a kind, some of them wrong."""
    rng = np.random.RandomState(0)
    y = np.arange(n) % 3
    X = (rng.randn(n, 4) + 3 * np.eye(3, 4)[y]).astype(np.float32)
    y = np.where(rng.rand(n) < 0.1, (y + 1) % 3, y)
    if kind in ("semi", "open"):
        return X, np.where(rng.rand(n) < 0.2, -1, y)
    one_hot = np.eye(3, dtype=int)[y]
    if kind == "partial":
        return X, np.maximum(one_hot, rng.rand(n, 3) < 0.2).astype(int)
    if kind == "multilabel":
        return X, np.where(rng.rand(n, 3) < 0.1, -1, one_hot)
    return X, y


def _fit(cls, device, **changes):
    rows, labels = data(cls._label_kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return cls(**SETTINGS | METHODS.get(cls, {}) | {"device": device} | changes).fit(rows, labels), rows


def agrees(cls, device="cuda"):
    """Compare the predictions of a tiny fit on the device with those of the processor, without drawn views."""
    # Views are drawn on the device, whose numbers are its own; batches and first weights are the same everywhere.
    (there, rows), (here, _) = (_fit(cls, place, augment=None) for place in (device, "cpu"))
    difference = float(np.abs(there.predict_proba(rows) - here.predict_proba(rows)).max())
    return {"difference": difference, "passed": difference <= TOLERANCE}


def waits(cls, device="cuda"):
    """Name the places in the steps of a fit where the host waits for the device, as torch reports them."""
    places, step = {}, cls._train_step

    def watched(self, run, batch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                return step(self, run, batch)
            finally:
                torch.cuda.set_sync_debug_mode("default")
                # The first step may look once; the others must not.
                for warning in caught if run.epoch or run.batch else ():
                    if "synchroniz" in str(warning.message):
                        place = "/".join([*warning.filename.split("/")[-2:]]) + f":{warning.lineno}"
                        places[place] = places.get(place, 0) + 1

    own = "_train_step" in vars(cls)
    cls._train_step = watched
    try:
        _fit(cls, device)
    finally:
        if own:
            cls._train_step = step
        else:
            del cls._train_step
    return {"places": places, "passed": not places}


def memory(device="cuda", n_fits=20):
    """Compare the device memory in use before and after many fits of one and of two networks."""
    taken = {}
    for cls in (CrossEntropyClassifier, ELRClassifier, DPCClassifier):
        _fit(cls, device)
        gc.collect()
        before = torch.cuda.memory_allocated()
        for _ in range(n_fits):
            _fit(cls, device)
        gc.collect()
        taken[cls.__name__] = torch.cuda.memory_allocated() - before
    return {"bytes_kept": taken, "passed": not any(taken.values())}


def rows():
    """Return the rows by name: seconds they are expected to take, and what runs them."""
    found = {}
    for cls in METHODS:
        name = cls.__name__.removesuffix("Classifier")
        found[f"agrees {name}"] = (2, partial(agrees, cls))
        found[f"waits {name}"] = (2, partial(waits, cls))
    return found | {"memory": (10, memory)}
