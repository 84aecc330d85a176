"""Losses of two networks that learn from the same rows."""

from torch.nn import functional as F

from skweak.losses._checks import check_class_target, check_interval, check_logits, check_same_shape


def joint_agreement_loss(logits, peer_logits, target, *, agreement_weight=0.9):
    """Cross-entropies of two networks together with how far they disagree.

    Two networks rarely agree on a wrong label, so that rows with a small joint loss are clean more often than those
    with a small cross-entropy of one.

    Parameters
    ----------
    logits, peer_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the two networks. Both get a gradient.
    target : Tensor of shape (n,), int64
        Class of each row.
    agreement_weight : float, default 0.9
        In [0, 1] (lambda). 0 is the sum of the cross-entropies; more asks for agreement, 1 looks at no label.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row.

    Raises
    ------
    TypeError
        If logits are no floating point tensors or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside ``0..C-1``, or
        the weight is outside [0, 1].

    Notes
    -----
    ``(1 - agreement_weight) * (CE + peer CE) + agreement_weight * (KL(p || q) + KL(q || p))``

    References
    ----------
    JoCoR, arXiv:2003.02752

    Examples
    --------
    >>> import torch
    >>> logits, peer_logits = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.2, 0.8]]).log()
    >>> joint_agreement_loss(logits, peer_logits, torch.tensor([1]), agreement_weight=0.0)       # log 2 - log 0.8
    tensor([0.9163])
    >>> joint_agreement_loss(logits, peer_logits, torch.tensor([1]), agreement_weight=1.0)       # 0.3 log 4
    tensor([0.4159])
    """
    check_logits(logits)
    check_logits(peer_logits, "peer_logits")
    check_same_shape(peer_logits, "peer_logits", logits)
    check_class_target(target, *logits.shape)
    check_interval(agreement_weight, "agreement_weight", 0, 1)
    first, second = logits.log_softmax(1), peer_logits.log_softmax(1)
    supervised = F.nll_loss(first, target, reduction="none") + F.nll_loss(second, target, reduction="none")
    # Both divergences at once: sum (p - q) (log p - log q), whose terms are never negative.
    apart = ((first.exp() - second.exp()) * (first - second)).sum(1)
    return (1 - agreement_weight) * supervised + agreement_weight * apart
