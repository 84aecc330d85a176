"""Studies of distillation: small students with and without a teacher, of one class or several labels per row."""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import GradientNormClipping, LRScheduler

from benchmarks.study import Fit, Study
from skweak.datasets import load_fashion_mnist, load_multilabel, load_partial_multilabel
from skweak.distill import (
    DHKDClassifier,
    DISTClassifier,
    DKDClassifier,
    FitNetClassifier,
    KDClassifier,
    L2DClassifier,
    LogitMSEClassifier,
    RKDClassifier,
)
from skweak.metrics import mean_average_precision, overall_f1, per_class_f1
from skweak.multilabel import MultiLabelClassifier
from skweak.nn import MLP, LabelwiseNetwork
from skweak.noisy import CrossEntropyClassifier

_PLAIN = {"gradient_alignment": False}
# The same network, epochs, batch size, decay and largest gradient for every student, the learning rate of each method's
# default; "one head" gives both losses to the classifier's own head.
STUDENTS = {
    "KD": KDClassifier,
    "DKD": DKDClassifier,
    "DIST": DISTClassifier,
    "RKD": RKDClassifier,
    "FitNet": FitNetClassifier,
    "logit MSE": LogitMSEClassifier,
    "BinaryKLNorm, one head": partial(DHKDClassifier, aux_head="shared", cross_entropy_weight=0.0, **_PLAIN),
    "CE + BinaryKLNorm, one head": partial(DHKDClassifier, aux_head="shared", **_PLAIN),
    "CE + BinaryKL, one head": partial(DHKDClassifier, aux_head="shared", distill_loss="binary_kl", **_PLAIN),
    "DHKD linear": partial(DHKDClassifier, aux_head="linear", **_PLAIN),
    "DHKD linear, aligned": partial(DHKDClassifier, aux_head="linear"),
    "DHKD mlp": partial(DHKDClassifier, **_PLAIN),
    "DHKD mlp, aligned": DHKDClassifier,
    "DHKD mlp, aligned in the backbone": partial(DHKDClassifier, alignment_scope="backbone"),
}

# Left out where they would take most of the time: the angles of triples, and further baselines on ten thousand rows.
_LEFT_OUT = {name: {"RKD": None} for name in ("digits_h8_200", "digits_h8_all", "digits_h16_all")}
_LEFT_OUT["fashion_mnist"] = dict.fromkeys(("DIST", "RKD", "FitNet", "logit MSE"))

# Every student of a seed has the same teacher, which is trained once per process.
_KEPT_SEEDS = 16


@lru_cache(_KEPT_SEEDS)
def _digits(seed):
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, train_size=898, stratify=y, random_state=seed)
    return CrossEntropyClassifier(module__hidden=(256,), random_state=seed).fit(X, y), X, y, X_test, y_test


def digits(seed, n_labeled=None):
    """Digits, half for training; the teacher has all of its labels, the student the first ``n_labeled``."""
    teacher, X, y, X_test, y_test = _digits(seed)
    rows = np.random.RandomState(seed).permutation(len(y))[:n_labeled]
    return teacher, X[rows], y[rows], X_test, y_test


@lru_cache(_KEPT_SEEDS)
def fashion_mnist(seed, n_rows=10_000):
    """Pixels of ``n_rows`` images of Fashion-MNIST, drawn by ``seed``, for perceptrons, and the whole test set."""
    train, test = load_fashion_mnist("train"), load_fashion_mnist("test")
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, X_test = (images.reshape(len(images), -1) / np.float32(255) for images in (train.data[rows], test.data))
    y = train.target[rows]
    teacher = CrossEntropyClassifier(module__hidden=(256,), max_epochs=20, callbacks=[_decay(20)], random_state=seed)
    return teacher.fit(X, y), X, y, X_test, test.target


def _decay(max_epochs):
    return LRScheduler("CosineAnnealingLR", T_max=max_epochs)


def _training_seconds(classifier):
    return sum(row["dur"] for row in classifier.history_)


def _teach(data, make, seed, **settings):
    teacher, X, y, X_test, y_test = data(seed)
    if make is None:
        return {"accuracy": teacher.score(X_test, y_test), "seconds": _training_seconds(teacher)}
    # Without a bound, single steps of a huge gradient break the students with few units.
    callbacks = [GradientNormClipping(10.0), *settings.get("callbacks", [])]
    student = make(random_state=seed, **settings | {"callbacks": callbacks})
    if not isinstance(student, CrossEntropyClassifier):
        student.set_params(teacher=teacher)
    student.fit(X, y)
    return {"accuracy": student.score(X_test, y_test), "seconds": _training_seconds(student)}


