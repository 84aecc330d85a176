"""When to stop buying labels: rules that watch the rounds of a loop.

A rule is given one record per round by ``update`` and answers whether to stop; `run_loop` does so with ``stop=``. Rules
combine: ``KappaAverage() | MaxQueries(20)`` stops with the first, ``&`` when both say so in the same round. A rule
never fires on its first record.

A record is a dict. `run_loop` gives the entries of its history and "predictions" and "proba" on a fixed part of the
pool (2,000 rows drawn once), "batch_predictions" of the batch before it was learnt, "cost", "elapsed" (seconds),
"n_pool" and "pool_size" (rows left). Used alone, a rule needs only the entries that it names.
"""

from collections import deque

import numpy as np

from skweak.active.limits import MaxCost, MaxQueries, MaxTime, PoolShare, StoppingRule, check_rule
from skweak.active.scores.stability import (
    overall_uncertainty,
    predicted_f_change,
    prediction_change,
    prediction_kappa,
)

__all__ = [
    "ClassificationChange",
    "ConfidenceDrop",
    "CostOptimum",
    "DeltaF",
    "KappaAverage",
    "MaxConfidence",
    "MaxCost",
    "MaxQueries",
    "MaxTime",
    "OverallUncertainty",
    "Plateau",
    "PoolShare",
    "SelectedAccuracy",
    "StoppingRule",
    "check_rule",
    "overall_uncertainty",
    "predicted_f_change",
    "prediction_change",
    "prediction_kappa",
]


class KappaAverage(StoppingRule):
    """Stop when successive predictions agree: the mean of the last kappas reaches a threshold.

    The rule in most use. It needs no labels beside those bought.

    Parameters
    ----------
    window : int, default=3
        Comparisons that are averaged; more wait longer.
    threshold : float, default=0.99
        Mean kappa; larger waits longer.

    References
    ----------
    M. Bloodgood and K. Vijay-Shanker, "A method for stopping active learning based on stabilizing predictions and the
    need for user-adjustable stopping", CoNLL 2009.

    Examples
    --------
    >>> rule = KappaAverage(window=2)
    >>> [rule.update({"predictions": [0, 1, 1]}) for _ in range(4)]
    [False, False, True, True]
    """

    _needs = ("predictions",)

    def __init__(self, window=3, threshold=0.99):
        self.window = window
        self.threshold = threshold

    def _fires(self, record):
        last, self.last_ = self.last_, np.asarray(record["predictions"])
        if last is None:
            return False
        values = self._full(prediction_kappa(last, self.last_))
        return values is not None and values.mean() >= self.threshold


class DeltaF(StoppingRule):
    """Stop when the predicted change of the F measure has been small for some rounds.

    Parameters
    ----------
    window : int, default=3
        Rounds.
    threshold : float, default=0.05
        Change; smaller waits longer.
    """

    _needs = ("predictions",)

    def __init__(self, window=3, threshold=0.05):
        self.window = window
        self.threshold = threshold

    def _fires(self, record):
        last, self.last_ = self.last_, np.asarray(record["predictions"])
        if last is None:
            return False
        values = self._full(predicted_f_change(last, self.last_))
        return values is not None and (values < self.threshold).all()


class ClassificationChange(StoppingRule):
    """Stop when hardly a prediction changes.

    Parameters
    ----------
    threshold : float, default=0.0
        Share of changed rows; larger stops earlier.
    """

    _needs = ("predictions",)

    def __init__(self, threshold=0.0):
        self.threshold = threshold

    def _fires(self, record):
        last, self.last_ = self.last_, np.asarray(record["predictions"])
        return last is not None and prediction_change(last, self.last_) <= self.threshold


class OverallUncertainty(StoppingRule):
    """Stop when the classifier is sure; one that was trained to the end is sure too early.

    Parameters
    ----------
    threshold : float, default=0.05
        Mean entropy as a share of the largest; larger stops earlier.
    """

    _needs = ("proba",)

    def __init__(self, threshold=0.05):
        self.threshold = threshold

    def _fires(self, record):
        return overall_uncertainty(record["proba"]) < self.threshold


