"""Rows of the GPU command for speed: steps beside bare loops, of methods beside each other, predictions and queries."""

import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks import bare_loops
from benchmarks.clock import EpochClock, now
from skweak.active import BADGE, KCenterGreedy
from skweak.nn import FastResNet, ResNet, SmallCNN
from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
)

NETWORKS = {
    "PreAct-ResNet18": (ResNet, {"blocks": (2, 2, 2, 2), "width": 64}),
    "small": (SmallCNN, {}),
    "fast": (FastResNet, {}),
}
METHODS = {
    "CE": (CrossEntropyClassifier, {}), "ELR": (ELRClassifier, {}), "Co-teaching": (CoTeachingClassifier, {}),
    "BLDR": (BLDRClassifier, {"reweight_start": 1}), "DPC": (DPCClassifier, {"warmup_epochs": 1}),
    "DivideMix": (DivideMixClassifier, {"warmup_epochs": 1}),
}  # fmt: skip
# Tests set smaller ones.
SIZES = {"images": 20_480, "prediction": 50_000, "pool": 50_000, "width": 512, "picks": 500, "side": 32}


def images(n):
    """Return bytes that look like images of ten classes, with labels that can be learned in part."""
    rng = np.random.RandomState(0)
    X = rng.randint(0, 256, (n, 3, SIZES["side"], SIZES["side"]), dtype=np.uint8)
    return X, np.where(np.arange(n) % 5 == 0, rng.randint(0, 10, n), X[:, :, :4, :4].mean((1, 2, 3)).argsort() % 10)


def _bare_epochs(network, X, y, *, epochs, batch_size, device):
    """Train in bfloat16 with the channels last on tensors that are on the device; return the seconds of each epoch."""
    network = network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), fused=True, **bare_loops.MOMENTUM)
    seconds = []
    for _ in range(epochs):
        start = now(device)
        for index in torch.randperm(len(X)).to(device).split(batch_size):
            rows = (X.index_select(0, index).float() - 127.5).div_(63.75)
            with torch.autocast(torch.device(device).type, torch.bfloat16):
                logits = network(rows.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), y.index_select(0, index))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds.append(now(device) - start)
    return seconds


class EpochTimes(EpochClock):
    """Keeps the seconds of every epoch."""

    def on_train_begin(self, net, **kwargs):
        """Start an empty list."""
        super().on_train_begin(net)
        self.each_ = []

    def on_epoch_end(self, net, **kwargs):
        """Add what this epoch took."""
        self.each_.append(now(self.device) - self.start_)


def epoch_seconds(cls, X, y, *, device, **settings):
    """Fit and return the seconds of every epoch."""
    fitted = cls(device=device, callbacks=[("times", EpochTimes(device))], random_state=0, **settings).fit(X, y)
    return dict(fitted.net_.callbacks_)["times"].each_


def _module(network):
    cls, sizes = NETWORKS[network]
    return {"module": cls} | {f"module__{name}": value for name, value in sizes.items()}


def training(network, batch_size, compiled=False, device="cuda", epochs=4):
    """Compare epochs of cross-entropy and ELR with those of a bare loop; the first, which warms up, does not count."""
    X, y = images(SIZES["images"])
    tensors = [torch.from_numpy(part).to(device) for part in (X, y)]
    cls, sizes = NETWORKS[network]
    settings = {"batch_size": batch_size, "max_epochs": epochs, "device": device, "augment": None, "amp": True}
    settings |= _module(network) | ({"compile": True} if compiled else {})
    methods = {"CE": CrossEntropyClassifier} | ({} if compiled else {"ELR": ELRClassifier})
    bare = _bare_epochs(cls(3, 10, **sizes), *tensors, epochs=epochs, batch_size=batch_size, device=device)
    found = {"bare loop": bare} | {name: epoch_seconds(method, X, y, **settings) for name, method in methods.items()}
    best = {name: float(np.median(seconds[1:])) for name, seconds in found.items()}
    ratios = {f"{name} of bare loop": best["bare loop"] / best[name] for name in methods}
    rates = {f"{name} images/s": len(X) / seconds for name, seconds in best.items()}
    return ratios | rates | {"first_epoch_seconds": found["CE"][0], "settings": {"batch_size": batch_size}}


