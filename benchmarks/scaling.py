"""``python -m benchmarks scaling``: an epoch on more and more rows, in memory and on disk: seconds, memory, exponents.

Every cell is a process of its own. Seconds are the processor's for a whole fit of one epoch; memory is what the process
took at most beyond what it had before, files that the system keeps in memory left out. Linux only.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.run import RESULTS, origin
from benchmarks.speed import machine
from skweak.noisy import CrossEntropyClassifier

SOURCES = ("array", "memory map", "Parquet")
ROWS = (10**4, 10**5, 10**6, 10**7)
_COLUMNS, _CHUNK, _BATCH = 30, 50_000, 1024


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS, help="how many rows")
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=SOURCES)
    parser.add_argument("--output", default=RESULTS / "scaling.json", help="JSON file")


def main(args):
    """Measure every cell and write the file after each; cells that it holds already are measured anew."""
    report = {"origin": origin(1), "machine": machine("cpu"), "rows": []}
    for n_rows in args.rows:
        for kind in args.sources:
            with tempfile.TemporaryDirectory() as folder:
                code = f"from benchmarks.scaling import one; one({kind!r}, {n_rows}, {folder!r})"
                answer = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
            report["rows"].append({"source": kind, "rows": n_rows} | json.loads(answer.stdout.splitlines()[-1]))
            print(*report["rows"][-1].values(), flush=True)
            Path(args.output).write_text(json.dumps(report, indent=1) + "\n")
    return 0


def one(kind, n_rows, folder):
    """Make the rows, fit one epoch and print seconds and mebibytes."""
    torch.set_num_threads(1)
    settings = {"max_epochs": 1, "batch_size": _BATCH, "random_state": 0, "n_threads": 1}
    first, y = np.random.RandomState(0).randn(2000, _COLUMNS).astype(np.float32), np.arange(n_rows) % 3
    # What the first fit of a process loads is no cost of its rows.
    CrossEntropyClassifier(**settings).fit(first, y[:2000])
    with _Peak() as peak:
        X = _MAKERS[kind](n_rows, Path(folder))
        start = time.process_time()
        CrossEntropyClassifier(**settings).fit(X, y)
        seconds = time.process_time() - start
    print(json.dumps({"seconds": round(seconds, 3), "mebibytes": round(peak.mebibytes, 1)}))


def _parts(n_rows):
    """Yield the rows in pieces; the classes differ in every column."""
    random = np.random.RandomState(1)
    for start in range(0, n_rows, _CHUNK):
        label = np.arange(start, min(start + _CHUNK, n_rows)) % 3
        yield start, (random.randn(len(label), _COLUMNS) + label[:, None]).astype(np.float32)


def _array(n_rows, folder):
    X = np.empty((n_rows, _COLUMNS), np.float32)
    for start, rows in _parts(n_rows):
        X[start : start + len(rows)] = rows
    return X


def _memory_map(n_rows, folder):
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (n_rows, _COLUMNS))
    for start, rows in _parts(n_rows):
        X[start : start + len(rows)] = rows
    X.flush()
    return np.load(folder / "X.npy", mmap_mode="r")


def _parquet(n_rows, folder):
    import pyarrow as pa
    import pyarrow.dataset
    import pyarrow.parquet

    names = [f"x{place}" for place in range(_COLUMNS)]
    schema = pa.schema([(name, pa.float32()) for name in names])
    plain = {"compression": "none", "use_dictionary": False}
    with pyarrow.parquet.ParquetWriter(folder / "X.parquet", schema, **plain) as writer:
        for _, rows in _parts(n_rows):
            writer.write_table(pa.table(dict(zip(names, rows.T, strict=True)), schema=schema))
    return pyarrow.dataset.dataset(folder / "X.parquet")


_MAKERS = {"array": _array, "memory map": _memory_map, "Parquet": _parquet}


class _Peak(threading.Thread):
    """Watches the memory of this process that belongs to no file, while it is entered."""

    def __enter__(self):
        self.before, self.peak, self.running = self._taken(), 0, True
        self.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.join()

    def run(self):
        """Look again and again."""
        while self.running:
            self.peak = max(self.peak, self._taken())
            time.sleep(0.01)

    @staticmethod
    def _taken():
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

    @property
    def mebibytes(self):
        """The most that was taken in addition."""
        return max(0, self.peak - self.before) / 1024


def exponent(rows, values):
    """Return the slope of log values over log rows, by least squares: 1 where twice the rows cost twice as much."""
    return float(np.polyfit(np.log(rows), np.log(values), 1)[0])


def scaling_table(report):
    """Return a Markdown table, a line per number of rows and one of exponents, from 100,000 rows on."""
    cells = {(row["source"], row["rows"]): row for row in report["rows"]}
    kinds, sizes = ([*dict.fromkeys(key[place] for key in cells)] for place in (0, 1))
    head = ["rows", *(f"{kind}, {what}" for kind in kinds for what in ("seconds", "MiB"))]
    lines = [head, ["---"] * len(head)]
    for size in sizes:
        found = [cells.get((kind, size)) for kind in kinds]
        lines.append([f"{size:,}"] + [
            "–" if row is None else f"{row[what]:.3g}" for row in found for what in ("seconds", "mebibytes")
        ])  # fmt: skip
    large = {kind: [size for size in sizes if size >= 10**5 and (kind, size) in cells] for kind in kinds}
    lines.append(["exponent"] + [
        f"{exponent(large[kind], [max(cells[kind, size][what], 0.1) for size in large[kind]]):.2f}"
        if len(large[kind]) > 1 else "–"
        for kind in kinds for what in ("seconds", "mebibytes")
    ])  # fmt: skip
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
