"""Losses that draw embeddings of one class together and those of others apart, and the centres of the classes."""

import torch
from torch.nn import functional as F


def supervised_contrastive_loss(queries, labels, others, other_labels, *, temperature):
    """Return how far each unit vector is from those of its own label, compared with all vectors.

    Parameters
    ----------
    queries, labels : tensors of shape (n, d) and (n,)
        Unit vectors, compared with each other and with ``others``, and their labels.
    others, other_labels : tensors of shape (m, d) and (m,)
        At least one of each label in ``labels``.
    temperature : float > 0

        Smaller looks at the most similar vectors only.

    Returns
    -------
    tensor of shape (n,)
        Mean over a row's positives of ``-log softmax(similarity / temperature)``, the row itself left out.

    References
    ----------
    arXiv:2004.11362

    Examples
    --------
    >>> import torch
    >>> queries, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    >>> others = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> supervised_contrastive_loss(queries, labels, others, torch.tensor([0, 1]), temperature=1.0)
    tensor([0.1269])
    """
    n = len(queries)
    similarity = queries @ torch.cat([queries, others]).T / temperature
    itself = torch.eye(n, similarity.shape[1], dtype=torch.bool, device=queries.device)
    log_proba = similarity.masked_fill(itself, float("-inf")).log_softmax(1)
    positive = (labels[:, None] == torch.cat([labels, other_labels])) & ~itself
    return -log_proba.masked_fill(~positive, 0).sum(1) / positive.sum(1)


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
    member = F.one_hot(labels + 1, len(prototypes) + 1)[:, 1:].to(vectors.dtype)
    # A vector is multiplied by the decay once for every later one of its class.
    later = member.sum(0) - member.cumsum(0)
    share = member * (1 - decay) * decay**later
    return F.normalize(decay ** member.sum(0)[:, None] * prototypes + share.T @ vectors)
