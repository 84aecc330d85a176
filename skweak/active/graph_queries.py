"""Rows chosen on a graph: the first ones, and those at odds with their neighbours (arXiv:2412.11983)."""

from numbers import Integral

import numpy as np
from sklearn.neighbors import kneighbors_graph
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.features import Features
from skweak.active.scores import critical_rows, subspace_rows
from skweak.utils._checks import as_proba


def _graph_of(view, graph, features, n_neighbors):
    """Return the given graph of the candidates, else that of the nearest neighbours, symmetric."""
    if graph is not None:
        n_rows = view.X_pool.shape[0]
        if getattr(graph, "shape", None) != (n_rows, n_rows):
            raise ValueError(f"graph must be a matrix ({n_rows}, {n_rows}), one row and column per row of X_pool.")
        return graph if view.candidates is None else graph[view.candidates][:, view.candidates]
    k = min(n_neighbors, len(features) - 1)
    found = kneighbors_graph(features, k) if k else np.zeros((1, 1))
    return found.maximum(found.T) if k else found


class SubspaceQuery(QueryStrategy):
    """The first rows to label on a graph: central ones of its clusters, in the leading subspace of smoothed features.

    Parameters
    ----------
    n_neighbors : int, default=10
        Of the graph that is made of the rows where none is given.
    n_clusters : int or None, default=None
        As many as there are classes; None is the number of rows wanted.
    random_state : int or None, default=0
        Seed of k-means. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The call keyword ``graph=`` takes a symmetric matrix (n, n) over the pool, sparse or not. Its labeled rows are not
    looked at. The score counts down.

    References
    ----------
    arXiv:2412.11983.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> pool = np.array([[0.0, 1.0], [0.1, 1.0], [0.2, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> SubspaceQuery(n_neighbors=1)(LogisticRegression(), pool, n_instances=2)[0].shape
    (2,)
    """

    _cold_start = True
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": SEED,
    }

    def __init__(self, *, n_neighbors=10, n_clusters=None, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.n_neighbors = n_neighbors
        self.n_clusters = n_clusters
        self.random_state = random_state

    def _select(self, view, n_instances, *, graph=None):
        features = Features(view, "input").pool
        graph = _graph_of(view, graph, features, self.n_neighbors)
        size = n_instances if self.n_clusters is None else self.n_clusters
        picks = subspace_rows(features, graph, n_instances, size, random_state=view.seed(self.random_state))
        return picks, np.arange(len(picks), 0, -1)


class DisharmonyQuery(QueryStrategy):
    """Rows that are uncertain and predicted otherwise than their neighbours.

    Parameters
    ----------
    n_neighbors : int, default=10
        Of the graph that is made of the rows where none is given.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The call keyword ``graph=`` takes a matrix (n, n) over the pool, sparse or not. Of the rows of largest entropy and
    those farthest from the mean prediction of their neighbours, the ones that are among both, then the first of either
    in turn. The score counts down.

    References
    ----------
    arXiv:2412.11983.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> DisharmonyQuery(n_neighbors=2)(learner, np.array([[-9.0], [-8.0], [0.0], [8.0], [9.0]]))[0]
    array([2])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, n_neighbors=10, verbose=0):
        super().__init__(verbose=verbose)
        self.n_neighbors = n_neighbors

    def _select(self, view, n_instances, *, graph=None):
        proba = as_proba(view.map(view.predict_proba))
        features = None if graph is not None else Features(view, "input").pool
        picks = critical_rows(proba, _graph_of(view, graph, features, self.n_neighbors), n_instances)
        return picks, np.arange(len(picks), 0, -1)
