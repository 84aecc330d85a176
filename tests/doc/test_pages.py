"""The pages: their examples run, the reference lists every public name, and the gallery keeps its form."""

import ast
import doctest
import importlib
import importlib.util
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import skweak

DOC = Path(__file__).parents[2] / "doc"
PAGES = sorted(page for page in DOC.rglob("*.md") if "_build" not in page.parts)
SCRIPTS = sorted((DOC / "gallery").glob("*/plot_*.py"))


# The blocks of ``new_method.md`` are files, not sessions; ``test_contributing.py`` runs them.
SESSIONS = [page for page in PAGES if ">>>" in page.read_text() and page.stem != "new_method"]


# A block behind ``<!-- needs: MODULE -->`` takes a package that the tests do not install.
OPTIONAL = re.compile(r"^<!-- needs: (\w+) -->\n```python\n.*?^```$", flags=re.DOTALL | re.MULTILINE)


def without_missing(text, missing=lambda name: importlib.util.find_spec(name) is None):
    """Return a page without the blocks whose package is not there, and the names of those packages."""
    names = [name for name in dict.fromkeys(OPTIONAL.findall(text)) if missing(name)]
    return OPTIONAL.sub(lambda block: "" if block[1] in names else block[0], text), names


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_examples_run_as_written(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, missing = without_missing(page.read_text())
    (tmp_path / page.name).write_text(text)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(tmp_path / page.name), module_relative=False, optionflags=flags)
    assert result.attempted > 3 and result.failed == 0
    if missing:
        pytest.skip(f"the examples that need {', '.join(missing)} did not run; all others passed")


def test_examples_of_missing_packages_are_left_out():
    page = "```python\n>>> 1\n```\n\n<!-- needs: some -->\n```python\n>>> 2\n```\n\n```python\n>>> 3\n```\n"
    assert without_missing(page, lambda name: False) == (page, [])
    text, names = without_missing(page, lambda name: name == "some")
    assert names == ["some"] and [n in text for n in ("1", "2", "3")] == [True, False, True]


def test_the_reference_lists_every_public_name(monkeypatch):
    monkeypatch.syspath_prepend(str(DOC))
    api_list = importlib.import_module("api_list")
    public = {}
    for info in pkgutil.iter_modules(skweak.__path__, prefix="skweak."):
        names = getattr(importlib.import_module(info.name), "__all__", None)
        if names is not None and info.name not in api_list.INTERNAL:
            public[info.name] = sorted(names)
    listed = {
        module: sorted(name for names in groups.values() for name in names)
        for module, (_, groups) in api_list.API.items()
    }
    for module, names in public.items():
        assert listed.get(module) == names, f"doc/api_list.py: {module}"
    for module, names in listed.items():
        assert all(hasattr(importlib.import_module(module), name) for name in names)
    assert all(reason and importlib.import_module(module) for module, reason in api_list.INTERNAL.items())


def test_the_gallery_has_ten_scripts_with_a_title_and_one_figure():
    assert len(SCRIPTS) >= 10
    for script in SCRIPTS:
        tree = ast.parse(script.read_text())
        title, line, *text = ast.get_docstring(tree).splitlines()
        assert len(line) == len(title) and set(line) == {"="} and any(text), script
        assert script.read_text().count("plt.show()") == 1, script


@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_of_the_gallery_draws_one_figure(script, monkeypatch):
    import runpy

    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.setattr(sys, "argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    assert len(matplotlib.pyplot.get_fignums()) == 1
    matplotlib.pyplot.close("all")


def test_links_to_pages_and_pictures_lead_somewhere():
    """Sphinx checks links when it builds; this finds the missing ones in seconds."""
    pictures = {f"auto_gallery/{script.parent.name}/images/sphx_glr_{script.stem}_001.png" for script in SCRIPTS}
    for page in PAGES:
        text = page.read_text()
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)|```\{(?:image|figure)\} (\S+)", text):
            path = (page.parent / "".join(target)).resolve().relative_to(DOC)
            assert (DOC / path).exists() or path.as_posix() in pictures, f"{page.name}: {path}"


def test_tables_are_written_by_scripts():
    """A table with a spread is a table of results, and those come from a directive."""
    for page in PAGES:
        for line in page.read_text().splitlines():
            assert not (line.startswith("|") and "±" in line), f"{page.name}: {line}"


# Decimals, shares with a decimal, durations and gains are measured; a level of significance is not.
MEASURED = re.compile(r"\b0\.\d\d|\d\.\d+ ?%|\d ?(?:ms|s|seconds?|minutes?|hours?|points)\b|\d times\b|\d-fold")
GIVEN = ("a p of 0.05",)


def prose(page):
    """Return the text of a page without code, tables, pictures and comments."""
    text = re.sub(r"^```.*?^```$|^\|.*?$|`[^`\n]*`|<!--.*?-->", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for phrase in GIVEN:
        text = text.replace(phrase, "")
    return text


@pytest.mark.parametrize("page", [DOC.parent / "README.md", *PAGES], ids=lambda page: page.stem)
def test_no_measured_figure_is_typed_by_hand(page):
    assert not MEASURED.findall(prose(page))


def test_a_measured_figure_is_told_from_a_setting():
    for sentence in ("reaches 0.97 of", "12.5 % wrong", "in 40 seconds", "2.5 points", "in 3 s.", "7 times faster"):
        assert MEASURED.search(sentence), sentence
    for sentence in ("40 % wrong labels", "epochs 1 to 8", "a probability of 0.7", "10,000 images at 14 x 14", "seed 0"):
        assert not MEASURED.search(sentence), sentence


def test_tables_of_the_readme_are_those_of_the_results(tmp_path):
    from benchmarks.__main__ import main

    copy = tmp_path / "README.md"
    copy.write_text((DOC.parent / "README.md").read_text())
    assert main(["tables", str(copy)]) == 0
    assert copy.read_text() == (DOC.parent / "README.md").read_text(), "run python -m benchmarks tables README.md"
    assert copy.read_text().count("<!-- table: ") >= 2


def test_result_tables_of_the_pages_name_known_scenarios():
    from benchmarks import audit_share
    from benchmarks.scenarios import all_scenarios

    known = {f"{scenario.family}-{scenario.data}" for scenario in all_scenarios()}
    known |= {f"audit_share-{name}" for name in audit_share.names()}
    used = {name for page in PAGES for name in re.findall(r"\{(?:result-table|comparison)\} (\S+)", page.read_text())}
    assert used and used <= known, used - known
