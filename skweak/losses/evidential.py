"""Evidential (Dirichlet) classification: probabilities and losses that see how large the logits are.

A row of logits is read as evidence ``exp(logits)`` for each class. The softmax keeps only the ratios of the
evidence; the functions here add a constant ``offset`` to every class, so that little evidence gives nearly
uniform probabilities.
"""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import check_class_target, check_interval, check_logits

# In float64 the special functions of exp(30) still give the divergence to a few digits.
_LARGEST_LOGIT = 30.0


def calibrated_softmax(logits, *, offset=None):
    """Class probabilities that stay near uniform while the evidence is small.

    The softmax is the same for the logits (0, 2) and (-8, -6), although the second row holds hardly any
    evidence. Adding a constant to the exponentials before normalising keeps that difference. Prefer it where
    over-confidence on mislabelled or unknown rows hurts.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    offset : float or None, default None
        Non-negative constant (gamma) added to every exponential; None is ``10 / C``. 0 is the softmax; the
        larger it is, the more evidence a confident probability takes.

    Returns
    -------
    Tensor of shape (n, C)
        Probabilities, rows sum to 1.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor.
    ValueError
        If the logits are no matrix with at least one row and two columns, or the offset is negative.

    Notes
    -----
    ``(exp(logits_c) + offset) / sum_j (exp(logits_j) + offset)``

    References
    ----------
    arXiv:2401.07062

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[0.0, 2.0, 0.0, 0.0], [-2.0, 0.0, -2.0, -2.0]])
    >>> logits.softmax(dim=1)[:, 1]
    tensor([0.7112, 0.7112])
    >>> calibrated_softmax(logits, offset=1.0)[:, 1]
    tensor([0.5830, 0.3700])
    """
    check_logits(logits)
    return _raise_logits(logits, _resolve_offset(offset, logits)).softmax(dim=1)


def evidential_kl(logits, target=None, *, offset=None):
    """Divergence of the predicted Dirichlet distribution from the flat one, without the target's evidence.

    Pushes the evidence for every class but the target to zero, hence a row whose classes all look wrong ends
    with uniform probabilities instead of a confident error. Without a target all evidence is pushed to zero,
    which suits rows known to belong to no class.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities; beyond 30 they count as 30 and get no gradient.
    target : Tensor of shape (n,), int64, or None, default None
        Class whose evidence is left out; None leaves out none.
    offset : float or None, default None
        Positive scale (gamma) of the evidence; None is ``10 / C``. The larger it is, the less a given logit
        counts as evidence.

    Returns
    -------
    Tensor of shape (n,)
        Divergence of each row, non-negative up to rounding; 0 where no evidence is left.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside
        ``0..C-1``, or the offset is not positive.

    Notes
    -----
    ``KL(Dir(a) ‖ Dir(1))`` with concentrations ``a = exp(logits) / offset + 1`` and the entry of the target
    set to 1. Computed in float64: in single precision the terms cancel badly from logits of about 10 on.

    References
    ----------
    arXiv:2401.07062, arXiv:1806.01768

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[0.0, 0.0], [0.0, 8.0]])
    >>> evidential_kl(logits, torch.tensor([1, 1]), offset=1.0)
    tensor([0.1931, 0.1931])
    >>> evidential_kl(logits, offset=1.0)
    tensor([0.1251, 6.4240])
    """
    check_logits(logits)
    if target is not None:
        check_class_target(target, *logits.shape)
    return _DirichletDivergence.apply(logits, target, _resolve_offset(offset, logits, allow_zero=False))[0]


