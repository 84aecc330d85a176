"""Everything worth knowing about one GPU, in one command that ends within its minutes.

``python -m benchmarks gpu [--minutes 8] [--out FOLDER]``. Each row is a line of ``gpu.jsonl`` in the folder, written as
soon as it is done; rows that are there already are not run again, and a failed one leaves its error. A row starts only
when its expected time fits into what is left, and is ended when the minutes are over.
"""

import gc
import json
import platform
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks import gpu_accuracy, gpu_checks, gpu_speed
from benchmarks.run import RESULTS

# What is kept for writing the last row and leaving.
_RESERVE = 5
# What every line carries besides its findings.
_FACTS = ("row", "seconds", "settings", "expected", "device", "torch", "python", "seed", "place")


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("--minutes", type=float, default=8.0, help="the command ends within them")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of gpu.jsonl")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="only rows whose name has one of these words")


def all_rows():
    """Return every row by name, the most telling first: its expected seconds, and what runs it."""
    checks, accuracy = gpu_checks.rows(), gpu_accuracy.rows()
    start = ["agrees CrossEntropy", "agrees ELR", "agrees DivideMix", "waits CrossEntropy", "waits ELR"]
    first = {name: checks[name] for name in start} | gpu_speed.first_rows()
    telling = [name for name in accuracy if name.endswith("worst") or name == "accuracy CE clean"]
    first |= {name: accuracy[name] for name in telling}
    return first | checks | gpu_speed.rows() | accuracy


def read_rows(path):
    """Return the rows of a file; a torn last line counts as none."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def table(path):
    """Return the Markdown table of a file: what every row found out when it ran last."""
    lines = ["| row | found | seconds |", "|---|---|---|"]
    for row in {row["row"]: row for row in read_rows(path)}.values():
        found = {key: value for key, value in row.items() if key not in _FACTS}
        text = f"failed: {row['error']}" if "error" in row else ", ".join(f"{k} {_shown(v)}" for k, v in found.items())
        lines.append(f"| {row['row']} | {text.replace('|', '/')} | {row['seconds']:.1f} |")
    return "\n".join(lines) + "\n"


def _shown(value):
    return f"{value:.4g}" if isinstance(value, float) else value


def done_rows(path):
    """Return the names of the rows that a file holds without an error."""
    return {row["row"] for row in read_rows(path) if "error" not in row}


@contextmanager
def ended_after(seconds):
    """Raise TimeoutError within the block when the seconds are over."""

    def stop(signum, frame):
        raise TimeoutError("ended when the minutes were over")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_rows(rows, path, seconds, facts):
    """Run the rows that fit into the seconds and append each to the file.

    Parameters
    ----------
    rows : dict of str to (float, callable)
        Expected seconds, and a function that returns what it found out.
    path : Path
    seconds : float
    facts : dict
        What every row carries.

    Returns
    -------
    list of str
        Rows that were left out because they would not have fitted.
    """
    end, left_out, done = time.monotonic() + seconds - _RESERVE, [], done_rows(path)
    for name, (expected, function) in rows.items():
        left = end - time.monotonic()
        if name in done:
            continue
        if expected > left:
            left_out.append(name)
            continue
        start = time.monotonic()
        try:
            with ended_after(left):
                result = function()
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            result = {"error": f"{type(error).__name__}: {error}"[:500], "place": f"{place.filename}:{place.lineno}"}
        row = {"row": name, "seconds": round(time.monotonic() - start, 3), **result, "expected": expected, **facts}
        append(path, row)
        shown = {key: value for key, value in result.items() if key != "settings"}
        print(f"{row['seconds']:7.1f} s  {name}: {shown}", flush=True)
        clear()
    return left_out


def append(path, row):
    """Write one line, on a line of its own also after a torn one."""
    torn = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
    with open(path, "a") as file:
        file.write("\n" * bool(torn) + json.dumps(row) + "\n")
        file.flush()


def clear():
    """Give back what a row has held."""
    gc.collect()
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def main(args):
    """Run what fits and is not there yet."""
    if not torch.cuda.is_available():
        print("python -m benchmarks gpu: torch sees no CUDA device, which every row needs.", file=sys.stderr)
        return 2
    rows = all_rows()
    if args.only:
        rows = {name: row for name, row in rows.items() if any(word in name for word in args.only)}
    args.out.mkdir(parents=True, exist_ok=True)
    facts = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "python": platform.python_version()}
    left_out = run_rows(rows, args.out / "gpu.jsonl", 60 * args.minutes, facts | {"seed": 0})
    if left_out:
        names = ", ".join(left_out)
        print(f"No time was left for {len(left_out)} rows; run it again for them: {names}", file=sys.stderr)
    return 0
