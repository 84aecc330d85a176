"""What a new user meets first: the README runs, names are links, the glossary promises what exists."""

import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest

import skweak
from skweak.utils import all_estimators, all_strategies

DOC = Path(__file__).parents[2] / "doc"
README = (DOC.parent / "README.md").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROSE = sorted(page for page in DOC.rglob("*.md") if not {"_build", "auto_gallery"} & set(page.parts))


@pytest.fixture(scope="module")
def extension():
    with pytest.MonkeyPatch.context() as patch:
        pytest.importorskip("sphinx")
        for folder in (DOC / "_ext", DOC):
            patch.syspath_prepend(str(folder))
        yield importlib.import_module


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_readme_runs_from_top_to_bottom(capsys):
    scope = {}
    for block in BLOCK.findall(README):
        exec(compile(block, "README.md", "exec"), scope)
    assert "candidate" in capsys.readouterr().out
    assert scope["robust"].score(scope["X_test"], scope["y_test"]) > 0.9


def test_the_first_page_starts_like_the_readme():
    first, *_ = BLOCK.findall((DOC / "index.md").read_text())
    assert first == BLOCK.findall(README)[0] and "AutoNoisyClassifier" in first
    for text in (README, (DOC / "index.md").read_text()):
        screen = text[:1200]
        assert "pip install ." in screen and "skweak-learn" in screen and ">>>" not in text
        assert "python -m skweak audit FILE.csv --target COLUMN" in text


@pytest.fixture(scope="module")
def doctrees(extension, tmp_path_factory):
    """Read the pages as Sphinx does, without the reference, the gallery and the costly tables."""
    from sphinx.testing.util import SphinxTestApp

    source = tmp_path_factory.mktemp("pages")
    for page in PROSE:
        copy = source / page.relative_to(DOC)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(re.sub(r"^```\{(?!toctree).*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))
    (source / "conf.py").write_text(
        'extensions = ["myst_parser", "name_links"]\nmyst_enable_extensions = ["dollarmath", "colon_fence"]\n'
    )
    app = SphinxTestApp("dummy", srcdir=source)
    app.build()
    yield {name: app.env.get_doctree(name) for name in app.env.found_docs}
    app.cleanup()


def test_every_public_name_in_a_sentence_or_table_is_a_link(extension, doctrees):
    from sphinx.addnodes import pending_xref

    module, links = extension("name_links"), 0
    names = module.module_of()
    assert '"name_links"' in (DOC / "conf.py").read_text()
    for page, tree in doctrees.items():
        assert not module.unlinked(tree, names), page
        targets = [node["reftarget"] for node in tree.findall(pending_xref) if node.get("refdomain") == "py"]
        links += len(targets)
        for target in targets:
            home, _, name = target.rpartition(".")
            assert names.get(name) == home, f"{page}: {target}"
    assert links > 200


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ELRClassifier", "skweak.noisy.ELRClassifier"),
        ("skweak.noisy.ELRClassifier", "skweak.noisy.ELRClassifier"),
        ("ELRClassifier(penalty=...)", "skweak.noisy.ELRClassifier"),
        ("skweak.plots.QueryCurveDisplay.from_results", "skweak.plots.QueryCurveDisplay"),
        ("skweak.save", "skweak.persistence.save"),
        ("run_loop", "skweak.active.run_loop"),
        ("save", None),
        ("BootstrapClassifier", None),
        ("from skweak.noisy import ELRClassifier", None),
    ],
)
def test_which_code_is_a_public_name(extension, text, target):
    module = extension("name_links")
    assert module.target_of(text, module.module_of()) == target


def test_a_name_without_a_link_is_found(extension):
    from docutils import nodes

    module = extension("name_links")
    bare = nodes.paragraph("", "", nodes.literal("", "ELRClassifier"))
    linked = nodes.paragraph("", "", nodes.reference("", "", nodes.literal("", "GCEClassifier"), refuri="#"))
    document = nodes.section("", nodes.title("", "", nodes.literal("", "SCEClassifier")), bare, linked)
    assert module.unlinked(document, module.module_of()) == ["ELRClassifier"]


def known_words():
    """Return what exists: parameters and documented attributes of estimators and strategies, and public names."""
    from numpydoc.docscrape import NumpyDocString

    words = set(dir(skweak)) | set(importlib.import_module("api_list").API)
    for _, cls in (*all_estimators(), *all_strategies()):
        words |= set(inspect.signature(cls).parameters) | set(dir(cls))
        words |= set(inspect.signature(getattr(cls, "fit", cls)).parameters)
        for base in cls.__mro__:
            if base.__module__.startswith("skweak") and base.__doc__:
                found = NumpyDocString(textwrap.dedent(inspect.cleandoc(base.__doc__)))
                words |= {name.strip() for entry in found["Attributes"] for name in entry.name.split(",")}
    return words


