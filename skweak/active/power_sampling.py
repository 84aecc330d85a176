"""Stochastic batches (arXiv:2106.12059)."""

from numbers import Real

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skweak.active.base import SEED, QueryStrategy
from skweak.active.scores import sample_by_score
from skweak.active.scores.confidence import KINDS
from skweak.active.uncertainty import MarginSampling


class PowerSampling(QueryStrategy):
    """Rows drawn by chance, the more uncertain the more often, so that a batch does not repeat itself.

    As good as far dearer batch rules where the pool holds near copies, and as good as the largest scores elsewhere.

    Parameters
    ----------
    base : {"margin", "least_confidence", "entropy"} or strategy, default="margin"
        Score: an uncertainty, or that of a strategy that scores row by row, such as `BALD`.
    kind : {"power", "softmax", "rank"}, default="power"
        Rows are drawn in proportion to ``s**beta``, ``exp(beta s)`` or ``rank**-beta``. The first needs scores of at
        least 0.
    beta : float >= 0, default=1.0
        0 draws uniformly; the larger, the nearer to the top scores.
    random_state : int or None, default=0
        Seed. Each round has its own draw; None draws anew at every call.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    Kirsch et al., arXiv:2106.12059.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> PowerSampling(beta=50)(learner, [[-9.0], [0.0], [8.0]])[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "base": [StrOptions(set(KINDS)), HasMethods("_score")],
        "kind": [StrOptions({"power", "softmax", "rank"})],
        "beta": [Interval(Real, 0, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, base="margin", kind="power", beta=1.0, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.base = base
        self.kind = kind
        self.beta = beta
        self.random_state = random_state

    def _select(self, view, n_instances):
        if isinstance(self.base, str):
            scores = view.uncertainty(self.base)
        else:
            self.base._validate_params()
            # The margin is negative; its uncertainty is 1 less of it.
            scores = self.base._score(view) + (1.0 if isinstance(self.base, MarginSampling) else 0.0)
        seed = view.seed(self.random_state)
        picks = sample_by_score(scores, n_instances, kind=self.kind, beta=self.beta, random_state=seed)
        return picks, scores[picks]
