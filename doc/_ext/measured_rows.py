"""The rows of ``benchmarks/results`` that belong to one class, for its page of the reference."""

import functools
import inspect
import types
from functools import cache

import numpy as np
from docutils import nodes
from result_tables import source, to_nodes
from sphinx.util.docutils import SphinxDirective

from benchmarks import panel_table
from benchmarks.compare import collect
from benchmarks.run import KEYS, ORIGIN, RESULTS, read_rows
from benchmarks.scenarios import EXCLUDED, FAMILIES
from skweak.utils import all_estimators, all_strategies


def subjects(made):
    """Return the classes that a method of a study is about: its own, not those of a classifier that it runs with."""
    if isinstance(made, functools.partial):
        return subjects(made.func)
    if isinstance(made, tuple):
        found = [cls for part in made for cls in subjects(part)]
        # A strategy and the classifier made for it, such as BUAL and BUALClassifier, are measured together.
        return [cls for cls in found if cls is found[-1] or cls.__name__ == f"{found[-1].__name__}Classifier"]
    if inspect.isclass(made):
        return [made] if made.__module__.startswith("skweak.") else []
    if isinstance(made, types.FunctionType):
        named = (made.__globals__.get(name) for name in made.__code__.co_names)
        return [cls for cls in named if inspect.isclass(cls) and cls.__module__.startswith("skweak.")]
    return []


@cache
def measured():
    """Return family, data and method of the rows of every class."""
    found = {}
    for family, studies in FAMILIES.items():
        for study in studies:
            for data in study.data:
                for method, made in {**study.methods, **study.changes.get(data, {})}.items():
                    for cls in subjects(made):
                        found.setdefault(cls.__name__, []).append((family, data, method))
    return found


def tables_of(name):
    """Return the Markdown tables of a class with their sources: one over all families, one of the panel."""
    lines = []
    for family, data, method in dict.fromkeys(measured().get(name, ())):
        file = f"{family}-{data}"
        if family == "panel" or not (RESULTS / f"{file}.csv").exists():
            continue
        column, values = compared(file)
        if method in values:
            first = next(iter(values))
            cells = [f"{method}", shown(values[method]), first, shown(values[first])]
            lines.append([f"`{file}`", column.replace("_", " "), *cells])
    found = []
    if lines:
        found.append((markdown(["results", "column", "row", "value", "first row there", "its value"], lines), "*.csv"))
    names = [method for family, _, method in measured().get(name, ()) if family == "panel"]
    try:
        rows = panel_rows()
        if set(names) & set(rows["method"]):
            table = panel_table.means(rows, methods=list(dict.fromkeys([*names, "CE", "Auto", "random forest"])))
            found.append((table, "panel-*.csv"))
    except ValueError:
        # Nobody has run the panel on anything that this class takes.
        pass
    return found


@cache
def compared(file):
    """Return the column that a result file is about, which is never the time, and its values by method and seed."""
    columns = [key for key in read_rows(RESULTS / f"{file}.csv")[0] if key not in KEYS + ORIGIN]
    told = [column for column in columns if not column.endswith("seconds")] or columns
    return collect(file, "accuracy" if "accuracy" in told else told[0])


def every_result():
    """Return the Markdown table of all result files but those of the panel: a line for each method."""
    lines = []
    for path in sorted(RESULTS.glob("*.csv")):
        family, _, data = path.stem.partition("-")
        if family != "panel" and data:
            column, values = compared(path.stem)
            for method, seeds in values.items():
                lines.append([family, data, method, column.replace("_", " "), shown(seeds), str(len(seeds))])
    return markdown(["family", "data", "method", "column", "value", "seeds"], lines)


@cache
def panel_rows():
    """Return the rows of the panel, read once for all classes."""
    return panel_table.read(RESULTS)


def shown(seeds):
    """Return mean and spread over seeds."""
    values = np.array(list(seeds.values()))
    return f"{values.mean():.3f}" + (f" ± {values.std():.3f}" if len(values) > 1 else "")


def markdown(head, lines):
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines))


class Measured(SphinxDirective):
    """``measured:: CLASS``: its rows, or why there are none; nothing for what is neither estimator nor strategy."""

    required_arguments = 1

    def run(self):
        """Return a section."""
        name = self.arguments[0]
        if name not in dict(all_estimators()) and name not in dict(all_strategies()):
            return []
        for file in RESULTS.glob("*.csv"):
            self.env.note_dependency(str(file))
        title = nodes.rubric("", "Benchmarks")
        tables = tables_of(name)
        if tables:
            said = "Mean ± standard deviation over seeds; all rows: "
            return [title, *(part for table, file in tables for part in (to_nodes(table), source(file, said)))]
        reason = EXCLUDED.get(name, "the scenarios of this class have not been run yet")
        return [title, nodes.paragraph("", f"Not measured: {reason}.")]


class EveryResult(SphinxDirective):
    """``every-result``: one line for each method of each result file, which the page filters."""

    def run(self):
        """Return the table."""
        for file in RESULTS.glob("*.csv"):
            self.env.note_dependency(str(file))
        return [to_nodes(every_result(), classes=["filtered"]), source("*.csv")]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("every-result", EveryResult)
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True}
