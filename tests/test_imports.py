"""Imports run one way: families know the base and the losses, nobody knows a family."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "skweak"

# What a room may import of ours, besides itself. Rooms that are not listed are families.
ROOMS = {
    "losses": set(),
    "labels": {"losses"},
    "augment": {"randaugment"},
    "randaugment": set(),
    "datasets": set(),
    "nn": set(),
    "utils": {"losses"},
    "metrics": {"utils", "labels"},
    "model_selection": {"labels"},
    "plots": {"metrics", "utils"},
    "storage": set(),
    "engine": {"storage"},
    "fit": {"augment", "engine", "labels", "nn", "storage"},
    "base": {"engine", "fit", "labels", "nn", "storage"},
    "persistence": {"base", "engine", "fit", "nn", "storage", "utils"},
}
FAMILY = {"augment", "base", "engine", "fit", "labels", "losses", "metrics", "nn", "storage", "utils"}
# A family that stands on a pure function or an estimator of another one, each with its reason.
NEIGHBOURS = {
    "active": {"multilabel": "an oracle of labels in a hierarchy is closed by the rule that known labels are"},
    "semi": {"noisy": "plain training tells domains apart for classes that nobody has named"},
    "audit": {
        "noisy": "the report judges rows in the folds of the search for wrong labels",
        "plots": "its page holds pictures, which are drawn when it is written",
    },
    "__main__": {"audit": "the command line of the report"},
    "distill": {"multilabel": "the plain multi-label network is the student of multi-label distillation"},
}


def imports_of(path):
    """Yield the second part of every ``skweak.x`` that a file imports."""
    package = path.relative_to(ROOT.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            if node.level:
                parts = [*package[: -node.level], *filter(None, parts)]
            names = [parts]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from (parts[1] for parts in names if parts[0] == "skweak" and len(parts) > 1)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    allowed = ROOMS.get(room, FAMILY | set(NEIGHBOURS.get(room, ()))) | {room}
    foreign = set(imports_of(path)) - allowed
    assert not foreign, f"{room} imports {sorted(foreign)}"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_too_long(path):
    assert len(path.read_text().splitlines()) <= 350


def test_optional_packages_are_not_imported_with_the_package():
    code = "import sys, skweak, skweak.noisy, skweak.datasets; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("matplotlib", "modAL", "kornia", "PIL", "pytest"):
        assert f"'{name}'" not in loaded, name


def test_only_plots_import_matplotlib():
    for path in ROOT.rglob("*.py"):
        if "plots" not in path.parts:
            assert "matplotlib" not in path.read_text(), path
