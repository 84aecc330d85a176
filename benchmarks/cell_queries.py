"""The studies of questions that are no rows of a pool: single entries, single annotators, second looks."""

import time
from functools import partial

import numpy as np
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict, train_test_split

from benchmarks.study import Study
from skweak import active
from skweak.active.cell_base import CellStrategy
from skweak.active.oracles import CrowdOracle
from skweak.multilabel import MultiLabelClassifier

# Chances of a right answer of the simulated annotators.
_ANNOTATORS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3)


class RandomCells(CellStrategy):
    """Open cells drawn by chance."""

    def _cells(self, view, y_pool, closed, n_instances):
        cells = np.argwhere(~closed)
        picks = np.random.default_rng(view.seed(self.random_state)).choice(len(cells), n_instances, replace=False)
        return cells[picks], np.zeros(n_instances)


class RandomAnnotations(RandomCells):
    """The same of annotators."""

    query_kind = "annotations"


def topics(seed, n_rounds, n_entries):
    """Return a multi-label table, its test part, and what is bought of it."""
    X, y = make_multilabel_classification(700, 20, n_classes=6, n_labels=2, random_state=seed)
    return *train_test_split(np.log1p(X), y, test_size=300, random_state=seed), n_rounds, n_entries


def _entries(data, method, seed):
    X, X_test, y, y_test, n_rounds, n_entries = data(seed)
    start = time.process_time()
    network = MultiLabelClassifier(module__hidden=(32,), max_epochs=150, random_state=seed)
    learner = active.ActiveLearner(network, method(), X[:20], y[:20])
    strategy, facts = learner.query_strategy, {}
    if strategy.query_kind == "rows":
        n_entries //= y.shape[1]
    else:
        facts["y_pool"] = np.full(y[20:].shape, -1)
    score = {"macro_f1": lambda learner: f1_score(y_test, learner.predict(X_test), average="macro", zero_division=0)}
    history = active.run_loop(learner, X[20:], y[20:], n_rounds, n_entries, scorers=score, verbose=0, **facts)
    found = [record["macro_f1"] for record in history]
    return {"macro_f1": found[-1], "mean_macro_f1": np.mean(found), "seconds": time.process_time() - start}


def _annotations(data, method, seed):
    X, X_test, y, y_test = data(seed)
    start = time.process_time()
    confusion = [np.where(np.eye(10, dtype=bool), right, (1 - right) / 9) for right in _ANNOTATORS]
    oracle, known = CrowdOracle(y, confusion, random_state=seed), np.full((len(y), len(_ANNOTATORS)), -1)
    generator = np.random.default_rng(seed)
    for row in range(60):
        for annotator in generator.choice(len(_ANNOTATORS), 3, replace=False).tolist():
            known[row, annotator] = oracle((row, annotator))
    learner = active.ActiveLearner(LogisticRegression(max_iter=200), method())
    score = {"accuracy": lambda learner: learner.score(X_test, y_test)}
    history = active.run_loop(learner, X, oracle, 8, 60, y_pool=known, scorers=score, verbose=0)
    found = [record["accuracy"] for record in history]
    return {"accuracy": found[-1], "mean_accuracy": np.mean(found), "seconds": time.process_time() - start}


def _second_looks(data, method, seed):
    X, X_test, y, y_test = data(seed)
    start, generator = time.process_time(), np.random.default_rng(seed)
    wrong = generator.random(len(y)) < 0.2
    given = np.where(wrong, (y + generator.integers(1, 10, len(y))) % 10, y)
    model, strategy, looked = LogisticRegression(max_iter=200), method(), np.zeros(len(y), dtype=bool)
    for _ in range(4):
        proba = cross_val_predict(model, X, given, cv=3, method="predict_proba")
        learner, left = model.fit(X, given), np.flatnonzero(~looked)
        facts = {}
        if isinstance(strategy, active.ReannotationQuery):
            facts = {"y_pool": given, "label_quality": proba[np.arange(len(y)), given]}
        picks = strategy(learner, X, len(y) // 40, candidates=left, labeled=(X, given), **facts)[0]
        looked[picks], given[picks] = True, y[picks]
    accuracy = model.fit(X, given).score(X_test, y_test)
    return {"accuracy": accuracy, "precision": wrong[looked].mean(), "seconds": time.process_time() - start}


def digits(seed):
    """Digits, 30 % for testing."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)


ENTRIES = Study(
    "active",
    data={"topics_entries": partial(topics, n_rounds=6, n_entries=60)},
    methods={
        "random entries": RandomCells,
        "entry margin": active.EntryMargin,
        "AUDI": active.AUDI,
        "rows by entropy": active.MultiLabelRows,
        "rows by chance": active.RandomSampling,
    },
    measure=_entries,
    quick=("topics_entries",),
)
ANNOTATIONS = Study(
    "active",
    data={"digits_annotations": digits},
    methods={
        "random annotations": RandomAnnotations,
        "ActiveLab": active.ActiveLab,
        "IEThreshold": active.IEThreshold,
        "labeler and cost": active.LabelerCost,
    },
    measure=_annotations,
    quick=("digits_annotations",),
)
SECOND_LOOKS = Study(
    "active",
    data={"digits_second_looks": digits},
    methods={
        "random rows": active.RandomSampling,
        "second looks": active.ReannotationQuery,
        "second looks, hard rows too": partial(active.ReannotationQuery, ambiguity_weight=0.0),
    },
    measure=_second_looks,
    quick=("digits_second_looks",),
)
STUDIES = (ENTRIES, ANNOTATIONS, SECOND_LOOKS)
