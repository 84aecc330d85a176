"""Many files in one table: means over seeds, and what loses to the baseline is marked."""

import importlib
from pathlib import Path

import pytest

from benchmarks.run import write_rows

DOC = Path(__file__).parents[2] / "doc"
pytest.importorskip("sphinx")


def test_means_of_files_side_by_side(monkeypatch, tmp_path):
    for folder in (DOC / "_ext", DOC):
        monkeypatch.syspath_prepend(str(folder))
    module = importlib.import_module("overview_tables")
    for data, found in (("a_b", {"base": [0.5, 0.7], "new": [0.4, 0.6]}), ("c", {"base": [0.5], "other": [0.495]})):
        rows = [
            {"family": "toy", "data": data, "method": method, "seed": seed, "accuracy": value}
            for method, values in found.items() for seed, value in enumerate(values)
        ]  # fmt: skip
        write_rows(tmp_path / f"toy-{data}.csv", rows)
    lines = module.overview(sorted(tmp_path.glob("*.csv")), "base").splitlines()
    assert lines[0] == "| data | base | new | other |"
    # A tenth below is marked, half a point is not.
    assert lines[2:] == ["| a b | 0.600 | 0.500 ↓ | – |", "| c | 0.500 | – | 0.495 |"]
