"""A direction for each class on the unit sphere, moved by the rows of that class."""

import torch
from torch.nn import functional as F


def move_prototypes(prototypes, vectors, labels, *, decay):
    """Return unit prototypes after ``prototype <- decay * prototype + (1 - decay) * vector``, row after row.

    Parameters
    ----------
    prototypes : tensor of shape (C, d)
    vectors, labels : tensors of shape (n, d) and (n,)
        Rows in the order in which they are added, and their classes; those of class -1 are left out.
    decay : float in [0, 1)

    Returns
    -------
    tensor of shape (C, d)
    """
    member = (labels[:, None] == torch.arange(len(prototypes), device=labels.device)).to(vectors.dtype)
    # A vector is multiplied by the decay once for every later one of its class.
    later = member.sum(0) - member.cumsum(0)
    share = member * (1 - decay) * decay**later
    return F.normalize(decay ** member.sum(0)[:, None] * prototypes + share.T @ vectors)
