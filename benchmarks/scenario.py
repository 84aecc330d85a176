"""What a benchmark measures: one method on one data set, repeated over seeds."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Skipped(Exception):
    """A scenario cannot run here; the message says why."""


class Scenario(NamedTuple):
    """One cell of a table.

    Attributes
    ----------
    family, data, method : str
        Permanent names; together they identify the rows of a result file.
    run : callable
        Takes a seed and returns a dictionary of numbers.
    """

    family: str
    data: str
    method: str
    run: Callable[[int], dict]


def timed_fit(estimator, X, y, **facts):
    """Fit and return the processor seconds it took, which other work on the machine hardly changes."""
    start = time.process_time()
    estimator.fit(X, y, **facts)
    return time.process_time() - start
