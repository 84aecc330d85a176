"""The cluster around a few nodes of a graph whose edges noisy labels weigh: flow diffusion (arXiv:2310.08031)."""

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, column_or_1d

from skweak.engine import Adjacency
from skweak.losses._checks import check_interval, check_option

# Rounds of pushes after which mass that still finds no room is an error of the input, not of patience.
_MOST_ROUNDS = 1_000_000


def flow_diffusion(W, source, sink, tol=1e-6):
    """Let mass flow from some nodes along edges until no node holds more than it has room for.

    Parameters
    ----------
    W : sparse matrix or array-like of shape (n, n)
        Symmetric weights of the edges, none negative; `skweak.engine.Adjacency` is accepted.
    source : array-like of shape (n,)
        Mass at the start, none negative.
    sink : array-like of shape (n,)
        Room of each node, above 0.
    tol : float > 0, default=1e-6
        Share of its room by which a node may hold too much at last; smaller values take more rounds.

    Returns
    -------
    ndarray of float64 of shape (n,)
        How high each node stands (x), at least 0; across an edge flows its weight times the difference. 0 where no
        mass passed on.

    Raises
    ------
    ValueError
        If shapes disagree, a number is out of range, or the nodes that mass can reach have too little room for it.

    Notes
    -----
    The least ``x >= 0`` that minimises ``1/2 x^T L x + x^T (sink - source)`` with the Laplacian L of W. Each round, all
    nodes that hold too much push the excess to their neighbours; the order of pushes does not matter. A round touches
    those nodes and their edges only.

    References
    ----------
    arXiv:2310.08031; arXiv:2005.09511.

    Examples
    --------
    >>> from skweak.noisy import flow_diffusion
    >>> chain = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> x = flow_diffusion(chain, [2.5, 0.0, 0.0], [1.0, 1.0, 1.0])       # 1.5 flows on, then 0.5
    >>> x.round(3).tolist()
    [2.0, 0.5, 0.0]
    """
    W = (W if isinstance(W, Adjacency) else Adjacency(W)).matrix
    n = W.shape[0]
    if W.nnz and (W.data.min() < 0 or abs(W - W.T).max() > 0):
        raise ValueError("W must be symmetric with weights of at least 0; take W.maximum(W.T) of one-way edges.")
    source, sink = (check_array(column_or_1d(v), dtype=np.float64, ensure_2d=False, input_name=name)
                    for name, v in (("source", source), ("sink", sink)))  # fmt: skip
    if source.shape != (n,) or sink.shape != (n,):
        raise ValueError(f"source and sink must be ({n},), one number per node, got {source.shape} and {sink.shape}.")
    if (source < 0).any() or (sink <= 0).any():
        raise ValueError("source must not be negative, and sink must be above 0 everywhere.")
    check_interval(tol, "tol", 0, 1, include_low=False)
    # A node's edges to itself carry nothing.
    W = (W - sparse.diags(W.diagonal())).tocsr()
    W.eliminate_zeros()
    degree = np.asarray(W.sum(axis=1)).ravel()
    component = sparse.csgraph.connected_components(W, directed=False)[1]
    mass, room = (np.bincount(component, weights=value) for value in (source, sink))
    if (mass >= room).any():
        worst = int((mass - room).argmax())
        raise ValueError(
            f"{mass[worst]:g} of mass cannot stay among nodes with room for {room[worst]:g}; give less source, or more "
            "sink."
        )
    x, mass = np.zeros(n), source.copy()
    for _ in range(_MOST_ROUNDS):
        full = np.flatnonzero(mass > sink * (1 + tol))
        if not len(full):
            return x
        step = (mass[full] - sink[full]) / degree[full]
        x[full] += step
        mass[full] = sink[full]
        mass += W[full].T @ step
    raise ValueError(f"mass still moves after {_MOST_ROUNDS} rounds; give less source, more sink or a larger tol.")


