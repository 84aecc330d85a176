"""Studies of the multi-label family where labels are flipped, candidates only, or positives only."""

from functools import partial

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.data import multilabel
from benchmarks.multilabel import TRAINING, metrics
from benchmarks.study import Fit, Split, Study
from skweak.datasets import load_partial_multilabel, make_multilabel_noise, make_positive_only
from skweak.multilabel import CCMNClassifier, CDCRClassifier, MultiLabelClassifier, PUMLClassifier

# Settled on seeds from 100 on: flipped labels are remembered early, the other sets need longer training.
SHORT = TRAINING | {"lr": 0.0003, "max_epochs": 30, "batch_size": 128}
LONG = TRAINING | {"max_epochs": 40, "batch_size": 128}


def flipped(seed, name, rate):
    """Flip every entry with the same probability."""
    X, Y, X_test, Y_test = multilabel(name, seed)
    noisy = make_multilabel_noise(Y, false_negative_rate=rate, false_positive_rate=rate, random_state=seed)
    return Split(X, noisy, Y, X_test, Y_test)


def positives(seed, name, rate):
    """Keep each positive with probability ``rate``; everything else is unknown."""
    X, Y, X_test, Y_test = multilabel(name, seed)
    return Split(X, make_positive_only(Y, rate=rate, random_state=seed), Y, X_test, Y_test)


def candidates(seed, name):
    """Real candidate sets, a third kept for testing; rows without candidates left out, 100 components of sparse X."""
    bunch = load_partial_multilabel(name)
    rows = bunch.target.any(1)
    X, given, Y = bunch.data[rows], bunch.target[rows].astype(int), bunch.clean_target[rows].astype(int)
    X, X_test, given, _, Y, Y_test = train_test_split(X, given, Y, test_size=1 / 3, random_state=seed)
    if name == "yeast_bp":
        components = TruncatedSVD(100, random_state=seed).fit(X.log1p())
        X, X_test = components.transform(X.log1p()), components.transform(X_test.log1p())
    scaler = StandardScaler().fit(X)
    return Split(scaler.transform(X), given, Y, scaler.transform(X_test), Y_test)


def true_rates(given, Y):
    """Return how often labels are really missed and added, which nobody knows in earnest."""
    missed = (Y * (1 - given)).sum(0) / np.maximum(Y.sum(0), 1)
    return {"false_negative_rate": missed, "false_positive_rate": ((1 - Y) * given).mean(0) / (1 - Y).mean(0)}


def plain(given, Y):
    """Return the labels as given, unknown ones as absent."""
    return MultiLabelClassifier, np.maximum(given, 0), {}


def clean(given, Y):
    """Return the true labels."""
    return MultiLabelClassifier, Y, {}


def told(given, Y, loss="binary"):
    """Correct by the true rates."""
    return partial(CCMNClassifier, loss=loss), given, true_rates(given, Y)


def guessed(given, Y, loss="binary", **rates):
    """Correct by estimated rates."""
    return partial(CCMNClassifier, loss=loss, warmup_epochs=5), given, rates


def disambiguated(given, Y, selection="difficulty"):
    """Believe the credible candidates."""
    return partial(CDCRClassifier, selection=selection, warmup_epochs=20), given, {}


def unlabeled(given, Y, told=False):
    """Believe the positives, perhaps with the true prior for the decisions."""
    return PUMLClassifier, given, {"class_prior": Y.mean(0)} if told else {}


FLIPPED = {
    "BCE": plain,
    "CCMN binary, true rates": told,
    "CCMN binary, estimated rates": guessed,
    "CCMN ranking, true rates": partial(told, loss="ranking"),
    "CCMN ranking, estimated rates": partial(guessed, loss="ranking"),
    "BCE, true labels": clean,
}
CANDIDATES = {
    "BCE on candidates": plain,
    "CCMN, true rates": told,
    "CCMN, estimated rates": partial(guessed, false_negative_rate=0.0),
    "CDCR, fixed threshold": partial(disambiguated, selection="fixed"),
    "CDCR": disambiguated,
    "BCE, true labels": clean,
}
POSITIVES = {
    "BCE, unknown as absent": plain,
    "PU-MLC": unlabeled,
    "PU-MLC, true prior": partial(unlabeled, told=True),
    "BCE, true labels": clean,
}


def prepare(method, split, seed, **settings):
    """Ask the method for its estimator, the labels it gets and what it is told."""
    make, given, facts = method(split.y, split.clean)
    return Fit(make(random_state=seed, **settings, **facts), split.X, given)


def with_decisions(estimator, split):
    """Return the metrics of the family and the share of wrong decisions."""
    wrong = float((estimator.predict(split.X_test) != split.y_test).mean())
    return metrics(estimator, split) | {"hamming_loss": wrong}


def study(data, methods, settings, quick):
    """Return one table, whose data sets have the same methods and settings."""
    settings = dict.fromkeys(data, settings)
    return Study(
        "multilabel", data, methods, (quick,), settings=settings, prepare=prepare, metrics=with_decisions
    )


STUDIES = (
    study(
        {
            f"{name}_flipped{100 * rate:.0f}": partial(flipped, name=name, rate=rate)
            for name in ("emotions", "scene", "yeast", "mirflickr")
            for rate in (0.2, 0.4)
        },
        FLIPPED, SHORT, "emotions_flipped40",
    ),
    study(
        {f"{name}_candidates": partial(candidates, name=name) for name in ("mirflickr", "yeast_bp")},
        CANDIDATES, LONG, "mirflickr_candidates",
    ),
    study(
        {f"{name}_positives30": partial(positives, name=name, rate=0.3) for name in ("scene", "yeast")},
        POSITIVES, LONG, "scene_positives30",
    ),
)  # fmt: skip
