"""BADGE: batch active learning by diverse gradient embeddings (arXiv:1906.03671)."""

import numpy as np

from skweak.active.base import SEED, QueryStrategy
from skweak.active.greedy import Distances, k_means_plus_plus
from skweak.utils._checks import as_proba


class BADGE(QueryStrategy):
    """Rows whose gradients would be large and point in different directions.

    The gradient of the last layer, taken with the predicted class as label, is long where the classifier is unsure and
    differs between unlike rows; sampling in proportion to the distance makes a batch of both kinds of variety.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed. Each round has its own draw; None draws anew at every call.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The gradient embedding of a row is the outer product of ``p - e_predicted`` (C) and its embedding (d); it is never
    formed, since inner products of such products factorise. The first pick has the longest one. The cost grows as
    n (C + d) per pick.

    References
    ----------
    Ash et al., arXiv:1906.03671.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> BADGE()(learner, np.array([[9.0], [1.0], [-1.2]]), n_instances=1)[0]
    array([2])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {"random_state": SEED}

    def __init__(self, *, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.random_state = random_state

    def _select(self, view, n_instances):
        embedding = view.embedding()
        residual = as_proba(view.map(view.predict_proba)).astype(embedding.dtype)
        residual[np.arange(len(residual)), residual.argmax(axis=1)] -= 1
        generator = np.random.default_rng(view.seed(self.random_state))
        return k_means_plus_plus(Distances(embedding, residual), n_instances, generator)
