"""Shares of the classes, which penalties on unbalanced predictions aim at instead of equal shares."""

import torch

from skweak.losses._checks import check_interval


def label_prior(target, n_classes, *, power=1.0, weight=None):
    """Share of each class among given labels, flattened on request.

    A penalty that aims at equal shares turns rows of a common class into a rare one; the given labels say better what
    to expect.

    Parameters
    ----------
    target : int64 tensor of shape (n,)
        Given class of each row.
    n_classes : int
    power : float in [0, 1], default=1.0
        Exponent of the shares before they are normalised again: 1 leaves them as they are, 0 makes them equal. Guessed
        labels drift towards common classes, which an exponent below 1 makes up for.
    weight : tensor of shape (n_classes,) or None, default=None
        Weight of each class, so that a row of weight two counts as two rows.

    Returns
    -------
    tensor of shape (n_classes,)
        Sums to 1.

    Examples
    --------
    >>> import torch
    >>> from skweak.utils import label_prior
    >>> target = torch.tensor([0, 0, 0, 0, 1])
    >>> label_prior(target, 2), label_prior(target, 2, power=0.5)
    (tensor([0.8000, 0.2000]), tensor([0.6667, 0.3333]))
    """
    check_interval(power, "power", 0, 1)
    share = torch.bincount(target, minlength=n_classes) / len(target)
    share = (share if weight is None else share * weight) ** power
    return share / share.sum()
