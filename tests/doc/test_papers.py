"""Paper against package: figures are read from files, and what nobody has run is told."""

import importlib
import re
import types
from pathlib import Path

import pytest

from benchmarks.run import write_rows

DOC = Path(__file__).parents[2] / "doc"
pytest.importorskip("sphinx")


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(DOC))
    monkeypatch.syspath_prepend(str(DOC / "_ext"))
    return importlib.import_module("paper_tables")


@pytest.fixture
def toy(tables, monkeypatch, tmp_path):
    """Two seeds of one method on one data set, and papers that have more than that."""
    rows = [
        {"family": "toy", "data": "set", "method": "a", "seed": seed, "accuracy": value, "mAP": "", "date": date}
        for seed, value, date in ((0, 0.5, "2026-01-01"), (1, 0.7, "2026-01-02"))
    ]
    write_rows(tmp_path / "toy-set.csv", rows)
    figures = tmp_path / "figures.csv"
    figures.write_text(
        "family,data,method,column,value,spread,source,conditions,nearest,difference\n"
        "toy,set,b,accuracy,0.8,,arXiv:2,all rows,,fewer rows\n"
        "toy,set,a,accuracy,0.95,0.01,arXiv:1 table 2,all rows,,fewer rows\n"
        "toy,set,a,mAP,0.4,,arXiv:1,all rows,,\n"
        "toy,larger,a,accuracy,,,arXiv:3,all images,set,other data\n"
        "toy,unseen,a,accuracy,0.6,,arXiv:3,other images,,\n"
        "noisy,unseen,ELR,accuracy,0.7,,arXiv:4,x,,\n"
        "noisy,unseen,GCE,accuracy,,,arXiv:4,x,,\n"
        "active,unseen,SubsetClassifier,score,0.7,,arXiv:5,x,,\n"
    )
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(tables, "PAPERS", figures)
    return tmp_path


def cells_of(markdown):
    return [line.strip("| ").split(" | ") for line in markdown.splitlines()]


def test_a_figure_of_ours_stands_beside_that_of_the_paper(tables, toy):
    head, _, first, empty, nearest, unseen, other = cells_of(tables.paper_table("toy"))
    assert head == tables.HEAD
    # Values 0.5 and 0.7: mean 0.6, deviation 0.1; the date is the later one.
    ours = ["0.600 ± 0.100", "toy-set", "2026-01-02"]
    assert first == ["a", "set", "accuracy", "0.950 ± 0.010", *ours, "all rows (arXiv:1 table 2)", "fewer rows"]
    assert nearest == ["a", "larger", "accuracy", "none at hand", *ours, "all images (arXiv:3)", "other data"]
    # Neither a column without values, nor data without a file, nor a method without rows.
    assert empty == ["a", "set", "mAP", "0.400", *["not run"] * 3, "all rows (arXiv:1)", "not run"]
    assert unseen == ["a", "unseen", "accuracy", "0.600", *["not run"] * 3, "other images (arXiv:3)", "not run"]
    assert other == ["b", "set", "accuracy", "0.800", *["not run"] * 3, "all rows (arXiv:2)", "fewer rows"]


def test_methods_without_a_figure_are_found(tables, toy):
    names = tables.without_figure()
    assert "GCEClassifier" in names and "BADGE" in names
    assert "ELRClassifier" not in names and "SubsetClassifier" not in names


def test_the_directives_make_a_table_and_a_sentence(tables, toy, monkeypatch):
    noted = []
    env = types.SimpleNamespace(note_dependency=noted.append)
    for directive in (tables.PaperTable, tables.PaperGaps):
        monkeypatch.setattr(directive, "env", env, raising=False)
    directive = object.__new__(tables.PaperTable)
    directive.arguments = ["toy"]
    table, source = directive.run()
    assert "0.600 ± 0.100" in table.astext() and "toy-*.csv" in source.astext()
    assert noted == [str(toy / "figures.csv"), str(toy / "toy-set.csv")]
    (sentence,) = object.__new__(tables.PaperGaps).run()
    text = sentence.astext()
    assert text.startswith("No figure of a paper at hand: ") and text.endswith(".") and ", BADGE, " in text
    directive.arguments = ["nothing"]
    with pytest.raises(ValueError, match="no row of the family 'nothing'"):
        directive.run()


def test_not_run_stands_exactly_where_there_is_no_result(tables):
    rows = tables.read_rows(tables.PAPERS)
    run = 0
    for row in rows:
        name = f"{row['family']}-{row['nearest'] or row['data']}"
        ours = tables.beside(row)[4:7]
        if not (tables.RESULTS / f"{name}.csv").exists():
            assert ours == ["not run"] * 3, row
        elif ours[0] != "not run":
            run += 1
            assert ours[1] == name and re.fullmatch(r"\d{4}-\d\d-\d\d", ours[2]), row
    assert 30 < run < len(rows)


def test_the_page_has_every_family_and_every_core_method(tables):
    page, rows = (DOC / "papers.md").read_text(), tables.read_rows(tables.PAPERS)
    assert re.findall(r"\{paper-table\} (\S+)", page) == list(dict.fromkeys(row["family"] for row in rows))
    assert "{paper-gaps}" in page and '"paper_tables"' in (DOC / "conf.py").read_text()
    core = {"DPC", "BLDR", "DHKD mlp, aligned", "L2D", "MoGD + verified", "BUAL", "DCFS"}
    assert core <= {row["method"] for row in rows}
    # The papers of these could be read, so their figures are there.
    assert all(row["value"] for row in rows if row["method"] in ("DPC", "BUAL"))
