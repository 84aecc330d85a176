"""Write result tables into Markdown pages, so that no number there is typed by hand.

A page marks the place with ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a file of ``benchmarks/results``.
"""

import re
from pathlib import Path

import numpy as np

from benchmarks.run import KEYS, ORIGIN, RESULTS, read_rows

MARK = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("pages", nargs="+", type=Path)


def table(name):
    """Return the Markdown table of one result file: mean ± standard deviation over seeds, a single seed without."""
    rows = read_rows(RESULTS / f"{name}.csv")
    if not rows:
        raise ValueError(f"there is no result file {name}.csv; run its scenarios first.")
    columns = [column for column in rows[0] if column not in KEYS + ORIGIN]
    lines = ["| method | seeds | " + " | ".join(column.replace("_", " ") for column in columns) + " |"]
    lines += ["|---" * (len(columns) + 2) + "|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        cells = []
        for column in columns:
            values = [float(row[column]) for row in mine if row[column] != ""]
            digits = 1 if column.endswith("seconds") else 3
            shown = len(values) > 1 and not column.endswith("seconds")
            spread = f" ± {np.std(values):.{digits}f}" if shown else ""
            cells.append(f"{np.mean(values):.{digits}f}{spread}" if values else "–")
        lines.append(f"| {method} | {len(mine)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(args):
    """Fill every marked place of every page."""
    for page in args.pages:
        text = page.read_text()
        page.write_text(MARK.sub(lambda match: match[1] + table(match[2]) + match[3], text))
    return 0
