"""FALCUN (ECML PKDD 2024)."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.scores import falcun
from skweak.utils._checks import as_proba


class Falcun(QueryStrategy):
    """Uncertain rows whose predictions differ from each other.

    Needs nothing but probabilities, so it serves trees and other classifiers without an embedding.

    Parameters
    ----------
    gamma : float >= 0, default=10.0
        0 draws uniformly; the larger, the more the best row is certain to be drawn.
    rescale : bool, default=True
        Bring the diversity to [0, 1] after every draw.
    random_state : int or None, default=0
        Seed. Each round has its own draw; None draws anew at every call.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    Gilhuber et al., "FALCUN: A simple and efficient deep active learning strategy", ECML PKDD 2024.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> Falcun(gamma=100)(learner, [[-9.0], [0.0], [8.0]])[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "gamma": [Interval(Real, 0, None, closed="left")],
        "rescale": ["boolean"],
        "random_state": SEED,
    }

    def __init__(self, *, gamma=10.0, rescale=True, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.gamma = gamma
        self.rescale = rescale
        self.random_state = random_state

    def _select(self, view, n_instances):
        proba = as_proba(view.map(view.predict_proba))
        seed = view.seed(self.random_state)
        picks = falcun(proba, n_instances, gamma=self.gamma, rescale=self.rescale, random_state=seed)
        return picks, range(n_instances, 0, -1)
