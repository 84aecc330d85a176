"""Many result files of one family in one table: a line per data set, a column per method, means over seeds."""

from collections import defaultdict

from measured_rows import markdown
from result_tables import missing, source, to_nodes
from sphinx.util.docutils import SphinxDirective

from benchmarks.run import RESULTS, read_rows

# Differences below this are within what seeds do.
POINT = 0.01


def overview(files, baseline, column="accuracy"):
    """Return the Markdown table; a figure more than a point below the baseline of its line is marked."""
    lines, methods = [], []
    for file in files:
        values = defaultdict(list)
        for row in read_rows(file):
            values[row["method"]].append(float(row[column]))
        methods += [name for name in values if name not in methods]
        lines.append((file.stem.partition("-")[2].replace("_", " "), {k: sum(v) / len(v) for k, v in values.items()}))

    def shown(means, name):
        if name not in means:
            return "–"
        worse = baseline in means and means[name] < means[baseline] - POINT
        return f"{means[name]:.3f}{' ↓' if worse else ''}"

    return markdown(["data", *methods], [[data, *(shown(means, name) for name in methods)] for data, means in lines])


class Overview(SphinxDirective):
    """``overview FAMILY PATTERN BASELINE``: all result files ``FAMILY-PATTERN.csv`` with five seeds."""

    required_arguments = 3
    final_argument_whitespace = True

    def run(self):
        """Return the table, and where it comes from."""
        family, pattern, baseline = self.arguments
        files = sorted(RESULTS.glob(f"{family}-{pattern}.csv"))
        if not files:
            return missing(f"{family}-{pattern}")
        for file in files:
            self.env.note_dependency(str(file))
        said = f"Mean accuracy over seeds; ↓ more than a point below {baseline}; all rows: "
        return [to_nodes(overview(files, baseline)), source(f"{family}-{pattern}.csv", said)]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("overview", Overview)
    return {"parallel_read_safe": True}
