"""RAD: rows for a teacher that may be wrong (arXiv:2210.01213)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.scores import robust_inclusion, systematic_sample


class RobustDistillation(QueryStrategy):
    """Uncertain rows to be answered by a teacher that may be wrong, drawn so that its errors cost least.

    Plain uncertainty asks where a weak teacher errs most. Here the most uncertain rows get smaller chances than they
    would, and less uncertain ones some.

    Parameters
    ----------
    error_rate : float in [0, 1], default=0.1
        Share of wrong answers to reckon with, as measured on rows whose label is known. 0 takes the smallest margins;
        the larger, the more rows of a large margin come in.
    random_state : int or None, default=0
        Seed. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The gain of a row is 1 less its margin; a right answer earns it, a wrong one costs it. The chances of being drawn
    maximize the worst case over which answers are wrong. The formulas are a reconstruction, except that queries are for
    soft labels and the draw has a fixed size. The score of a row is its gain.

    References
    ----------
    arXiv:2210.01213.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> RobustDistillation(error_rate=0.0)(learner, [[-3.0], [0.0], [2.0]], n_instances=1)[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "error_rate": [Interval(Real, 0, 1, closed="both")],
        "random_state": SEED,
    }

    def __init__(self, *, error_rate=0.1, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.error_rate = error_rate
        self.random_state = random_state

    def _select(self, view, n_instances):
        gain = view.uncertainty("margin")
        # Rows without any gain fill a batch up where there are no others.
        gain = np.maximum(gain, 1e-9)
        n_wrong = 0 if self.error_rate == 0 else max(1, round(self.error_rate * n_instances))
        chances = robust_inclusion(gain, n_instances, n_wrong)
        picks = systematic_sample(chances, random_state=view.seed(self.random_state))
        picks = picks[np.lexsort((picks, -np.round(gain[picks], 12)))]
        return picks, gain[picks]
