"""Directives that put the numbers of ``benchmarks/results`` on a page, so that none is typed by hand."""

import json

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from benchmarks import gpu, panel_table
from benchmarks.compare import comparison
from benchmarks.run import RESULTS
from benchmarks.scaling import scaling_table
from benchmarks.speed import speed_table
from benchmarks.tables import table

STANDARDISED = "standardised"


def to_nodes(markdown, classes=(), prefix=None):
    """Turn a Markdown table into table nodes; with a prefix every row is a target ``PREFIX-FIRST-CELL``."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in markdown.strip().splitlines()]
    head, body = rows[0], rows[2:]
    result = nodes.table(classes=["results", *classes])
    group = nodes.tgroup(cols=len(head))
    result += group
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *(_row(cells, prefix) for cells in body))
    # A wide table scrolls on a narrow screen.
    return nodes.container("", result, classes=["pst-scrollable-table-container"])


def _row(cells, prefix=None):
    # Numbers stay on one line; sentences are wrapped.
    entries = [nodes.entry("", _cell(cell), classes=["text"] * (len(cell) > 30)) for cell in cells]
    if prefix:
        entries[0][0].attributes["ids"].append(row_id(prefix, cells[0]))
    return nodes.row("", *entries)


def _cell(text):
    """Return a paragraph, code between backticks; names in code become links like those in sentences."""
    pieces = text.split("`")
    parts = [nodes.literal("", piece) if i % 2 else nodes.Text(piece) for i, piece in enumerate(pieces) if piece]
    return nodes.paragraph("", "", *parts)


def row_id(prefix, name):
    """Return the anchor of a row."""
    return nodes.make_id(f"{prefix}-{name}")


class ResultTable(SphinxDirective):
    """``result-table NAME``: mean and spread of every column of one result file."""

    required_arguments = 1

    def run(self):
        """Return the table, and where it comes from."""
        name = self.arguments[0]
        if not (RESULTS / f"{name}.csv").exists():
            return missing(name)
        self.env.note_dependency(str(RESULTS / f"{name}.csv"))
        return [to_nodes(table(name)), source(f"{name}.csv")]


class Comparison(SphinxDirective):
    """``comparison NAME``: paired differences to a baseline."""

    required_arguments = 1
    option_spec = {"baseline": directives.unchanged, "column": directives.unchanged}

    def run(self):
        """Return the table, and where it comes from."""
        name = self.arguments[0]
        if not (RESULTS / f"{name}.csv").exists():
            return missing(name)
        self.env.note_dependency(str(RESULTS / f"{name}.csv"))
        options = {key: self.options[key] for key in ("baseline", "column") if key in self.options}
        return [to_nodes(comparison(name, **options)), source(f"{name}.csv")]


class SpeedTable(SphinxDirective):
    """``speed-table NAME ROW ...``: ratios of one report of ``python -m benchmarks speed``."""

    required_arguments = 2
    final_argument_whitespace = True

    def run(self):
        """Return the table, and where it comes from."""
        name, rows = self.arguments
        path = RESULTS / f"{name}.json"
        self.env.note_dependency(str(path))
        report = json.loads(path.read_text())
        # Rows that were measured in a later run of their own stand in a table of their own.
        made = report.get("apart", {}).get(rows.split()[0], report)
        said = f"Median ± quartile distance; {made['machine']['processor']}, {made['origin']['threads']} thread: "
        return [to_nodes(speed_table(report, rows.split())), source(path.name, said)]


class ScalingTable(SphinxDirective):
    """``scaling-table``: seconds and memory of an epoch on more and more rows."""

    def run(self):
        """Return the table, and where it comes from."""
        path = RESULTS / "scaling.json"
        if not path.exists():
            return [not_measured("python -m benchmarks scaling")]
        self.env.note_dependency(str(path))
        report = json.loads(path.read_text())
        said = f"One run; {report['machine']['processor']}, 1 thread: "
        return [to_nodes(scaling_table(report)), source(path.name, said)]


class GpuTable(SphinxDirective):
    """``gpu-table``: what ``python -m benchmarks gpu`` has found out, if it has run."""

    def run(self):
        """Return the table, and where it comes from."""
        path = RESULTS / "gpu.jsonl"
        if not path.exists():
            return [not_measured("python -m benchmarks gpu")]
        self.env.note_dependency(str(path))
        return [to_nodes(gpu.table(path)), source(path.name, f"{gpu.read_rows(path)[-1]['device']}, one seed: ")]


def cells_prefix(labels, features):
    """Return the first part of the anchors of the lines of the panel."""
    return f"panel-{labels}" if features == STANDARDISED else f"panel-{labels}-{features}"


class PanelTable(SphinxDirective):
    """``panel-table KIND``: means of the panel over the tables of a kind, all methods or some."""

    required_arguments = 1
    option_spec = {"column": directives.unchanged, "features": directives.unchanged, "methods": directives.unchanged}

    prefix = None

    def run(self):
        """Return the table, and where it comes from."""
        files = sorted(RESULTS.glob("panel-*.csv"))
        if not files:
            return [not_measured("python -m benchmarks panel")]
        for file in files:
            self.env.note_dependency(str(file))
        try:
            made = to_nodes(self.table(panel_table.read(RESULTS)), prefix=self.prefix)
            return [made, source("panel-*.csv", "Means over seeds: ")]
        except ValueError:
            # Somebody has begun elsewhere.
            return [not_measured("python -m benchmarks panel")]

    def table(self, rows):
        """Return the Markdown table of the argument and the options."""
        options = dict(self.options)
        if "methods" in options:
            options["methods"] = [name.strip() for name in options["methods"].split(";")]
        return panel_table.means(rows, kind=self.arguments[0], **options)


class PanelRanks(PanelTable):
    """``panel-ranks KIND``: mean ranks of the panel, with the tests of Friedman and Wilcoxon."""

    def table(self, rows):
        """Return the Markdown table."""
        return panel_table.ranks(rows, kind=self.arguments[0], **self.options)


class PanelCells(PanelTable):
    """``panel-cells LABELS``: a line for each table of the panel, a column for each method; each line is a target."""

    @property
    def prefix(self):
        """First part of the anchors, such as ``panel-sym40-iris``, or ``panel-sym40-raw-iris`` for raw features."""
        return cells_prefix(self.arguments[0], self.options.get("features", STANDARDISED))

    def table(self, rows):
        """Return the Markdown table."""
        if self.arguments[0] not in set(rows["labels"]):
            raise ValueError(f"the panel has no labels {self.arguments[0]} yet.")
        return panel_table.by_table(rows, self.arguments[0], **self.options)


def not_measured(command):
    """Return a line that names the command."""
    return nodes.paragraph("", "Not measured yet; run ", nodes.literal("", command), nodes.Text("."))


def source(name, said="Mean ± standard deviation over seeds; all rows: "):
    """Return the line under a table that names its file."""
    paragraph = nodes.paragraph(classes=["source"])
    paragraph += nodes.Text(said)
    paragraph += nodes.literal("", f"benchmarks/results/{name}")
    return paragraph


def missing(name):
    """Return a line for results that nobody has measured yet."""
    family, _, data = name.partition("-")
    return [not_measured(f"python -m benchmarks run --family {family} --data {data}")]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("result-table", ResultTable)
    app.add_directive("comparison", Comparison)
    app.add_directive("speed-table", SpeedTable)
    app.add_directive("scaling-table", ScalingTable)
    app.add_directive("gpu-table", GpuTable)
    app.add_directive("panel-table", PanelTable)
    app.add_directive("panel-ranks", PanelRanks)
    app.add_directive("panel-cells", PanelCells)
    return {"parallel_read_safe": True}
