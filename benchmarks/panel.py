"""The panel: every method for wrong labels with its defaults, and what one would take instead, on many small tables.

``python -m benchmarks panel --seeds 1 --jobs 2`` writes ``benchmarks/results/panel-TABLE.csv``, a row per table,
labels, features, method and seed. What is there is not run again: a run may be stopped and go on, and a second one with
more seeds adds them. ``--verdict`` says where a default does harm, ``--table`` prints means and ranks.

Settings were chosen on seeds 100 and 101 (``--first-seed 100 --seeds 2``); reported are 0 to 4.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, recall_score, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EarlyStopping
from skorch.utils import noop

from benchmarks import panel_table
from benchmarks.filtering import cleanlab
from benchmarks.panel_data import LABELS, SCALERS, TABLES, TEXTS, names, split
from benchmarks.study import Fit, Study
from skweak.noisy import (
    AutoNoisyClassifier,
    BackwardCorrectionClassifier,
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
    ForwardCorrectionClassifier,
    GCEClassifier,
    JoCoRClassifier,
    LabelIssueFilter,
    MixupClassifier,
    NegativeLearningClassifier,
    SCEClassifier,
)

forest = partial(RandomForestClassifier, n_estimators=100)


def linear(random_state):
    return LogisticRegression(max_iter=500)


def perceptron(random_state):
    """scikit-learn's network, behind the scaler that its users are told to use."""
    return make_pipeline(StandardScaler(with_mean=False), MLPClassifier(random_state=random_state, max_iter=200))


def stopped_early(random_state):
    """Plain training that keeps its best epoch by held-out rows, wrong labels and all."""
    stop = EarlyStopping(patience=5, load_best=True, sink=noop)
    return CrossEntropyClassifier(validation_fraction=0.2, callbacks=[("stop", stop)], random_state=random_state)


def slow(random_state):
    """Plain training with a tenth of the step."""
    plain = CrossEntropyClassifier(random_state=random_state)
    return plain.set_params(lr=plain.lr / 10)


DEFAULTS = {
    "CE": CrossEntropyClassifier,
    "GCE": GCEClassifier,
    "SCE": SCEClassifier,
    "Forward": ForwardCorrectionClassifier,
    "ELR": ELRClassifier,
    "Co-teaching": CoTeachingClassifier,
    "DivideMix": DivideMixClassifier,
    "DPC": DPCClassifier,
    "BLDR": BLDRClassifier,
}


def filtered(model, random_state):
    return LabelIssueFilter(model(random_state=random_state), random_state=random_state)


METHODS = DEFAULTS | {
    "Auto": AutoNoisyClassifier,
    "filter(forest)": partial(filtered, forest),
    "filter(logistic regression)": partial(filtered, linear),
    "logistic regression": linear,
    "random forest": forest,
    "random forest, leaves of 10": partial(forest, min_samples_leaf=10),
    "boosted trees": HistGradientBoostingClassifier,
    "MLPClassifier": perceptron,
    "CE, stopped early": stopped_early,
    "CE, a tenth of the step": slow,
    "label smoothing": partial(CrossEntropyClassifier, loss="label_smoothing"),
    "bootstrap": partial(CrossEntropyClassifier, loss="bootstrap"),
    "peer loss": partial(CrossEntropyClassifier, loss="peer"),
    "mixup": MixupClassifier,
    "JoCoR": JoCoRClassifier,
    "Negative": NegativeLearningClassifier,
    "Backward": BackwardCorrectionClassifier,
    "CleanLearning(forest)": lambda random_state: cleanlab(forest(random_state=random_state)),
    "CleanLearning(logistic regression)": lambda random_state: cleanlab(linear(None)),
}


def prepare(make, split, seed):
    """Give the method the labels as they are; numbers in single precision, as the networks take them."""
    X = split.X if sparse.issparse(split.X) else np.asarray(split.X, dtype=np.float64)
    return Fit(make(random_state=seed), X, split.y)


