"""Paired comparison: by hand, with missing seeds, and the papers beside it."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from benchmarks import compare
from benchmarks.__main__ import main
from benchmarks.run import write_rows


@pytest.fixture
def results(tmp_path, monkeypatch):
    values = {"base": [0.5, 0.6, 0.7], "better": [0.6, 0.8, 0.7], "once": [0.9]}
    rows = [
        {"family": "toy", "data": "set", "method": method, "seed": seed, "accuracy": value, "seconds": 1}
        for method, series in values.items()
        for seed, value in enumerate(series)
    ]
    write_rows(tmp_path / "toy-set.csv", rows)
    monkeypatch.setattr(compare, "RESULTS", tmp_path)
    return tmp_path


def test_differences_by_hand(results, capsys):
    assert main(["compare", "toy-set", "--baseline", "base"]) == 0
    out = capsys.readouterr().out
    # Differences 0.1, 0.2, 0.0: mean 0.1; every bootstrap mean lies between 0 and 0.2.
    assert "| better | 3 | 0.700 ± 0.082 | +0.100 | +0.000 to +0.200 | – |" in out
    assert "| base | 3 | 0.600 ± 0.082 | – | – | – |" in out
    assert "| once | 1 | 0.900 | +0.400 | one pair | – |" in out


def test_only_common_seeds_are_paired():
    n_pairs, difference, _, _ = compare.paired({0: 1.0, 1: 2.0, 5: 9.0}, {1: 1.0, 0: 0.5, 7: 3.0})
    assert (n_pairs, difference) == (2, 0.75)


def test_from_six_pairs_on_wilcoxon_is_asked():
    ours = {seed: seed / 10 + 0.1 * (seed + 1) for seed in range(6)}
    theirs = {seed: seed / 10 for seed in range(6)}
    *_, p = compare.paired(ours, theirs)
    assert p == pytest.approx(wilcoxon([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).pvalue) and p < 0.05
    assert np.isnan(compare.paired(dict(list(ours.items())[:5]), theirs)[3])
    assert np.isnan(compare.paired(theirs, theirs)[3])


def test_the_interval_covers_the_mean_as_often_as_it_says():
    random = np.random.RandomState(0)
    covered = 0
    for _ in range(200):
        differences = random.randn(20) + 0.5
        _, _, (low, high), _ = compare.paired(dict(enumerate(differences)), dict.fromkeys(range(20), 0.0))
        covered += low <= 0.5 <= high
    assert 176 <= covered <= 198


def test_the_figure_of_a_paper_stands_beside_ours(results, tmp_path, monkeypatch):
    figures = tmp_path / "figures.csv"
    figures.write_text(
        "family,data,method,column,value,spread,source,conditions\n"
        'toy,set,better,accuracy,0.95,0.01,arXiv:1,"more rows, larger network"\ntoy,set,base,seconds,3,0,arXiv:1,x\n'
    )
    monkeypatch.setattr(compare, "PAPERS", figures)
    table = compare.comparison("toy-set", "base")
    assert "| 0.950 ± 0.010 | more rows, larger network (arXiv:1) |" in table
    assert table.splitlines()[2].endswith("| – | – |") and "3.000" not in table
    figures.write_text(figures.read_text().replace("0.95,0.01", "0.95,"))
    assert "| 0.950 | more rows, larger network (arXiv:1) |" in compare.comparison("toy-set", "base")


def test_every_result_that_a_paper_has_too_can_be_compared():
    there = {}
    for row in compare.read_rows(compare.PAPERS):
        name = f"{row['family']}-{row['data']}"
        mine = compare.read_rows(compare.RESULTS / f"{name}.csv")
        if row["value"] and row["column"] == "accuracy" and row["method"] in {ours["method"] for ours in mine}:
            there.setdefault(name, []).append(f"({row['source']})")
    assert there
    for name, sources in there.items():
        assert sum(compare.comparison(name).count(source) for source in set(sources)) == len(sources), name


def test_every_figure_of_a_paper_belongs_to_a_method_and_names_its_conditions():
    from benchmarks.scenarios import all_scenarios
    from skweak.utils import all_estimators, all_strategies

    cells = {tuple(scenario[:3]) for scenario in all_scenarios()}
    methods, data = {(family, method) for family, _, method in cells}, {(family, data) for family, data, _ in cells}
    public = {name for name, _ in (*all_estimators(), *all_strategies())}
    rows = compare.read_rows(compare.PAPERS)
    assert rows
    for row in rows:
        assert row["conditions"] and row["source"].startswith("arXiv:"), row
        assert (row["family"], row["method"]) in methods or row["method"] in public, row
        # Either we measure the data of the paper, or others stand for them, and it is told what is different.
        measured = row["data"] if (row["family"], row["data"]) in data else row["nearest"]
        assert not (row["nearest"] and measured == row["data"]), row
        if row["nearest"]:
            assert (row["family"], measured, row["method"]) in cells and "other data" in row["difference"], row
        elif measured:
            assert row["difference"] and "other data" not in row["difference"], row
    keys = [tuple(row[key] for key in ("family", "data", "method", "column")) for row in rows]
    assert len(set(keys)) == len(keys)


def test_figures_are_shares_within_what_their_spread_allows():
    for row in compare.read_rows(compare.PAPERS):
        assert not row["value"] or 0.1 < float(row["value"]) < 1, row
        assert not row["spread"] or 0 < float(row["spread"]) < 0.02, row


def test_a_paper_on_other_data_or_without_a_figure_does_not_stand_beside_ours(results, tmp_path, monkeypatch):
    figures = tmp_path / "figures.csv"
    figures.write_text(
        "family,data,method,column,value,spread,source,conditions,nearest,difference\n"
        "toy,elsewhere,better,accuracy,0.95,,arXiv:1,more rows,set,other data\n"
        "toy,set,base,accuracy,,,arXiv:1,more rows,,fewer rows\n"
        "toy,set,other,accuracy,0.9,,arXiv:1,more rows,,fewer rows\n"
    )
    monkeypatch.setattr(compare, "PAPERS", figures)
    assert "paper" not in compare.comparison("toy-set", "base")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no result file nothing.csv"),
        (["toy-set", "--baseline", "x"], "baseline 'x' is not in toy-set.csv; there are base, better, once."),
        (["toy-set", "--column", "f1"], "column 'f1' is not in toy-set.csv; there are accuracy, seconds."),
    ],
    ids=["file", "baseline", "column"],
)
def test_what_is_not_there_is_named(results, capsys, arguments, message):
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err
