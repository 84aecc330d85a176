"""What prototypes say about labels: rows to build them from, and which labels hold."""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

# Largest share of a class among the rows that make its prototype, and the neighbours that choose them.
_MOST, _NEIGHBORS = 0.2, 20


def class_anchors(unit, codes, n_classes, n_anchor, trusted=None):
    """Return a mask (n,) of the rows of each class whose neighbours share their label most often.

    Of a class at most ``n_anchor`` rows and a fifth are taken, but one at least. Where rows are ``trusted`` (n,), a
    class takes these instead.
    """
    search = NearestNeighbors(n_neighbors=min(_NEIGHBORS, len(codes) - 1), algorithm="brute").fit(unit)
    support = (codes[search.kneighbors(return_distance=False)] == codes[:, None]).mean(axis=1)
    sizes = np.bincount(codes, minlength=n_classes)
    order = np.lexsort((-support, codes))
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    anchor = np.zeros(len(codes), dtype=bool)
    anchor[order] = rank < np.clip((_MOST * sizes).astype(int), 1, n_anchor)[codes[order]]
    if trusted is None or not trusted.any():
        return anchor
    verified = np.bincount(codes[trusted], minlength=n_classes) > 0
    return np.where(verified[codes], trusted, anchor | trusted)


def mean_directions(unit, codes, n_classes):
    """Return the unit mean (C, d) of the vectors (n, d) of each class."""
    member = F.one_hot(codes, n_classes).to(unit.dtype)
    return F.normalize((member.T @ unit).to(unit.dtype))


def settle_labels(belief, given, anchor, threshold):
    """Decide about labels by a belief in all classes.

    Parameters
    ----------
    belief : tensor of shape (n, C)
        Rows sum to 1.
    given : tensor of int64 of shape (n,)
    anchor : tensor of bool of shape (n,)
        Rows that keep their label.
    threshold : float
        A label is replaced by the most probable class if its belief is at least this; above 1 none is.

    Returns
    -------
    target : tensor of int64 of shape (n,)
    kept : tensor of bool of shape (n,)
        False where the label is less probable than chance and no other class is probable enough.
    """
    largest, found = belief.max(1)
    sure = (largest >= threshold) & ~anchor
    likely = belief.gather(1, given[:, None])[:, 0] >= 1 / belief.shape[1]
    return found.where(sure, given), sure | anchor | likely


def collective_targets(code, queue, queue_proba):
    """Average what is believed of past rows, those in a row's direction weighing more.

    Parameters
    ----------
    code : tensor of shape (n, d)
        Unit vectors.
    queue : tensor of shape (m, d)
        Unit vectors of past rows.
    queue_proba : tensor of shape (m, C)
        Beliefs about them.

    Returns
    -------
    tensor of shape (n, C)
        Rows sum to 1 if those of ``queue_proba`` do. Weights are the cosine where it is positive, and tiny elsewhere.

    References
    ----------
    arXiv:2310.09761

    Examples
    --------
    >>> import torch
    >>> from skweak.noisy import collective_targets
    >>> queue = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> collective_targets(torch.tensor([[0.6, 0.8]]), queue, torch.eye(3)).round(decimals=3)
    tensor([[0.4290, 0.5710, 0.0000]])
    """
    weight = (code @ queue.T).clamp_min(0) + 1e-7
    return ((weight / weight.sum(1, keepdim=True)) @ queue_proba).to(queue_proba.dtype)


def prototype_belief(proba, code, prototypes, *, temperature, alpha=0.5):
    """Mix class probabilities (n, C), which weigh ``alpha``, with the nearness of unit vectors to prototypes."""
    # Under mixed precision a product is half precision.
    near = (code @ prototypes.T / temperature).to(proba.dtype).softmax(1)
    return torch.lerp(near, proba, alpha)
