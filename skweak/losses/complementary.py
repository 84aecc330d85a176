"""Negative learning: losses of the classes that a row does not have."""

import torch

from skweak.losses._checks import check_binary_target, check_class_target, check_interval, check_logits


def complementary_loss(logits, complement, *, floor=1e-5):
    """Loss that lowers the probability of classes a row does not have.

    A statement "not this class" is right far more often than a noisy label. Learning from such complementary
    labels is slow but hard to mislead, and rows without any label can take part with a random class.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    complement : Tensor of shape (n,), int64, or of shape (n, C) with 0/1 entries
        One class that the row does not have, or a mask of all of them. A row of zeros gives 0.
    floor : float, default 1e-5
        In [0, 1]. A class whose remaining probability ``1 - p`` is below this gets no gradient; raising it
        ignores more of the rows in which the network is sure of the complementary class. 0 stands for the
        smallest normal number of the dtype.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row, at most ``-log(floor)`` for each complementary class.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the complement is no tensor of classes or 0/1 entries.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a class is outside
        ``0..C-1``, the mask holds other values, or the floor is outside its interval.

    Notes
    -----
    ``-sum_c log clamp(1 - softmax(logits)_c, floor, 1)`` over the complementary classes ``c``.

    References
    ----------
    arXiv:1908.07387, arXiv:2402.15198

    Examples
    --------
    >>> import torch
    >>> logits = torch.zeros(2, 4)
    >>> complementary_loss(logits, torch.tensor([0, 3]))
    tensor([0.2877, 0.2877])
    >>> complementary_loss(logits, torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]]))
    tensor([0.5754, 0.8630])
    """
    check_logits(logits)
    check_interval(floor, "floor", 0, 1)
    floor = max(floor, torch.finfo(logits.dtype).tiny)
    if isinstance(complement, torch.Tensor) and complement.dim() == 2:
        check_binary_target(complement, logits, "complement", allow_unknown=False)
        return masked_complementary_loss(logits.softmax(dim=1), complement, floor)
    check_class_target(complement, *logits.shape, "complement")
    # The sum of the other probabilities keeps digits that 1 - p loses where p is near 1.
    rest = logits.softmax(dim=1).scatter(1, complement.unsqueeze(1), 0.0).sum(dim=1)
    return -rest.clamp(floor, 1.0).log()


def masked_complementary_loss(proba, mask, floor):
    """Complementary loss of probabilities and a 0/1 mask, arguments unchecked."""
    return -(mask.to(proba.dtype) * (1 - proba).clamp(min=floor).log()).sum(dim=1)
