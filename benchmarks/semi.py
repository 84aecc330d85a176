"""Studies of the family of few labels: images, tables and long tails.

The settings were chosen on seeds from 100 on. "labeled rows" is FixMatch with weight 0 of the unlabeled rows: the same
network, steps, views and average, and nothing from rows without a label.
"""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from benchmarks import panel_data
from benchmarks.study import Fit, Split, Study
from skweak import datasets
from skweak.augment import strong_image_views
from skweak.nn import SmallCNN
from skweak.noisy import CrossEntropyClassifier
from skweak.semi import (
    DDFAClassifier,
    FixMatchClassifier,
    FlexMatchClassifier,
    ImbalancedSelfTrainingClassifier,
    MeanTeacherClassifier,
    PseudoLabelClassifier,
    RepetitionEnsembleClassifier,
    ShrinkMatchClassifier,
)

LABELS = (4, 10, 25)
SHARES = (5, 20)
_TABLES = {
    "iris": partial(load_iris, return_X_y=True),
    "wine": partial(load_wine, return_X_y=True),
    "breast_cancer": partial(load_breast_cancer, return_X_y=True),
    "digits": partial(load_digits, return_X_y=True),
    "youtube_sentences": partial(panel_data.sentences, "youtube"),
}


def digits(seed, n_labeled):
    """Digits as images of 8 x 8, 70 % for training, of which ``n_labeled`` of each class have a label."""
    X, y = load_digits(return_X_y=True)
    X = np.float32(X.reshape(-1, 1, 8, 8) / 4 - 2)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    given = datasets.make_unlabeled(y, n_labeled, per_class=True, random_state=seed)
    return Split(X, given, y, X_test, y_test)


def images(seed, n_labeled, name, n_rows=2000):
    """``n_rows`` images drawn by ``seed``, of which ``n_labeled`` of each class have a label, and 1,000 test images."""
    if name == "cifar10":
        train, test = datasets.load_cifar10n("aggre"), datasets.load_cifar10_test()
        y = train.clean_target
    else:
        train, test = (datasets.load_fashion_mnist(part) for part in ("train", "test"))
        y = train.target
    rows = np.random.RandomState(seed).permutation(len(y))[:n_rows]
    given = datasets.make_unlabeled(y[rows], n_labeled, per_class=True, random_state=seed)
    return Split(train.data[rows], given, y[rows], test.data[:1000], test.target[:1000])


def table(seed, name, percent):
    """A table, or texts as embeddings, standardised, 70 % for training, a share of each class with a label."""
    X, y = _TABLES[name]()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    given = datasets.make_unlabeled(y, fraction=percent / 100, per_class=True, random_state=seed)
    return Split(scaler.transform(X), given, y, scaler.transform(X_test), y_test)


def panel_table(seed, name, percent):
    """A table of the panel, drawn and standardised as there, a share of each class with a label."""
    found = panel_data.split(seed, name)
    return found._replace(y=datasets.make_unlabeled(found.y, fraction=percent / 100, per_class=True, random_state=seed))


def flat(X):
    """Return images as rows of numbers of about unit size."""
    if sparse.issparse(X):
        return X
    return X.reshape(len(X), -1) / (255.0 if X.dtype == np.uint8 else 2.0)


def self_training(random_state):
    """scikit-learn's self-training around a logistic regression on pixels or features."""
    return make_pipeline(FunctionTransformer(flat), SelfTrainingClassifier(LogisticRegression(max_iter=300)))


def label_spreading(random_state):
    """scikit-learn's label spreading over seven neighbours."""
    return make_pipeline(FunctionTransformer(flat), LabelSpreading(kernel="knn", n_neighbors=7))


METHODS = {
    "labeled rows": partial(FixMatchClassifier, unlabeled_weight=0.0),
    "PseudoLabel": PseudoLabelClassifier,
    "MeanTeacher": MeanTeacherClassifier,
    "FixMatch": FixMatchClassifier,
    "FlexMatch": FlexMatchClassifier,
    "ShrinkMatch": ShrinkMatchClassifier,
}
CLASSICAL = {"SelfTraining": self_training, "LabelSpreading": label_spreading}

