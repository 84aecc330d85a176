"""Losses of partial labels: every row has a set of candidate classes, one of which is the true one."""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import (
    check_candidates,
    check_interval,
    check_logits,
    check_option,
    check_proba,
    check_same_shape,
)


def classifier_consistent_loss(logits, candidates):
    """Negative log-probability of the candidate set.

    The network only has to put its mass inside the set and may share it there as it likes. No state is kept
    between the epochs; the right choice when candidate sets are drawn evenly.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    candidates : Tensor of shape (n, C)
        1 for a candidate and 0 elsewhere, at least one 1 in every row. Adding a candidate never raises the
        loss.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row: cross-entropy for one candidate, 0 for the full set.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, the candidates hold other
        values, or a row has none.

    Notes
    -----
    ``-log sum over candidates of softmax(logits)``

    References
    ----------
    arXiv:2007.08929

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[2.0, 1.0, 1.0]]).log()
    >>> classifier_consistent_loss(logits, torch.tensor([[1, 1, 0]])).exp()  # 4 / (2 + 1)
    tensor([1.3333])
    """
    check_logits(logits)
    check_candidates(candidates, logits)
    inside, outside = _split(logits, candidates)
    # log(1 + outside / inside) keeps the digits that a difference of two nearly equal logarithms would lose.
    # At the threshold the logarithm equals its argument to the last digit of float64.
    return F.softplus(outside.logsumexp(dim=1) - inside.logsumexp(dim=1), threshold=40)


def risk_consistent_loss(logits, confidence):
    """Cross-entropy with a soft target over the candidates.

    The confidence is the present belief about which candidate is true. Refreshed from the same forward pass,
    with `candidate_posterior`, this is progressive identification (PRODEN); refreshed after the step, the
    risk-consistent method; kept uniform, the averaging baseline.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    confidence : Tensor of shape (n, C), floating point
        Share of each class in [0, 1], zero off the candidates; rows should sum to 1, which is not checked.
        Detached.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, or a confidence is outside
        [0, 1].

    Notes
    -----
    ``-sum_c confidence_c · log softmax(logits)_c``, where a class of confidence 0 contributes exactly 0.

    References
    ----------
    arXiv:2007.08929, arXiv:2002.08053

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[2.0, 1.0, 1.0]]).log()
    >>> risk_consistent_loss(logits, torch.tensor([[0.5, 0.5, 0.0]])).exp()  # root of 4/2 times 4/1
    tensor([2.8284])
    """
    check_logits(logits)
    check_proba(confidence, "confidence")
    check_same_shape(confidence, "confidence", logits)
    confidence = confidence.detach().to(logits.dtype)
    # A class switched off by a logit of -inf has an infinite loss, which 0 does not cancel.
    log_proba = F.log_softmax(logits, dim=1).masked_fill(confidence == 0, 0)
    return -(confidence * log_proba).sum(dim=1)


def candidate_posterior(logits, candidates):
    """Class probabilities given that the true class is a candidate.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities; those off the candidates do not matter.
    candidates : Tensor of shape (n, C)
        1 for a candidate and 0 elsewhere, at least one 1 in every row.

    Returns
    -------
    Tensor of shape (n, C)
        Rows sum to 1 and are 0 off the candidates; without gradient.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, the candidates hold other
        values, or a row has none.

    References
    ----------
    arXiv:2002.08053

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[3.0, 1.0, 6.0]]).log()
    >>> candidate_posterior(logits, torch.tensor([[1, 1, 0]]))
    tensor([[0.7500, 0.2500, 0.0000]])
    """
    check_logits(logits)
    check_candidates(candidates, logits)
    return _split(logits.detach(), candidates)[0].softmax(dim=1)