def steps(method, device="cuda", batch_size=512, epochs=4):
    """Compare epochs of a method with those of plain cross-entropy, same rows, network and batches."""
    X, y = images(SIZES["images"])
    settings = {"batch_size": batch_size, "max_epochs": epochs, "device": device, "augment": "weak", "amp": True}
    settings |= _module("fast")
    cls, own = METHODS[method]
    plain = float(np.median(epoch_seconds(CrossEntropyClassifier, X, y, **settings)[1:]))
    # Of methods that split the rows, the epochs after the first one with a split.
    ours = float(np.median(epoch_seconds(cls, X, y, **settings, **own)[2:]))
    return {"epoch_seconds": ours, "CE epoch_seconds": plain, "times CE": ours / plain,
            "settings": {"batch_size": batch_size}}  # fmt: skip


def prediction(network, device="cuda"):
    """Predict the probabilities of many images."""
    n = SIZES["prediction"]
    X, y = images(n)
    few = slice(0, min(n, 2048))
    fitted = CrossEntropyClassifier(
        batch_size=512, max_epochs=1, device=device, random_state=0, **_module(network)
    ).fit(X[few], y[few])
    fitted.predict_proba(X[few])
    start = time.perf_counter()
    fitted.predict_proba(X)
    seconds = time.perf_counter() - start
    return {"predict_seconds": seconds, "images/s": n / seconds, "settings": {"n_rows": n}}


def query(strategy):
    """Choose rows of a large pool of embeddings, which the processor of the machine does."""
    n, width, rng = SIZES["pool"], SIZES["width"], np.random.default_rng(0)
    X, proba = rng.standard_normal((n, width), dtype=np.float32), rng.dirichlet(np.ones(10), n)
    estimator = SimpleNamespace(classes_=np.arange(10), predict_proba=None)
    learner = SimpleNamespace(estimator=estimator, teach=None, on_transformed=False)
    learner.X_training, learner.y_training = X[:100], np.zeros(100, dtype=int)
    place = [0]

    def predict_proba(rows):
        start = place[0]
        place[0] = (start + len(rows)) % n
        return proba[start : start + len(rows)]

    learner.predict_proba = estimator.predict_proba = predict_proba
    start = time.perf_counter()
    strategy(learner, X, SIZES["picks"])
    return {"query_seconds": time.perf_counter() - start, "settings": {"n_rows": n, "width": width}}


def first_rows():
    """Return the rows that tell most: seconds they are expected to take, and what runs them."""
    return {"speed PreAct-ResNet18 512": (10, partial(training, "PreAct-ResNet18", 512)),
            "speed fast 512": (8, partial(training, "fast", 512))}  # fmt: skip


def rows():
    """Return the other rows, those that compile last."""
    found = {f"steps {name}": (15, partial(steps, name)) for name in METHODS if name != "CE"}
    found |= {f"prediction {name}": (5, partial(prediction, name)) for name in ("fast", "PreAct-ResNet18")}
    found |= {
        f"speed {name} {size}": (12, partial(training, name, size))
        for name in ("PreAct-ResNet18", "small") for size in (128, 512, 1024)
        if f"speed {name} {size}" not in first_rows()
    }  # fmt: skip
    found |= {"query k-center": (25, partial(query, KCenterGreedy())), "query BADGE": (35, partial(query, BADGE()))}
    return found | {
        f"speed {name} {size} compiled": (75, partial(training, name, size, True))
        for name in ("small", "PreAct-ResNet18") for size in (512, 128, 1024)
    }  # fmt: skip