_ALONE = {"logit_weight": 0.0, "class_embedding_weight": 0.0, "instance_embedding_weight": 0.0}
_MLD = _ALONE | {"logit_weight": 100.0}
# Settings of one method, of which the best on validation rows is taken.
LABEL_STUDENTS = {
    "no distillation": [_ALONE],
    "MLD": [_MLD | {"logit_weight": weight} for weight in (10.0, 100.0)],
    "RKD": [_ALONE | {"feature_loss": "rkd", "feature_weight": weight} for weight in (10.0, 100.0)],
    "PKT": [_ALONE | {"feature_loss": "pkt", "feature_weight": weight} for weight in (1e3, 1e4)],
    "L2D": [
        {"logit_weight": logits, "class_embedding_weight": weight, "instance_embedding_weight": weight}
        for logits in (10.0, 100.0)
        for weight in (0.1, 1.0)
    ],
    "L2D, weights of the paper": [L2DClassifier.paper_weights],
}
_TEACHER = partial(LabelwiseNetwork, backbone=partial(MLP, hidden=(256,)), embedding_dim=16)
_STUDENT = {"module__hidden": (8,), "embedding_dim": 8, "n_tokens": 4, "max_epochs": 20, "lr": 0.005}


class Lesson(NamedTuple):
    """A split, and a function that returns the teacher of its training rows."""

    X: np.ndarray
    y: np.ndarray
    clean: None
    X_test: np.ndarray
    y_test: np.ndarray
    teacher: Any


@lru_cache(_KEPT_SEEDS)
def labels(seed, name, n_rows=1000):
    """At most ``n_rows`` rows of a multi-label set, a third of all kept for testing, features standardised.

    Of sets with candidate labels the true ones are taken.
    """
    load = load_partial_multilabel if name == "mirflickr" else partial(load_multilabel, subset="all")
    bunch = load(name)
    Y = bunch.clean_target if name == "mirflickr" else bunch.target
    X, X_test, Y, Y_test = train_test_split(bunch.data, Y, test_size=1 / 3, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = (scaler.transform(rows).astype(np.float32) for rows in (X, X_test))
    Y, Y_test = np.asarray(Y, dtype=int)[:n_rows], np.asarray(Y_test, dtype=int)
    return Lesson(X[:n_rows], Y, None, X_test, Y_test, partial(_label_teacher, seed, name))


_label_teacher_of = partial(
    MultiLabelClassifier, _TEACHER, optimizer=torch.optim.Adam, lr=0.001, max_epochs=15
)  # fmt: skip


@lru_cache(2 * _KEPT_SEEDS)
def _label_teacher(seed, name, validated=False):
    """Return a teacher of all training rows, or of those that are not for validation."""
    lesson = labels(seed, name)
    X, _, Y, _ = _split(lesson, seed) if validated else (lesson.X, None, lesson.y, None)
    return _label_teacher_of(random_state=seed).fit(X, Y)


def _split(lesson, seed):
    return train_test_split(lesson.X, lesson.y, test_size=0.25, random_state=seed)


def _hold_out(lesson, seed):
    """The validation students have a teacher that never saw the validation rows."""
    X, X_valid, Y, Y_valid = _split(lesson, seed)
    return Lesson(X, Y, None, X_valid, Y_valid, partial(lesson.teacher, validated=True))


def _prepare_labels(make, lesson, seed, **settings):
    estimator = make(random_state=seed, **settings)
    if isinstance(estimator, L2DClassifier):
        estimator.set_params(teacher=lesson.teacher())
    return Fit(estimator, lesson.X, lesson.y)


def _label_metrics(classifier, lesson):
    Y, proba = lesson.y_test, classifier.predict_proba(lesson.X_test)
    result = {
        "mAP": mean_average_precision(Y, proba),
        "OF1": overall_f1(Y, proba),
        "CF1": per_class_f1(Y, proba),
        "OF1_top3": overall_f1(Y, proba, top_k=3),
        "seconds": _training_seconds(classifier),
    }
    if isinstance(classifier, L2DClassifier):
        result |= {"logit_weight": classifier.logit_weight, "embedding_weight": classifier.class_embedding_weight}
    return result


# As many steps for 200 rows as for 898.
_SMALL = {
    f"digits_h{units}_{n_labeled or 'all'}": (n_labeled, units, max_epochs)
    for n_labeled, max_epochs in ((200, 220), (None, 60))
    for units in (8, 16)
}


def _student(units, max_epochs):
    return {"module__hidden": (units,), "max_epochs": max_epochs, "callbacks": [_decay(max_epochs)]}


STUDIES = (
    Study(
        "distill",
        data={name: partial(digits, n_labeled=n_labeled) for name, (n_labeled, *_) in _SMALL.items()}
        | {"fashion_mnist": fashion_mnist},
        methods={"teacher": None, "CE": CrossEntropyClassifier} | STUDENTS,
        settings={name: _student(*student) for name, (_, *student) in _SMALL.items()}
        | {"fashion_mnist": _student(16, 20)},
        changes=_LEFT_OUT,
        measure=_teach,
        quick=("digits_h8_all", "digits_h16_200"),
    ),
    Study(
        "distill",
        data={name: partial(labels, name=name) for name in ("emotions", "scene", "yeast", "mirflickr")},
        methods={"teacher": _label_teacher_of} | dict.fromkeys(LABEL_STUDENTS, partial(L2DClassifier, **_STUDENT)),
        grids=LABEL_STUDENTS,
        hold_out=_hold_out,
        prepare=_prepare_labels,
        metrics=_label_metrics,
        clock=None,
        quick=("emotions",),
    ),
)
