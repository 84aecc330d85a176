"""The worked example of a new method: every block of its page is written to its file and does what the page says."""

import csv
import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.utils.estimator_checks import check_estimator

import benchmarks
import skweak.noisy
from benchmarks import scenarios
from benchmarks.__main__ import main

PAGE = Path(__file__).parents[2] / "doc" / "new_method.md"
BLOCK = re.compile(r"^```\{code-block\} python\n:caption: (\S+)\n\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = dict(BLOCK.findall(PAGE.read_text()))
METHOD, TEST, STUDY = "skweak/noisy/bootstrap.py", "tests/noisy/test_bootstrap.py", "benchmarks/bootstrap.py"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Write the files of the page and let the packages find them beside their own."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for package in (skweak.noisy, benchmarks):
        place = tmp_path / package.__name__.replace(".", "/")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place)])
    yield tmp_path
    for module in ("skweak.noisy.bootstrap", "benchmarks.bootstrap"):
        package, _, name = module.rpartition(".")
        sys.modules.pop(module, None)
        vars(sys.modules[package]).pop(name, None)


def test_the_page_has_a_method_its_test_and_its_study():
    assert list(FILES) == [METHOD, TEST, STUDY]
    assert not any((PAGE.parents[1] / name).exists() for name in FILES), "the example is in the package; take another"
    assert "new_method.md" in (PAGE.parent / "contributing.md").read_text()
    assert 50 <= len(FILES[METHOD].splitlines()) <= 150


def test_its_blocks_are_clean(folder):
    ruff = pytest.importorskip("ruff")
    config = PAGE.parents[1] / "pyproject.toml"
    # Away from the checkout nothing else tells which packages are ours.
    ours = 'lint.isort.known-first-party=["skweak", "benchmarks", "tests"]'
    command = [ruff.find_ruff_bin(), "check", "--no-cache", "--config", str(config), "--config", ours, str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_method_passes_its_test_and_its_example(folder):
    arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "-c", "/dev/null", "--import-mode=importlib"]
    assert pytest.main([*arguments, str(folder / TEST)]) == 0
    result = doctest.testmod(importlib.import_module("skweak.noisy.bootstrap"))
    assert result.attempted == 4 and result.failed == 0


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_method_passes_the_whole_checker(folder):
    cls = importlib.import_module("skweak.noisy.bootstrap").BootstrapClassifier
    results = check_estimator(cls(**cls._test_params()), on_skip=None)
    assert len(results) > 40 and all(result["status"] in ("passed", "skipped") for result in results)


def test_the_study_runs_as_the_page_says(folder, monkeypatch, capsys):
    study = importlib.import_module("benchmarks.bootstrap").STUDY
    monkeypatch.setitem(scenarios.FAMILIES, study.family, (study,))
    commands = re.findall(r"`python -m (benchmarks run --quick[^`]*)`", PAGE.read_text())
    assert len(commands) == 1
    assert main([*commands[0].split()[1:], "--results", str(folder / "quick")]) == 0
    with (folder / "quick" / "bootstrap-iris_sym30.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == list(study.methods)
    assert all(float(row["accuracy"]) > 0.5 and float(row["cpu_seconds"]) > 0 for row in rows)
    assert "5 scenarios in" in capsys.readouterr().out
