"""Losses of rows without a label: pseudo-labels, thresholds that follow the classes, and shrunk classes."""

import torch
from torch.nn import functional as F

from skweak.losses._checks import check_interval, check_logits, check_proba, check_same_shape


def pseudo_label_loss(logits, proba, *, threshold=0.95):
    """Cross-entropy with the most probable class of another view, where that is probable enough.

    Parameters
    ----------
    logits : tensor of shape (n, C)
        Of the view that learns.
    proba : tensor of shape (n, C)
        Probabilities of the view that teaches; detached.
    threshold : float in [0, 1] or tensor of shape (C,), default=0.95
        Least probability, for all classes or for each. Higher learns from fewer and purer rows.

    Returns
    -------
    tensor of shape (n,)
        0 for rows below the threshold.

    References
    ----------
    arXiv:2001.07685

    Examples
    --------
    >>> import torch
    >>> proba = torch.tensor([[0.99, 0.01], [0.6, 0.4]])
    >>> [round(x, 4) for x in pseudo_label_loss(torch.zeros(2, 2), proba).tolist()]
    [0.6931, 0.0]
    """
    check_logits(logits)
    check_same_shape(proba, "proba", logits)
    check_proba(proba)
    confidence, target = proba.detach().max(1)
    if isinstance(threshold, torch.Tensor):
        threshold = threshold.index_select(0, target)
    else:
        check_interval(threshold, "threshold", 0, 1)
    return F.cross_entropy(logits, target, reduction="none") * (confidence >= threshold)


def curriculum_thresholds(counts, n_unused, *, threshold=0.95):
    """Return a threshold for each class, lower for classes that few rows are sure of.

    Parameters
    ----------
    counts : tensor of shape (C,)
        Unlabeled rows whose last confident pseudo-label is each class.
    n_unused : int or scalar tensor
        Rows that never had a confident one; while they are many, all thresholds are low.
    threshold : float in [0, 1], default=0.95
        That of the class learned best.

    Returns
    -------
    tensor of shape (C,)
        ``threshold * b / (2 - b)`` with ``b = counts / max(max counts, n_unused)``.

    References
    ----------
    arXiv:2110.08263

    Examples
    --------
    >>> import torch
    >>> [round(x, 4) for x in curriculum_thresholds(torch.tensor([4, 2]), 0, threshold=0.9).tolist()]
    [0.9, 0.3]
    """
    check_interval(threshold, "threshold", 0, 1)
    counts = counts.to(torch.get_default_dtype())
    share = counts / torch.clamp(counts.max(), min=torch.as_tensor(n_unused, device=counts.device)).clamp_min(1)
    return threshold * share / (2 - share)


def shrunk_cross_entropy(logits, proba, *, threshold=0.95):
    """Cross-entropy of uncertain rows among fewer classes: those that make the top class uncertain are left out.

    For each row the classes after the top one are removed, the most probable first, until the top one is probable
    enough among what remains; the last class always stays.

    Parameters
    ----------
    logits : tensor of shape (n, C)
        Of the view that learns.
    proba : tensor of shape (n, C)
        Probabilities of the view that teaches; detached.
    threshold : float in [0, 1], default=0.95
        Probability from which the top class counts as certain. Higher removes more classes.

    Returns
    -------
    loss : tensor of shape (n,)
        0 with two classes, where nothing can be removed.
    weight : tensor of shape (n,)
        Probability of the top class among all classes, 0 for certain rows and those that no removal makes certain.

    References
    ----------
    arXiv:2308.06777

    Examples
    --------
    >>> import torch
    >>> loss, weight = shrunk_cross_entropy(torch.zeros(1, 3), torch.tensor([[0.6, 0.39, 0.01]]))
    >>> round(loss.item(), 4), round(weight.item(), 2)             # log 2, since one of three classes is left out
    (0.6931, 0.6)
    """
    check_logits(logits)
    check_same_shape(proba, "proba", logits)
    check_proba(proba)
    check_interval(threshold, "threshold", 0, 1)
    n_classes = logits.shape[1]
    if n_classes < 3:
        return logits.sum(1) * 0, torch.zeros_like(logits[:, 0])
    ranked, order = proba.detach().float().sort(1, descending=True)
    # The probability of the top class when ranks 1 to c - 1 are gone, for c = 2, 3, ..., C - 1.
    rest = ranked.flip(1).cumsum(1).flip(1)[:, 2:]
    confident = ranked[:, :1] / (ranked[:, :1] + rest).clamp_min(1e-12) >= threshold
    reached = confident.any(1)
    first = torch.where(reached, confident.to(torch.uint8).argmax(1) + 2, n_classes - 1)
    rank = torch.arange(n_classes, device=logits.device)
    kept = (rank == 0) | (rank >= first[:, None])
    own = logits.gather(1, order)
    loss = own.masked_fill(~kept, -torch.inf).logsumexp(1) - own[:, 0]
    top = ranked[:, 0]
    return loss, (top * (reached & (top < threshold))).to(logits.dtype)
