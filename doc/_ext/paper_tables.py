"""Figures of papers beside ours, by family, and the methods for which no figure of a paper is at hand."""

from functools import cache

from docutils import nodes
from measured_rows import markdown, measured, shown
from result_tables import source, to_nodes
from sphinx.util.docutils import SphinxDirective

from benchmarks.compare import PAPERS, published
from benchmarks.run import RESULTS, read_rows
from skweak.utils import all_estimators, all_strategies

NOT_RUN = "not run"
HEAD = [
    "method", "data of the paper", "measure", "paper", "ours", "our rows", "run on", "setting of the paper",
    "different in ours",
]  # fmt: skip


@cache
def results(path):
    """Return the rows of a result file, read once for all rows of papers."""
    return read_rows(path)


def beside(row):
    """Return the cells of one row of a paper: its figure, and ours on the same data or on the nearest that we have."""
    name = f"{row['family']}-{row['nearest'] or row['data']}"
    rows = (ours for ours in results(RESULTS / f"{name}.csv") if ours["method"] == row["method"])
    mine = [ours for ours in rows if ours.get(row["column"])]
    values = {ours["seed"]: float(ours[row["column"]]) for ours in mine}
    paper = published(row) if row["value"] else "none at hand"
    cells = [row["method"], row["data"], row["column"].replace("_", " "), paper]
    cells += [shown(values), name, max(ours["date"] for ours in mine)] if values else [""] * 3
    cells += [f"{row['conditions']} ({row['source']})", row["difference"]]
    return [cell or NOT_RUN for cell in cells]


def paper_table(family):
    """Return the Markdown table of a family, ordered by method."""
    rows = [row for row in read_rows(PAPERS) if row["family"] == family]
    if not rows:
        raise ValueError(f"{PAPERS.name} has no row of the family {family!r}.")
    return markdown(HEAD, [beside(row) for row in sorted(rows, key=lambda row: row["method"].lower())])


def without_figure():
    """Return the estimators and strategies that no figure of a paper belongs to."""
    told = {(row["family"], row["method"]) for row in read_rows(PAPERS) if row["value"]}
    methods = {method for _, method in told}
    names = [*dict(all_estimators()), *dict(all_strategies())]
    ours = {name: {(family, method) for family, _, method in measured().get(name, ())} for name in names}
    return [name for name in names if name not in methods and not ours[name] & told]


class PaperTable(SphinxDirective):
    """``paper-table FAMILY``: figures of papers beside ours."""

    required_arguments = 1

    def run(self):
        """Return the table, and where it comes from."""
        for file in (PAPERS, *RESULTS.glob(f"{self.arguments[0]}-*.csv")):
            self.env.note_dependency(str(file))
        said = "Mean ± standard deviation over seeds; all rows: "
        return [to_nodes(paper_table(self.arguments[0]), ["papers"]), source(f"{self.arguments[0]}-*.csv", said)]


class PaperGaps(SphinxDirective):
    """``paper-gaps``: one sentence that names the methods without a figure."""

    def run(self):
        """Return the sentence."""
        self.env.note_dependency(str(PAPERS))
        sentence = nodes.paragraph("", "No figure of a paper at hand: ")
        for position, name in enumerate(without_figure()):
            sentence += [nodes.Text(", " if position else ""), nodes.literal("", name)]
        sentence += nodes.Text(".")
        return [sentence]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("paper-table", PaperTable)
    app.add_directive("paper-gaps", PaperGaps)
    return {"parallel_read_safe": True}
