"""Rows of the speed table for what surrounds training: prediction, the fixed cost of a fit, its memory."""

import json
import subprocess
import sys

import torch

from benchmarks import bare_loops
from benchmarks.clock import race, timed
from benchmarks.train_speed import SETTINGS, small_network, table
from skweak.noisy import CrossEntropyClassifier


def prediction(repeats):
    """Probabilities of 1e6 rows of 64 features by the MLP 64-128-10."""
    X, y = table(1_000_000)
    ours = CrossEntropyClassifier(max_epochs=1, **SETTINGS).fit(X[:1000], y[:1000])
    network, rows = small_network(), torch.from_numpy(X)
    contestants = {
        "usual loop": lambda: timed(bare_loops.predict, network, rows, 1024),
        "predict_proba": lambda: timed(ours.predict_proba, X),
        "best loop": lambda: timed(bare_loops.predict, network, rows, 2048),
    }
    return race(contestants, max(1, repeats // 2))


def overhead(repeats):
    """A whole fit on 200 rows in one step, beside that step, in a process that has fitted before."""
    X, y = table(200)
    tensors = [torch.from_numpy(part) for part in (X, y)]
    ours = CrossEntropyClassifier(max_epochs=1, **SETTINGS | {"batch_size": 200})

    def loop():
        return bare_loops.run(bare_loops.plain(small_network(), *tensors, epochs=1, batch_size=200, best=True))

    return race({"best loop": loop, "fit": lambda: timed(ours.fit, X, y)}, 10 * repeats)


# Both start with everything imported, torch itself for the loop, the estimator as well for the fit.
_START = """
import json, torch, numpy as np
torch.set_num_threads(1)
from benchmarks import bare_loops
from benchmarks.clock import timed
from benchmarks.fit_speed import peak_growth
from benchmarks.train_speed import SETTINGS, small_network, table
from skweak.noisy import CrossEntropyClassifier
def fit(X, y, **changes):
    CrossEntropyClassifier(max_epochs=1, **SETTINGS | changes).fit(X, y)
def loop(X, y):
    tensors = torch.from_numpy(X), torch.from_numpy(y)
    bare_loops.run(bare_loops.plain(small_network(), *tensors, epochs=1, batch_size=128, best=False))
"""


def _ask(code):
    """Return what a fresh Python process prints as JSON."""
    answer = subprocess.run([sys.executable, "-c", _START + code], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def first_fit(repeats):
    """The first training of a process, 1,000 rows, one epoch: ours beside a bare loop, imports done before."""
    code = "print(json.dumps(timed({}, *table(1000))))"
    contestants = {"usual loop": lambda: _ask(code.format("loop")), "fit": lambda: _ask(code.format("fit"))}
    return race(contestants, max(1, repeats // 2))


def peak_growth(function, *args):
    """Return by how many bytes the resident memory of this process grew at its peak during a call; Linux only."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = _resident("VmRSS")
    function(*args)
    return _resident("VmHWM") - before


def _resident(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def memory(repeats):
    """Peak growth of resident memory in bytes per training row beside X itself, 400,000 rows of 64 features."""
    code = "n = 400_000; fit(*table(500)); loop(*table(500)); X, y = table(n)\n"
    contestants = {
        "usual loop": "loop, X, y",
        "fit": "fit, X, y",
        "fit, a tenth held out": "lambda: fit(X, y, validation_fraction=0.1)",
    }
    calls = {
        name: lambda call=call: _ask(f"{code}print(json.dumps(peak_growth({call}) / n))")
        for name, call in contestants.items()
    }
    return race(calls, max(1, min(3, repeats // 3)))


ROWS = {function.__name__: function for function in (prediction, overhead, first_fit, memory)}
