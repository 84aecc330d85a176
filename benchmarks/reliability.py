"""``python -m benchmarks reliability``: the long run of all that kills, damages and confuses; what safety costs."""

import csv
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
import torch

import skweak
from skweak.engine.checkpoint import FitCheckpoint
from skweak.noisy import CrossEntropyClassifier, DPCClassifier

FILE = Path(__file__).parent / "results" / "reliability.csv"
COLUMNS = ["what", "times", "wrong", "value", "unit", "seconds"]


def add_arguments(parser):
    """Add the options of the command."""
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), help="parts to run, all by default")
    parser.add_argument("--kills", type=int, default=50, help="kills per engine shape and of the loop")
    parser.add_argument("--seconds", type=float, default=600, help="processor time of changing bytes")
    parser.add_argument("--archives", type=int, default=10_000, help="archives of pipelines, changed at random")
    parser.add_argument("--mutations", type=int, default=5000, help="random inputs near the border")


def main(args):
    """Run the parts; each row replaces the one of the same name in the file of results."""
    for name in args.only or PARTS:
        for row in PARTS[name](args):
            _write(dict(zip(COLUMNS, row, strict=True)))
            print(*row, flush=True)


def _write(row):
    rows = {}
    if FILE.exists():
        with open(FILE, newline="") as file:
            rows = {old["what"]: old for old in csv.DictReader(file)}
    rows[row["what"]] = row
    with open(FILE, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


def kills(args):
    """Kill fits of every engine shape, and loops, at random moments."""
    from tests.reliability.kills import fit_once, kill_until, loop_once
    from tests.reliability.test_kills import SHAPES

    for i, name in enumerate([*SHAPES, "loop"]):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as directory:
            shape, target = ("one network", loop_once) if name == "loop" else (name, fit_once)
            random = np.random.default_rng(200 + i)
            runs, n_kills, wrong = kill_until(args.kills, shape, Path(directory), random, target)
        yield f"kills, {name}", n_kills, wrong, runs, "runs", round(time.perf_counter() - start)


def _saved():
    from skweak.noisy import ELRClassifier
    from tests.small_data import blobs

    X, _, y = blobs(40)
    with tempfile.TemporaryDirectory() as directory:
        skweak.save(ELRClassifier(module__hidden=(4,), max_epochs=2, random_state=0).fit(X, y), f"{directory}/m")
        return Path(f"{directory}/m").read_bytes()


def files(args):
    """Load damaged and forged files."""
    from tests.reliability.test_hostile_files import fuzz, outcome

    data, start = _saved(), time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        path, accepted = Path(directory) / "m", 0
        for place in np.random.default_rng(3).permutation(8 * len(data))[:1000]:
            changed = bytearray(data)
            changed[place // 8] ^= 1 << (place % 8)
            accepted += outcome(changed, path) is not None
        yield "flipped bits accepted", 1000, accepted, "", "", round(time.perf_counter() - start)
        start = time.perf_counter()
        number, accepted = fuzz(data, path, seed=5, seconds=args.seconds)
    # Anything but a refusal or a well-formed estimator ends the run with its error.
    yield "changed files", number, 0, accepted, "well-formed", round(time.perf_counter() - start)


def pipelines(args):
    """Load damaged, forged and cut files of a whole pipeline, and those of other versions."""
    from tests.reliability.test_pipelines import cuts, fuzz, refused, small_file, wrong_answers

    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, start = Path(directory) / "m", time.perf_counter()
        data, accepted = small_file(path), 0
        for place in np.random.default_rng(4).permutation(8 * len(data))[:1000]:
            changed = bytearray(data)
            changed[place // 8] ^= 1 << (place % 8)
            accepted += not refused(bytes(changed), path)
        yield "pipelines, flipped bits accepted", 1000, accepted, "", "", round(time.perf_counter() - start)
        start = time.perf_counter()
        whole = sum(not refused(part, path) for part in cuts(data, 200))
        yield "pipelines, cut files accepted", 202, whole, "", "", round(time.perf_counter() - start)
        start = time.perf_counter()
        number, wrong = wrong_answers(data, path)
        yield "pipelines, other versions", number, len(wrong), "", "", round(time.perf_counter() - start)
        start = time.perf_counter()
        # Anything but a refusal or an estimator ends the run with its error.
        accepted = fuzz(data, path, seed=5, count=args.archives)
    yield "pipelines, changed archives", args.archives, 0, accepted, "estimators", round(time.perf_counter() - start)


def inputs(args):
    """Judge the catalogue of every estimator, and random changes of valid inputs."""
    from hypothesis import settings

    from tests.reliability.fits import NETWORKS
    from tests.reliability.judge import cases
    from tests.reliability.test_bad_inputs import wrong_outcomes
    from tests.reliability.test_mutations import cases as changed_cases
    from tests.reliability.test_mutations import check, quiet

    start, number, wrong = time.perf_counter(), 0, 0
    for cls in NETWORKS:
        chosen = list(cases(cls))
        found = wrong_outcomes(cls, chosen)
        number, wrong = number + len(chosen), wrong + len(found)
        for name, what in found.items():
            print(f"  {cls.__name__} {name}: {what}", flush=True)
    yield "catalogue", number, wrong, len(NETWORKS), "estimators", round(time.perf_counter() - start)
    start = time.perf_counter()
    settings(max_examples=args.mutations, **quiet)(changed_cases(check_one(check)))()
    yield "mutations", args.mutations, 0, len(NETWORKS), "estimators", round(time.perf_counter() - start)


def check_one(check):
    """Return ``check`` as a function of its own, which hypothesis can wrap once more."""

    def mutation(cls, changes):
        check(cls, changes)

    return mutation


def costs(_):
    """Time saving and loading beside torch, and the share of a fit that checkpoints take."""
    random, start = np.random.RandomState(0), time.perf_counter()
    X, y = random.randn(256, 200).astype(np.float32), random.randint(0, 10, 256)
    clf = CrossEntropyClassifier(module__hidden=(900, 900), max_epochs=1, random_state=0).fit(X, y)
    weights = clf.net_.module_.state_dict()
    n_weights = sum(tensor.numel() for tensor in weights.values())
    with tempfile.TemporaryDirectory() as directory:
        ours, theirs = f"{directory}/ours", f"{directory}/theirs"
        actions = {
            "save": lambda: skweak.save(clf, ours), "torch.save": lambda: torch.save(weights, theirs),
            "load": lambda: skweak.load(ours), "torch.load": lambda: torch.load(theirs, weights_only=True),
        }  # fmt: skip
        # What a busy machine and its disk add shows in the second figure: save waits until the disk has the bytes.
        times = {name: [] for name in actions}
        for _ in range(15):
            for name, action in actions.items():
                begin = time.process_time(), time.perf_counter()
                action()
                end = time.process_time(), time.perf_counter()
                times[name].append([1e3 * (after - before) for before, after in zip(begin, end, strict=True)])
    seconds = round(time.perf_counter() - start)
    for name, values in times.items():
        for clock, column in (("processor", 0), ("wall", 1)):
            value = round(median(row[column] for row in values), 1)
            yield f"{name}, {n_weights:,} weights, {clock}", 15, "", value, "ms", seconds
    yield from _checkpoint_share()


def _checkpoint_share():
    spent = []

    def timed(function):
        def call(self, *args):
            begin = time.perf_counter()
            function(self, *args)
            spent.append(time.perf_counter() - begin)

        return call

    random = np.random.RandomState(0)
    X, y = random.randn(3000, 50).astype(np.float32), random.randint(0, 5, 3000)
    before = FitCheckpoint.end_epoch, FitCheckpoint.finish
    FitCheckpoint.end_epoch, FitCheckpoint.finish = map(timed, before)
    try:
        for cls, epochs in ((CrossEntropyClassifier, 250), (DPCClassifier, 25)):
            spent.clear()
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as directory:
                cls(max_epochs=epochs, checkpoint=f"{directory}/fit", random_state=0, lr=0.01).fit(X, y)
            seconds = time.perf_counter() - start
            share = round(100 * sum(spent) / seconds, 2)
            yield f"checkpoints of {cls.__name__}", len(spent), "", share, "% of the fit", round(seconds)
    finally:
        FitCheckpoint.end_epoch, FitCheckpoint.finish = before


PARTS = {"costs": costs, "files": files, "inputs": inputs, "kills": kills, "pipelines": pipelines}
