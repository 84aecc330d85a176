"""What held-out labels of each kind say about predicted probabilities."""

import torch


def held_out_loss(proba, target, kind):
    """Return the mean negative log-probability of what labels of one kind say.

    Parameters
    ----------
    proba : tensor of shape (n, C)
        Probabilities; of multi-label data one per label.
    target : tensor of shape (n,) or (n, K)
        Encoded labels as `skweak.labels` gives them. Entries that say nothing (-1, or a class without a column) are
        left out; of a candidate set the whole probability counts.
    kind : {"noisy", "semi", "open", "partial", "multilabel", "crowd"}

    Returns
    -------
    tensor
        Scalar; 0 when no entry can be judged.

    Examples
    --------
    >>> import torch
    >>> held_out_loss(torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[0, 1, 1]]), "partial")
    tensor(0.6931)
    """
    if kind == "partial":
        return -_log((proba * (target != 0)).sum(1)).mean()
    if kind == "multilabel":
        judged = target != -1
        terms = _log(torch.where(target == 1, proba, 1 - proba))
    else:
        target = target if target.dim() == 2 else target[:, None]
        judged = (target >= 0) & (target < proba.shape[1])
        terms = _log(proba).gather(1, target.clamp(0, proba.shape[1] - 1))
    return -(terms * judged).sum() / judged.sum().clamp_min(1)


def _log(proba):
    # Of 0 a large finite number, whose gradient is 0.
    return proba.clamp_min(torch.finfo(proba.dtype).tiny).log()
