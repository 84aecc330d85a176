"""Studies of the family of few labels: images, tables and long tails.

The settings were chosen on seeds from 100 on. "labeled rows" is FixMatch with weight 0 of the unlabeled rows: the same
network, steps, views and average, and nothing from rows without a label.
"""

from functools import partial

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from benchmarks.study import Split, Study
from skweak import datasets
from skweak.augment import strong_image_views
from skweak.nn import SmallCNN
from skweak.semi import (
    FixMatchClassifier,
    FlexMatchClassifier,
    MeanTeacherClassifier,
    PseudoLabelClassifier,
    ShrinkMatchClassifier,
)

LABELS = (4, 10, 25)
SHARES = (5, 20)
_TABLES = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits}


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
    """A table that comes with scikit-learn, standardised, 70 % for training, a share of each class with a label."""
    X, y = _TABLES[name](return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    given = datasets.make_unlabeled(y, fraction=percent / 100, per_class=True, random_state=seed)
    return Split(scaler.transform(X), given, y, scaler.transform(X_test), y_test)


def flat(X):
    """Return images as rows of numbers of about unit size."""
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
    "module": SmallCNN, "module__widths": (16, 32), "max_epochs": 20, "augment": strong_image_views(8, flip=False),
}  # fmt: skip
_IMAGES = {"module": SmallCNN, "module__widths": (16, 32, 64), "max_epochs": 12}


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
)  # fmt: skip
