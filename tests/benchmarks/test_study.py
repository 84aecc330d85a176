"""A study: its cells, its usual way of measuring, and what a study may do otherwise."""

import dataclasses

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks.scenarios import quick_scenarios
from benchmarks.study import Fit, Split, Study, quarter, run
from tests.small_data import blobs


def load(seed):
    X, y, noisy = blobs(90, seed)
    return Split(X[:60], noisy[:60], y[:60], X[60:], y[60:])


def linear(random_state, C=1.0):
    return LogisticRegression(C=C, random_state=random_state)


def majority(random_state, C=1.0):
    return DummyClassifier(random_state=random_state)


STUDY = Study("toy", {"one": load, "two": load}, {"linear": linear, "majority": majority}, ("one",))


def test_a_row_is_fit_and_scored():
    split, row = load(3), run(STUDY, "one", "linear", 3)
    assert set(row) == {"accuracy", "cpu_seconds"} and row["cpu_seconds"] > 0
    assert row["accuracy"] == LogisticRegression().fit(split.X, split.y).score(split.X_test, split.y_test) > 0.8
    assert run(STUDY, "one", "majority", 3)["accuracy"] < 0.6
    scenario = STUDY.scenarios()[0]
    assert scenario[:3] == ("toy", "one", "linear") and scenario.run(3)["accuracy"] == row["accuracy"]


def test_changes_replace_a_method_or_leave_it_out():
    study = dataclasses.replace(STUDY, changes={"two": {"linear": majority, "majority": None}})
    assert [s[1:3] for s in study.scenarios()] == [("one", "linear"), ("one", "majority"), ("two", "linear")]
    assert run(study, "two", "linear", 0)["accuracy"] == run(STUDY, "two", "majority", 0)["accuracy"]
    assert run(study, "one", "linear", 0)["accuracy"] == run(STUDY, "one", "linear", 0)["accuracy"]


def test_settings_belong_to_one_data_set():
    study = dataclasses.replace(
        STUDY, settings={"two": {"C": 1e-6}}, metrics=lambda model, split: {"C": model.C}, clock=None
    )
    assert run(study, "one", "linear", 0) == {"C": 1.0} and run(study, "two", "linear", 0) == {"C": 1e-6}


def test_grids_are_judged_on_training_rows_with_labels_as_given():
    seen = []

    def prepare(method, split, seed, C):
        seen.append((C, len(split.X), split.clean is None))
        return Fit(method(seed, C), split.X, split.y)

    study = dataclasses.replace(STUDY, prepare=prepare, grids={"linear": [{"C": 1e-6}, {"C": 1.0}, {"C": 1e-7}]})
    row = run(study, "one", "linear", 0)
    # The best of three on 45 of 60 rows is fitted to all of them.
    assert seen == [(1e-6, 45, True), (1.0, 45, True), (1e-7, 45, True), (1.0, 60, False)]
    assert row["accuracy"] == run(STUDY, "one", "linear", 0)["accuracy"]


def test_held_out_rows_are_training_rows():
    split = load(0)
    held_out = quarter(split, 0)
    rows = np.concatenate([held_out.X, held_out.X_test])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, split.X))
    assert sorted([*held_out.y, *held_out.y_test]) == sorted(split.y)


def test_a_measure_of_its_own_gets_data_method_seed_and_settings():
    study = Study(
        "toy", {"one": "data"}, {"a": "method"}, ("one",), settings={"one": {"power": 2}},
        measure=lambda data, method, seed, power: {"what": (data, method, seed, power)},
    )  # fmt: skip
    assert run(study, "one", "a", 5) == {"what": ("data", "method", 5, 2)}


def test_a_quick_run_has_a_method_once_for_each_way_of_measuring():
    own = dataclasses.replace(STUDY, data={"four": load}, quick=("four",), measure=print)
    more = dataclasses.replace(STUDY, data={"three": load}, methods=STUDY.methods | {"new": linear}, quick=("three",))
    chosen = [s[1:3] for s in quick_scenarios({"toy": (STUDY, more, own)})]
    expected = [("one", "linear"), ("one", "majority"), ("three", "new"), ("four", "linear"), ("four", "majority")]
    assert chosen == expected


def test_names_that_are_not_there():
    with pytest.raises(KeyError, match="nothing"):
        run(STUDY, "one", "nothing", 0)
    with pytest.raises(KeyError, match="three"):
        run(STUDY, "three", "linear", 0)
