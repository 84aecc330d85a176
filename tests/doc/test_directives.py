"""The extensions of the pages: tables from results, reference pages from the list."""

import importlib
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


def test_a_reference_page_lists_classes_with_their_own_methods_and_functions(extension):
    text = extension("api_pages").page("skweak.noisy", "Wrong labels", {"": ["LabelIssueFilter", "find_label_issues"]})
    assert ".. autoclass:: LabelIssueFilter" in text and ".. autofunction:: find_label_issues" in text
    assert "   :members: decision_function, fit, predict, predict_proba" in text and "_request" not in text
