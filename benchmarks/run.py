"""Run scenarios over seeds and keep one CSV row per scenario and seed.

``python -m benchmarks run --family noisy --data digits_sym40 --seeds 5`` writes
``benchmarks/results/noisy-digits_sym40.csv``. Rows that are already there are skipped, so
a run that was stopped goes on where it was. ``--table`` prints means and standard deviations of what is there.

``python -m benchmarks run --quick`` runs every method of every family once, on small data and seed 0, into a temporary
folder: it shows in minutes that all scenarios still work. One that raises is named, and the exit code is 1.
"""

import csv
import datetime
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import sklearn
import torch
from tqdm.auto import tqdm

import skweak
from benchmarks.scenario import Skipped
from benchmarks.scenarios import all_scenarios, quick_scenarios

RESULTS = Path(__file__).parent / "results"
KEYS = ["family", "data", "method", "seed"]
ORIGIN = ["commit", "skweak", "torch", "sklearn", "threads", "date", "command"]


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("--family", help="only this family")
    parser.add_argument("--data", help="only this data set")
    parser.add_argument("--methods", nargs="+", help="only these methods")
    parser.add_argument("--seeds", type=int, help="number of seeds, from --first-seed on; 5, or 1 with --quick")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes; seconds are only comparable at 1")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of each process")
    parser.add_argument(
        "--results", type=Path, help="folder of the CSV files; benchmarks/results, or a temporary one with --quick"
    )
    parser.add_argument("--table", action="store_true", help="print what is there and run nothing")
    parser.add_argument("--quick", action="store_true", help="every method once, on small data and one seed")


class Missing(NamedTuple):
    """Why there is no result, and whether that is a failure."""

    reason: str
    failed: bool


def select(family=None, data=None, methods=None, quick=False):
    """Return the scenarios that match; raise when a name matches none."""
    chosen = quick_scenarios() if quick else all_scenarios()
    for name, wanted in (("family", family), ("data", data), ("method", methods)):
        if wanted:
            wanted = [wanted] if isinstance(wanted, str) else wanted
            known = sorted({getattr(scenario, name) for scenario in chosen})
            missing = sorted(set(wanted) - set(known))
            if missing:
                raise ValueError(f"{name} {missing[0]!r} is not known here; there are {', '.join(known)}.")
            chosen = [scenario for scenario in chosen if getattr(scenario, name) in wanted]
    return chosen


def read_rows(path):
    """Return the rows of a result file, none when it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows):
    """Write rows as CSV: keys first, where they come from last."""
    measured = sorted({name for row in rows for name in row} - set(KEYS) - set(ORIGIN))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, KEYS + measured + ORIGIN, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def origin(threads):
    """Return commit, versions, threads, date and command of this run."""
    folder = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True)
    return {
        "commit": commit.stdout.strip() or "unknown",
        "skweak": skweak.__version__,
        "torch": torch.__version__,
        "sklearn": sklearn.__version__,
        "threads": threads,
        "date": datetime.date.today().isoformat(),
        "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
    }


def measure(scenario, seed, threads, tolerant=False):
    """Return one result row, or what is missing; a tolerant run goes on without a data set or after a failure."""
    torch.set_num_threads(threads)
    name = f"{scenario.method}, seed {seed},"
    try:
        measured = {column: f"{value:.5g}" for column, value in scenario.run(seed).items()}
    except Skipped as reason:
        return Missing(f"{name} is skipped: {reason}.", False)
    except FileNotFoundError as error:
        if not tolerant:
            raise
        return Missing(f"{name} is skipped: {error}", False)
    except Exception:
        if not tolerant:
            raise
        return Missing(f"{name} of {scenario.family} {scenario.data} failed.\n{traceback.format_exc()}", True)
    return {"family": scenario.family, "data": scenario.data, "method": scenario.method, "seed": seed, **measured}


def summarise(rows):
    """Print one line per method: mean and standard deviation of every measured column."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in KEYS + ORIGIN]
    for data in sorted({row["data"] for row in rows}):
        print(f"\n{data}\n{'method':24s} seeds  " + "  ".join(f"{name:>20s}" for name in names))
        for method in dict.fromkeys(row["method"] for row in rows if row["data"] == data):
            mine = [row for row in rows if row["data"] == data and row["method"] == method]
            cells = []
            for name in names:
                values = [float(row[name]) for row in mine if row.get(name, "") != ""]
                cells.append(f"{np.mean(values):12.4f} ± {np.std(values):.4f}" if values else " " * 20)
            print(f"{method:24s} {len(mine):5d}  " + "  ".join(f"{cell:>20s}" for cell in cells))


def file_of(scenario):
    """Return the name of the result file: data sets that share what stands before an ``@`` share a file."""
    return f"{scenario.family}-{scenario.data.partition('@')[0]}"


def fill(chosen, seeds, results, jobs=1, threads=1, tolerant=False):
    """Run the scenarios that have no row yet, file by file; yield the rows of each file and how many failed."""
    for name in dict.fromkeys(map(file_of, chosen)):
        path, failed = results / f"{name}.csv", 0
        rows = read_rows(path)
        done = {(row["data"], row["method"], int(row["seed"])) for row in rows}
        mine = [scenario for scenario in chosen if file_of(scenario) == name]
        todo = [(s, seed) for s in mine for seed in seeds if (s.data, s.method, seed) not in done]
        if todo:
            where = origin(threads)
            parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
            found = parallel(joblib.delayed(measure)(scenario, seed, threads, tolerant) for scenario, seed in todo)
            for row in tqdm(found, total=len(todo), desc=name):
                if isinstance(row, Missing):
                    tqdm.write(row.reason)
                    failed += row.failed
                    continue
                rows.append(row | where)
                write_rows(path, rows)
        yield rows, failed


def main(args):
    """Run the chosen scenarios and print their table."""
    start, failed = time.perf_counter(), 0
    chosen = select(args.family, args.data, args.methods, args.quick)
    results = args.results or (Path(tempfile.mkdtemp(prefix="skweak-quick-")) if args.quick else RESULTS)
    n_seeds = args.seeds or (1 if args.quick else 5)
    seeds = [] if args.table else range(args.first_seed, args.first_seed + n_seeds)
    for rows, bad in fill(chosen, seeds, results, args.jobs, args.threads, args.quick):
        failed += bad
        if rows:
            summarise(rows)
    if args.quick:
        seconds = time.perf_counter() - start
        print(f"\n{len(chosen)} scenarios in {seconds:.0f} seconds, {failed} failed; rows are in {results}.")
    return int(failed > 0)
