"""The tables of the panel: small real ones of all sorts, their labels made wrong in six ways, features in three units.

A name such as ``digits@sym40`` is the table and its labels, ``digits@sym40,raw`` its features besides. Rows are drawn
by the seed, at most `TRAIN` and `TEST` of them.
"""

from functools import cache, partial

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import datasets as bundled
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from benchmarks.embeddings import embed
from benchmarks.study import Split
from skweak import datasets

TRAIN, TEST = 1000, 1500
LABELS = {
    "clean": "symmetric:0",
    "sym10": "symmetric_exclusive:0.1",
    "sym20": "symmetric_exclusive:0.2",
    "sym40": "symmetric_exclusive:0.4",
    "pair30": "pairflip:0.3",
    "inst30": "instance:0.3",
}
SCALERS = {"standardised": StandardScaler, "minmax": MinMaxScaler, "raw": None}
# A class must be in the training rows and be tested, with wrong labels and after subsampling.
_LEAST = 10


def candidates(name):
    bunch = datasets.load_partial_label(name)
    return bunch.data, bunch.clean_target


@cache
def crowd(name):
    parts = [datasets.load_crowd(name, subset=subset) for subset in ("train", "test")]
    y = np.concatenate([part.clean_target for part in parts])
    return np.concatenate([part.data for part in parts])[y >= 0], y[y >= 0]


def youtube():
    parts = [datasets.load_youtube_spam(subset) for subset in ("train", "valid", "test")]
    return np.concatenate([part.data for part in parts]), np.concatenate([part.clean_target for part in parts])


def one_label(name):
    """Return the rows of a multi-label set that have exactly one label."""
    bunch = datasets.load_multilabel(name, subset="all")
    Y = np.asarray(bunch.target)
    single = Y.sum(axis=1) == 1
    return bunch.data[single], Y[single].argmax(axis=1)


