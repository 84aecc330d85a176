"""Ratios of step times to bare torch loops over the same network, batches, optimizer and epochs.

``python -m benchmarks speed [--only NAME ...]``. Every figure comes from one run, interleaved with its yardstick, on
one thread unless said. Two yardsticks: the usual loop (fancy indexing, default optimizer) and the best one we can write
(``index_select``, fused optimizer).
"""

import json
import platform
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import query_speed
from benchmarks.run import RESULTS, origin
from skweak.distill import DHKDClassifier
from skweak.losses import binary_kl_norm
from skweak.nn import MLP, SmallCNN
from skweak.noisy import CrossEntropyClassifier

MOMENTUM = {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("--only", nargs="+", choices=sorted(ROWS), help="only these rows of the table")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", default=str(RESULTS / "speed.json"))


def bare_loop(network, X, y, *, epochs, batch_size, best):
    """Train like a competent user would and return the seconds."""
    optimizer = torch.optim.SGD(network.parameters(), **MOMENTUM, **({"fused": True} if best else {}))
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for i in range(0, len(X), batch_size):
            index = order[i : i + batch_size]
            rows, target = (X.index_select(0, index), y.index_select(0, index)) if best else (X[index], y[index])
            loss = F.cross_entropy(network(rows), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return time.perf_counter() - start


def training(make_network, module, X, y, *, epochs, batch_size, repeats):
    """Return medians of the seconds of both bare loops, of our epochs and of our whole fit."""
    tensors = torch.from_numpy(X), torch.from_numpy(y)
    seconds = {"usual loop": [], "best loop": [], "epochs": [], "fit": []}
    for _ in range(repeats):
        for name, best in (("usual loop", False), ("best loop", True)):
            seconds[name].append(bare_loop(make_network(), *tensors, epochs=epochs, batch_size=batch_size, best=best))
        estimator = CrossEntropyClassifier(max_epochs=epochs, batch_size=batch_size, random_state=0, **module)
        start = time.perf_counter()
        estimator.fit(X, y)
        seconds["fit"].append(time.perf_counter() - start)
        seconds["epochs"].append(sum(row["dur"] for row in estimator.history_))
    return seconds


def mlp(repeats):
    """MLP 64-128-10, batch 128."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(25_600, 64).astype(np.float32), rng.randint(0, 10, 25_600)

    def network():
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    return training(network, {"module__hidden": (128,)}, X, y, epochs=3, batch_size=128, repeats=repeats)


def cnn(repeats):
    """Small CNN on 28 x 28 images, batch 128."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(1_280, 1, 28, 28).astype(np.float32), rng.randint(0, 10, 1_280)
    module = {"module": SmallCNN, "module__widths": (16, 32)}
    return training(lambda: SmallCNN(1, 10, (16, 32)), module, X, y, epochs=2, batch_size=128, repeats=repeats)


def overhead(repeats):
    """A whole fit on 200 rows, one step, beside that step alone."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(200, 64).astype(np.float32), rng.randint(0, 10, 200)
    seconds = {"best loop": [], "fit": []}
    for _ in range(5 * repeats):
        network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
        tensors = torch.from_numpy(X), torch.from_numpy(y)
        seconds["best loop"].append(bare_loop(network, *tensors, epochs=1, batch_size=200, best=True))
        estimator = CrossEntropyClassifier(module__hidden=(128,), max_epochs=1, batch_size=200, random_state=0)
        start = time.perf_counter()
        estimator.fit(X, y)
        seconds["fit"].append(time.perf_counter() - start)
    return seconds


def bare_dual_head_loop(network, X, y, teacher_logits, *, epochs, batch_size):
    """Train a network with a second linear head on cached outputs of a teacher and return the seconds."""
    second = nn.Linear(network.head.in_features, network.head.out_features)
    optimizer = torch.optim.SGD([*network.parameters(), *second.parameters()], fused=True, **MOMENTUM)
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for i in range(0, len(X), batch_size):
            rows, target, taught = (part.index_select(0, order[i : i + batch_size]) for part in (X, y, teacher_logits))
            z = network.features(rows)
            loss = F.cross_entropy(network.head(z), target) + binary_kl_norm(second(z), taught).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return time.perf_counter() - start


def distill(repeats):
    """DHKD with a linear second head and cached teacher outputs, MLP 64-128-10, batch 128."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(25_600, 64).astype(np.float32), rng.randint(0, 10, 25_600)
    logits = rng.randn(25_600, 10).astype(np.float32)
    tensors = [torch.from_numpy(part) for part in (X, y, logits)]
    settings = {"module__hidden": (128,), "aux_head": "linear", "max_epochs": 3, "batch_size": 128, "random_state": 0}
    seconds = {"best loop": [], "epochs": [], "epochs, aligned": []}
    for _ in range(repeats):
        seconds["best loop"].append(bare_dual_head_loop(MLP(64, 10, (128,)), *tensors, epochs=3, batch_size=128))
        for name, aligned in (("epochs", False), ("epochs, aligned", True)):
            student = DHKDClassifier(gradient_alignment=aligned, **settings).fit(X, y, teacher_logits=logits)
            seconds[name].append(sum(row["dur"] for row in student.history_))
    return seconds


ROWS = {"distill": distill, "mlp": mlp, "cnn": cnn, "overhead": overhead, **query_speed.ROWS}


def main(args):
    """Measure the rows, print the table and write it as JSON."""
    torch.set_num_threads(args.threads)
    machine = {"processor": platform.machine(), "python": platform.python_version()}
    report = {"origin": origin(args.threads), "machine": machine, "rows": {}}
    for name in args.only or ROWS:
        ROWS[name](1)
        seconds = {key: np.array(values) for key, values in ROWS[name](args.repeats).items()}
        print(f"\n{name}: {ROWS[name].__doc__}")
        report["rows"][name] = {}
        for key, values in seconds.items():
            line = {
                "median_seconds": float(np.median(values)),
                "spread": float(np.ptp(np.percentile(values, [25, 75]))),
            }
            for yardstick in ("usual loop", "best loop", "modAL", "scikit-activeml"):
                if yardstick in seconds:
                    # Pairs of the same repeat, so that a busy moment hits both.
                    line[f"of {yardstick}"] = float(np.median(seconds[yardstick] / values))
            report["rows"][name][key] = line
            print(f"  {key:12s}" + "".join(f"  {what} {value:.4g}" for what, value in line.items()))
    with open(args.output, "w") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    return 0
