"""Seconds of training, prediction and queries beside bare torch loops and other libraries, as ratios.

``python -m benchmarks speed [--only NAME ...]``. Every figure comes from one run in which the contestants take turns;
a ratio is the median over the repeats of the yardstick's seconds by those of the contestant, 1 as fast and 0.5 half as
fast. On one thread, by the processor's clock, unless said. Two yardsticks: the usual loop (fancy indexing, default
optimizer) and the best one we can write (see `benchmarks.bare_loops`). ``--device cuda`` measures a GPU instead.
"""

import json
import os
import platform

import numpy as np
import scipy
import skorch
import torch
from threadpoolctl import threadpool_limits

from benchmarks import cuda_speed, distill_speed, fit_speed, query_speed, train_speed
from benchmarks.run import RESULTS, origin

ROWS = {**train_speed.ROWS, **fit_speed.ROWS, **query_speed.ROWS, **distill_speed.ROWS}
YARDSTICKS = ("usual loop", "best loop", "modAL", "scikit-activeml", *distill_speed.YARDSTICKS)
# The least ratio that counts as done, by row, contestant and yardstick; of "overhead" the most seconds beside the step.
TARGETS = {
    ("mlp", "epochs", "usual loop"): 0.95,
    ("mlp", "epochs", "best loop"): 0.90,
    ("cnn", "epochs", "usual loop"): 0.97,
    ("cnn", "epochs", "best loop"): 0.97,
    ("sparse_text", "epochs", "usual loop"): 1 / 1.15,
    ("coteaching", "epochs", "best loop"): 0.95,
    ("dpc", "epochs", "best loop"): 0.95,
    ("fixmatch", "epochs", "best loop"): 0.95,
    ("prediction", "predict_proba", "best loop"): 0.95,
    ("first_fit", "fit", "usual loop"): 1 / 1.1,
    **distill_speed.TARGETS,
}
MOST_OVERHEAD = 0.003
# What a contestant of ours is called in a table.
_OURS = dict.fromkeys(("epochs", "query", "predict_proba"), "skweak")
_OURS |= {"fit": "skweak, a whole fit", "fit, a tenth held out": "skweak, a tenth held out"}


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("--only", nargs="+", choices=sorted({**ROWS, **cuda_speed.ROWS}), help="only these rows")
    parser.add_argument("--repeats", type=int, default=9, help="quick rows take a multiple, slow ones a part of it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--output", help="JSON file; by default speed.json or speed_cuda.json among the results")


def machine(device):
    """Return what is known of the machine."""
    facts = {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    facts |= {"numpy": np.__version__, "scipy": scipy.__version__, "skorch": skorch.__version__}
    facts["load"] = os.getloadavg()[0]
    if device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def _processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def summarise(row, seconds):
    """Return median and spread of every contestant's seconds and of its ratios to the yardsticks."""
    seconds = {name: np.array(values) for name, values in seconds.items()}
    lines = {}
    for name, values in seconds.items():
        line = {"median": float(np.median(values)), "spread": _spread(values)}
        for yardstick in YARDSTICKS:
            if yardstick in seconds and yardstick != name:
                # Pairs of the same repeat, so that a busy moment hits both.
                ratios = seconds[yardstick] / values
                line[f"of {yardstick}"] = float(np.median(ratios))
                line[f"spread of {yardstick}"] = _spread(ratios)
                if (row, name, yardstick) in TARGETS:
                    line[f"target of {yardstick}"] = TARGETS[row, name, yardstick]
        if row == "overhead" and name == "fit":
            line |= {"beside the step": float(np.median(values - seconds["best loop"])), "target": MOST_OVERHEAD}
        lines[name] = line
    return lines


def _spread(values):
    return float(np.ptp(np.percentile(values, [25, 75])))


def speed_table(report, names):
    """Return the Markdown table of some rows of a report: medians, ratios to the yardsticks, and what was asked for."""
    lines = {(name, who): line for name in names for who, line in report["rows"][name].items()}
    used = [other for other in YARDSTICKS if any(f"of {other}" in line for line in lines.values())]
    rows, before = [["measured", "contestant", "median", *(f"of {other}" for other in used)]], None
    for (name, who), line in lines.items():
        median = line["median"]
        figure = f"{median:.0f} bytes" if name == "memory" else f"{median:.2f} s"
        figure = figure if median >= 1 else f"{median * 1e3:.3g} ms"
        if "beside the step" in line:
            figure += f", {line['beside the step'] * 1e3:.2g} beside the step (asked: {line['target'] * 1e3:g})"
        cells = ["" if name == before else ROWS[name].__doc__.rstrip("."), _OURS.get(who, who), figure]
        rows.append(cells + [_ratio(line, other) for other in used])
        before = name
    rows.insert(1, ["---"] * len(rows[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _ratio(line, yardstick):
    if f"of {yardstick}" not in line:
        return "–"
    asked = f" (asked: {line[f'target of {yardstick}']:.2f})" if f"target of {yardstick}" in line else ""
    return f"{line[f'of {yardstick}']:.2f} ± {line[f'spread of {yardstick}']:.2f}{asked}"


def main(args):
    """Measure the rows, print the table and write it as JSON."""
    torch.set_num_threads(args.threads)
    # Also what numpy and scikit-learn compute: threads of theirs that wait would count as the next contestant's.
    threadpool_limits(args.threads)
    rows = cuda_speed.ROWS if args.device == "cuda" else ROWS
    unknown = set(args.only or ()) - set(rows)
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]!r} is no row of --device {args.device}; there are {', '.join(rows)}.")
    if args.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda needs a GPU that torch sees.")
    output = args.output or RESULTS / ("speed_cuda.json" if args.device == "cuda" else "speed.json")
    made = {"origin": origin(args.threads), "machine": machine(args.device)}
    report = made | {"rows": {}}
    if args.only and os.path.exists(output):
        # The other rows stay as they are; what is measured apart says so.
        with open(output) as file:
            report = json.load(file)
        report["apart"] = report.get("apart", {}) | dict.fromkeys(args.only, made)
    for name in args.only or rows:
        rows[name](1)
        lines = report["rows"][name] = summarise(name, rows[name](args.repeats))
        print(f"\n{name}: {rows[name].__doc__}")
        for contestant, line in lines.items():
            shown = {what: value for what, value in line.items() if not what.startswith("spread of")}
            print(f"  {contestant:24s}" + "".join(f"  {what} {value:.4g}" for what, value in shown.items()), flush=True)
        with open(output, "w") as file:
            json.dump(report, file, indent=1)
            file.write("\n")
    return 0
