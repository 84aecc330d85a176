"""Losses for classes of very different sizes."""

import torch
from torch.nn import functional as F

from skweak.losses._checks import check_class_target, check_interval, check_logits, check_tensor


def check_counts(counts, n_classes=None, name="counts"):
    """Return counts of classes as floating point numbers; raise unless they are ``n_classes`` numbers of at least 0."""
    check_tensor(counts, name)
    if counts.dim() != 1 or (n_classes is not None and len(counts) != n_classes):
        wanted = "(C,)" if n_classes is None else f"({n_classes},)"
        raise ValueError(f"{name} must have shape {wanted}, one entry per class, got {tuple(counts.shape)}.")
    if counts.device.type == "cpu" and bool((counts < 0).any()):
        raise ValueError(f"{name} contains {counts.min().item()}, accepted are numbers >= 0.")
    return counts if counts.is_floating_point() else counts.to(torch.get_default_dtype())


def class_balanced_weight(counts, *, beta=0.9999):
    """Return a weight for each class, larger for rarer ones.

    Parameters
    ----------
    counts : tensor of shape (C,)
        Rows of each class; a class without rows counts as one row.
    beta : float in [0, 1), default=0.9999
        0 gives every class the weight 1; towards 1 the weights become those of inverse frequencies.

    Returns
    -------
    tensor of shape (C,)
        ``(1 - beta) / (1 - beta ** counts)``, scaled to the sum C.

    References
    ----------
    arXiv:1901.05555

    Examples
    --------
    >>> import torch
    >>> class_balanced_weight(torch.tensor([3, 1]), beta=0.5).tolist()              # 1 / 1.75 to 1
    [0.7272..., 1.2727...]
    """
    counts = check_counts(counts)
    check_interval(beta, "beta", 0, 1, include_high=False)
    # In double precision: beta ** counts is near 1 for small counts.
    weight = (1 - beta) / (1 - beta ** counts.double().clamp_min(1))
    return (weight * len(counts) / weight.sum()).to(counts.dtype)


def focal_loss(logits, target, *, gamma=1.0):
    """Cross-entropy that fades where the class is already probable.

    Parameters
    ----------
    logits : tensor of shape (n, C)
    target : int64 tensor of shape (n,)
    gamma : float >= 0, default=1.0
        0 is cross-entropy; larger looks at hard rows only.

    Returns
    -------
    tensor of shape (n,)
        ``-(1 - p) ** gamma * log p`` with the probability p of the target.

    References
    ----------
    arXiv:1708.02002

    Examples
    --------
    >>> import torch
    >>> round(focal_loss(torch.zeros(1, 2), torch.tensor([0]), gamma=2.0).item(), 4)              # 0.25 * log 2
    0.1733
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    check_interval(gamma, "gamma", 0, float("inf"), include_high=False)
    loss = F.cross_entropy(logits, target, reduction="none")
    # 1 - p = -expm1(-loss); the floor keeps the gradient of the power finite where p rounds to 1.
    return (-torch.expm1(-loss)).clamp_min(1e-12) ** gamma * loss


def ldam_loss(logits, target, counts, *, max_margin=0.5, scale=30.0):
    """Cross-entropy that asks for a larger margin from rarer classes.

    Parameters
    ----------
    logits : tensor of shape (n, C)
        Cosines between embedding and class weights, in [-1, 1].
    target : int64 tensor of shape (n,)
    counts : tensor of shape (C,)
        Rows of each class; a class without rows counts as one row.
    max_margin : float >= 0, default=0.5
        Margin of the rarest class; too large a margin is never reached.
    scale : float > 0, default=30.0
        Factor of the cosines; larger is nearer to a hard margin.

    Returns
    -------
    tensor of shape (n,)
        Cross-entropy of ``scale * (logits - margin of the target)``, margins ``max_margin * counts ** -0.25``, scaled.

    References
    ----------
    arXiv:1906.07413

    Examples
    --------
    >>> import torch
    >>> loss = ldam_loss(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([16, 1]), scale=1.0)
    >>> [round(x, 4) for x in loss.tolist()]                                   # log(1 + exp of 0.25 and 0.5)
    [0.8259, 0.9741]
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    counts = check_counts(counts, logits.shape[1])
    check_interval(max_margin, "max_margin", 0, float("inf"), include_high=False)
    check_interval(scale, "scale", 0, float("inf"), include_low=False, include_high=False)
    margin = counts.clamp_min(1) ** -0.25
    margin = (max_margin * margin / margin.max()).to(logits.dtype)
    own = F.one_hot(target, logits.shape[1]) * margin
    return F.cross_entropy(scale * (logits - own), target, reduction="none")


def logit_adjusted_cross_entropy(logits, target, prior, *, strength=1.0):
    """Cross-entropy of the logits plus the logarithm of the class shares.

    The network learns what is left when the shares are known, so that its own logits are those of balanced classes.

    Parameters
    ----------
    logits : tensor of shape (n, C)
    target : int64 tensor of shape (n,)
    prior : tensor of shape (C,)
        Shares or counts of the classes; 0 is raised to the thousandth part of the largest.
    strength : float >= 0, default=1.0
        0 is cross-entropy, 1 aims at the balanced error, more favours rare classes.

    Returns
    -------
    tensor of shape (n,)

    References
    ----------
    arXiv:2007.07314

    Examples
    --------
    >>> import torch
    >>> loss = logit_adjusted_cross_entropy(torch.zeros(1, 2), torch.tensor([1]), torch.tensor([3.0, 1.0]))
    >>> round(loss.item(), 4)                                                                           # log 4
    1.3863
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    prior = check_counts(prior, logits.shape[1], "prior")
    check_interval(strength, "strength", 0, float("inf"), include_high=False)
    shift = torch.maximum(prior, prior.max() / 1000).log().to(logits.dtype)
    return F.cross_entropy(logits + strength * shift, target, reduction="none")