def test_the_glossary_promises_only_what_exists(extension):
    names, words = extension("name_links").module_of(), known_words()
    told = [code for code in re.findall(r"`([^`\n]+)`", (DOC / "glossary.md").read_text()) if code.isidentifier()]
    told += re.findall(r"`(skweak\.[\w.]+)`", (DOC / "glossary.md").read_text())
    assert len(told) > 10 and "annotator_quality_" in told
    # Letters are what the table calls its arrays.
    missing = [code for code in told if code not in words and code not in names and code not in ("y", "n")]
    assert not missing
    assert "believed_quality_" not in words


def test_gallery_titles_can_be_searched_and_scripts_say_why():
    sections = sorted(path.parent.name for path in (DOC / "gallery").glob("*/GALLERY_HEADER.rst"))
    assert len(sections) >= 4
    for script in (DOC / "gallery").glob("*/plot_*.py"):
        title, _, *text = script.read_text().split('"""')[1].strip().splitlines()
        # A title names the task or the method in words of the field.
        assert len(title.split()) >= 4, script
        assert 150 <= len(" ".join(text).split()) <= 300, script


def test_the_cost_of_a_training_is_counted(extension):
    from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier
    from skweak.semi import MeanTeacherClassifier

    cost = extension("discovery_tables").training_cost
    assert cost(CrossEntropyClassifier) == (1, 1.0)
    # Two networks see every row; the teacher is an average and is not trained.
    assert cost(CoTeachingClassifier) == (2, 2.0)
    assert cost(MeanTeacherClassifier)[0] == 1


def test_rows_of_a_class_come_from_the_results(extension, monkeypatch, tmp_path):
    module = extension("measured_rows")
    subjects = {cls.__name__ for cls in module.subjects((skweak.active.BUALClassifier, skweak.active.BADGE))}
    assert subjects == {"BADGE"}
    subjects = {cls.__name__ for cls in module.subjects((skweak.active.BUALClassifier, skweak.active.BUAL))}
    assert subjects == {"BUAL", "BUALClassifier"}
    assert "noisy-digits_sym40" in module.tables_of("ELRClassifier")[0][0]
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(module, "panel_rows", lambda: (_ for _ in ()).throw(ValueError("there is no result file")))
    assert module.tables_of("ELRClassifier") == []


def test_the_guide_says_what_the_panel_has_and_has_not(extension):
    import pandas as pd

    module = extension("guide")
    rows = [("iris", "sym40", m, v) for m, v in (("CE", 0.5), ("a", 0.9), ("b", 0.8), ("c", 0.6))]
    rows = pd.DataFrame(rows, columns=["table", "labels", "method", "accuracy"]).assign(features="standardised")
    assert module.evidence(rows, "tables", "sym40", "under 300") == ("a 0.900; b 0.800; c 0.600", "0.500", ["iris"])
    assert module.evidence(rows, "tables", "sym40", "300 and more") is None
    assert module.evidence(rows, "tables", "clean", "any") is None
    assert module.evidence(rows, "texts", "sym40", "any") is None
    assert module.evidence(rows, "tables", "sym40", "any", "raw") is None
    raw = rows.assign(features="raw", accuracy=0.25)
    assert module.evidence(pd.concat([rows, raw]), "tables", "sym40", "any", "raw")[1:] == ("0.250", ["iris"])
    assert module.cells_prefix("sym40", "raw") != module.cells_prefix("sym40", "standardised") == "panel-sym40"


def test_pages_of_classes_have_what_they_inherit(extension):
    pages = extension("api_pages")
    from skweak.noisy import ELRClassifier

    text = pages.class_page("skweak.noisy", ELRClassifier)
    assert ".. folded::" in text and "``checkpoint_seconds`` : float >= 0, default=60" in text
    # Its own parameters stand in its docstring, with its own defaults.
    assert "``penalty``" not in text and "``lr`` :" not in text
    assert ":py:obj:`predict_proba() <skweak.base.WeakClassifier.predict_proba>`" in text
    assert ".. measured:: ELRClassifier" in text and ".. minigallery:: skweak.noisy.ELRClassifier" in text
    assert r"``cls(**cls.preset(name))``" in text and pages.first_line(type("A", (), {"__doc__": "a * ``b*``"})) == (
        r"a \* ``b*``"
    )
    assert pages.with_default("float > 0, default=0.05", [0.02]) == "float > 0, default=0.02"
