"""Tables of the panel: means, ranks with tests of `scipy.stats`, and where a default does harm.

A cell is a table with labels and features, its value the mean over seeds. Methods are compared on the cells that all of
them have; a method without half of the cells is left out.
"""

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from benchmarks.panel_data import IMBALANCED, LABELS, SENTENCES, TEXTS, UNITS, names

# Of images, sounds, words and sentences: columns that a network or a projection made.
EMBEDDED = ("labelme", "polarity", "youtube", "fashion_pca", "cifar10_pca", *SENTENCES)
KINDS = {
    "all": lambda table: True,
    "tables": lambda table: table not in (*IMBALANCED, *TEXTS, *EMBEDDED),
    "embeddings": EMBEDDED.__contains__,
    "imbalanced": IMBALANCED.__contains__,
    "texts": TEXTS.__contains__,
    "sentences": SENTENCES.__contains__,
    "units": UNITS.__contains__,
}
FEWER_THAN_300_ROWS = ("iris", "wine", "emotions")
TUNING = 100


def read(results, tuning=False):
    """Return all rows of the panel in a folder, with table, labels and features; seeds from 100 on only for tuning.

    A method that a file has twice for one cell and seed counts with its last row.
    """
    files = sorted(results.glob("panel-*.csv"))
    if not files:
        raise ValueError("there is no result file of the panel; run python -m benchmarks panel first.")
    rows = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    rows = rows[rows["data"].isin(names()) & ((rows["seed"] >= TUNING) == tuning)]
    parts = pd.DataFrame([names()[name] for name in rows["data"]], columns=["table", "labels", "features"])
    rows = pd.concat([rows.reset_index(drop=True), parts], axis=1)
    return rows.drop_duplicates(["data", "method", "seed"], keep="last")


def cells(rows, column="accuracy", kind="all", features="standardised", methods=None):
    """Return the mean over seeds (cell x method) on the cells that all methods have."""
    rows = rows[(rows["features"] == features) & rows["table"].map(KINDS[kind]).astype(bool)]
    rows = rows if methods is None else rows[rows["method"].isin(methods)]
    wide = rows.pivot_table(column, ["labels", "table"], "method", "mean", sort=False)
    wide = wide.loc[:, wide.notna().mean() > 0.5].dropna()
    if wide.empty:
        raise ValueError(f"the panel has no {column} of {kind} with {features} features yet.")
    order = [method for method in dict.fromkeys(rows["method"]) if method in wide]
    return wide[order].sort_index(level="labels", key=lambda index: index.map(_position), sort_remaining=False)


def _position(labels):
    return [*LABELS, "human40"].index(labels)


def means(rows, column="accuracy", kind="all", features="standardised", methods=None):
    """Return the Markdown table of means over the tables, a column for each sort of labels."""
    wide = cells(rows, column, kind, features, methods)
    grouped = wide.groupby(level="labels", sort=False)
    counts = grouped.size()
    table = grouped.mean().T
    digits = 1 if column.endswith("seconds") else 3
    head = [f"{labels} ({counts[labels]})" for labels in table]
    return _markdown(
        ["method", *head], [[method, *(f"{v:.{digits}f}" for v in values)] for method, *values in table.itertuples()]
    )


def by_table(rows, labels, column="accuracy", features="standardised", methods=None):
    """Return the Markdown table of one sort of labels, a line for each table and a column for each method."""
    rows = rows[(rows["features"] == features) & (rows["labels"] == labels)]
    rows = rows if methods is None else rows[rows["method"].isin(methods)]
    wide = rows.pivot_table(column, "table", "method", "mean", sort=False)
    wide = wide[[method for method in dict.fromkeys(rows["method"]) if method in wide]]
    lines = [[table, *(f"{v:.3f}" if np.isfinite(v) else "–" for v in values)] for table, *values in wide.itertuples()]
    return _markdown(["table", *wide], lines)


