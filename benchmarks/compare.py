"""Compare methods row by row: means, differences to a baseline on the same seeds, and the paper's figure beside ours.

``python -m benchmarks compare noisy-digits_sym40 --baseline CE`` reads ``benchmarks/results/noisy-digits_sym40.csv``.
The interval of a difference is a bootstrap of the paired seeds; from six pairs on Wilcoxon's test stands beside it
(fewer pairs cannot reach a p of 0.05). Figures of papers stand in ``benchmarks/paper_figures.csv`` with what was
different there; a row without a value is a method whose paper could not be read. Its ``nearest`` names our results
where those of the paper's data are none, and ``difference`` says what is different in ours.
"""

from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

from benchmarks.run import KEYS, ORIGIN, RESULTS, read_rows

PAPERS = Path(__file__).parent / "paper_figures.csv"
N_DRAWS = 10_000


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("names", nargs="+", help="result files without .csv, such as noisy-digits_sym40")
    parser.add_argument("--baseline", help="method that the others are compared with; by default the first")
    parser.add_argument("--column", help="measured column; by default accuracy, or the first one")


def collect(name, column=None, results=None):
    """Return the column that is compared and its values by method and seed."""
    rows = read_rows((RESULTS if results is None else results) / f"{name}.csv")
    if not rows:
        raise ValueError(f"there is no result file {name}.csv; run its scenarios first.")
    columns = [key for key in rows[0] if key not in KEYS + ORIGIN]
    column = column or ("accuracy" if "accuracy" in columns else columns[0])
    if column not in columns:
        raise ValueError(f"column {column!r} is not in {name}.csv; there are {', '.join(columns)}.")
    values = {}
    for row in rows:
        if row[column] != "":
            values.setdefault(row["method"], {})[int(row["seed"])] = float(row[column])
    return column, values


def paired(values, baseline):
    """Return mean difference, its 95 % bootstrap interval and Wilcoxon's p (nan below six pairs) on common seeds."""
    seeds = sorted(set(values) & set(baseline))
    differences = np.array([values[seed] - baseline[seed] for seed in seeds])
    if len(differences) < 2:
        return len(differences), float(differences.mean()) if seeds else np.nan, (np.nan, np.nan), np.nan
    draws = np.random.RandomState(0).randint(len(differences), size=(N_DRAWS, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), [0.025, 0.975])
    p = np.nan
    if len(differences) >= 6 and differences.any():
        p = float(wilcoxon(differences).pvalue)
    return len(differences), float(differences.mean()), (float(low), float(high)), p


def paper_figures(name, column):
    """Return the rows of papers by method, for one result file and column; only those of the very data of the file."""
    return {
        row["method"]: row
        for row in read_rows(PAPERS)
        if f"{row['family']}-{row['data']}" == name and row["column"] == column and row["value"]
    }


def published(paper):
    """Return the value of a paper, with its spread if the paper gives one."""
    spread = f" ± {float(paper['spread']):.3f}" if paper["spread"] else ""
    return f"{float(paper['value']):.3f}{spread}"


def comparison(name, baseline=None, column=None, results=None):
    """Return the Markdown table of one result file."""
    column, values = collect(name, column, results)
    baseline = baseline or next(iter(values))
    if baseline not in values:
        raise ValueError(f"baseline {baseline!r} is not in {name}.csv; there are {', '.join(values)}.")
    papers = {method: row for method, row in paper_figures(name, column).items() if method in values}
    lines = [
        f"| method | seeds | {column.replace('_', ' ')} | minus {baseline} | 95 % interval | Wilcoxon p |"
        + (" paper | different there |" if papers else "")
    ]
    lines.append("|---" * (lines[0].count("|") - 1) + "|")
    for method, seeds in values.items():
        mine = np.array(list(seeds.values()))
        cells = [method, str(len(mine)), f"{mine.mean():.3f}" + (f" ± {mine.std():.3f}" if len(mine) > 1 else "")]
        n_pairs, difference, (low, high), p = paired(seeds, values[baseline])
        if method == baseline or n_pairs == 0:
            cells += ["–"] * 3
        else:
            cells.append(f"{difference:+.3f}")
            cells.append(f"{low:+.3f} to {high:+.3f}" if np.isfinite(low) else "one pair")
            cells.append(f"{p:.3f}" if np.isfinite(p) else "–")
        if papers:
            paper = papers.get(method)
            cells.append(published(paper) if paper else "–")
            cells.append(f"{paper['conditions']} ({paper['source']})" if paper else "–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(args):
    """Print the table of every result file."""
    for name in args.names:
        print(f"\n{name}\n\n{comparison(name, args.baseline, args.column)}")
    return 0
