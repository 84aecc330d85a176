"""Studies of the family of several people's labels: merging answers, and networks that learn from them."""

import signal
import time
from functools import lru_cache, partial
from importlib.util import find_spec

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.embeddings import embed
from benchmarks.label_issues import patch_features
from benchmarks.scenario import Skipped
from benchmarks.study import Fit, Split, Study
from skweak import crowd, datasets
from skweak.noisy import CrossEntropyClassifier

SETS = (
    "bluebird", "dog", "face_sentiment", "labelme", "music_genre", "product", "rte", "sentence_polarity",
    "sentence_polarity_amt", "weather_sentiment", "web",
)  # fmt: skip


def real_answers(names):
    """Yield the name, the long form of the answers and the true classes, -1 where unknown, of crowd sets."""
    for name in names:
        bunch = datasets.load_crowd(name)
        yield name, {part: bunch[part] for part in ("task", "worker", "label")}, bunch.clean_target


def a_million(n_tasks=200_000, n_workers=10_000, n_classes=4, per_task=5, seed=0):
    """Yield a million answers of workers whose accuracy differs."""
    random = np.random.RandomState(seed)
    truth, skill = random.randint(n_classes, size=n_tasks), random.uniform(0.4, 0.95, n_workers)
    task = np.repeat(np.arange(n_tasks), per_task)
    worker = random.randint(n_workers, size=len(task))
    right = random.rand(len(task)) < skill[worker]
    wrong = (truth[task] + random.randint(1, n_classes, len(task))) % n_classes
    yield "accuracy", {"task": task, "worker": worker, "label": np.where(right, truth[task], wrong)}, truth


def ours(merge):
    """Return a function of the long form that gives tasks and labels."""

    def call(answers):
        consensus = merge(answers)
        return consensus.tasks, consensus.label

    return call


def theirs(name, **settings):
    """Return the same for a class of crowd-kit, an optional package of the benchmarks."""

    def call(answers):
        if find_spec("crowdkit") is None:
            raise Skipped("crowd-kit is not installed; install skweak-learn[benchmark].")
        import pandas as pd
        from crowdkit import aggregation

        # Frames of theirs are indexed by task.
        merged = getattr(aggregation, name)(**settings).fit_predict(pd.DataFrame(answers))
        return merged.index.to_numpy(), merged.to_numpy()

    return call


# Processor seconds after which a method is stopped on a set; its place in the table is empty.
_CAP = 120


def within(cap, function, *args):
    """Return what a function returns within ``cap`` seconds of this processor; raise TimeoutError afterwards."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cap)
    try:
        return function(*args)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def numbered(method):
    """Give a method the names of workers and labels as numbers in the order in which they come first.

    MACE of crowd-kit numbers them so in one step and sorts them in the next, which confuses the habits of workers.
    """

    def call(answers):
        coded, names = dict(answers), {}
        for part in ("worker", "label"):
            names[part], first, index = np.unique(answers[part], return_index=True, return_inverse=True)
            order = np.argsort(first)
            names[part], coded[part] = names[part][order], np.argsort(order)[index]
        tasks, label = method(coded)
        return tasks, names["label"][label]

    return call


def merge_answers(answers_of, method, seed):
    """Return the accuracy of every set, and the seconds that merging those that were merged took."""
    result, seconds = {}, 0.0
    for name, answers, truth in answers_of():
        start = time.process_time()
        try:
            tasks, label = within(_CAP, method, answers)
        except (ValueError, TimeoutError):
            # One method of theirs finds no skill for some workers; another one takes hours.
            continue
        seconds += time.process_time() - start
        known = truth[tasks] >= 0
        result[name] = float((label == truth[tasks])[known].mean())
    return result | {"cpu_seconds": seconds}


MERGING = {
    "vote": ours(crowd.majority_vote),
    "vote, crowd-kit": theirs("MajorityVote"),
    "Dawid-Skene": ours(crowd.dawid_skene),
    "Dawid-Skene, crowd-kit": theirs("DawidSkene"),
    "one-coin": ours(crowd.one_coin),
    "one-coin, crowd-kit": theirs("OneCoinDawidSkene"),
    "MACE": ours(crowd.mace),
    "MACE, crowd-kit": theirs("MACE", random_state=0),
    # Restarts from one seed are all alike.
    "MACE, crowd-kit, numbered": numbered(theirs("MACE", random_state=0, n_restarts=1)),
    "GLAD": ours(crowd.glad),
    "GLAD, crowd-kit": theirs("GLAD"),
    "MMSR, crowd-kit": theirs("MMSR", random_state=0),
}
# What would take hours on a million answers.
_TOO_SLOW = dict.fromkeys(f"{name}, crowd-kit" for name in ("GLAD", "MMSR", "MACE"))
_TOO_SLOW["MACE, crowd-kit, numbered"] = None


def thin(answers, share, seed):
    """Keep a random share of the answers; rows without any stay."""
    task, worker = np.nonzero(answers >= 0)
    kept = np.random.RandomState(seed).permutation(len(task))[: max(1, round(share * len(task)))]
    thinned = np.full_like(answers, -1)
    thinned[task[kept], worker[kept]] = answers[task[kept], worker[kept]]
    return thinned


def real(seed, name, share=1.0, embedded=False):
    """A crowd set with features, or sentence embeddings of its texts, standardised, and its test rows."""
    train, test = datasets.load_crowd(name), datasets.load_crowd(name, subset="test")
    X, X_test = train.data, test.data
    if embedded:
        # One array, as the panel has it, so that it is embedded once for both.
        X, X_test = np.split(embed(np.concatenate([train.text, test.text])), [len(X)])
    scaler = StandardScaler().fit(X)
    X, X_test = (scaler.transform(rows).astype(np.float32) for rows in (X, X_test))
    return Split(X, thin(train.target, share, seed), train.clean_target, X_test, test.target)


@lru_cache(maxsize=5)
def _patches(seed, n_rows=3000):
    parts, test = [datasets.load_cifar10n(f"random{k}") for k in (1, 2, 3)], datasets.load_cifar10_test()
    rows = np.random.RandomState(seed).permutation(len(parts[0].target))[:n_rows]
    images = np.concatenate([parts[0].data[rows], test.data[:2000]])
    features = patch_features(images, seed).astype(np.float32)
    answers = np.stack([part.target[rows] for part in parts], axis=1).astype(np.int64)
    return features, answers, parts[0].clean_target[rows], test.target[:2000]


def cifar10n(seed, share=1.0):
    """3,000 images of CIFAR-10 as random-patch features, with the three human answers to each."""
    features, answers, clean, y_test = _patches(seed)
    n_rows = len(answers)
    return Split(features[:n_rows], thin(answers, share, seed), clean, features[n_rows:], y_test)


def sparse_digits(seed, density=0.05, imbalance=10, n_annotators=20):
    """Digits whose first class has ``imbalance`` times the rows of the last, each answered by one in twenty."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    random = np.random.RandomState(seed)
    rows = [random.permutation(np.flatnonzero(y == c)) for c in range(10)]
    kept = np.concatenate([part[: round(len(part) * imbalance ** (-c / 9))] for c, part in enumerate(rows)])
    X, y = X[kept], y[kept]
    answers, _ = datasets.make_crowd_labels(
        y, n_annotators=n_annotators, accuracy=(0.6, 0.9), density=density, classes=range(10), random_state=seed
    )
    return Split(X, answers, y, X_test, y_test)


