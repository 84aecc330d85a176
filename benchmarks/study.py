"""A study: data sets, the methods that are compared on them, and what is measured. Every family declares its own.

A family of results is a handful of `Study` objects, listed in `benchmarks.scenarios.FAMILIES`. The usual way of
measuring is `fit_and_score`; a study whose experiment is another one, such as a loop of queries, brings its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks.scenario import Scenario, timed_fit


class Split(NamedTuple):
    """Training rows with given labels and, where they are known, true ones; test rows with true ones."""

    X: Any
    y: np.ndarray
    clean: np.ndarray | None
    X_test: Any
    y_test: np.ndarray


class Fit(NamedTuple):
    """An estimator and what its ``fit`` is called with."""

    estimator: Any
    X: Any
    y: np.ndarray
    facts: dict = {}


def as_given(method, split, seed, **settings):
    """Make the estimator and give it the training rows as they are."""
    return Fit(method(random_state=seed, **settings), split.X, split.y)


def accuracy(estimator, split):
    """Return the accuracy on the test rows."""
    return {"accuracy": estimator.score(split.X_test, split.y_test)}


def quarter(split, seed):
    """Return a split whose test rows are a quarter of the training rows, with the labels as given.

    The true test rows take no part, nor do true training labels: whoever tunes in earnest has neither.
    """
    X, X_valid, y, y_valid = train_test_split(split.X, split.y, test_size=0.25, random_state=seed)
    return split._replace(X=X, y=y, clean=None, X_test=X_valid, y_test=y_valid)


@dataclass(frozen=True)
class Study:
    """Methods on data sets, each cell a row per seed of ``results/FAMILY-DATA.csv``.

    Attributes
    ----------
    family : str
        First part of the name of the result files.
    data : dict of str to callable
        Permanent names; each callable takes a seed and returns a `Split`.
    methods : dict of str to object
        Permanent names; what a method is, ``prepare`` knows. By default it makes an estimator.
    quick : tuple of str
        Small data sets that together have every method, for ``run --quick``. Of the studies of one family that measure
        the same way, only the first that has a method runs it.
    prepare : callable
        Takes method, split, seed and, by keyword, settings; returns a `Fit`.
    metrics : callable
        Takes the fitted estimator and the split; returns a dictionary of numbers. The first one decides about ``grids``
        and grows as the estimator gets better.
    settings : dict of str to dict
        Settings that all methods share, by data set.
    changes : dict of str to dict
        Methods that are others on this data set; None leaves one out.
    grids : dict of str to list of dict
        Settings of one method, of which the best on ``hold_out`` is fitted again to all training rows.
    hold_out : callable
        Takes split and seed; returns the split on which ``grids`` are judged.
    clock : str or None
        Column of the seconds of the fit; None where ``metrics`` has one.
    measure : callable or None
        Takes an entry of ``data``, a method, a seed and, by keyword, settings, and returns a dictionary of numbers.
        It takes the place of `fit_and_score`, and with it of ``prepare``, ``metrics``, ``grids`` and ``clock``.
    """

    family: str
    data: Mapping[str, Any]
    methods: Mapping[str, Any]
    quick: tuple[str, ...]
    prepare: Callable = as_given
    metrics: Callable = accuracy
    settings: Mapping[str, dict] = field(default_factory=dict)
    changes: Mapping[str, dict] = field(default_factory=dict)
    grids: Mapping[str, list] = field(default_factory=dict)
    hold_out: Callable = quarter
    clock: str | None = "cpu_seconds"
    measure: Callable | None = None

    def cell(self, data, method):
        """Return the study of one method on one data set."""
        made = {**self.methods, **self.changes.get(data, {})}[method]
        grids = {name: grid for name, grid in self.grids.items() if name == method}
        return replace(self, data={data: self.data[data]}, methods={method: made}, changes={}, grids=grids)

    def scenarios(self):
        """Return the cells as scenarios."""
        return [
            Scenario(self.family, data, method, partial(run, self.cell(data, method), data, method))
            for data in self.data
            for method, made in {**self.methods, **self.changes.get(data, {})}.items()
            if made is not None or method not in self.changes.get(data, {})
        ]


def run(study, data, method, seed):
    """Return what is measured of one method on one data set with one seed."""
    cell = study.cell(data, method)
    if cell.measure is None:
        return fit_and_score(cell, data, method, seed)
    return cell.measure(cell.data[data], cell.methods[method], seed, **cell.settings.get(data, {}))


def fit_and_score(study, data, method, seed):
    """Load the data, choose among the settings if there are several, fit, and measure."""
    split, settings = study.data[data](seed), study.settings.get(data, {})

    def measure(split, **chosen):
        estimator, X, y, facts = study.prepare(study.methods[method], split, seed, **settings | chosen)
        seconds = timed_fit(estimator, X, y, **facts)
        return study.metrics(estimator, split) | ({study.clock: seconds} if study.clock else {})

    best, *others = study.grids.get(method, [{}])
    if others:
        held_out = study.hold_out(split, seed)
        quality = [next(iter(measure(held_out, **chosen).values())) for chosen in (best, *others)]
        best = (best, *others)[int(np.argmax(quality))]
    return measure(split, **best)
