"""The extensions of the pages: tables from results, reference pages from the list."""

import importlib
import types
from pathlib import Path

import pytest

DOC = Path(__file__).parents[2] / "doc"
pytest.importorskip("sphinx")


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.syspath_prepend(str(DOC))
    monkeypatch.syspath_prepend(str(DOC / "_ext"))
    return importlib.import_module


def test_a_markdown_table_becomes_a_table(extension):
    box = extension("result_tables").to_nodes("| method | score |\n|---|---|\n| a | 0.5 ± 0.1 |\n| b | – |\n")
    rows = [[entry.astext() for entry in row.children] for row in box.findall() if row.tagname == "row"]
    assert rows == [["method", "score"], ["a", "0.5 ± 0.1"], ["b", "–"]]
    assert "pst-scrollable-table-container" in box["classes"]


def test_sentences_of_a_table_are_wrapped_and_numbers_are_not(extension):
    sentence = "fifty thousand images of full size, a large network"
    box = extension("result_tables").to_nodes(f"| method | score | paper |\n|---|---|---|\n| a | 0.5 ± 0.1 | {sentence} |\n")
    wrapped = [entry.astext() for entry in box.findall() if entry.tagname == "entry" and "text" in entry["classes"]]
    assert wrapped == [sentence]


def test_results_that_are_missing_name_the_command(extension):
    (paragraph,) = extension("result_tables").missing("noisy-digits_sym40")
    assert "python -m benchmarks run --family noisy --data digits_sym40" in paragraph.astext()


def test_a_reference_page_lists_classes_with_links_and_functions_in_full(extension):
    text = extension("api_pages").module_page(
        "skweak.noisy", "Wrong labels", {"": ["LabelIssueFilter", "find_label_issues"]}
    )
    assert ":py:obj:`LabelIssueFilter <skweak.noisy.LabelIssueFilter>`" in text
    assert ".. autofunction:: find_label_issues" in text


def test_a_page_of_a_class_documents_its_own_methods(extension):
    from skweak.noisy import LabelIssueFilter

    text = extension("api_pages").class_page("skweak.noisy", LabelIssueFilter)
    assert ".. autoclass:: LabelIssueFilter" in text and "_request" not in text
    assert ".. automethod:: LabelIssueFilter.predict_proba" in text
    # Inherited from scikit-learn: named, with one line.
    assert "``get_params()``" in text and "automethod:: LabelIssueFilter.get_params" not in text


def test_rows_of_a_table_are_targets_and_code_is_code(extension):
    module = extension("result_tables")
    box = module.to_nodes("| table | CE |\n|---|---|\n| breast_cancer | `a` 0.5 |\n", prefix="panel-sym40")
    assert [node["ids"] for node in box.findall() if node.tagname == "paragraph" and node["ids"]] == [
        [module.row_id("panel-sym40", "breast_cancer")]
    ]
    assert [node.astext() for node in box.findall() if node.tagname == "literal"] == ["a"]


@pytest.mark.parametrize("name", ["PanelTable", "PanelRanks", "PanelCells"])
def test_tables_of_the_panel_are_read_from_its_files_or_name_the_command(name, extension, monkeypatch, tmp_path):
    module = extension("result_tables")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    noted = []
    directive = object.__new__(getattr(module, name))
    directive.arguments, directive.options = ["sym40" if name == "PanelCells" else "tables"], {}
    monkeypatch.setattr(module.PanelTable, "env", types.SimpleNamespace(note_dependency=noted.append), raising=False)
    (paragraph,) = directive.run()
    assert "python -m benchmarks panel" in paragraph.astext() and not noted
    head = "family,data,method,seed,accuracy\n"
    rows = [f"panel,{table}@sym40,{method},0,0.{n}5\n" for n, method in enumerate("abc") for table in ("iris", "wine")]
    (tmp_path / "panel-toy.csv").write_text(head + "".join(rows))
    table, source = directive.run()
    assert "0.150" in table.astext() or "1.0" in table.astext()
    assert "panel-*.csv" in source.astext() and noted == [str(tmp_path / "panel-toy.csv")]
    if name == "PanelTable":
        directive.options = {"methods": "a; b"}
        assert "c" not in [entry.astext() for entry in directive.run()[0].findall() if entry.tagname == "entry"]
        # Results of other tables alone are none of this one.
        directive.arguments = ["texts"]
        assert "Not measured yet" in directive.run()[0].astext()