# No mirror images of digits.
_DIGITS = {
    "module": SmallCNN, "module__widths": (16, 32), "max_epochs": 40, "augment": strong_image_views(8, flip=False),
}  # fmt: skip
_IMAGES = {"module": SmallCNN, "module__widths": (16, 32, 64), "max_epochs": 12}


def long_tail(seed, name, imbalance=50, n_rows=6000):
    """Pixels with a long tail of labeled classes; the rows that make it are thinned out, the others stay unlabeled."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X, X_test, y, y_test = train_test_split(np.float32(X / 16), y, test_size=0.3, stratify=y, random_state=seed)
    else:
        train, test = (datasets.load_fashion_mnist(part) for part in ("train", "test"))
        rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
        X, X_test = (np.float32(part.reshape(len(part), -1)) / 255 for part in (train.data[rows], test.data[:2000]))
        y, y_test = train.target[rows], test.target[:2000]
    # The classes in a random order, so that the tail is not always the same ones.
    order = np.random.RandomState(seed).permutation(10)
    kept = datasets.make_long_tailed(order[y], imbalance=imbalance, random_state=seed)
    labeled = kept[:: 1 if name == "digits" else 3]
    given = np.full(len(y), -1)
    given[labeled] = y[labeled]
    missing = np.setdiff1d(np.arange(10), y[labeled])
    given[[kept[y[kept] == label][0] for label in missing]] = missing
    return Split(X, given, y, X_test, y_test)


def give_known(make, split, seed):
    """Give plain training the labeled rows only."""
    known = split.y >= 0
    estimator = make(random_state=seed)
    if isinstance(estimator, CrossEntropyClassifier):
        return Fit(estimator, split.X[known], split.y[known])
    return Fit(estimator, split.X, split.y)


def balanced(estimator, split):
    """Return the balanced and the plain accuracy on the test rows."""
    predicted = estimator.predict(split.X_test)
    return {
        "balanced_accuracy": balanced_accuracy_score(split.y_test, predicted),
        "accuracy": float((predicted == split.y_test).mean()),
    }


LONG_TAIL = {
    "plain": CrossEntropyClassifier,
    "focal": partial(CrossEntropyClassifier, loss="focal"),
    "LDAM, DRW": partial(CrossEntropyClassifier, loss="ldam", schedule="drw"),
    "cRT": partial(CrossEntropyClassifier, schedule="crt"),
    "reweighted": partial(CrossEntropyClassifier, schedule="reweight"),
    "logit adjustment": partial(CrossEntropyClassifier, loss="logit_adjusted"),
    "self-training": partial(ImbalancedSelfTrainingClassifier, augment=None),
    "self-training, plain loss": partial(ImbalancedSelfTrainingClassifier, augment=None, loss="cross_entropy"),
}


def matched_accuracy(true, found):
    """Return the share of rows in the best one-to-one matching of found classes to true ones."""
    table = confusion_matrix(true, found)
    return table[linear_sum_assignment(-table)].sum() / len(true)


def mixture(seed, n_rows=3000, n_classes=3, n_domains=5, alpha=0.5):
    """Overlapping Gaussians, one for each class, in domains whose class shares a Dirichlet distribution draws."""
    random = np.random.RandomState(seed)
    shares = random.dirichlet([alpha] * n_classes, n_domains)
    # As in the paper, which bounds the condition number by 4 at this alpha.
    while np.linalg.cond(shares) > 4:
        shares = random.dirichlet([alpha] * n_classes, n_domains)
    domains = random.randint(n_domains, size=n_rows)
    y = np.array([random.choice(n_classes, p=shares[domain]) for domain in domains])
    centres = 2.2 * np.array([[0, 0], [1, 0], [0, 1]])
    X = random.randn(n_rows, 2) * 0.5 + centres[y]
    # A feature in two heaps without meaning misleads whoever clusters the rows themselves.
    X = np.column_stack([X, random.choice([-2, 2], n_rows) + 0.1 * random.randn(n_rows)])
    return X, y, domains


def find_classes(data, method, seed):
    """Find classes in unlabeled rows of several domains."""
    X, y, domains = data(seed)
    if method == "k-means":
        return {"matched_accuracy": matched_accuracy(y, KMeans(3, n_init=10, random_state=seed).fit_predict(X))}
    ddfa = DDFAClassifier(3, random_state=seed, **method).fit(X, domains=domains)
    return {"matched_accuracy": matched_accuracy(y, ddfa.predict(X, domains))}


def stream(seed, repeats, n_steps=20, n_present=3):
    """Digits as a stream of steps with three classes each; classes come again, or each of them once."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(np.float32(X / 16), y, test_size=0.3, stratify=y, random_state=seed)
    random = np.random.RandomState(seed)
    if repeats:
        steps = [random.permutation(10)[:n_present] for _ in range(n_steps)]
    else:
        steps = np.array_split(random.permutation(10), 4)
    chosen = [np.flatnonzero(np.isin(y, present)) for present in steps]
    return [(X[rows], y[rows]) for rows in chosen], X_test, y_test


