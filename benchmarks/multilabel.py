"""Scenarios of the multi-label family where only some rows are labeled."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold, cross_val_predict

from benchmarks.data import multilabel
from benchmarks.scenario import Scenario, timed_fit
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


def measure(classifier, X, Y):
    """Return how well labels rank rows, rows rank labels, and how good the decisions are."""
    proba, decided = classifier.predict_proba(X), classifier.predict(X)
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


def run(name, fraction, method, seed):
    """Hide the labels of most rows, fit one method and measure it on the test rows."""
    X, Y, X_test, Y_test = multilabel(name, seed)
    partly = make_semi_supervised(Y, labeled_fraction=fraction, random_state=seed)
    labeled = (partly != -1).any(1)
    kept = {
        "all": np.ones(len(Y), dtype=bool),
        "complete": np.ones(len(Y), dtype=bool),
        "labeled": labeled,
        "a third": labeled | (np.cumsum(~labeled) % 3 == 0),
    }[method.rows]
    settings = TRAINING | find_epochs(method, partly, kept, BATCH_SIZE[name])
    if method.prior is not None:
        settings["class_prior"] = method.prior(X, partly, Y)
    classifier = method.make(batch_size=BATCH_SIZE[name], random_state=seed, **settings)
    seconds = timed_fit(classifier, X[kept], (Y if method.rows == "complete" else partly)[kept])
    return measure(classifier, X_test, Y_test) | {"cpu_seconds": seconds}


# What might help CAP is asked of three sets only.
STUDIED = ("emotions", "scene", "yeast")
STUDY = [label for label in METHODS if label.startswith("CAP, ") or label.endswith("views and average")]


# Small sets that together have every method, for the quick mode.
QUICK = ("emotions_labeled10",)


def scenarios():
    """Return the scenarios of this family."""
    return [
        Scenario("multilabel", f"{name}_labeled{100 * fraction:.0f}", label, partial(run, name, fraction, method))
        for name in BATCH_SIZE
        for fraction in (0.05, 0.1, 0.2)
        for label, method in METHODS.items()
        if name in STUDIED or label not in STUDY
    ]
