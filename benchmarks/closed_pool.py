"""The study of active learning where every row of the pool is of a known class: ours and scikit-activeml's."""

import time
from functools import partial
from importlib.util import find_spec

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from benchmarks import activeml
from benchmarks.scenario import Skipped
from benchmarks.study import Study
from skweak import active
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier

# Two labeled rows of each class, then eight batches of twenty. The network was settled on seed 100.
N_FIRST, N_QUERIES, N_INSTANCES = 20, 8, 20
NETWORK = {"module": partial(MLP, hidden=(128, 64)), "max_epochs": 100, "batch_size": 16}

# BALD alone needs dropout in the network.
STRATEGIES = {
    "random": active.RandomSampling,
    "least confidence": active.LeastConfidenceSampling,
    "margin": active.MarginSampling,
    "entropy": active.EntropySampling,
    "BALD": active.BALD,
    "committee": active.QueryByCommittee,
    "ranked batch": active.RankedBatch,
    "density-weighted": active.DensityWeighted,
    "class-balanced": active.ClassBalanced,
    "core-set": active.KCenterGreedy,
    "BADGE": active.BADGE,
    "herding": active.Herding,
    "herding, uncertain": partial(active.Herding, uncertainty="margin"),
    "ProbCover": partial(active.Herding, kernel="tophat"),
    "TypiClust": active.TypiClust,
    "power sampling": active.PowerSampling,
    "subsampled": partial(active.Subsampled, strategy=active.Herding(), n_candidates=200, by="uncertainty"),
    "budgeted": active.Budgeted,
    "BAIT": active.BAIT,
    "BatchBALD": active.BatchBALD,
    "CLUE": active.CLUE,
    "cluster margin": active.ClusterMargin,
    "DropQuery": active.DropQuery,
    "FALCUN": active.Falcun,
    "McPAL": active.McPAL,
    "QUIRE": active.QUIRE,
    "Lewis weights": active.LewisSampling,
    "MUS-CDB": active.MUSCDB,
    "ActiveGCD": active.ActiveGCD,
    "confusion": active.ConfusionQuery,
    "difficulty-balanced": active.DifficultyBalanced,
    "robust distillation": active.RobustDistillation,
    "subspace": active.SubspaceQuery,
    "disharmony": active.DisharmonyQuery,
}
PEERS = {
    "random": {"name": "RandomSampling"},
    "least confidence": {"name": "UncertaintySampling", "method": "least_confident"},
    "margin": {"name": "UncertaintySampling", "method": "margin_sampling"},
    "entropy": {"name": "UncertaintySampling", "method": "entropy"},
    "core-set": {"name": "CoreSet"},
    "BADGE": {"name": "Badge"},
    "TypiClust": {"name": "TypiClust"},
    "FALCUN": {"name": "Falcun"},
}


def peer(**parameters):
    """Return a strategy of scikit-activeml."""
    if find_spec("skactiveml") is None:
        raise Skipped("scikit-activeml is not installed; pip install scikit-activeml")
    return partial(activeml.ask, **parameters)


def digits(seed):
    """Digits, 30 % for testing."""
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, test_size=0.3, stratify=y, random_state=seed)


def _run(load, method, seed):
    make, dropout = method
    strategy = make()
    X, X_test, y, y_test = load(seed)
    first, X_pool, y_first, y_pool = train_test_split(X, y, train_size=N_FIRST, stratify=y, random_state=seed)
    estimator = CrossEntropyClassifier(**NETWORK, module__dropout=dropout, random_state=seed)
    start = time.process_time()
    learner = active.ActiveLearner(estimator, strategy, first, y_first)
    history = active.run_loop(
        learner, X_pool, y_pool, N_QUERIES, N_INSTANCES, verbose=0,
        scorers={"accuracy": lambda learner: learner.score(X_test, y_test)},
    )  # fmt: skip
    accuracy = [record["accuracy"] for record in history]
    # Of the processor: machines that run benchmarks are seldom idle.
    return {"accuracy": accuracy[-1], "mean_accuracy": np.mean(accuracy), "seconds": time.process_time() - start}


STUDY = Study(
    "active",
    data={"digits_closed": digits},
    methods={name: (make, 0.2 if name == "BALD" else 0.0) for name, make in STRATEGIES.items()}
    | {f"{name} (scikit-activeml)": (partial(peer, **given), 0.0) for name, given in PEERS.items()},
    measure=_run,
    quick=("digits_closed",),
)
