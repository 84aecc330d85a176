"""What every stopping rule is, and the rules that only count."""

from collections import deque

import numpy as np
from sklearn.base import BaseEstimator


def check_rule(rule):
    """Return a stopping rule or None; raise for anything else."""
    if rule is not None and not (hasattr(rule, "update") and hasattr(rule, "reset")) or isinstance(rule, type):
        raise TypeError(f"stop must be a rule of skweak.active.stopping, such as KappaAverage(), got {rule!r}.")
    return rule


class StoppingRule(BaseEstimator):
    """Base: parameters, and what was seen since `reset`."""

    # Entry of a record that the rule needs; records without it are passed over.
    _needs = ()

    def reset(self):
        """Forget all records; returns the rule."""
        self.n_seen_ = 0
        self.values_ = deque(maxlen=max(1, getattr(self, "window", 1)))
        self.last_ = None
        return self

    def update(self, record):
        """Take in the record of a round and return whether to stop."""
        if not hasattr(self, "n_seen_"):
            self.reset()
        first = self.n_seen_ == 0
        self.n_seen_ += 1
        if any(record.get(name) is None for name in self._needs):
            return False
        fired = self._fires(record)
        return bool(fired) and not first

    def _fires(self, record):
        raise NotImplementedError

    def _full(self, value):
        """Keep a value; return the last ``window`` of them, or none while there are fewer."""
        self.values_.append(float(value))
        return np.array(self.values_) if len(self.values_) == self.values_.maxlen else None

    def __or__(self, other):
        return _Combined(rules=(self, check_rule(other)), how="any")

    def __and__(self, other):
        return _Combined(rules=(self, check_rule(other)), how="all")


class _Combined(StoppingRule):
    def __init__(self, rules=(), how="any"):
        self.rules = rules
        self.how = how

    def reset(self):
        for rule in self.rules:
            rule.reset()
        return super().reset()

    def update(self, record):
        # Every rule sees every record.
        fired = [rule.update(record) for rule in self.rules]
        return any(fired) if self.how == "any" else all(fired)

    def _fires(self, record):
        raise NotImplementedError


class MaxQueries(StoppingRule):
    """Stop after a number of rounds.

    Parameters
    ----------
    n_queries : int, default=10
        Rounds, the start not counted.
    """

    _needs = ("round",)

    def __init__(self, n_queries=10):
        self.n_queries = n_queries

    def _fires(self, record):
        return record["round"] >= self.n_queries


class MaxCost(StoppingRule):
    """Stop when so much has been spent; ``budget=`` of `run_loop` never spends more.

    Parameters
    ----------
    cost : float, default=100.0
        In the unit of the costs; questions where these are not given.
    """

    _needs = ("cost",)

    def __init__(self, cost=100.0):
        self.cost = cost

    def _fires(self, record):
        return record["cost"] >= self.cost


class MaxTime(StoppingRule):
    """Stop after a time on the wall clock, which no seed repeats.

    Parameters
    ----------
    seconds : float, default=3600.0
        Since the loop began.
    """

    _needs = ("elapsed",)

    def __init__(self, seconds=3600.0):
        self.seconds = seconds

    def _fires(self, record):
        return record["elapsed"] >= self.seconds


class PoolShare(StoppingRule):
    """Stop when a share of the pool has been asked for.

    Parameters
    ----------
    share : float in (0, 1], default=0.5
        1 is the whole pool.
    """

    _needs = ("n_pool", "pool_size")

    def __init__(self, share=0.5):
        self.share = share

    def _fires(self, record):
        return 1 - record["pool_size"] / record["n_pool"] >= self.share
