"""The guide by kind of data: advice is written on the page, what the panel says to it is read from its files."""

from docutils import nodes
from docutils.parsers.rst import directives
from result_tables import RESULTS, STANDARDISED, cells_prefix, not_measured, row_id, to_nodes
from sphinx.util.docutils import SphinxDirective

from benchmarks import panel_table

BEST = 3
PLAIN = "CE"


def by_size(table, size):
    """Return whether a table of the panel is of a size: under 300 training rows, more, or any."""
    return size == "any" or (table in panel_table.FEWER_THAN_300_ROWS) == size.startswith("under")


def evidence(rows, kind, labels, size, features=STANDARDISED):
    """Return the best methods, plain training, and the tables of one branch; None where the panel has no rows of it."""
    tables = [table for table in rows["table"].unique() if panel_table.KINDS[kind](table) and by_size(table, size)]
    part = rows[(rows["features"] == features) & (rows["labels"] == labels) & rows["table"].isin(tables)]
    column = "balanced_accuracy" if kind == "imbalanced" else "accuracy"
    wide = part.pivot_table(column, "table", "method", "mean", sort=False).dropna(axis=1)
    if wide.empty or wide.columns.empty:
        return None
    means = wide.mean().sort_values(ascending=False)
    best = [f"{name} {value:.3f}" for name, value in means.head(BEST).items()]
    plain = f"{means[PLAIN]:.3f}" if PLAIN in means else "–"
    return "; ".join(best), plain, list(wide.index)


class Guide(SphinxDirective):
    """``guide:: KIND`` of data, a line ``wrong labels | LABELS of the panel | size | advice`` for each branch.

    ``:features:`` names the units of the rows of the panel that are meant, standardised ones by default.
    """

    required_arguments = 1
    option_spec = {"features": directives.unchanged}
    has_content = True

    def run(self):
        """Return the table of the branches, the last column with links to rows of the panel."""
        try:
            rows = panel_table.read(RESULTS)
        except ValueError:
            return [not_measured("python -m benchmarks panel")]
        for file in RESULTS.glob("panel-*.csv"):
            self.env.note_dependency(str(file))
        head = ["wrong labels", "training rows", "take", "best in the panel", "plain network", "rows of the panel"]
        lines = ["| " + " | ".join(head) + " |", "|---" * 6]
        found, features = [], self.options.get("features", STANDARDISED)
        for line in self.content:
            said, labels, size, advice = (cell.strip() for cell in line.split("|"))
            found.append((labels, evidence(rows, self.arguments[0], labels, size, features)))
            best, plain, _ = found[-1][1] or ("no rows yet", "–", [])
            lines.append(f"| {said} | {size} | {advice} | {best} | {plain} | |")
        made = to_nodes("\n".join(lines))
        for (labels, told), row in zip(found, list(made.findall(nodes.tbody))[0], strict=True):
            row[-1][0] += self.links(cells_prefix(labels, features), told[2] if told else [])
        return [made]

    def links(self, prefix, tables):
        """Return a link to the row of each table, or that there is none."""
        if not tables:
            return [nodes.Text("the panel has none of this kind yet")]
        page = self.env.app.builder.get_relative_uri(self.env.current_document.docname, "panel")
        parts = []
        for table in tables:
            address = f"{page}#{row_id(prefix, table)}"
            parts += [nodes.reference("", table, internal=True, refuri=address), nodes.Text(" ")]
        return parts


def setup(app):
    """Register with Sphinx."""
    app.add_directive("guide", Guide)
    return {"parallel_read_safe": True}
