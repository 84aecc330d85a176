"""Losses of multi-label targets: imbalanced, noisy, and with positives only.

Every column of the logits is the log-odds of one label. A target is 1 where the label is given, 0 where it is
not and -1 where nothing is known.
"""

import math
import numbers
import warnings

import torch
import torch.nn.functional as F

from skweak.losses._checks import (
    check_binary_target,
    check_interval,
    check_logits,
    check_option,
    check_same_shape,
)

# Losses of a margin, small where it is large and positive.
_SURROGATES = {
    "logistic": lambda margin: -F.logsigmoid(margin),
    "hinge": lambda margin: F.relu(1 - margin),
    "squared": lambda margin: (1 - margin).square(),
    "sigmoid": lambda margin: torch.sigmoid(-margin),
}


def asymmetric_loss(
    logits,
    target,
    *,
    gamma_negative=4.0,
    gamma_positive=1.0,
    clip=0.05,
    eps=1e-8,
    mask=None,
    detach_focus=True,
):
    """Binary cross-entropy that looks away from easy entries, above all from easy negatives.

    A row has few positive labels and many negative ones; in plain cross-entropy the mass of easy negatives
    drowns the positives. Here an entry counts less the better it is predicted, negatives at a higher power,
    and negatives of very low probability not at all.

    Parameters
    ----------
    logits : Tensor of shape (n, K), floating point
        Log-odds of the labels.
    target : Tensor of shape (n, K)
        1, 0, or -1 for an unknown entry, which contributes nothing.
    gamma_negative : float, default 4.0
        Not negative. Power of the weight of a negative entry; 0 gives every negative the same weight, large
        values keep only those predicted positive.
    gamma_positive : float, default 1.0
        Not negative. The same for positive entries, usually smaller so that rare positives are kept.
    clip : float, default 0.05
        In [0, 1). Subtracted from the probability of negatives: those at or below it are ignored, and no
        negative costs more than ``-log(clip)``. Useful against negatives that are really missing labels.
    eps : float, default 1e-8
        In (0, 1). Probabilities inside a logarithm are floored at it; the logarithm has no slope there.
    mask : Tensor of shape (n, K) or None, default None
        Non-negative weight of each entry; None is all ones.
    detach_focus : bool, default True
        Treat the focusing weight as a constant. False sends a gradient through it, as in the focal loss.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row, summed over the labels.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, the target holds other values, a mask entry is negative, or
        a number is outside its interval.

    Notes
    -----
    ``-(1 - p)^gamma_positive · log p`` for a positive and ``-m^gamma_negative · log(1 - m)`` for a negative,
    with ``p = sigmoid(logits)`` and ``m = max(0, p - clip)``. Both gammas and ``clip`` at 0 give binary
    cross-entropy.

    References
    ----------
    arXiv:2009.14119

    Examples
    --------
    >>> import torch
    >>> logits = torch.zeros(2, 1)
    >>> asymmetric_loss(logits, torch.tensor([[1], [0]]))  # 0.5 log 2 and 0.45**4 log(1 / 0.55)
    tensor([0.3466, 0.0245])
    >>> asymmetric_loss(logits, torch.tensor([[1], [-1]]), gamma_positive=0)
    tensor([0.6931, 0.0000])
    """
    check_logits(logits, min_columns=1)
    check_binary_target(target, logits)
    check_interval(gamma_negative, "gamma_negative", 0, math.inf, include_high=False)
    check_interval(gamma_positive, "gamma_positive", 0, math.inf, include_high=False)
    check_interval(clip, "clip", 0, 1, include_high=False)
    check_interval(eps, "eps", 0, 1, include_low=False, include_high=False)
    if mask is not None:
        check_same_shape(mask, "mask", logits)
        if mask.device.type == "cpu" and (mask < 0).any():
            raise ValueError(f"mask contains {mask.min().item()}, accepted are weights >= 0.")
    positive = target == 1
    margin = torch.where(positive, logits, -logits)
    miss = torch.sigmoid(-margin)
    log_hit = F.logsigmoid(margin)
    if clip > 0:
        # The slope of relu at 0 is 0, so a negative at the clip itself has neither value nor gradient.
        miss = torch.where(positive, miss, F.relu(miss - clip))
        shifted = (torch.sigmoid(margin) + clip).clamp(max=1).log().masked_fill(miss == 0, 0)
        log_hit = torch.where(positive, log_hit, shifted)
    loss = -log_hit.clamp(min=math.log(eps))
    if gamma_negative or gamma_positive:
        # Powers below 1 have an infinite slope at 0, which no later product with 0 could repair.
        focus = miss.detach() if detach_focus else miss.clamp(min=torch.finfo(miss.dtype).tiny)
        loss = loss * torch.where(positive, focus**gamma_positive, focus**gamma_negative)
    if mask is not None:
        loss = loss * mask.to(loss.dtype)
    return loss.masked_fill(target == -1, 0).sum(dim=1)


