"""Scenarios of distillation: small students with and without a teacher, of one class or several labels per row."""

import time
from functools import partial

import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.scenario import Scenario
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
from skweak.nn import MLP, LabelwiseNetwork, SmallCNN
from skweak.noisy import CrossEntropyClassifier

_PLAIN = {"gradient_alignment": False}
# The same network, epochs and batch size for every student; "one head" gives both losses to the classifier's own head.
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


def digits(seed, n_labeled=None):
    """Digits, half for training; the teacher has all of its labels, the student the first ``n_labeled``."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, train_size=898, stratify=y, random_state=seed)
    teacher = CrossEntropyClassifier(module__hidden=(256,), random_state=seed).fit(X, y)
    rows = np.random.RandomState(seed).permutation(len(y))[:n_labeled]
    return teacher, X[rows], y[rows], X_test, y_test


def fashion_mnist(seed, n_rows=10_000):
    """``n_rows`` images of Fashion-MNIST, drawn by ``seed``, a wider network as teacher, and the whole test set."""
    train, test = load_fashion_mnist("train"), load_fashion_mnist("test")
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, y = train.data[rows], train.target[rows]
    teacher = CrossEntropyClassifier(SmallCNN, module__widths=(32, 64, 128), max_epochs=20, random_state=seed)
    return teacher.fit(X, y), X, y, test.data, test.target


def _teach(data, settings, make, seed):
    start = time.perf_counter()
    teacher, X, y, X_test, y_test = data(seed)
    if make is None:
        # The data's seconds are the teacher's, but for reading a file.
        return {"accuracy": teacher.score(X_test, y_test), "seconds": time.perf_counter() - start}
    student = make(random_state=seed, **settings)
    if not isinstance(student, CrossEntropyClassifier):
        student.set_params(teacher=teacher)
    start = time.perf_counter()
    student.fit(X, y)
    return {"accuracy": student.score(X_test, y_test), "seconds": time.perf_counter() - start}


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
_TEACHER = partial(LabelwiseNetwork, backbone=partial(MLP, hidden=(256,)))
_STUDENT = {"module__hidden": (8,), "embedding_dim": 8, "n_tokens": 4, "max_epochs": 30}


def labels(seed, name):
    """A multi-label set, a third kept for testing, features standardised; of candidates the true labels."""
    load = load_partial_multilabel if name == "mirflickr" else partial(load_multilabel, subset="all")
    bunch = load(name)
    Y = bunch.clean_target if name == "mirflickr" else bunch.target
    X, X_test, Y, Y_test = train_test_split(bunch.data, Y, test_size=1 / 3, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = (scaler.transform(rows).astype(np.float32) for rows in (X, X_test))
    return X, np.asarray(Y, dtype=int), X_test, np.asarray(Y_test, dtype=int)


def _label_teacher(X, Y, seed):
    teacher = MultiLabelClassifier(_TEACHER, optimizer=torch.optim.Adam, lr=0.001, max_epochs=20, random_state=seed)
    return teacher.fit(X, Y)


def _label_metrics(classifier, X, Y):
    proba = classifier.predict_proba(X)
    return {
        "mAP": mean_average_precision(Y, proba),
        "OF1": overall_f1(Y, proba),
        "CF1": per_class_f1(Y, proba),
        "OF1_top3": overall_f1(Y, proba, top_k=3),
    }


def _teach_labels(data, settings, seed):
    X, Y, X_test, Y_test = data(seed)
    weights = {"logit_weight": 0.0, "embedding_weight": 0.0}
    start = time.perf_counter()
    if settings is None:
        teacher = _label_teacher(X, Y, seed)
        return {"seconds": time.perf_counter() - start} | weights | _label_metrics(teacher, X_test, Y_test)
    student = L2DClassifier(random_state=seed, **_STUDENT)
    best = settings[0]
    if len(settings) > 1:
        # The validation students have a teacher that never saw the validation rows.
        X_fit, X_valid, Y_fit, Y_valid = train_test_split(X, Y, test_size=0.25, random_state=seed)
        trial = clone(student).set_params(teacher=_label_teacher(X_fit, Y_fit, seed))
        quality = [
            _label_metrics(clone(trial).set_params(**setting).fit(X_fit, Y_fit), X_valid, Y_valid)["mAP"]
            for setting in settings
        ]
        best = settings[int(np.argmax(quality))]
    student.set_params(teacher=_label_teacher(X, Y, seed), **best)
    start = time.perf_counter()
    student.fit(X, Y)
    seconds = time.perf_counter() - start
    weights = {"logit_weight": best["logit_weight"], "embedding_weight": best["class_embedding_weight"]}
    return {"seconds": seconds} | weights | _label_metrics(student, X_test, Y_test)


def scenarios():
    """Return the scenarios of this family."""
    tables = {
        f"digits_h{units}_{n_labeled or 'all'}": (partial(digits, n_labeled=n_labeled), {"module__hidden": (units,)})
        for units in (8, 16)
        for n_labeled in (200, None)
    }
    small_cnn = {"module": SmallCNN, "module__widths": (4, 8, 16), "max_epochs": 20}
    tables["fashion_mnist"] = (fashion_mnist, small_cnn)
    methods = {"teacher": None, "CE": CrossEntropyClassifier} | STUDENTS
    found = [
        Scenario("distill", name, method, partial(_teach, data, settings, make))
        for name, (data, settings) in tables.items()
        for method, make in methods.items()
    ]
    return found + [
        Scenario("distill", name, method, partial(_teach_labels, partial(labels, name=name), settings))
        for name in ("emotions", "scene", "yeast", "mirflickr")
        for method, settings in ({"teacher": None} | LABEL_STUDENTS).items()
    ]
