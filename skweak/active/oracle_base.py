"""What every oracle is: a function of one index, with a cost."""

import numpy as np


class _Refused:
    """The answer of somebody who does not answer."""

    def __repr__(self):
        return "REFUSED"

    def __reduce__(self):
        return "REFUSED"


REFUSED = _Refused()


class Oracle:
    """Base: a function of one index, and what it costs to call it.

    Parameters
    ----------
    cost : float or array
        Of an answer, larger than 0: one number, one per row, or one per cell.
    """

    def __init__(self, cost=1.0):
        self.cost = as_cost(cost)

    def __call__(self, index):
        """Return the answer for one index."""
        raise NotImplementedError

    def cost_of(self, index):
        """Return the cost of an answer, also of one that is refused."""
        if not self.cost.ndim:
            return float(self.cost)
        index = (index,) if np.ndim(index) == 0 else tuple(index)
        if self.cost.ndim == 1 and len(index) > 1 and self.per == "annotator":
            return float(self.cost[index[1]])
        return float(self.cost[index[: self.cost.ndim]])

    per = "row"


def as_cost(cost):
    """Return costs as an array; raise for those that are not larger than 0."""
    cost = np.asarray(cost, dtype=np.float64)
    if not (np.isfinite(cost) & (cost > 0)).all():
        raise ValueError("cost must be larger than 0 and finite; give what is free a small cost.")
    return cost