def leveraged_weighted_loss(logits, candidates, weight, *, beta=1.0, surrogate="sigmoid"):
    """Weighted losses of being a candidate, and of not being one.

    Besides asking for a high logit on the candidates, it asks for low logits elsewhere. The weights, usually
    from `leveraged_weights`, point both demands at the classes where they matter.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    candidates : Tensor of shape (n, C)
        1 for a candidate and 0 elsewhere, at least one 1 in every row.
    weight : Tensor of shape (n, C)
        Non-negative weight of each class; detached.
    beta : float, default 1.0
        Not negative. Weight of the other classes; 0 ignores them, 1 or 2 is usual.
    surrogate : {"sigmoid", "cross_entropy"}, default "sigmoid"
        Loss of one class: "sigmoid" is bounded, hence robust, and judges every logit by itself;
        "cross_entropy" uses the logarithm of the softmax.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row, not negative but for the 1e-8 inside the logarithm.

    Raises
    ------
    TypeError
        If an argument is no tensor, the logits are integers, or ``beta`` is no number.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, the candidates hold other
        values, a row has none, a weight or ``beta`` is negative, or the surrogate is unknown.

    Notes
    -----
    ``sum over candidates of weight · phi(1) + beta · sum over the others of weight · phi(0)``. "sigmoid":
    ``phi(1) = 1 - sigmoid(logits)``, ``phi(0) = sigmoid(logits)``. "cross_entropy": ``phi(1) = -log(p +
    1e-8)``, ``phi(0) = -log(1 - p + 1e-8)`` with ``p = softmax(logits)``.

    References
    ----------
    arXiv:2106.05731

    Examples
    --------
    >>> import torch
    >>> logits, candidates = torch.zeros(1, 3), torch.tensor([[1, 1, 0]])
    >>> weight = leveraged_weights(logits, candidates)
    >>> weight
    tensor([[0.5000, 0.5000, 1.0000]])
    >>> leveraged_weighted_loss(logits, candidates, weight, beta=2.0)
    tensor([1.5000])
    """
    check_logits(logits)
    check_candidates(candidates, logits)
    check_same_shape(weight, "weight", logits)
    if weight.device.type == "cpu" and (weight < 0).any():
        raise ValueError(f"weight contains {weight.min().item()}, accepted are numbers >= 0.")
    check_interval(beta, "beta", 0, math.inf, include_high=False)
    check_option(surrogate, "surrogate", ("sigmoid", "cross_entropy"))
    inside = candidates != 0
    if surrogate == "sigmoid":
        loss = torch.where(inside, -logits, logits).sigmoid()
    else:
        log_hit = torch.where(inside, F.log_softmax(logits, dim=1), _log_complement(logits))
        loss = -torch.logaddexp(log_hit, log_hit.new_full((), math.log(1e-8)))
    weight = weight.detach().to(logits.dtype)
    return (torch.where(inside, weight, beta * weight) * loss).sum(dim=1)


def leveraged_weights(logits, candidates):
    """Class probabilities normalised among the candidates, and apart from them among the other classes.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    candidates : Tensor of shape (n, C)
        1 for a candidate and 0 elsewhere, at least one 1 in every row.

    Returns
    -------
    Tensor of shape (n, C)
        Rows sum to 1 over the candidates and, if there are any, to 1 over the other classes; without
        gradient.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, the candidates hold other
        values, or a row has none.

    References
    ----------
    arXiv:2106.05731

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[3.0, 1.0, 2.0, 6.0]]).log()
    >>> leveraged_weights(logits, torch.tensor([[1, 1, 0, 0]]))
    tensor([[0.7500, 0.2500, 0.2500, 0.7500]])
    """
    check_logits(logits)
    check_candidates(candidates, logits)
    inside, outside = _split(logits.detach(), candidates)
    # In a full row the second softmax is NaN throughout, and none of it is chosen.
    return torch.where(candidates != 0, inside.softmax(dim=1), outside.softmax(dim=1))


def _split(logits, candidates):
    """Logits of the candidates and of the other classes, -inf elsewhere."""
    inside = candidates != 0
    return logits.masked_fill(~inside, -math.inf), logits.masked_fill(inside, -math.inf)


def _log_complement(logits):
    """``log(1 - softmax(logits))`` to full precision where the softmax is close to 1."""
    log_total = logits.logsumexp(dim=1, keepdim=True)
    # Only the largest probability can come close to 1: there, sum the others.
    largest = torch.zeros_like(logits, dtype=torch.bool).scatter(1, logits.argmax(dim=1, keepdim=True), True)
    log_rest = logits.masked_fill(largest, -math.inf).logsumexp(dim=1, keepdim=True) - log_total
    others = torch.log1p(-(logits - log_total).masked_fill(largest, -math.inf).exp())
    return torch.where(largest, log_rest, others)
