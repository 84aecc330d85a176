"""The study of the multi-label family where only some rows are labeled."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold, cross_val_predict

from benchmarks.data import multilabel
from benchmarks.study import Fit, Split, Study
from skweak.datasets import make_semi_supervised
from skweak.metrics import mean_average_precision, overall_f1, ranking_loss
from skweak.multilabel import (
    CAPClassifier,
    D2LClassifier,
    MultiLabelClassifier,
    MultiLabelMeanTeacherClassifier,
    MultiLabelPseudoLabelClassifier,
)

# The same network, optimizer and number of steps for every method; settled on seeds from 100 on.
TRAINING = {"module__hidden": (256,), "optimizer": torch.optim.Adam, "lr": 0.001}
WARMUP, LONG_WARMUP, N_LATER = 10, 20, 20
BATCH_SIZE = {"emotions": 128, "scene": 256, "yeast": 256, "mirflickr": 512, "corel5k": 128}
CROSS_ENTROPY = {"gamma_negative": 0.0, "clip": 0.0}


def metrics(classifier, split):
    """Return how well labels rank rows, rows rank labels, and how good the decisions are."""
    Y, proba, decided = split.y_test, classifier.predict_proba(split.X_test), classifier.predict(split.X_test)
    return {
        "mAP": mean_average_precision(Y, proba),
        "micro_F1": overall_f1(Y, decided),
        "macro_F1": f1_score(Y, decided, average="macro", zero_division=0),
        "ranking_loss": ranking_loss(Y, proba),
    }


def true_prior(X, partly, Y):
    """Return the share of positives among all rows, which nobody knows in earnest."""
    return Y.mean(0)


def corrected_prior(X, partly, Y):
    """Return the share of positives among labeled rows, corrected by a regression that also sees the others.

    The mean prediction for unlabeled rows, plus the mean error out of fold on labeled ones: right on average, and less
    noisy than the labeled share alone where labels can be predicted.
    """
    labeled = (partly != -1).any(1)
    ridge, target = RidgeCV(np.logspace(0, 5, 6)), partly[labeled].astype(float)
    out_of_fold = cross_val_predict(ridge, X[labeled], target, cv=KFold(5, shuffle=True, random_state=0))
    elsewhere = ridge.fit(X[labeled], target).predict(X[~labeled]).mean(0)
    return (elsewhere + (target - out_of_fold).mean(0)).clip(0, 1)


class Method(NamedTuple):
    """An estimator, its passes over labeled rows alone, the rows that it gets, and where its class prior comes from."""

    make: callable
    warmup: int | None = WARMUP
    rows: str = "all"
    prior: callable = None


METHODS = {
    "BCE, labeled rows": Method(MultiLabelClassifier, None, "labeled"),
    "ASL, labeled rows": Method(partial(MultiLabelClassifier, loss="asymmetric"), None, "labeled"),
    # These two have the views and the average of the methods below, and nothing of the unlabeled rows.
    "BCE, labeled rows, views and average": Method(partial(CAPClassifier, unlabeled_weight=0.0, **CROSS_ENTROPY)),
    "ASL, labeled rows, views and average": Method(partial(CAPClassifier, unlabeled_weight=0.0)),
    "top-1": Method(partial(MultiLabelPseudoLabelClassifier, selection="top", n_top=1)),
    "top-k": Method(partial(MultiLabelPseudoLabelClassifier, selection="top")),
    "thresholds": Method(MultiLabelPseudoLabelClassifier),
    "mean teacher": Method(MultiLabelMeanTeacherClassifier, 0),
    "CAP": Method(CAPClassifier),
    "CAP, cross-entropy": Method(partial(CAPClassifier, **CROSS_ENTROPY)),
    "CAP, longer warm-up": Method(CAPClassifier, LONG_WARMUP),
    "CAP, corrected prior": Method(CAPClassifier, prior=corrected_prior),
    "CAP, true prior": Method(CAPClassifier, prior=true_prior),
    "CAP, a third of the unlabeled rows": Method(CAPClassifier, rows="a third"),
    "D2L": Method(D2LClassifier),
    "BCE, all labels": Method(MultiLabelClassifier, None, "complete"),
}


def find_epochs(method, partly, kept, batch_size):
    """Return the settings that make all methods take about the same number of steps, whatever their rows are.

    A pass of the warm-up has a step for each batch of all rows; later half of each batch is unlabeled.
    """

    def lengths(y):
        n_unlabeled = (y == -1).all(1).sum()
        return math.ceil(len(y) / batch_size), math.ceil(n_unlabeled / (batch_size // 2))

    first, later = lengths(partly)
    total = WARMUP * first + N_LATER * later
    if method.warmup is None:
        return {"max_epochs": total // math.ceil(kept.sum() / batch_size)}
    own_first, own_later = lengths(partly[kept])
    warmup = round(method.warmup * first / own_first)
    later = round((total - method.warmup * first) / own_later)
    return {"max_epochs": warmup + later} | ({"warmup_epochs": warmup} if warmup else {})


def hidden(seed, name, fraction):
    """Hide the labels of most rows."""
    X, Y, X_test, Y_test = multilabel(name, seed)
    return Split(X, make_semi_supervised(Y, labeled_fraction=fraction, random_state=seed), Y, X_test, Y_test)


def prepare(method, split, seed, batch_size):
    """Give a method its rows, and as many epochs as make its steps those of the others."""
    X, partly, Y, *_ = split
    labeled = (partly != -1).any(1)
    kept = {
        "all": np.ones(len(Y), dtype=bool),
        "complete": np.ones(len(Y), dtype=bool),
        "labeled": labeled,
        "a third": labeled | (np.cumsum(~labeled) % 3 == 0),
    }[method.rows]
    settings = TRAINING | find_epochs(method, partly, kept, batch_size)
    if method.prior is not None:
        settings["class_prior"] = method.prior(X, partly, Y)
    classifier = method.make(batch_size=batch_size, random_state=seed, **settings)
    return Fit(classifier, X[kept], (Y if method.rows == "complete" else partly)[kept])


# What might help CAP is asked of three sets only.
_STUDIED = ("emotions", "scene", "yeast")
_ASKED = [label for label in METHODS if label.startswith("CAP, ") or label.endswith("views and average")]
_SETS = {
    f"{name}_labeled{100 * fraction:.0f}": (name, fraction) for name in BATCH_SIZE for fraction in (0.05, 0.1, 0.2)
}

STUDY = Study(
    "multilabel",
    data={data: partial(hidden, name=name, fraction=fraction) for data, (name, fraction) in _SETS.items()},
    methods=METHODS,
    settings={data: {"batch_size": BATCH_SIZE[name]} for data, (name, _) in _SETS.items()},
    changes={data: dict.fromkeys(_ASKED) for data, (name, _) in _SETS.items() if name not in _STUDIED},
    prepare=prepare,
    metrics=metrics,
    quick=("emotions_labeled10",),
)