class MaxConfidence(StoppingRule):
    """Stop when even the least certain row is certain; outliers make it wait.

    Parameters
    ----------
    threshold : float, default=0.2
        Largest ``1 - max p``; larger stops earlier.
    """

    _needs = ("proba",)

    def __init__(self, threshold=0.2):
        self.threshold = threshold

    def _fires(self, record):
        return (1 - np.asarray(record["proba"]).max(axis=1)).max() < self.threshold


class SelectedAccuracy(StoppingRule):
    """Stop when the classifier knew most of a batch before it was taught it; batches are the hard rows.

    Parameters
    ----------
    threshold : float, default=0.9
        Accuracy on the batch; larger waits longer.
    """

    _needs = ("batch_predictions", "answers")

    def __init__(self, threshold=0.9):
        self.threshold = threshold

    def _fires(self, record):
        predicted, answers = list(record["batch_predictions"]), list(record["answers"])
        right = [bool(np.all(a == b)) for a, b in zip(predicted, answers, strict=False)]
        return len(right) > 0 and np.mean(right) >= self.threshold


class ConfidenceDrop(StoppingRule):
    """Stop when the confidence on the pool has fallen for some rounds in a row.

    Parameters
    ----------
    window : int, default=3
        Rounds.

    References
    ----------
    A. Vlachos, "A stopping criterion for active learning", Computer Speech and Language 2008.
    """

    _needs = ("proba",)

    def __init__(self, window=3):
        self.window = window

    def _fires(self, record):
        last, self.last_ = self.last_, float(np.asarray(record["proba"]).max(axis=1).mean())
        if last is None:
            return False
        values = self._full(self.last_ - last)
        return values is not None and (values < 0).all()


class Plateau(StoppingRule):
    """Stop when a score on labelled validation rows no longer rises; these rows cost money too.

    Parameters
    ----------
    score : str, default="accuracy"
        Entry of the record: the name of one of the ``scorers`` of `run_loop`.
    window : int, default=5
        Rounds.
    min_delta : float, default=0.002
        Rise of the best score over the window that counts; larger stops earlier.
    """

    def __init__(self, score="accuracy", window=5, min_delta=0.002):
        self.score = score
        self.window = window
        self.min_delta = min_delta

    def _fires(self, record):
        if self.score not in record:
            raise KeyError(f"Plateau watches {self.score!r}, which the record lacks; add it to scorers=.")
        if not np.isfinite(record[self.score]):
            return False
        last, self.last_ = self.last_, max(self.last_ or -np.inf, float(record[self.score]))
        if last is None:
            return False
        values = self._full(self.last_ - last)
        return values is not None and values.sum() < self.min_delta


class CostOptimum(StoppingRule):
    """Stop when the next batch costs more than the errors that it would prevent.

    Parameters
    ----------
    error : str, default="error"
        Entry of the record with the estimated error rate; "proba" takes one less the mean confidence.
    n_future : int, default=1000
        Decisions that the classifier will make.
    error_cost : float, default=1.0
        Cost of a wrong one, in the unit of the labels' costs. The larger, the longer it buys.
    window : int, default=3
        Rounds from which the fall of the error is estimated.
    """

    _needs = ("cost",)

    def __init__(self, error="error", n_future=1000, error_cost=1.0, window=3):
        self.error = error
        self.n_future = n_future
        self.error_cost = error_cost
        self.window = window

    def reset(self):
        """Forget all records; returns the rule."""
        super().reset()
        self.values_ = deque(maxlen=self.window + 1)
        return self

    def _fires(self, record):
        if record.get(self.error) is None:
            return False
        error = record[self.error]
        error = 1 - float(np.asarray(error).max(axis=1).mean()) if self.error == "proba" else float(error)
        self.values_.append((error, float(record["cost"])))
        if len(self.values_) < self.values_.maxlen:
            return False
        (first, paid), (last, spent) = self.values_[0], self.values_[-1]
        return (first - last) * self.n_future * self.error_cost < spent - paid