def reduced(images, y):
    """Return the fifty largest principal components; they look at no label."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    return PCA(50, random_state=0).fit_transform(flat), y


@cache
def fashion():
    bunch = datasets.load_fashion_mnist(max_rows=6000)
    return reduced(bunch.data, bunch.target)


@cache
def cifar10():
    bunch = datasets.load_cifar10n("worst", max_rows=6000)
    return (*reduced(bunch.data, bunch.clean_target), bunch.target)


def texts(name):
    """Return texts as they are; `split` counts their words on the training rows."""
    if name == "youtube":
        parts = [datasets.load_youtube_spam(subset) for subset in ("train", "valid", "test")]
    else:
        parts = [datasets.load_crowd("sentence_polarity", subset=subset) for subset in ("train", "test")]
    y = np.concatenate([part.clean_target for part in parts])
    return np.concatenate([part.text for part in parts])[y >= 0], y[y >= 0]


def sentences(name):
    """Return texts as the sentence embeddings of a pretrained encoder; it looks at no label."""
    found, y = texts(name)
    return embed(found), y


def customers(n=2500):
    """Return a made-up table of customers: amounts in different units, categories, and gaps."""
    random = np.random.RandomState(0)
    age, months = random.uniform(18, 80, n), random.exponential(30, n)
    bill = random.lognormal(3.5, 0.6, n)
    plan = random.choice(["basic", "family", "flat", "trial"], n, p=[0.4, 0.25, 0.25, 0.1])
    region = random.choice([f"region {i}" for i in range(12)], n)
    paid = random.choice(["card", "bill", "debit"], n)
    risk = 1.5 * (plan == "trial") - 0.03 * months + 0.02 * (bill - 30) * (plan == "flat") + 0.8 * (paid == "bill")
    risk += 0.5 * np.sin(age / 10) + 0.3 * random.randn(n)
    frame = pd.DataFrame(
        {"age": age, "months": months, "bill_cents": 100 * bill, "plan": plan, "region": region, "paid": paid}
    )
    frame = frame.mask(random.rand(*frame.shape) < 0.08)
    return frame, (risk > np.quantile(risk, 0.65)).astype(int)


def imbalanced(load, ratio, minority):
    """Return two classes, one row of class ``minority`` for each ``ratio`` of the others."""
    X, y = load()
    y = (y == minority).astype(int)
    n_rare = min(int(y.sum()), int((y == 0).sum() // ratio))
    order = np.random.RandomState(0).permutation(len(y))
    rows = np.sort(np.r_[order[y[order] == 0][: ratio * n_rare], order[y[order] == 1][:n_rare]])
    return X[rows], y[rows]


def _bundled(name):
    return getattr(bundled, f"load_{name}")(return_X_y=True)


_TABLES = {name: partial(_bundled, name) for name in ("iris", "wine", "breast_cancer", "digits")}
_TABLES |= {name: partial(candidates, name) for name in ("lost", "msrcv2")}
_TABLES |= {"labelme": partial(crowd, "labelme"), "polarity": partial(crowd, "sentence_polarity"), "youtube": youtube}
_TABLES |= {name: partial(one_label, name) for name in ("scene", "birds", "emotions")}  # of yeast one class is left
_TABLES |= {"fashion_pca": fashion, "cifar10_pca": lambda: cifar10()[:2]}
# Which class is the rare one: malignant, negative, the eight, the shirt.
_RARE = {"breast_cancer": 0, "polarity": 0, "digits": 8, "fashion_pca": 6}
IMBALANCED = {
    f"{name}_{ratio}to1": partial(imbalanced, _TABLES[name], ratio, minority)
    for ratio in (9, 30)
    for name, minority in _RARE.items()
}
TEXTS = {f"{name}_tfidf": partial(texts, name) for name in ("youtube", "polarity")}
SENTENCES = {f"{name}_sentences": partial(sentences, name) for name in ("youtube", "polarity")}
TABLES = _TABLES | IMBALANCED | TEXTS | SENTENCES | {"customers": customers}
# Where the features are also given as they are and between 0 and 1.
UNITS = ("iris", "wine", "breast_cancer", "digits", "customers")


def names():
    """Return table, labels and features of every data set of the panel, by its name."""
    found = {}
    for table in TABLES:
        kinds = ("clean", "sym20", "sym40") if table in IMBALANCED else LABELS
        kinds = ("clean", "human40") if table == "cifar10_pca" else kinds
        found |= {f"{table}@{labels}": (table, labels, "standardised") for labels in kinds}
    for table in UNITS:
        for labels in ("clean", "sym40"):
            for features in ("raw", "minmax"):
                found[f"{table}@{labels},{features}"] = (table, labels, features)
    # Embeddings are mostly taken as the encoder gives them, rows of length 1; nobody stretches their columns to [0, 1].
    for table in SENTENCES:
        for labels in ("clean", "sym20", "sym40"):
            found[f"{table}@{labels},raw"] = (table, labels, "raw")
    return found


@cache
def table(name):
    """Return rows and true labels of a table, without the classes of a handful of rows."""
    X, y = TABLES[name]()
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts[codes] >= _LEAST)
    X = X.iloc[kept].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[kept]
    return X, np.unique(codes[kept], return_inverse=True)[1]


def split(seed, name, labels="clean", features="standardised"):
    """Return training rows with labels as asked for, and test rows with true ones."""
    X, y = table(name)
    rows = np.arange(len(y))
    n_test = min(TEST, int(0.4 * len(y)))
    train, test = train_test_split(rows, test_size=n_test, stratify=y, random_state=seed)
    if len(train) > TRAIN:
        train = train_test_split(train, train_size=TRAIN, stratify=y[train], random_state=seed)[0]
    step = in_front(X, features)
    take = X.iloc.__getitem__ if isinstance(X, pd.DataFrame) else X.__getitem__
    X_train, X_test = take(train), take(test)
    if step is not None:
        X_train, X_test = step.fit_transform(X_train), step.transform(X_test)
    clean = y[train]
    if labels == "human40":
        given = cifar10()[2][train]
    else:
        # The noise sees the same features whatever their units.
        seen = X_train if sparse.issparse(X_train) else StandardScaler().fit_transform(X_train)
        seen = seen.toarray() if sparse.issparse(seen) else seen
        given = datasets.make_noisy_labels(clean, LABELS[labels], seen, random_state=seed)[0]
    return Split(X_train, given, clean, X_test, y[test])


def in_front(X, features):
    """Return what makes numbers of the rows, None where they are numbers in the units asked for."""
    scale = [] if SCALERS[features] is None else [SCALERS[features]()]
    if isinstance(X, pd.DataFrame):
        numbers, others = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
        filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
        columns = make_column_transformer((SimpleImputer(), numbers), (filled, others), sparse_threshold=0)
        return make_pipeline(columns, *scale)
    if X.dtype.kind in "US":
        return TfidfVectorizer(min_df=2, sublinear_tf=True, dtype=np.float32)
    return make_pipeline(*scale) if scale else None
