"""What a benchmark measures: one method on one data set, repeated over seeds."""

from collections.abc import Callable
from typing import NamedTuple


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
