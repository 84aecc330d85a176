"""The tables of the study of audits: what is in them is known, and some of their labels are made wrong."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn import datasets as bundled
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skweak import datasets


def customers_csv(seed, share=0.08, n=3000):
    """Return a made-up table of customers as a CSV has it, its given and its true labels.

    Amounts in different units, gaps, categories, a column of whole numbers that are codes, and one of dates. Three
    classes of 50, 30 and 20 %; ``share`` of the labels, drawn at random, are one of the two others.
    """
    random = np.random.RandomState(seed)
    truth = random.choice(3, n, p=[0.5, 0.3, 0.2])
    age = random.normal(np.array([58, 42, 30])[truth], 9)
    months = random.gamma(3, np.array([20, 9, 3])[truth])
    bill = random.lognormal(np.array([3.2, 4.2, 3.4])[truth], 0.4)
    plan = _by_class(random, truth, ["basic", "family", "flat", "trial"], [[4, 4, 1, 1], [1, 4, 4, 1], [1, 1, 4, 4]])
    paid = _by_class(random, truth, ["debit", "card", "bill"], [[6, 3, 1], [3, 4, 3], [1, 3, 6]])
    code = _by_class(random, truth, [101, 204, 307], [[7, 2, 1], [2, 6, 2], [3, 3, 4]])
    region = random.choice([f"region {i}" for i in range(12)], n)
    truth = np.array(["stays", "unsure", "leaves"])[truth]
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.randint(0, 1500, n), unit="D")
    frame = pd.DataFrame({"age": age.round(1), "months": months.round(), "bill_cents": (100 * bill).round(),
                          "plan": plan, "region": region, "paid": paid, "code": code})  # fmt: skip
    frame = frame.mask(random.rand(*frame.shape) < 0.05).assign(since=day.strftime("%Y-%m-%d"))
    return frame, flip(truth, share, random), truth


def _by_class(random, classes, values, weights):
    """Draw one of the values for each row, by the weights of its class."""
    limits = np.cumsum(weights, axis=1) / np.sum(weights, axis=1, keepdims=True)
    return np.array(values)[(random.rand(len(classes), 1) > limits[classes]).sum(axis=1)]


def flip(y, share, random):
    """Return the labels with this share of them, drawn at random, changed to another class, all others alike."""
    classes, codes = np.unique(y, return_inverse=True)
    rows = random.choice(len(y), round(share * len(y)), replace=False)
    codes[rows] = (codes[rows] + random.randint(1, len(classes), len(rows))) % len(classes)
    return classes[codes]


def made_up(seed, share, **settings):
    """Return rows of `make_classification`, given and true labels."""
    settings = {"n_samples": 3000, "flip_y": 0} | settings
    X, y = bundled.make_classification(random_state=seed, **settings)
    return X, flip(y, share, np.random.RandomState(seed)), y


def real(seed, share, name):
    """Return a table that comes with scikit-learn, given and true labels."""
    X, y = getattr(bundled, f"load_{name}")(return_X_y=True)
    return X, flip(y, share, np.random.RandomState(seed)), y


OVERLAPPING = {"n_features": 20, "n_informative": 8, "n_classes": 3, "class_sep": 0.9}
COVERTYPE_LIKE = {
    "n_features": 30, "n_informative": 12, "n_classes": 7, "class_sep": 1.5,
    "weights": [0.37, 0.48, 0.06, 0.01, 0.02, 0.03, 0.03],
}  # fmt: skip
RARE = {"n_features": 15, "n_informative": 8, "weights": [0.9, 0.1], "class_sep": 1.2}
TABLES = {
    "customers": customers_csv,
    "overlapping": lambda seed, share: made_up(seed, share, **OVERLAPPING),
    "covertype_like": lambda seed, share: made_up(seed, share, **COVERTYPE_LIKE),
    "nine_to_one": lambda seed, share: made_up(seed, share, **RARE),
    "digits": lambda seed, share: real(seed, share, "digits"),
    "breast_cancer": lambda seed, share: real(seed, share, "breast_cancer"),
}


@cache
def _cifar10n(labels, n_rows):
    bunch = datasets.load_cifar10n(labels, max_rows=n_rows)
    flat = bunch.data.reshape(len(bunch.data), -1).astype(np.float32) / 255
    return StandardScaler().fit_transform(PCA(50, random_state=0).fit_transform(flat)), bunch


def cifar10n(seed, labels, n_rows=6000):
    """Return half of the first rows of CIFAR-10N in 50 principal components, drawn by the seed; human labels."""
    X, bunch = _cifar10n(labels, n_rows)
    rows = np.random.RandomState(seed).permutation(len(X))[: n_rows // 2]
    return X[rows], np.asarray(bunch.target)[rows], np.asarray(bunch.clean_target)[rows]
