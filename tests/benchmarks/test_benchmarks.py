"""The benchmark runner: scenarios, resume, tables, and the main job's messages."""

import csv
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks import demo, run, scenarios, tables
from benchmarks.__main__ import main
from benchmarks.scenario import Scenario, Skipped
from skweak.noisy import AutoNoisyClassifier


@pytest.fixture
def calls(monkeypatch):
    """Replace the scenarios by two cheap ones and list what is run."""
    made = []

    def measure(name, seed):
        made.append((name, seed))
        return {"accuracy": seed / 10 + len(name)}

    cheap = [Scenario("toy", "data", name, lambda seed, name=name: measure(name, seed)) for name in ("a", "bb")]
    monkeypatch.setattr(run, "all_scenarios", lambda: cheap)
    return made


def test_names_identify_every_scenario():
    names = [tuple(scenario[:3]) for scenario in scenarios.all_scenarios()]
    assert len(names) == len(set(names)) > 20


def test_a_stopped_run_goes_on_where_it_was(calls, tmp_path, capsys):
    arguments = ["run", "--family", "toy", "--results", str(tmp_path)]
    assert main([*arguments, "--seeds", "1"]) == 0
    assert calls == [("a", 0), ("bb", 0)]
    assert main([*arguments, "--seeds", "2"]) == 0
    assert calls[2:] == [("a", 1), ("bb", 1)]
    with (tmp_path / "toy-data.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 and all(row["commit"] and row["torch"] and row["command"] for row in rows)
    # Seeds 0 and 1 of method bb give 2.0 and 2.1.
    assert "2.0500 ± 0.0500" in capsys.readouterr().out


def test_unknown_names_end_with_code_2_and_one_sentence(calls, capsys):
    assert main(["run", "--family", "toy", "--data", "nothing"]) == 2
    assert "'nothing' is not known here; there are data." in capsys.readouterr().err


def test_a_scenario_that_cannot_run_here_is_skipped_with_its_reason(calls, tmp_path, monkeypatch, capsys):
    def refuse(seed):
        raise Skipped("the package is not installed")

    monkeypatch.setattr(run, "all_scenarios", lambda: [Scenario("toy", "data", "peer", refuse)])
    assert main(["run", "--seeds", "1", "--results", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "peer, seed 0, is skipped: the package is not installed." in captured.out + captured.err
    assert not (tmp_path / "toy-data.csv").exists()


def test_a_quick_run_tells_failures_from_what_cannot_run_and_leaves_the_results_alone(calls, monkeypatch, capsys, tmp_path):
    def absent(seed):
        raise FileNotFoundError("photos.npz was not found in the folder data.")

    def broken(seed):
        return {"accuracy": 1 / seed}

    quick = [
        Scenario("toy", "data", "fine", lambda seed: {"accuracy": 0.5 + seed}),
        Scenario("toy", "data", "absent", absent),
        Scenario("toy", "data", "broken", broken),
        Scenario("toy", "more", "last", lambda seed: {"accuracy": 0.25}),
    ]
    monkeypatch.setattr(run, "quick_scenarios", lambda: quick)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(run.tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    assert main(["run", "--quick"]) == 1
    captured = capsys.readouterr()
    assert "absent, seed 0, is skipped: photos.npz was not found" in captured.out + captured.err
    assert "broken, seed 0, of toy data failed." in captured.out + captured.err and "ZeroDivisionError" in captured.out + captured.err
    assert "0.5000 ± 0.0000" in captured.out and "last" in captured.out
    assert "4 scenarios in" in captured.out and "1 failed; rows are in" in captured.out
    assert sorted(path.name for path in (tmp_path / "skweak-quick-").iterdir()) == ["toy-data.csv", "toy-more.csv"]
    assert not (tmp_path / "results").exists()
    # Without --quick the same scenario is not passed over.
    monkeypatch.setattr(run, "all_scenarios", lambda: quick[2:3])
    with pytest.raises(ZeroDivisionError):
        main(["run", "--results", str(tmp_path / "full")])
    # What works ends with 0, and goes where it was told to.
    monkeypatch.setattr(run, "quick_scenarios", lambda: quick[:1])
    assert main(["run", "--quick", "--results", str(tmp_path / "mine")]) == 0
    assert (tmp_path / "mine" / "toy-data.csv").exists()


def test_tables_are_written_between_the_marks(calls, tmp_path, monkeypatch):
    main(["run", "--seeds", "2", "--results", str(tmp_path)])
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: toy-data -->\nold\n<!-- end -->\nafter\n")
    assert main(["tables", str(page)]) == 0
    text = page.read_text()
    assert "| bb | 2 | 2.050 ± 0.050 |" in text and "old" not in text and text.endswith("<!-- end -->\nafter\n")


def test_a_single_seed_has_no_spread(calls, tmp_path, monkeypatch):
    main(["run", "--seeds", "1", "--results", str(tmp_path)])
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert "| bb | 1 | 2.000 |" in tables.table("toy-data")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "missing.csv", "--target", "y"], "missing.csv"),
        (["--data", "TABLE", "--target", "nothing"], "nothing"),
        (["--data", "TABLE"], "--target is missing"),
        (["--data", "moon"], "'moon' is not known"),
        (["--noise", "symmetric:2"], "2"),
        (["--methods", "XYZ"], "'XYZ' is not known"),
    ],
    ids=["file", "column", "no-target", "data", "noise", "method"],
)
def test_the_demo_says_what_is_wrong_in_one_sentence(arguments, message, tmp_path, capsys):
    table = tmp_path / "table.csv"
    pd.DataFrame({"x": [1, 2], "y": [0, 1]}).to_csv(table, index=False)
    assert main(["demo", *(str(table) if a == "TABLE" else a for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_the_demo_runs_on_a_table_and_writes_its_figure(tmp_path, capsys):
    random = np.random.RandomState(0)
    X = random.randn(120, 3)
    frame = pd.DataFrame(X, columns=list("abc")).assign(color=random.choice(["red", "blue"], 120), label=X[:, 0] > 0)
    frame.to_csv(tmp_path / "table.csv", index=False)
    figure = tmp_path / "figure.png"
    arguments = ["--data", str(tmp_path / "table.csv"), "--target", "label", "--methods", "CE", "ELR"]
    assert main(["demo", *arguments, "--noise", "symmetric:0.3", "--epochs", "5", "--figure", str(figure)]) == 0
    out = capsys.readouterr().out
    assert "training labels are wrong" in out and "ELR" in out and figure.stat().st_size > 5000


def test_the_demo_scales_a_table_and_asks_the_first_choice_as_well(tmp_path, capsys, monkeypatch):
    candidates = [("linear", LogisticRegression()), ("trees", RandomForestClassifier(20, random_state=0))]
    monkeypatch.setitem(demo.OWN, "Auto", partial(AutoNoisyClassifier, candidates))
    X, y = load_wine(return_X_y=True)
    pd.DataFrame(X).assign(kind=y).to_csv(tmp_path / "wine.csv", index=False)
    arguments = ["--data", str(tmp_path / "wine.csv"), "--target", "kind", "--methods", "CE", "Auto"]
    assert main(["demo", *arguments, "--figure", str(tmp_path / "figure.png")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    found = {line[0]: float(line[1]) for line in lines if line and line[0] in ("CE", "Auto")}
    # Unscaled, the columns of hundreds drown the others and networks name one class.
    assert found["CE"] > 0.85 and found["Auto"] > 0.85
    # On images nobody asks it.
    assert main(["demo", "--data", "digits", "--methods", "Auto"]) == 2