def learn_stream(data, make, seed):
    """Learn step after step; forgetting is the mean loss of accuracy of a class since its best step."""
    steps, X_test, y_test = data(seed)
    estimator, history = make(random_state=seed), []
    for X, y in steps:
        if estimator.get_params().get("warm_start"):
            estimator.fit(X, y)
        else:
            estimator.partial_fit(X, y, classes=np.arange(10))
        hit = estimator.predict(X_test) == y_test
        history.append([hit[y_test == label].mean() for label in range(10)])
    history = np.array(history)
    return {"accuracy": float(hit.mean()), "forgetting": float((history.max(axis=0) - history[-1]).mean())}


def _with(settings):
    return {name: partial(made, **settings) for name, made in METHODS.items()} | CLASSICAL


STUDIES = (
    Study(
        "semi",
        data={f"digits_{n}": partial(digits, n_labeled=n) for n in LABELS},
        methods=_with(_DIGITS),
        quick=("digits_10",),
    ),
    Study(
        "semi",
        data={f"{name}_{n}": partial(images, n_labeled=n, name=name) for name in ("fashion_mnist", "cifar10")
              for n in LABELS},
        methods=_with(_IMAGES),
        quick=(),
    ),
    Study(
        "semi",
        data={f"{name}_{percent}percent": partial(table, name=name, percent=percent) for name in _TABLES
              for percent in SHARES},
        methods=METHODS | CLASSICAL,
        quick=(),
    ),
    Study(
        "semi",
        data={f"{name}_{percent}percent": partial(panel_table, name=name, percent=percent)
              for name in panel_data.TABLES if name not in _TABLES for percent in SHARES},
        methods=METHODS | CLASSICAL,
        metrics=balanced,
        quick=(),
    ),
    Study(
        "semi",
        data={f"{name}_imbalance50": partial(long_tail, name=name) for name in ("digits", "fashion_mnist")},
        methods=LONG_TAIL,
        prepare=give_known,
        metrics=balanced,
        quick=("digits_imbalance50",),
    ),
    Study(
        "semi",
        data={"mixture_domains": mixture},
        methods={"DDFA": {}, "DDFA, 12 cells": {"n_cells": 12}, "DDFA, random starts": {"n_restarts": 10},
                 "k-means": "k-means"},
        measure=find_classes,
        quick=("mixture_domains",),
    ),
    Study(
        "semi",
        data={f"digits_stream_{name}": partial(stream, repeats=repeats)
              for name, repeats in (("repeats", True), ("once", False))},
        methods={f"{n} networks" if n > 1 else "one network, distilled": partial(
            RepetitionEnsembleClassifier, n_modules=n, max_epochs=5) for n in (1, 5, 10)}
        | {"one network, fine-tuned": partial(
            CrossEntropyClassifier, classes=range(10), warm_start=True, max_epochs=5)},
        measure=learn_stream,
        quick=("digits_stream_once",),
    ),
)  # fmt: skip
