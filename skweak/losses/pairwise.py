"""Losses of comparisons between the labels of a row."""

from torch.nn import functional as F

from skweak.losses._checks import check_logits


def pairwise_label_loss(logits, pairs):
    """Sum over the comparisons of each row of how much the label that fits less is preferred.

    Parameters
    ----------
    logits : Tensor of shape (n, L), floating point
        One logit for each label.
    pairs : Tensor of shape (n, K, 2), int64
        Of each comparison the label that fits better and the other one; both -1 where a row has fewer than K.

    Returns
    -------
    Tensor of shape (n,)
        ``sum log(1 + exp(z_other - z_better))``, at least 0; 0 for rows without comparisons.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a label is out of range.

    References
    ----------
    S.-J. Huang, S. Chen and Z.-H. Zhou, "Multi-label active learning: query type matters", IJCAI 2015.

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> pairs = torch.tensor([[[0, 1], [1, 2]], [[-1, -1], [-1, -1]]])
    >>> pairwise_label_loss(logits, pairs).round(decimals=4)
    tensor([1.4402, 0.0000])
    """
    check_logits(logits, "logits")
    if pairs.ndim != 3 or pairs.shape[2] != 2 or len(pairs) != len(logits):
        raise ValueError(f"pairs must have shape ({len(logits)}, K, 2), got {tuple(pairs.shape)}.")
    if pairs.numel() and (pairs.amax() >= logits.shape[1] or pairs.amin() < -1):
        raise ValueError(f"pairs must hold labels in 0..{logits.shape[1] - 1}, or -1 for none.")
    there = pairs[..., 0] >= 0
    chosen = logits.gather(1, pairs.clamp_min(0).flatten(1)).view(pairs.shape)
    return (F.softplus(chosen[..., 1] - chosen[..., 0]) * there).sum(1)
