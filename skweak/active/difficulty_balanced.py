"""Batches of easy, medium and hard rows."""


import numpy as np
from scipy.stats import rankdata
from sklearn.utils._param_validation import StrOptions

from skweak.active.base import SEED, QueryStrategy
from skweak.active.features import REPRESENTATION, Features
from skweak.active.scores import difficulty_balanced
from skweak.active.scores.confidence import KINDS


class DifficultyBalanced(QueryStrategy):
    """Easy, medium and hard rows in given shares, different from each other, easy ones first.

    Parameters
    ----------
    shares : triple of float >= 0, default=(0.25, 0.5, 0.25)
        Of the easy, the medium and the hard third of the pool. (0, 0, 1) is uncertainty with diversity.
    kind : {"margin", "least_confidence", "entropy"}, default="margin"
        Difficulty as the classifier sees it.
    complexity : callable or None, default=None
        Difficulty that lies in the rows: a function of the rows of the pool that returns one number for each. Its ranks
        count as much as those of the uncertainty.
    representation : {"input", "learner"} or callable, default="input"
        What tells rows apart: the rows, the estimator's embeddings, or a function of the rows.
    random_state : int or None, default=0
        Seed of k-means. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    k-means within each third, of each cluster the row nearest its center. The score counts down.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> pool = np.array([[-9.0], [-8.0], [-2.0], [2.1], [0.1], [-0.1]])
    >>> DifficultyBalanced(shares=(1, 0, 0))(learner, pool, 2)[0].tolist()
    [0, 1]
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "shares": ["array-like"],
        "kind": [StrOptions(set(KINDS))],
        "complexity": [callable, None],
        "representation": REPRESENTATION,
        "random_state": SEED,
    }

    def __init__(
        self, *, shares=(0.25, 0.5, 0.25), kind="margin", complexity=None, representation="input", random_state=0,
        verbose=0,
    ):  # fmt: skip
        super().__init__(verbose=verbose)
        self.shares = shares
        self.kind = kind
        self.complexity = complexity
        self.representation = representation
        self.random_state = random_state

    def _select(self, view, n_instances):
        shares = np.asarray(self.shares)
        if shares.shape != (3,) or shares.dtype.kind not in "iuf":
            raise ValueError(f"The 'shares' parameter must be three numbers of at least 0, got {self.shares!r}.")
        difficulty = rankdata(view.uncertainty(self.kind))
        if self.complexity is not None:
            own = np.asarray(view.map(self.complexity), dtype=np.float64)
            if own.shape != difficulty.shape or not np.isfinite(own).all():
                raise ValueError(f"complexity must return one finite number per row, got the shape {own.shape}.")
            difficulty = (difficulty + rankdata(own)) / 2
        features = Features(view, self.representation).pool
        seed = view.seed(self.random_state)
        picks = difficulty_balanced(difficulty, features, n_instances, shares=shares, random_state=seed)
        return picks, np.arange(len(picks), 0, -1)
