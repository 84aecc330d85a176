"""k-center greedy, also known as core-set selection (arXiv:1708.00489)."""

from tqdm.auto import tqdm

from skweak.active.base import QueryStrategy
from skweak.active.greedy import Distances, k_center
from skweak.engine.progress import bar_interval


class KCenterGreedy(QueryStrategy):
    """Rows that cover the pool: each is the one farthest from everything labeled or chosen before.

    Asks nothing about the classes, so it is safe with a poor classifier and blind to what the good one finds hard. The
    largest distance of a pool row to its nearest labeled or chosen row ends within twice the smallest possible.

    Parameters
    ----------
    verbose : int, default=0
        1 shows a progress bar for the pass that embeds the pool and one for the picks.

    Notes
    -----
    Distances are Euclidean, between the estimator's embeddings where it has ``embed``, else between the rows. Without a
    labeled row the first pick is the row nearest the mean. The cost grows as n d per pick, the memory as n d.

    References
    ----------
    Sener and Savarese, arXiv:1708.00489.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[0.0], [1.0]]), [0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> KCenterGreedy()(learner, np.array([[2.0], [5.0], [9.0]]), n_instances=2, labeled=(X, y))
    (array([2, 1]), array([8., 4.]))
    """

    def _select(self, view, n_instances):
        distances = Distances(view.embedding())
        first = []
        if view.labeled is None:
            # The rows are shifted by their mean: the norm is the distance from it.
            first = [int(distances.norms.argmin())]
            distances.update(distances, first)
            distances.nearest[first] = -1
        else:
            known = view.embed(view.labeled[0]).astype(distances.features.dtype, copy=False)
            distances.update(Distances(known, shift=distances.shift))
        with tqdm(
            total=n_instances, initial=len(first), desc=view.owner, unit="row", disable=not view.verbose,
            mininterval=bar_interval(),
        ) as bar:  # fmt: skip
            picks, radii = k_center(distances, n_instances - len(first), bar.update)
        return [*first, *picks], [radii.max(initial=0.0)] * len(first) + radii.tolist()
