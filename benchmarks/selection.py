"""The study of choosing a configuration by dirty labels: how often each scorer picks the one that is best in truth.

Nine configurations are cross-validated on wrong labels; each scorer names one. ``hit`` is 1 where it is the best on
clean test rows when fitted on all rows, ``regret`` the accuracy lost by what it chose.
"""

from functools import cache, partial

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_validate, train_test_split

from benchmarks.label_issues import patch_features
from benchmarks.study import Study
from skweak import datasets
from skweak.metrics import (
    determinant_scorer,
    estimate_transition_matrix,
    neighbor_agreement_scorer,
    noise_corrected_scorer,
    peer_accuracy_scorer,
)
from skweak.model_selection import TrustedKFold
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier, ELRClassifier, ForwardCorrectionClassifier, GCEClassifier

_SMALL = {"module": MLP, "module__hidden": (128, 128)}
CONFIGURATIONS = {
    "CE, 4 epochs": partial(CrossEntropyClassifier, **_SMALL, max_epochs=4),
    "CE, 12 epochs": partial(CrossEntropyClassifier, **_SMALL, max_epochs=12),
    "CE, 40 epochs": partial(CrossEntropyClassifier, **_SMALL, max_epochs=40),
    "GCE 0.3": partial(GCEClassifier, **_SMALL, max_epochs=40, q=0.3),
    "GCE 0.7": partial(GCEClassifier, **_SMALL, max_epochs=40, q=0.7),
    "ELR 1": partial(ELRClassifier, **_SMALL, max_epochs=40, penalty=1.0),
    "ELR 3": partial(ELRClassifier, **_SMALL, max_epochs=40, penalty=3.0),
    "ELR 7": partial(ELRClassifier, **_SMALL, max_epochs=40, penalty=7.0),
    "Forward": partial(ForwardCorrectionClassifier, **_SMALL, max_epochs=40),
}
SCORERS = (
    "given labels, accuracy", "given labels, log-loss", "corrected accuracy, true matrix",
    "corrected accuracy, estimated matrix", "corrected log-loss, estimated matrix", "peer accuracy", "determinant",
    "neighbor agreement", "TrustedKFold, 5 % verified", "TrustedKFold, 20 % verified", "clean labels (not available)",
)  # fmt: skip
# Every row whose ``hit`` is compared was run on seeds from 0 on; configurations were fixed on seed 100.


def digits(noise, seed):
    """Digits with synthetic noise."""
    X, clean = load_digits(return_X_y=True)
    X, X_test, clean, y_test = train_test_split(X / 16, clean, test_size=0.4, stratify=clean, random_state=seed)
    y, _, matrix = datasets.make_noisy_labels(clean, noise, random_state=seed)
    return X, y, clean, X_test, y_test, matrix


def cifar10n(seed, n_rows=2500):
    """Features of images with human labels."""
    train = datasets.load_cifar10n("worst")
    rows = np.random.RandomState(seed).permutation(len(train.target))[: 2 * n_rows]
    X, y, clean = patch_features(train.data[rows], seed), train.target[rows], train.clean_target[rows]
    matrix = np.array([np.bincount(y[clean == c], minlength=10) / (clean == c).sum() for c in range(10)])
    return X[:n_rows], y[:n_rows], clean[:n_rows], X[n_rows:], clean[n_rows:], matrix


SETS = {
    "digits_pairflip40": partial(digits, "pairflip:0.4"),
    "digits_sym40": partial(digits, "symmetric_exclusive:0.4"),
    "cifar10n_worst_patches": cifar10n,
}


@cache
def _chosen(name, seed):
    """Return the score of every configuration by every scorer, and its true accuracy."""
    X, y, clean, X_test, y_test, matrix = SETS[name](seed)
    judge = LogisticRegression(C=0.1, max_iter=300)
    estimated = estimate_transition_matrix(y, cross_val_predict(judge, X, y, cv=5, method="predict_proba"))
    scoring = {
        "given labels, accuracy": "accuracy",
        "given labels, log-loss": "neg_log_loss",
        "corrected accuracy, true matrix": noise_corrected_scorer(transition_matrix=matrix),
        "corrected accuracy, estimated matrix": noise_corrected_scorer(transition_matrix=estimated),
        "corrected log-loss, estimated matrix": noise_corrected_scorer(
            "log_loss", transition_matrix=estimated, correction="forward"
        ),
        "peer accuracy": peer_accuracy_scorer,
        "determinant": determinant_scorer,
        "neighbor agreement": neighbor_agreement_scorer,
    }
    random, table, truth = np.random.RandomState(seed), {name: [] for name in SCORERS}, []
    order = random.permutation(len(y))
    verified = {share: np.isin(np.arange(len(y)), order[: int(share * len(y))]) for share in (0.05, 0.2)}
    folds = list(StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y))
    for make in CONFIGURATIONS.values():
        result = cross_validate(make(random_state=seed), X, y, cv=folds, scoring=scoring, return_estimator=True)
        for name in scoring:
            table[name].append(result[f"test_{name}"].mean())
        fitted = zip(result["estimator"], folds, strict=True)
        table["clean labels (not available)"].append(np.mean([m.score(X[t], clean[t]) for m, (_, t) in fitted]))
        for share, mask in verified.items():
            # Verified rows hold the true label, as they do for whoever verified them.
            checked = np.where(mask, clean, y)
            scores = cross_validate(
                make(random_state=seed), X, checked, cv=TrustedKFold(mask, 3), scoring=make_scorer(accuracy_score)
            )
            table[f"TrustedKFold, {share:.0%} verified".replace("%", " %")].append(scores["test_score"].mean())
        truth.append(make(random_state=seed).fit(X, y).score(X_test, y_test))
    return table, truth


def _run(load, scorer, seed):
    table, truth = load(seed)
    choice = int(np.argmax(table[scorer]))
    return {
        "hit": float(truth[choice] == max(truth)),
        "regret": max(truth) - truth[choice],
        "accuracy": truth[choice],
        "rank": 1 + sum(value > truth[choice] for value in truth),
    }


STUDY = Study(
    "selection",
    data={name: partial(_chosen, name) for name in SETS},
    methods={scorer: scorer for scorer in SCORERS},
    measure=_run,
    quick=("digits_sym40",),
)