def unbiased_binary_loss(
    logits, target, *, false_negative_rate=0.0, false_positive_rate=0.0, surrogate="logistic"
):
    """Per-label loss of noisy labels whose expectation is the loss of the clean ones.

    When every label is flipped at a known rate, the losses of both answers can be mixed such that the noise
    cancels on average. With ``false_negative_rate=0`` it suits partial multi-label data, whose candidate sets
    contain all true labels.

    Parameters
    ----------
    logits : Tensor of shape (n, K), floating point
        Log-odds (scores) of the labels.
    target : Tensor of shape (n, K)
        Observed labels 1 and 0, or -1 for an unknown entry, which contributes nothing.
    false_negative_rate : float or array of shape (K,), default 0.0
        Probability that a true label is observed as 0, in [0, 1). The larger, the less a 0 is believed.
    false_positive_rate : float or array of shape (K,), default 0.0
        Probability that an absent label is observed as 1, in [0, 1). The larger, the less a 1 is believed.
        The two rates sum to less than 1 and, as the variance explodes there, warn above 0.9.
    surrogate : {"logistic", "hinge", "squared", "sigmoid"} or callable, default "logistic"
        Loss of a margin; a callable maps a tensor of margins to losses element by element.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row, summed over the labels. It may be negative.

    Raises
    ------
    TypeError
        If an argument is no tensor, the logits are integers, or a rate is no number.
    ValueError
        If the shapes differ, the batch is empty, the target holds other values, the rates are outside their
        interval or sum to 1 or more, or the surrogate is unknown.

    Notes
    -----
    ``a · phi(logits) + (1 - a) · phi(-logits)`` with the surrogate phi and ``a = (target -
    false_positive_rate) / (1 - false_negative_rate - false_positive_rate)``

    References
    ----------
    arXiv:2105.07338

    Examples
    --------
    >>> import torch
    >>> logits = torch.ones(2, 1)
    >>> unbiased_binary_loss(logits, torch.tensor([[1], [0]]), surrogate="hinge")
    tensor([0., 2.])
    >>> # The value of a clean 1, which is 0, is 0.7 times the first plus 0.3 times the second.
    >>> rates = {"false_negative_rate": 0.3, "false_positive_rate": 0.2}
    >>> unbiased_binary_loss(logits, torch.tensor([[1], [0]]), surrogate="hinge", **rates)
    tensor([-1.2000,  2.8000])
    """
    positive, negative = _coefficients(logits, target, false_negative_rate, false_positive_rate, surrogate)
    return (positive * _surrogate(logits, surrogate) + negative * _surrogate(-logits, surrogate)).sum(dim=1)


def unbiased_ranking_loss(
    logits, target, *, false_negative_rate=0.0, false_positive_rate=0.0, surrogate="logistic"
):
    """Pairwise ranking loss of noisy labels whose expectation is that of the clean ones.

    The clean loss asks that every label of a row score higher than every label it lacks. Use it in place of
    `unbiased_binary_loss` when the order of the labels matters and not a threshold.

    Parameters
    ----------
    logits : Tensor of shape (n, K), floating point
        Scores of the labels; only their differences within a row matter.
    target : Tensor of shape (n, K)
        Observed labels 1 and 0, or -1 for an unknown entry, whose pairs contribute nothing.
    false_negative_rate, false_positive_rate : float or array of shape (K,), default 0.0
        Noise rates, as in `unbiased_binary_loss`; the variance is worse, as pairs are corrected twice.
    surrogate : {"logistic", "hinge", "squared", "sigmoid"} or callable, default "logistic"
        Loss of a margin; a callable maps a tensor of margins to losses element by element.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row, summed over unordered pairs of labels. It may be negative.

    Raises
    ------
    TypeError, ValueError
        As `unbiased_binary_loss`, and with the same warning.

    Notes
    -----
    ``sum_{j != k} a_j · (1 - a_k) · phi(logits_j - logits_k)`` with ``a`` and phi as in
    `unbiased_binary_loss`: pairs with equal observed labels contribute as well. Memory is of the order n ·
    K².

    References
    ----------
    arXiv:2105.07338

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[1.0, 0.5], [1.0, 0.5]])
    >>> unbiased_ranking_loss(logits, torch.tensor([[1, 0], [0, 1]]), surrogate="hinge")
    tensor([0.5000, 1.5000])
    """
    positive, negative = _coefficients(logits, target, false_negative_rate, false_positive_rate, surrogate)
    values = _surrogate(logits[:, :, None] - logits[:, None, :], surrogate)
    itself = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    against = values.masked_fill(itself, 0) @ negative[:, :, None]
    return (positive * against.squeeze(2)).sum(dim=1)