def local_cluster(adjacency, member, seeds, *, epsilon=0.05, source=2.0, size=None, round="sweep"):
    """Find the cluster around a few nodes that belong to it for certain, with noisy labels of the others.

    Edges between nodes of different labels weigh little, so that mass from the seeds stays among nodes with the right
    label, but reaches those with a wrong one that have many edges to it.

    Parameters
    ----------
    adjacency : sparse matrix or array-like of shape (n, n)
        Symmetric weights of the edges, none negative; `skweak.engine.Adjacency` is accepted.
    member : array-like of shape (n,)
        0 or 1, or False or True: whether each node seems to belong, such as the prediction of a classifier on the
        features. Some are wrong.
    seeds : array-like of int
        Positions of nodes that belong.
    epsilon : float in [0, 1], default=0.05
        Weight of an edge between unlike nodes. 1 ignores the labels; 0 never crosses them.
    source : float > 0, default=2.0
        Mass at the start as a multiple of ``size``; more reaches farther.
    size : float > 0 or None, default=None
        Expected nodes of the cluster; None is the number that seem to belong.
    round : {"sweep", "support"}, default="sweep"
        "support" takes every node that mass passed on from. "sweep" takes the highest of these, as many as leave the
        least share of their edges to others, two at least.

    Returns
    -------
    mask : ndarray of bool of shape (n,)
        The cluster; the seeds belong to it.
    height : ndarray of float64 of shape (n,)
        How high each node stands; see `flow_diffusion`.

    Raises
    ------
    ValueError
        If shapes disagree, a number is out of range, or the seeds' part of the graph is too small for the mass.

    References
    ----------
    arXiv:2310.08031

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.noisy import local_cluster
    >>> cliques = np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8)
    >>> cliques[3, 4] = cliques[4, 3] = 1                                # one edge joins them
    >>> member = [1, 1, 0, 1, 0, 0, 0, 0]                                # node 2 is labelled wrongly
    >>> local_cluster(cliques, member, [0])[0].astype(int).tolist()
    [1, 1, 1, 1, 0, 0, 0, 0]
    """
    W = (adjacency if isinstance(adjacency, Adjacency) else Adjacency(adjacency)).matrix
    n, member, seeds = W.shape[0], column_or_1d(member), np.unique(column_or_1d(seeds))
    if member.shape != (n,) or not np.isin(member, (0, 1)).all():
        raise ValueError(f"member must be ({n},) of 0 and 1, one per node.")
    if not len(seeds) or seeds.dtype.kind not in "iu" or not 0 <= seeds[0] <= seeds[-1] < n:
        raise ValueError(f"seeds must hold one position or more in 0..{n - 1}.")
    check_interval(epsilon, "epsilon", 0, 1)
    check_interval(source, "source", 0, float("inf"), include_low=False, include_high=False)
    size = max(1, np.count_nonzero(member)) if size is None else size
    check_interval(size, "size", 0, float("inf"), include_low=False, include_high=False)
    check_option(round, "round", ("support", "sweep"))
    mass = np.zeros(n)
    mass[seeds] = source * size / len(seeds)
    return find_cluster(weigh_edges(W, member, epsilon), mass, seeds, round)[:2]


def weigh_edges(W, member, epsilon):
    """Return a csr matrix of edges of which those between unlike nodes weigh ``epsilon`` times as much."""
    edges = W.tocoo()
    alike = member[edges.row] == member[edges.col]
    weighed = sparse.csr_matrix((edges.data * np.where(alike, 1.0, epsilon), (edges.row, edges.col)), shape=W.shape)
    weighed.eliminate_zeros()
    return weighed


def find_cluster(W, mass, seeds, round, flooded=False):
    """Return the nodes (n,) that ``mass`` shows, how high each stands, and the sweep of the highest.

    The ``seeds`` belong to it. Nodes (n,) that are ``flooded`` count as reached, however low they stand.
    """
    height = flow_diffusion(W, mass, np.ones(len(mass)))
    mask = (height > 0) | flooded
    order, share = _sweep(W, height, mask)
    if round == "sweep" and len(order) > 2:
        mask = np.zeros(len(height), dtype=bool)
        mask[order[: int(share[1:].argmin()) + 2]] = True
    mask[seeds] = True
    return mask, height, share


def _sweep(W, height, reached):
    """Return the nodes that mass reached, the highest first, and the conductance of the first 1, 2, ... of them.

    That is edges to others over their edges, or over those of the rest where these are fewer.
    """
    order = np.lexsort((-height, ~reached))[: np.count_nonzero(reached)]
    degree = np.asarray(W.sum(axis=1)).ravel()
    rank = np.full(len(height), len(height))
    rank[order] = np.arange(len(order))
    edges = W.tocoo()
    # An edge lies within the first k nodes once the later of its ends is among them.
    later = np.maximum(rank[edges.row], rank[edges.col])
    within = np.bincount(later, weights=edges.data, minlength=len(height) + 1)[: len(order)].cumsum()
    volume = degree[order].cumsum()
    smaller = np.minimum(volume, degree.sum() - volume)
    return order, np.divide(volume - within, smaller, out=np.full(len(order), np.inf), where=smaller > 0)
