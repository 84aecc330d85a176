"""CLUE: clusters of uncertain rows (arXiv:2010.08666)."""

import numpy as np

from skweak.active.base import SEED, QueryStrategy
from skweak.active.kmeans import k_means
from skweak.active.scores import nearest_to_centers


class CLUE(QueryStrategy):
    """The row nearest to each center of a clustering in which uncertain rows weigh more.

    Trivial, quick and among the best at small and medium budgets.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of k-means.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    k-means with one cluster per wanted row on the embeddings, weighted by the entropy. Centers choose in the order of
    their total weight, which is the score.

    References
    ----------
    Prabhu et al., arXiv:2010.08666.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> CLUE()(learner, np.array([[-9.0], [0.0], [8.0]]), n_instances=1)[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {"random_state": SEED}

    def __init__(self, *, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.random_state = random_state

    def _select(self, view, n_instances):
        weight = view.uncertainty("entropy")
        weight = weight if weight.max() > 0 else np.ones(len(weight))
        embedding = np.asarray(view.embedding(), dtype=np.float64)
        model = k_means(embedding, n_instances, view.seed(self.random_state), weight)
        mass = np.bincount(model.labels_, weights=weight, minlength=len(model.cluster_centers_))
        picks = nearest_to_centers(embedding, model.cluster_centers_, center_weight=mass)
        return picks, np.sort(mass)[::-1]