def variational_pu_loss(logits, target, *, gamma=0.55, alpha=1.0):
    """Positive-unlabelled objective of each label that needs no class prior.

    Only observed positives are trusted; every other entry counts as unlabelled, whatever it says. The
    objective weighs the mean prediction of the whole batch against the predictions of the positives.

    Parameters
    ----------
    logits : Tensor of shape (n, K), floating point
        Log-odds of the labels.
    target : Tensor of shape (n, K)
        1 marks a positive; 0 and -1 are both unlabelled.
    gamma : float, default 0.55
        Not negative. Power of the batch mean that multiplies the first term; 0 is the plain objective, large
        values spare labels that are rarely predicted.
    alpha : float, default 1.0
        Positive. Logits are divided by ``alpha`` times their standard deviation, kept within [0.05, 1];
        lowering it makes the predictions sharper, from large values on they are left as they are.

    Returns
    -------
    Tensor of shape (K,)
        Objective of each label; it may be negative. A label without positives has only the first term.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, the target holds other values, or a number is outside its
        interval.

    Notes
    -----
    ``m^gamma · log m - mean over positives of log q`` with ``q = sigmoid(logits / scale)`` and its mean m
    over all rows; 1e-10 is added inside both logarithms. The scale and the factor ``m^gamma`` are constants
    of the batch and carry no gradient.

    References
    ----------
    arXiv:2306.16016

    Examples
    --------
    >>> import torch
    >>> logits = torch.zeros(4, 2)  # every prediction is 1/2, the second label has no positive
    >>> variational_pu_loss(logits, torch.tensor([[1, 0], [0, 0], [0, 0], [0, 0]]), gamma=0)
    tensor([ 0.0000, -0.6931])
    """
    check_logits(logits, min_columns=1)
    check_binary_target(target, logits)
    check_interval(gamma, "gamma", 0, math.inf, include_high=False)
    check_interval(alpha, "alpha", 0, math.inf, include_low=False, include_high=False)
    # Bounded below because a batch of equal logits has no spread to divide by.
    scale = (alpha * logits.detach().std(dim=0, correction=0)).clamp(0.05, 1)
    proba = torch.sigmoid(logits / scale)
    mean = proba.mean(dim=0)
    unlabeled = torch.log(mean + 1e-10) * mean.detach() ** gamma
    positive = (target == 1).to(logits.dtype)
    observed = (torch.log(proba + 1e-10) * positive).sum(dim=0) / positive.sum(dim=0).clamp(min=1)
    return unlabeled - observed


def _surrogate(margin, surrogate):
    values = _SURROGATES.get(surrogate, surrogate)(margin)
    check_same_shape(values, "result of surrogate", margin, "margin")
    return values


def _coefficients(logits, target, false_negative_rate, false_positive_rate, surrogate):
    """Coefficients of the positive and of the negative answer; they sum to 1, or are 0 where unknown."""
    check_logits(logits, min_columns=1)
    check_binary_target(target, logits)
    if not callable(surrogate):
        check_option(surrogate, "surrogate", _SURROGATES)
    missed = _rate(false_negative_rate, "false_negative_rate", logits)
    added = _rate(false_positive_rate, "false_positive_rate", logits)
    total = missed + added
    if isinstance(total, float) or total.device.type == "cpu":
        largest = total if isinstance(total, float) else total.max().item()
        if largest >= 1:
            raise ValueError(
                f"false_negative_rate and false_positive_rate sum to {largest:.6g} for a label, accepted are "
                "sums below 1; drop such labels, they carry no information."
            )
        # The tolerance keeps a sum of 0.9 silent in spite of rounding.
        if largest > 0.9 + 1e-6:
            warnings.warn(
                f"false_negative_rate and false_positive_rate sum to {largest:.6g} for a label; the variance "
                "of the corrected loss grows without bound towards 1.",
                stacklevel=3,
            )
    known = (target != -1).to(logits.dtype)
    positive = ((target == 1).to(logits.dtype) - added) / (1 - total)
    return known * positive, known * (1 - positive)


def _rate(rate, name, logits):
    if isinstance(rate, numbers.Real):
        check_interval(rate, name, 0, 1, include_high=False)
        return float(rate)
    if not isinstance(rate, torch.Tensor):
        rate = torch.as_tensor(rate, device=logits.device)
    check_same_shape(rate, name, logits[0], "a row of logits")
    if rate.device.type == "cpu" and not ((rate >= 0) & (rate < 1)).all():
        raise ValueError(f"{name} spans {rate.min():.6g} to {rate.max():.6g}, accepted is [0, 1).")
    return rate.to(logits.dtype)
