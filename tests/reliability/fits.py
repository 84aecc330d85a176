"""Small fits of every engine shape, and what two fits must have in common to be the same."""

import inspect
import warnings

import numpy as np
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from skweak.active import BUALClassifier
from skweak.base import WeakClassifier
from skweak.distill import KDClassifier
from skweak.multilabel import MultiLabelMeanTeacherClassifier
from skweak.nn import MLP
from skweak.noisy import BLDRClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier
from skweak.utils import all_estimators
from tests.small_data import blobs, labels_of

# Every public estimator that trains a network.
NETWORKS = [cls for _, cls in all_estimators() if issubclass(cls, WeakClassifier)]


class DropoutMLP(MLP):
    """Dropout and BatchNorm, so that every generator and buffer matters."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs, hidden=(8, 8), dropout=0.2, batch_norm=True)


SHAPES = {
    "one network": (CrossEntropyClassifier, {"augment": None}),
    "early stopping": (CrossEntropyClassifier, {
        "validation_fraction": 0.3, "callbacks": [EarlyStopping(patience=3, load_best=True)], "lr": 0.3,
    }),
    "memory": (ELRClassifier, {"optimizer": torch.optim.AdamW}),
    "two networks and a split": (DPCClassifier, {
        "warmup_epochs": 2, "unlabeled_weight": 5.0, "ramp_epochs": 3, "consistency_weight": 1.0,
    }),
    "averaged network": (BLDRClassifier, {"reweight_start": 2}),
    "averaged teacher": (MultiLabelMeanTeacherClassifier, {}),
    "networks one after the other": (BUALClassifier, {"max_epochs": 4, "eval_every": 2, "unlabeled": -2}),
    "student of an unfitted teacher": (KDClassifier, {
        "teacher": CrossEntropyClassifier(module=DropoutMLP, max_epochs=2), "augment": None,
    }),
}  # fmt: skip


def shape_estimator(name, **changes):
    """Return the estimator of an engine shape."""
    cls, own = SHAPES[name]
    callbacks = [LRScheduler("CosineAnnealingLR", T_max=10), *own.get("callbacks", [])]
    settings = {"module": DropoutMLP, "lr": 0.01, "max_epochs": 10, "batch_size": 16, "augment": "weak"}
    return cls(**(settings | own | {"callbacks": callbacks, "random_state": 0, "n_threads": 1} | changes))


def shape_data(name, n=64):
    """Return the rows and labels of an engine shape."""
    X, _, noisy = blobs(n)
    cls = SHAPES[name][0]
    if cls is BUALClassifier:
        noisy = np.where(noisy == 2, -1, noisy)
        noisy[::3] = -2
        return X, noisy
    return X, labels_of(cls._label_kind, noisy)


def quiet_fit(estimator, X, y):
    """Fit without the warnings that small instances give on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return estimator.fit(X, y)


def small_estimator(cls, **changes):
    """Return the small instance of a public class with the markers it has by default."""
    params = cls._test_params()
    defaults = inspect.signature(cls).parameters
    params |= {name: defaults[name].default for name in ("unlabeled", "unknown_label") if name in defaults}
    least = 2 + max((v for k, v in params.items() if k.startswith("warmup") and isinstance(v, int)), default=1)
    return cls(**(params | {"random_state": 0, "max_epochs": least, "n_threads": 1} | changes))


def small_rows(cls, n=60):
    """Return rows and labels that a public class learns from."""
    X, _, noisy = blobs(n)
    return X, labels_of(cls._label_kind, noisy)


def outcome(estimator, X):
    """Return everything a fit has found out, as one dictionary of plain values and bytes."""
    result = {"proba": estimator.predict_proba(X).tobytes()}
    result["history"] = [{k: v for k, v in row.items() if k != "dur"} for row in estimator.history_]
    for name, value in vars(estimator).items():
        if name.endswith("_") and name not in ("net_", "history_"):
            result[name] = (value.dtype.str, value.tobytes()) if isinstance(value, np.ndarray) else value
    for name in estimator.net_._modules:
        for key, value in getattr(estimator.net_, f"{name}_").state_dict().items():
            result[f"{name}.{key}"] = value.numpy().tobytes()
    return result


class KeepFiles(Callback):
    """Copies the checkpoint that the epoch before has left."""

    def __init__(self, path):
        self.path = str(path)

    def on_epoch_begin(self, net, **kwargs):
        if net.epoch:
            with open(self.path, "rb") as file, open(f"{self.path}.after{net.epoch}", "wb") as copy:
                copy.write(file.read())