def linear(random_state, **_):
    """Logistic regression on the soft vote: what any classifier of scikit-learn makes of a crowd."""
    return crowd.VoteClassifier(estimator=LogisticRegression(C=0.01, max_iter=300))


LEARNING = {
    "majority vote": partial(crowd.VoteClassifier, consensus="majority"),
    "soft vote": crowd.VoteClassifier,
    "Dawid-Skene, then network": partial(crowd.VoteClassifier, consensus="dawid_skene"),
    "GLAD, then network": partial(crowd.VoteClassifier, consensus="glad"),
    "soft vote, logistic regression": linear,
    "CrowdLayer": crowd.CrowdLayerClassifier,
    "DoctorNet": crowd.DoctorNetClassifier,
    "Self-Crowd": crowd.SelfCrowdClassifier,
    "true labels": CrossEntropyClassifier,
}


def prepare(make, split, seed, **settings):
    """Give the answers to all but the network that is told the true labels."""
    estimator = make(random_state=seed, **settings)
    told = isinstance(estimator, CrossEntropyClassifier)
    if told:
        return Fit(estimator, split.X, split.clean)
    return Fit(estimator.set_params(classes=np.unique(split.y_test)), split.X, split.y)


def metrics(estimator, split):
    """Return accuracies on the test rows, and the share of training rows that settled on their true class."""
    result = {"accuracy": estimator.score(split.X_test, split.y_test)}
    result["balanced_accuracy"] = balanced_accuracy_score(split.y_test, estimator.predict(split.X_test))
    if not isinstance(estimator, CrossEntropyClassifier):
        result["settled"] = float((estimator.transduction_ == split.clean).mean())
    return result


_SHARES = {"full": 1.0, "30": 0.3, "10": 0.1}

STUDIES = (
    Study(
        "crowd",
        data={
            "consensus": partial(real_answers, SETS),
            "consensus_small": partial(real_answers, ("bluebird",)),
            "consensus_million": a_million,
        },
        methods=MERGING,
        changes={"consensus_million": _TOO_SLOW},
        measure=merge_answers,
        quick=("consensus_small",),
    ),
    Study(
        "crowd",
        data={"digits_sparse": sparse_digits, "digits_sparse_even": partial(sparse_digits, imbalance=1)}
        | {f"{name}_{share}": partial(real, name=name, share=part)
           for name in ("labelme", "sentence_polarity") for share, part in _SHARES.items()}
        | {f"sentence_embeddings_{share}": partial(real, name="sentence_polarity", share=part, embedded=True)
           for share, part in _SHARES.items()}
        | {f"cifar10n_{share}": partial(cifar10n, share=part) for share, part in _SHARES.items()},
        methods=LEARNING,
        settings={f"sentence_{features}_{share}": {"max_epochs": 20} for features in ("polarity", "embeddings")
                  for share in _SHARES},
        prepare=prepare,
        metrics=metrics,
        quick=("digits_sparse",),
    ),
)  # fmt: skip
