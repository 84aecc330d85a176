"""Rows of the GPU command for accuracy: CIFAR-10 and CIFAR-10N by a recipe of few epochs and large batches."""

import time
from functools import partial

import numpy as np
import torch
from skorch.callbacks import LRScheduler

from benchmarks import gpu_data
from benchmarks.clock import EpochClock
from skweak.augment import cutout, random_crop, random_flip
from skweak.nn import FastResNet
from skweak.noisy import CrossEntropyClassifier, DivideMixClassifier, DPCClassifier, ELRClassifier

# SGD with Nesterov momentum; the rate suits a mean loss over 512 rows and a scaled head.
RECIPE = {
    "module": FastResNet, "batch_size": 512, "lr": 0.4, "optimizer": torch.optim.SGD, "optimizer__momentum": 0.9,
    "optimizer__nesterov": True, "optimizer__weight_decay": 5e-4, "random_state": 0,
}  # fmt: skip


def shifted(X):
    """Return mirrored images moved by up to an eighth, mirrored at the edge as well."""
    return random_flip(random_crop(X, X.shape[-1] // 8, "reflect"))


def with_hole(X):
    """Return the same views with a hole of a quarter of the side."""
    return cutout(shifted(X), X.shape[-1] // 4)


def schedule(n_steps, every, highest):
    """Return the callback that raises the rate over a fifth of the steps and lowers it to nothing, linearly."""
    return LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR, max_lr=highest, total_steps=n_steps, pct_start=0.2,
        anneal_strategy="linear", cycle_momentum=False, div_factor=5.0, step_every=every,
    )  # fmt: skip


METHODS = {
    "CE": (CrossEntropyClassifier, {"max_epochs": 24, "augment": with_hole}),
    "ELR": (ELRClassifier, {"max_epochs": 30, "augment": with_hole}),
    # Two networks, and mixed batches of twice the size: a lower rate, and one change of it per epoch.
    "DivideMix": (DivideMixClassifier, {
        "max_epochs": 30, "warmup_epochs": 6, "lr": 0.15, "augment": shifted, "confidence_penalty": True,
    }),
    "DPC": (DPCClassifier, {
        "max_epochs": 30, "warmup_epochs": 6, "lr": 0.15, "augment": shifted, "confidence_penalty": True,
    }),
}  # fmt: skip


def accuracy(method, labels, device="cuda", **changes):
    """Train a method on labels of CIFAR-10N and return its accuracy on the clean test images."""
    X, X_test, y_test, decoding = gpu_data.images()
    given, clean = gpu_data.labels(labels), gpu_data.labels("clean")
    cls, own = METHODS[method]
    settings = RECIPE | own | {"device": device} | changes
    codivides, epochs = "warmup_epochs" in own, settings["max_epochs"]
    full, rest = divmod(len(X), settings["batch_size"])
    n_steps = epochs if codivides else epochs * max(1, full + (rest > 1))
    clock = EpochClock(device)
    callbacks = [schedule(n_steps, "epoch" if codivides else "batch", settings["lr"]), ("clock", clock)]
    start = time.perf_counter()
    fitted = cls(callbacks=callbacks, **settings).fit(X, given)
    seconds = time.perf_counter() - start
    facts = {
        "test_accuracy": float((fitted.predict(X_test) == y_test).mean()), "fit_seconds": seconds,
        "epoch_seconds": dict(fitted.net_.callbacks_)["clock"].seconds_, "decoding_seconds": decoding,
        "given_labels_right": float((given == clean).mean()),
    }  # fmt: skip
    if hasattr(fitted, "transduction_"):
        facts["corrected_labels_right"] = float((np.asarray(fitted.transduction_) == clean).mean())
    shown = {name: value for name, value in settings.items() if isinstance(value, (int, float, str, bool))}
    return facts | {"settings": shown}


# Seconds on one H100 from the operations: 0.8 s an epoch of one network (2.3 GFLOP an image, a third of the peak),
# 5 s of a co-divided epoch (six passes of both networks and the splits).
_SECONDS = {"CE": 28, "ELR": 34, "DivideMix": 145, "DPC": 145}


def rows():
    """Return the rows by name: seconds they are expected to take, and what runs them."""
    wanted = [
        ("CE", "clean"), ("ELR", "worst"), ("DivideMix", "worst"), ("DPC", "worst"), ("CE", "worst"),
        ("ELR", "aggre"), ("CE", "aggre"), ("ELR", "clean"), ("DPC", "aggre"), ("DivideMix", "aggre"),
    ]  # fmt: skip
    return {f"accuracy {m} {y}": (_SECONDS[m], partial(accuracy, m, y)) for m, y in wanted}
