"""Losses that draw embeddings of one class together and those of others apart."""

import torch


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


def mixed_contrastive_loss(queries, keys, labels, order, share, *, temperature):
    """Return how far the unit vectors of mixed rows are from those of other views with the labels of both parts.

    Parameters
    ----------
    queries, keys : tensors of shape (n, d)
        Unit vectors of the mixed rows, and of another view of each row as it was before.
    labels : tensor of shape (n,)
        Labels of the rows before they were mixed.
    order : int64 tensor of shape (n,) or slice
        The partner of each row.
    share : float in [0, 1]
        Share of a row in its mixture, the rest is its partner's. 1 mixes nothing.
    temperature : float > 0
        Smaller looks at the most similar vectors only.

    Returns
    -------
    tensor of shape (n,)
        ``-log softmax(similarity / temperature)``, averaged over the keys with the label of the row, likewise over
        those with the label of its partner, and mixed by ``share``.

    References
    ----------
    arXiv:2407.05528

    Examples
    --------
    >>> import torch
    >>> vectors, labels, order = torch.eye(2), torch.tensor([0, 1]), torch.tensor([1, 0])
    >>> mixed_contrastive_loss(vectors, vectors, labels, order, 1.0, temperature=1.0)
    tensor([0.3133, 0.3133])
    >>> mixed_contrastive_loss(vectors, vectors, labels, order, 0.75, temperature=1.0)
    tensor([0.5633, 0.5633])
    """
    same = (labels[:, None] == labels).to(queries.dtype)
    same = same / same.sum(1, keepdim=True)
    wanted = torch.lerp(same[order], same, share)
    return torch.nn.functional.cross_entropy(queries @ keys.T / temperature, wanted, reduction="none")
