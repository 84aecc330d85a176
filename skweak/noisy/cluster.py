"""Clusters of nodes around seeds, of which noisy labels of all nodes tell where they end (arXiv:2310.08031)."""

from numbers import Integral, Real

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skweak.fit.inputs import check_trusted
from skweak.fit.side import RowEdges
from skweak.noisy.flow import find_cluster, weigh_edges
from skweak.noisy.issues import check_given_labels
from skweak.noisy.propagation import neighbour_graph

# Share of the room in a connected part of the graph that mass may fill: the last mass runs longest.
_FILLED = 0.9


class LocalCluster(BaseEstimator):
    """The nodes of a graph that belong together with a few known ones, found by noisy labels of all nodes.

    Mass flows from the seeds along the edges, but little of it between nodes of different labels. So it stays among
    nodes with the right label, and reaches those with a wrong one that have many edges to them. Nothing is trained,
    and features only make a graph where none is given.

    With two classes there is one cluster, of the nodes of ``classes_[1]``; with more, each class has a cluster against
    the rest, and a node gets the class whose cluster it is deepest in.

    Parameters
    ----------
    epsilon : float in [0, 1] or "auto", default="auto"
        Weight of an edge between a node that seems to belong and one that does not. 1 ignores the labels; 0 never
        crosses them. "auto" is 0.05 for one cluster and 0.2 for several.
    source : float > 0 or "auto", default="auto"
        Mass at the start as a multiple of ``size``; more reaches farther, and more wrong nodes. "auto" is 2 for one
        cluster and 3 for several, where flows compete.
    size : float > 0 or None, default=None
        Expected nodes of a cluster; None is the number of nodes with its label.
    round : {"sweep", "support"}, default="sweep"
        "support" takes every node that mass passed on from, and every one where the mass is too much for that part of
        the graph. "sweep" takes the highest of these, as many as leave the least share of their edges to others, two
        at least.
    n_neighbors : int >= 1, default=10
        Nearest rows that each is linked with where ``fit`` gets no graph.
    metric : {"cosine", "euclidean"}, default="euclidean"
        How rows are compared there. Columns should be of one scale, or an embedding.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    seed_mask_ : ndarray of bool of shape (n,)
        Nodes whose label was taken as right; those of a class with a cluster are where its mass started.
    membership_ : ndarray of bool of shape (n, K)
        Which nodes each cluster has, its seeds among them; K is 1 for two classes, else C. Clusters may overlap, and
        nodes may be in none.
    height_ : ndarray of float64 of shape (n, K)
        How high each node stands in each flow, at least 0; see `flow_diffusion`. 0 where no mass passed on from.
    score_ : ndarray of float64 of shape (n, K)
        ``height_`` over its sum in the cluster, so that clusters can be compared; larger is deeper inside.
    sweep_ : list of K ndarrays of float64
        Share of their edges that the one, two, three ... highest nodes of a cluster leave to others, in [0, 1]; inf
        where one of both sides has no edges.
    transduction_ : ndarray of shape (n,)
        The labels at last. With two classes, ``classes_[1]`` of the nodes in the cluster and ``classes_[0]`` of the
        others. With more, the class of the largest score. Where no mass passed on, the class whose mass fills that part
        of the graph if there is one such class, else the given one.
    noise_mask_ : ndarray of bool of shape (n,)
        Nodes whose label changed.
    n_features_in_ : int

    Notes
    -----
    Only nodes that are given to `fit` get a class: there is no ``predict``. Where a connected part of the graph has too
    little room, its mass is cut to nine tenths of it; then the cluster is no longer local, and a community detection
    suits better. Each flow takes time by the edges of the nodes that it reaches, and two passes over all edges; each
    class is a flow.

    References
    ----------
    arXiv:2310.08031; seeds that nobody names, the cut of the mass and how several classes share nodes are ours.

    Examples
    --------
    >>> from skweak.datasets import make_block_model, make_noisy_labels
    >>> from skweak.noisy import LocalCluster
    >>> X, y, adjacency = make_block_model(600, 6, p_in=0.08, p_out=0.01, random_state=0)
    >>> given, *_ = make_noisy_labels(y, "symmetric_exclusive:0.3", random_state=0)
    >>> cluster = LocalCluster().fit(X, given, adjacency=adjacency)
    >>> bool((given == y).mean() < 0.71), bool((cluster.transduction_ == y).mean() > 0.83)
    (True, True)
    """

    _parameter_constraints = {
        "epsilon": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "source": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "size": [None, Interval(Real, 0, None, closed="neither")],
        "round": [StrOptions({"support", "sweep"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"cosine", "euclidean"})],
    }

    def __init__(self, *, epsilon="auto", source="auto", size=None, round="sweep", n_neighbors=10, metric="euclidean"):
        self.epsilon = epsilon
        self.source = source
        self.size = size
        self.round = round
        self.n_neighbors = n_neighbors
        self.metric = metric

    def fit(self, X, y, *, adjacency=None, seeds=None):
        """Find the clusters.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d), or None
            At least two rows. Where there is a graph only their number counts, and None is accepted.
        y : array-like of shape (n,)
            Given labels of any type, such as the predictions of a classifier; some are wrong.
        adjacency : sparse matrix, array-like or Adjacency of shape (n, n), or None, default=None
            Weights of the edges, none negative; `skweak.engine.Adjacency` is cut by folds on both axes. None links each
            row with its nearest ones.
        seeds : array-like of bool of shape (n,) or None, default=None
            Nodes whose label is right for certain, of each class with a cluster at least one. None takes of each the
            node with the most edges to nodes of its label, less those to others.

        Returns
        -------
        self
        """
        self._validate_params()
        if y is None:
            raise ValueError("LocalCluster requires y to be passed, but the target y is None.")
        if X is None and adjacency is None:
            raise ValueError("X is None, and so is adjacency; give rows, or the edges of a graph.")
        if X is not None:
            X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_min_samples=2)
        y = check_given_labels(y, X)
        check_consistent_length(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if adjacency is None:
            edges = neighbour_graph(X, self.n_neighbors, self.metric)
        else:
            edges = RowEdges("edges").check("adjacency", adjacency, y).matrix
        # Two classes have one cluster: what is left of it is no cluster of its own.
        first = 0 if len(self.classes_) > 2 else len(self.classes_) - 1
        seeds = self._check_seeds(seeds, codes, first, edges)
        found = [self._find(edges, codes == code, seeds & (codes == code)) for code in range(first, len(self.classes_))]
        masks, heights, flooded, self.sweep_ = map(list, zip(*found, strict=True))
        self.membership_, self.height_ = np.stack(masks, axis=1), np.stack(heights, axis=1)
        total = self.height_.sum(axis=0)
        self.score_ = self.height_ / np.where(total > 0, total, 1)
        if first == 0:
            flooded = np.stack(flooded, axis=1)
            stays = np.where(flooded.sum(axis=1) == 1, flooded.argmax(axis=1), codes)
            settled = np.where(self.score_.any(axis=1), self.score_.argmax(axis=1), stays)
        else:
            settled = np.where(self.membership_[:, 0], first, 0)
        settled[seeds] = codes[seeds]
        self.seed_mask_, self.noise_mask_ = seeds, settled != codes
        self.transduction_ = self.classes_[settled]
        return self

    def _check_seeds(self, seeds, codes, first, edges):
        """Return the mask of the seeds; where there is none, of the best-connected node of each cluster."""
        seeds = check_trusted(seeds, len(codes), "seeds")
        if seeds is None:
            ends = edges.tocoo()
            support = np.bincount(
                ends.row, np.where(codes[ends.row] == codes[ends.col], ends.data, -ends.data), len(codes)
            )
            seeds = np.zeros(len(codes), dtype=bool)
            for code in range(first, len(self.classes_)):
                seeds[np.where(codes == code, support, -np.inf).argmax()] = True
        for code in range(first, len(self.classes_)):
            if not (seeds & (codes == code)).any():
                name = self.classes_.tolist()[code]
                raise ValueError(f"seeds holds no node of {name!r}; mark one or more, or give None.")
        return seeds

    def _find(self, edges, member, seeds):
        """Return of the nodes that seem to belong: the mask of the cluster, heights, flooded nodes, and the sweep."""
        one = len(self.classes_) < 3
        epsilon, source = (0.05, 2.0) if one else (0.2, 3.0)
        epsilon = epsilon if self.epsilon == "auto" else self.epsilon
        source = source if self.source == "auto" else self.source
        weighed = weigh_edges(edges, member, epsilon)
        size = np.count_nonzero(member) if self.size is None else self.size
        mass = seeds * (source * size / np.count_nonzero(seeds))
        part = connected_components(weighed, directed=False)[1]
        held = np.bincount(part, mass)
        share = np.divide(_FILLED * np.bincount(part), held, out=np.ones(len(held)), where=held > 0)
        flooded = (share < 1)[part]
        mask, height, sweep = find_cluster(weighed, mass * np.minimum(share, 1)[part], seeds, self.round, flooded)
        return mask, height, flooded, sweep

    def fit_predict(self, X, y, *, adjacency=None, seeds=None):
        """Return the labels at last (n,); arguments as in `fit`."""
        return self.fit(X, y, adjacency=adjacency, seeds=seeds).transduction_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.required = True
        return tags