def ranks(rows, column="accuracy", kind="all", features="standardised", baseline=None):
    """Return the Markdown table of mean ranks, best first, with Friedman's test and Wilcoxon's against the baseline.

    The p of Wilcoxon is over the cells with wrong labels, corrected for the number of methods (Holm); by default the
    baseline is the first of the ranking.
    """
    wide = cells(rows, column, kind, features)
    lower_is_better = column in ("log_loss", "cpu_seconds")
    placed = wide.copy()
    placed[:] = rankdata(wide if lower_is_better else -wide, axis=1)
    by_labels = placed.groupby(level="labels", sort=False).mean().T
    total = placed.mean().sort_values()
    baseline = total.index[0] if baseline is None else baseline
    noisy = wide[wide.index.get_level_values("labels") != "clean"]
    p = holm({name: _wilcoxon(noisy[name] - noisy[baseline]) for name in total.index if name != baseline})
    lines = []
    for method, mean in total.items():
        shown = f"{p[method]:.3f}" if np.isfinite(p.get(method, np.nan)) else "–"
        lines.append([method, *(f"{value:.1f}" for value in by_labels.loc[method]), f"{mean:.1f}", shown])
    friedman = {"all": _friedman(wide)}
    friedman |= {labels: _friedman(part) for labels, part in wide.groupby(level="labels", sort=False)}
    lines.append(["Friedman p", *(_shown(friedman[labels]) for labels in by_labels), _shown(friedman["all"]), "–"])
    return _markdown(["method", *by_labels, "mean rank", f"Wilcoxon p against {baseline}"], lines)


def _shown(p):
    return "–" if not np.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _friedman(wide):
    # Fewer than three methods or cells, or ties alone, have no such test.
    if min(wide.shape) < 3:
        return np.nan
    with np.errstate(invalid="ignore"):
        return float(friedmanchisquare(*wide.to_numpy().T).pvalue)


def _wilcoxon(differences):
    differences = differences.to_numpy()
    return float(wilcoxon(differences).pvalue) if len(differences) >= 6 and differences.any() else np.nan


def holm(p):
    """Return p-values corrected for their number by Holm's method; nan stays nan."""
    known = sorted((value, name) for name, value in p.items() if np.isfinite(value))
    corrected, largest = dict(p), 0.0
    for place, (value, name) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - place) * value))
        corrected[name] = largest
    return corrected


def shortfalls(rows, defaults):
    """Return a sentence for every promise about defaults that the results do not keep, the worst first."""
    found = []
    wide = {column: _wide(rows, column) for column in ("accuracy", "balanced_accuracy", "minority_recall")}

    def check(column, name, method, other, allowed):
        table = wide[column]
        if method in table and other in table and name in table.index:
            gap = 100 * (table[method][name] - table[other][name])
            if gap < -allowed:
                found.append((gap, f"{name}: {column} of {method} is {-gap:.1f} points below {other}"))

    for name, (table, labels, features) in names().items():
        small = 2 if table in FEWER_THAN_300_ROWS else 1
        for method in defaults:
            check("accuracy", name, method, "CE", small if labels == "clean" else 1)
            if labels == "clean":
                check("balanced_accuracy", name, method, "CE", 2 * small)
            if table in IMBALANCED:
                check("minority_recall", name, method, "CE", 5)
            if labels == "clean" and features == "raw" and table in UNITS and table != "digits":
                check("accuracy", name, method, "MLPClassifier", 2)
        check("accuracy", name, "Auto", "filter(forest)", 1)
        if table in (*TEXTS, *EMBEDDED):
            check("accuracy", name, "Auto", "filter(logistic regression)", 1)
    return [sentence for _, sentence in sorted(found)] + _on_average(rows, wide["accuracy"])


def _wide(rows, column):
    return rows.pivot_table(column, "data", "method", "mean")


def _on_average(rows, accuracy):
    found = []
    loud = cells(rows).query("labels == 'sym40'")
    for method in ("ELR", "DPC", "BLDR", "DivideMix"):
        gain = 100 * (loud[method] - loud["CE"]).mean() if {method, "CE"} <= set(loud) else np.inf
        if gain < 5:
            found.append(f"sym40: {method} is {gain:.1f} points above CE on average, not 5")
    for labels, part in cells(rows).groupby(level="labels", sort=False):
        place = pd.Series(rankdata(-part, axis=1).mean(axis=0), part.columns)
        if "Auto" in place and place["Auto"] > place.min():
            found.append(f"{labels}: {place.idxmin()} has mean rank {place.min():.1f}, Auto {place['Auto']:.1f}")
    units = [f"digits@sym40{suffix}" for suffix in ("", ",raw", ",minmax")]
    if "ELR" in accuracy and set(units) <= set(accuracy.index):
        spread = 100 * np.ptp(accuracy["ELR"][units])
        if spread > 2:
            found.append(f"digits@sym40: ELR differs by {spread:.1f} points between units of the features")
    return found


def _markdown(head, lines):
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(rows + ["| " + " | ".join(line) + " |" for line in lines]) + "\n"
