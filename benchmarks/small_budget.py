"""The study of the first labels: from none to twenty of a class, on digits and two tables."""

import time
from functools import partial

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.study import Study
from skweak import active

# One label of a class in each round; the accuracy is read after these.
ROUNDS = (1, 5, 20)


class FirstRandom:
    """Chance until two classes are known, then a strategy that needs a classifier."""

    _cold_start = True

    def __init__(self, strategy):
        self.strategy = strategy
        self.first = active.RandomSampling()

    def __call__(self, learner, X_pool, n_instances=1):
        """Choose rows."""
        known = learner.y_training is not None and len(np.unique(learner.y_training)) > 1
        return (self.strategy if known else self.first)(learner, X_pool, n_instances)


METHODS = {
    "random": active.RandomSampling,
    "herding": active.Herding,
    "herding, uncertain": partial(active.Herding, uncertainty="margin"),
    "ProbCover": partial(active.Herding, kernel="tophat"),
    "facility location": partial(active.Herding, kernel="cosine"),
    "TypiClust": active.TypiClust,
    "McPAL": active.McPAL,
    "core-set": active.KCenterGreedy,
    "margin": active.MarginSampling,
    "power sampling": active.PowerSampling,
    "class-balanced": active.ClassBalanced,
    "BADGE": active.BADGE,
    "BAIT": active.BAIT,
    "CLUE": active.CLUE,
    "cluster margin": active.ClusterMargin,
    "FALCUN": active.Falcun,
    "DropQuery": active.DropQuery,
    "QUIRE": active.QUIRE,
}
TABLES = {"digits_cold": load_digits, "wine_cold": load_wine, "breast_cancer_cold": load_breast_cancer}


def _accuracy(learner, X, y):
    try:
        return learner.score(X, y)
    except NotFittedError:
        # A single class so far, or none.
        return 0.0 if learner.y_training is None else float((y == learner.y_training[0]).mean())


def _run(load, method, seed):
    X, y = load(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    n_classes, strategy = len(np.unique(y)), method()
    strategy = strategy if strategy._cold_start is True else FirstRandom(strategy)
    for part in (strategy, getattr(strategy, "strategy", None), getattr(strategy, "first", None)):
        if "random_state" in getattr(part, "get_params", dict)():
            part.set_params(random_state=seed)
    # Digits share one scale; a table's columns do not.
    steps = [] if load is load_digits else [StandardScaler()]
    model = make_pipeline(*steps, LogisticRegression(max_iter=1000, C=1.0 if steps else 0.01))
    start = time.process_time()
    learner = active.ActiveLearner(model, strategy)
    history = active.run_loop(
        learner, X, y, max(ROUNDS), n_classes, verbose=0,
        scorers={"accuracy": lambda learner: _accuracy(learner, X_test, y_test)},
    )  # fmt: skip
    accuracy = [record["accuracy"] for record in history]
    return {
        "accuracy": accuracy[-1],
        **{f"accuracy_{k}": accuracy[k] for k in ROUNDS},
        "mean_accuracy": np.mean(accuracy[1:]),
        "seconds": time.process_time() - start,
    }


STUDY = Study("active", data=TABLES, methods=METHODS, measure=_run, quick=("wine_cold",))