def metrics(estimator, split):
    """Return scores on true test labels, and how well the wrong training labels were told from the right ones."""
    predicted = estimator.predict(split.X_test)
    counts = np.bincount(split.clean)
    rare = int(counts.argmin())
    found = {
        "accuracy": accuracy_score(split.y_test, predicted),
        "balanced_accuracy": balanced_accuracy_score(split.y_test, predicted),
        "minority_recall": recall_score(split.y_test, predicted, labels=[rare], average="macro", zero_division=0),
    }
    if hasattr(estimator, "predict_proba"):
        known = estimator.predict_proba(split.X_test)
        classes = getattr(estimator, "classes_", np.arange(known.shape[1]))
        proba = np.zeros((len(known), len(counts)))
        proba[:, np.asarray(classes, dtype=int)] = known
        # A probability of 0 costs 9.2, so that one sure mistake does not decide a table.
        proba = proba.clip(1e-4)
        found["log_loss"] = log_loss(split.y_test, proba / proba.sum(1, keepdims=True), labels=np.arange(len(counts)))
    quality = getattr(estimator, "label_quality_", None)
    if hasattr(estimator, "get_label_issues"):
        quality = estimator.get_label_issues()["label_quality"].to_numpy()
    wrong = split.y != split.clean
    if quality is not None and wrong.any():
        judged = ~np.isnan(quality)
        found["quality_auc"] = roc_auc_score(~wrong[judged], quality[judged])
    return found


STUDY = Study(
    "panel",
    data={
        name: partial(split, name=table, labels=labels, features=features)
        for name, (table, labels, features) in names().items()
    },
    methods=METHODS,
    # Boosted trees take no sparse rows.
    changes={name: {"boosted trees": None} for name, (table, *_) in names().items() if table in TEXTS},
    prepare=prepare,
    metrics=metrics,
    quick=("iris@sym20",),
)


def add_arguments(parser):
    """Describe the options of this command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--tables", nargs="+", help="only these tables of " + ", ".join(TABLES))
    parser.add_argument("--labels", nargs="+", help="only these labels of " + ", ".join([*LABELS, "human40"]))
    parser.add_argument("--features", nargs="+", help="only these of " + ", ".join(SCALERS))
    parser.add_argument("--methods", nargs="+", help="only these methods")
    parser.add_argument("--without", nargs="+", default=[], help="leave these methods out")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of each process")
    parser.add_argument("--results", type=Path, help="folder of the CSV files; benchmarks/results")
    parser.add_argument("--table", action="store_true", help="print what is there and run nothing")
    parser.add_argument("--verdict", action="store_true", help="say where a default does harm, and run nothing")


def chosen_names(args):
    """Return the names of the data sets that the options ask for."""
    known = names()
    for option, position in (("tables", 0), ("labels", 1), ("features", 2)):
        wanted = getattr(args, option)
        if wanted:
            unknown = sorted(set(wanted) - {parts[position] for parts in names().values()})
            if unknown:
                raise ValueError(f"--{option} {unknown[0]!r} is not known; see python -m benchmarks panel --help.")
            known = {name: parts for name, parts in known.items() if parts[position] in wanted}
    return list(known)


def main(args):
    """Run what is missing of the chosen cells, seed by seed, and print means, ranks and where a default does harm."""
    from benchmarks import run

    results = args.results or run.RESULTS
    failed = 0
    if not (args.table or args.verdict):
        # Not every table takes all methods, so what is left out is no name that has to be known.
        cells = run.select("panel", chosen_names(args), args.methods)
        chosen = [cell for cell in cells if cell.method not in args.without]
        # Seed by seed: the first one covers all tables before a second begins.
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            for _, bad in run.fill(chosen, [seed], results, args.jobs, args.threads, tolerant=True):
                failed += bad
    rows = panel_table.read(results, tuning=args.first_seed >= panel_table.TUNING)
    if args.verdict:
        print("\n".join(panel_table.shortfalls(rows, [*DEFAULTS, "Auto"])) or "No default does harm.")
    else:
        print(panel_table.means(rows), panel_table.ranks(rows), sep="\n")
    return int(failed > 0)
