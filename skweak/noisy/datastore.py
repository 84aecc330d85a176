"""What the nearest labelled rows say about a row: a vote, and the store of embeddings that it is taken from."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_array, column_or_1d
from torch import nn
from torch.nn import functional as F

# Queries that are compared at once where scikit-learn is not there to do it in pieces.
_CHUNK = 1024
METRICS = ("cosine", "euclidean")


def knn_vote(Q, keys, labels, n_classes, *, k=16, temperature=0.1, exclude=None, metric="cosine"):
    """Share of each class among the nearest keys of a query, nearer keys weighing more.

    Parameters
    ----------
    Q : array-like of shape (m, d)
        Queries.
    keys : array-like of shape (n, d)
        What they are compared with.
    labels : array-like of int of shape (n,)
        Class of each key, in ``0..n_classes - 1``.
    n_classes : int >= 1
    k : int >= 1, default=16
        Keys that vote, at most all. More are steadier and blur small classes.
    temperature : float > 0, default=0.1
        Weights are the softmax of similarity / temperature; as it grows all k keys weigh the same, as it falls the
        nearest one decides.
    exclude : array-like of int of shape (m,) or None, default=None
        For each query the position of a key that has no vote, such as its own; -1 excludes nothing.
    metric : {"cosine", "euclidean"}, default="cosine"
        Similarity: the cosine, or minus the squared distance.

    Returns
    -------
    ndarray of float64 of shape (m, n_classes)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If shapes disagree, a label or a position is out of range, or no key is left to vote.

    References
    ----------
    arXiv:2205.14704

    Examples
    --------
    >>> from skweak.noisy import knn_vote
    >>> keys, labels = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], [0, 0, 1]
    >>> knn_vote([[1.0, 0.1]], keys, labels, 2, k=2)
    array([[1., 0.]])
    >>> knn_vote(keys, keys, labels, 2, k=1, exclude=[0, 1, 2])
    array([[1., 0.],
           [1., 0.],
           [1., 0.]])
    """
    Q, keys = (check_array(value, dtype=np.float64, input_name=name) for value, name in ((Q, "Q"), (keys, "keys")))
    labels = column_or_1d(labels)
    if Q.shape[1] != keys.shape[1]:
        raise ValueError(f"Q has {Q.shape[1]} columns but keys have {keys.shape[1]}; give rows of one space.")
    if not isinstance(k, Integral) or k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}.")
    if not isinstance(temperature, Real) or not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be a finite number above 0, got {temperature!r}.")
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {list(METRICS)}, got {metric!r}.")
    if labels.dtype.kind not in "iu" or len(labels) != len(keys) or not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(f"labels must be {len(keys)} integers in 0..{n_classes - 1}, one per key.")
    if exclude is not None:
        exclude = np.asarray(exclude)
        whole = exclude.shape == (len(Q),) and exclude.dtype.kind in "iu"
        if not whole or not -1 <= exclude.min() <= exclude.max() < len(keys):
            raise ValueError(f"exclude must be {len(Q)} positions of keys in -1..{len(keys) - 1}, one per query.")
        if len(keys) == 1 and (exclude == 0).any():
            raise ValueError("exclude leaves no key to vote; give at least two keys.")
    store = Datastore(*keys.shape, n_classes, metric).double()
    store.fill(torch.from_numpy(keys), torch.from_numpy(labels.astype(np.int64)))
    store.temperature.fill_(temperature)
    exclude = None if exclude is None else torch.from_numpy(exclude.astype(np.int64))
    return store(torch.from_numpy(Q), k, exclude).numpy()


class Datastore(nn.Module):
    """Embeddings of labelled rows and their votes; it has buffers and no parameters, and is kept with the networks.

    Parameters
    ----------
    n_rows, width, n_classes : int
    metric : {"cosine", "euclidean"}
    """

    def __init__(self, n_rows, width, n_classes, metric="cosine"):
        super().__init__()
        self.n_classes, self.metric = n_classes, metric
        self.register_buffer("keys", torch.zeros(n_rows, width))
        # Small integers: a store is as large as the rows are many.
        self.register_buffer("labels", torch.zeros(n_rows, dtype=torch.int32))
        self.register_buffer("temperature", torch.tensor(0.1))

    def fill(self, keys, labels):
        """Replace what is stored by ``keys`` (n, d) and their class codes (n,)."""
        self.keys, self.labels = self._comparable(keys).to(self.keys.dtype), labels.to(torch.int32)

    def choose_temperature(self, k, most=1000):
        """Set the temperature that suits the keys: 0.1 for cosines; else a quarter of the median squared distance to
        the k-th neighbour, over at most ``most`` keys.
        """
        if self.metric == "cosine":
            return
        some = self.keys[:: -(-len(self.keys) // most)]
        similarity, _ = self._nearest(some, min(k + 1, len(self.keys)))
        self.temperature.copy_((-similarity[:, -1].median() / 4).clamp_min(1e-6))

    def forward(self, z, k, exclude=None):
        """Return the vote (m, C) of the ``k`` keys nearest to embeddings (m, d); ``exclude`` as in `knn_vote`."""
        z = self._comparable(z).to(self.keys.dtype)
        # Embeddings that are not finite have no neighbours; their vote says so, and whoever asked can name the row.
        finite = z.isfinite().all(1, keepdim=True)
        z = z.where(finite, 0.0)
        # One key more, in case that one of them is excluded.
        similarity, neighbor = self._nearest(z, min(k + (exclude is not None), len(self.keys)))
        if exclude is not None:
            similarity = similarity.masked_fill(neighbor == exclude[:, None], -torch.inf)
            similarity, order = similarity.topk(min(k, similarity.shape[1]), dim=1)
            neighbor = neighbor.gather(1, order)
        weight = (similarity / self.temperature).softmax(1).where(finite, torch.nan)
        # An exported network takes any number of rows, which cannot be cut in pieces beforehand.
        if torch.compiler.is_exporting():
            return self._count(weight, neighbor)
        parts = zip(weight.split(_CHUNK), neighbor.split(_CHUNK), strict=True)
        return torch.cat([self._count(*part) for part in parts])

    def _count(self, weight, neighbor):
        # A sum over one-hot rows adds in one order on every device, which scattering does not.
        given = F.one_hot(self.labels[neighbor].long(), self.n_classes).to(weight.dtype)
        return (weight[..., None] * given).sum(1)

    def _comparable(self, z):
        return F.normalize(z, dim=1) if self.metric == "cosine" else z

    def _nearest(self, z, k):
        """Return similarities (m, k) to the nearest keys, in descending order, and their positions."""
        if torch.compiler.is_exporting():
            return self._similarity(self._squares(z)).topk(k, dim=1)
        if z.device.type == "cpu":
            search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(self.keys.numpy())
            neighbor = torch.from_numpy(search.kneighbors(z.numpy(), return_distance=False))
        else:
            neighbor = torch.cat([self._squares(part).topk(k, dim=1, largest=False)[1] for part in z.split(_CHUNK)])
        # Distances of the chosen keys anew: each search rounds in its own way, and every device shall vote alike.
        pairs = zip(z.split(_CHUNK), neighbor.split(_CHUNK), strict=True)
        squares = torch.cat([(part[:, None] - self.keys[near]).square().sum(2) for part, near in pairs])
        return self._similarity(squares), neighbor

    def _squares(self, z):
        squares = z.square().sum(1, keepdim=True) + self.keys.square().sum(1) - 2 * z @ self.keys.T
        return squares.clamp_min(0)

    def _similarity(self, squares):
        return 1 - squares / 2 if self.metric == "cosine" else -squares