def evidential_loss(logits, target, *, kl_weight=0.5, offset=None):
    """Cross-entropy of the calibrated softmax plus a penalty on evidence for the other classes.

    A drop-in replacement of cross-entropy for noisy labels: a mislabelled row is fitted with less evidence
    and separates from the clean rows by its margin. Also the loss of evidential detectors of unknown classes.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    target : Tensor of shape (n,), int64
        Class of each row.
    kl_weight : float, default 0.5
        Non-negative weight (beta) of ``evidential_kl / C``. 0 leaves the likelihood term alone; large values
        suppress evidence for all classes but the target.
    offset : float or None, default None
        Non-negative constant (gamma), see `calibrated_softmax`; None is ``10 / C``. 0 is accepted only with
        ``kl_weight=0`` and gives the plain cross-entropy.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row, non-negative.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside
        ``0..C-1``, or a weight or offset is outside its interval.

    Notes
    -----
    ``-log calibrated_softmax(logits)[target] + kl_weight / C * evidential_kl(logits, target)``

    References
    ----------
    arXiv:2401.07062

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[3.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0])
    >>> evidential_loss(logits, target, kl_weight=0.0, offset=0.0)
    tensor([0.0486, 3.0486])
    >>> evidential_loss(logits, target, offset=1.0)
    tensor([0.1389, 2.9701])
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    check_interval(kl_weight, "kl_weight", 0, math.inf, include_high=False)
    offset = _resolve_offset(offset, logits, allow_zero=kl_weight == 0)
    loss = F.cross_entropy(_raise_logits(logits, offset), target, reduction="none")
    if kl_weight == 0:
        return loss
    return loss + kl_weight / logits.shape[1] * _DirichletDivergence.apply(logits, target, offset)[0]


def _resolve_offset(offset, logits, *, allow_zero=True):
    if offset is None:
        return 10.0 / logits.shape[1]
    check_interval(offset, "offset", 0, math.inf, include_low=allow_zero, include_high=False)
    return offset


def _raise_logits(logits, offset):
    """Logits whose softmax is the calibrated softmax: ``log(exp(logits) + offset)`` up to a constant."""
    if offset == 0:
        return logits
    # Above 40 the softplus is the identity even in float64; the default switch at 20 costs digits.
    return F.softplus(logits - math.log(offset), threshold=40.0)


def _measure_evidence(logits, target, offset):
    """Evidence of each class in float64, 0 for the target."""
    evidence = (logits.double().clamp(max=_LARGEST_LOGIT) - math.log(offset)).exp()
    return evidence if target is None else evidence.scatter(1, target.unsqueeze(1), 0.0)


class _DirichletDivergence(torch.autograd.Function):
    """Divergence of Dirichlet distributions from the flat one, with its gradient in closed form.

    The digamma terms of the gradient cancel. Automatic differentiation would evaluate them, which takes half
    as long again, and would multiply their rounding error by the evidence.
    """

    @staticmethod
    def forward(logits, target, offset):
        n_classes = logits.shape[1]
        evidence = _measure_evidence(logits, target, offset)
        concentration = evidence + 1
        total = evidence.sum(dim=1)
        strength = total + n_classes
        divergence = (evidence * torch.digamma(concentration) - torch.lgamma(concentration)).sum(dim=1)
        divergence += torch.lgamma(strength) - total * torch.digamma(strength) - math.lgamma(n_classes)
        return divergence.to(logits.dtype), evidence

    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, target, ctx.offset = inputs
        evidence = output[1]
        ctx.mark_non_differentiable(evidence)
        ctx.save_for_backward(logits, target, evidence)

    @staticmethod
    def backward(ctx, gradient, _):
        logits, target, evidence = ctx.saved_tensors
        if torch.is_grad_enabled():
            # A second derivative is asked for: it has to reach the logits through the evidence.
            evidence = _measure_evidence(logits, target, ctx.offset)
        total = evidence.sum(dim=1, keepdim=True)
        slope = evidence * torch.polygamma(1, evidence + 1)
        slope = slope - total * torch.polygamma(1, total + logits.shape[1])
        slope = slope * (evidence * gradient.unsqueeze(1))
        return slope.masked_fill(logits > _LARGEST_LOGIT, 0.0).to(logits.dtype), None, None
