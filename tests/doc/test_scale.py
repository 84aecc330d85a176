"""The recipes for more processes run as they are written, and the table of costs is read right."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skweak
from benchmarks import scaling
from benchmarks.__main__ import main
from skweak.noisy import CrossEntropyClassifier

PAGE = Path(__file__).parents[2] / "doc" / "howto" / "scale.md"
RECIPE = re.compile(r"```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)```", re.DOTALL)
RECIPES = dict(RECIPE.findall(PAGE.read_text()))


@pytest.fixture
def folder(tmp_path):
    y = np.arange(3000) % 3
    np.save(tmp_path / "rows.npy", np.random.RandomState(0).randn(3000, 4).astype("float32") + 2 * np.eye(3, 4)[y])
    for name, text in RECIPES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(command, folder):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(Path(skweak.__file__).parents[1])
    return subprocess.run(command, cwd=folder, check=True, env=environment, timeout=300, capture_output=True, text=True)


def test_the_page_has_its_recipes():
    assert set(RECIPES) == {"train.py", "start", "search.py", "search_ray.py"}
    for name, text in RECIPES.items():
        if name.endswith(".py"):
            compile(text, name, "exec")


@pytest.mark.long
def test_two_processes_find_the_network_of_one(folder):
    pytest.importorskip("accelerate", reason="accelerate starts the processes")
    run(RECIPES["start"].split(), folder)
    X, y = np.load(folder / "rows.npy"), np.arange(3000) % 3
    alone = CrossEntropyClassifier(max_epochs=5, random_state=0).fit(X, y)
    np.testing.assert_allclose(skweak.load(folder / "model.skweak").predict_proba(X), alone.predict_proba(X), atol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize(("name", "package"), [("search.py", "distributed"), ("search_ray.py", "ray")])
def test_a_search_on_a_cluster(name, package, folder):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    assert "penalty" in run([sys.executable, name], folder).stdout


def test_exponents_and_empty_cells():
    assert scaling.exponent([1, 10, 100], [2, 20, 200]) == pytest.approx(1)
    rows = [{"source": "array", "rows": n, "seconds": n / 1e4, "mebibytes": 5.0} for n in (10**5, 10**6)]
    table = scaling.scaling_table({"rows": [*rows, {"source": "Parquet", "rows": 10**6, "seconds": 120.4, "mebibytes": 7.0}]})
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    assert lines[0] == ["rows", "array, seconds", "array, MiB", "Parquet, seconds", "Parquet, MiB"]
    assert lines[2:] == [["100,000", "10", "5", "–", "–"], ["1,000,000", "100", "5", "120", "7"], ["exponent", "1.00", "0.00", "–", "–"]]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_small_cell_is_measured(tmp_path):
    output = tmp_path / "scaling.json"
    assert main(["scaling", "--rows", "3000", "--sources", "memory map", "--output", str(output)]) == 0
    (row,) = json.loads(output.read_text())["rows"]
    assert row["source"] == "memory map" and row["rows"] == 3000 and row["seconds"] > 0 <= row["mebibytes"]
