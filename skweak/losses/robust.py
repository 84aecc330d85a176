"""Classification losses that bend less under wrong labels than the cross-entropy."""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import (
    check_class_target,
    check_distribution,
    check_interval,
    check_logits,
    check_proba,
    check_same_shape,
)

# Of a matrix that is inverted: beyond it the inverse has no right digits in single precision.
_LARGEST_CONDITION = 1e8


def generalized_cross_entropy(logits, target, *, q=0.7):
    """Loss between cross-entropy and mean absolute error.

    The cross-entropy weighs a row the more, the less it is explained, hence wrong labels most. This loss is
    bounded, which limits their pull; the price is slower learning.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    target : Tensor of shape (n,), int64
        Class of each row.
    q : float, default 0.7
        In [0, 1]. 0 is the cross-entropy, 1 is ``1 - p``, with ``p`` the probability of the target;
        robustness and training time grow with it.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row in ``[0, 1 / q]``.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside
        ``0..C-1``, or ``q`` is outside [0, 1].

    Notes
    -----
    ``(1 - p ** q) / q``

    References
    ----------
    arXiv:1805.07836

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[0.0, 0.0, 0.0, 0.0]]), torch.tensor([2])
    >>> generalized_cross_entropy(logits, target, q=0.5)
    tensor([1.])
    >>> generalized_cross_entropy(logits, target, q=1.0)
    tensor([0.7500])
    """
    cross_entropy = _checked_cross_entropy(logits, target)
    check_interval(q, "q", 0, 1)
    if q == 0:
        return cross_entropy
    # expm1 keeps the digits that 1 - p ** q loses for small q.
    return torch.expm1(cross_entropy * -q) / -q


def symmetric_cross_entropy(logits, target, *, alpha=0.1, beta=1.0, log_zero=-4.0):
    """Cross-entropy plus the reverse cross-entropy, in which label and prediction change places.

    The reverse term is bounded and tolerates wrong labels, the ordinary one keeps learning fast.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    target : Tensor of shape (n,), int64
        Class of each row.
    alpha : float, default 0.1
        Non-negative weight of the cross-entropy. Small values resist noise; many classes need larger ones.
    beta : float, default 1.0
        Non-negative weight of the reverse cross-entropy; 0 leaves ``alpha`` times the cross-entropy.
    log_zero : float, default -4.0
        Negative number (A) that stands for the logarithm of 0 in the one-hot label; it scales the reverse
        term.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside
        ``0..C-1``, a weight is negative, or ``log_zero`` is not negative.

    Notes
    -----
    ``-alpha · log p - beta · log_zero · (1 - p)`` with ``p`` the probability of the target.

    References
    ----------
    arXiv:1908.06112

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> symmetric_cross_entropy(logits, target, alpha=0.0)
    tensor([2.])
    >>> symmetric_cross_entropy(logits, target, alpha=1.0, beta=0.0)
    tensor([0.6931])
    """
    cross_entropy = _checked_cross_entropy(logits, target)
    check_interval(alpha, "alpha", 0, math.inf, include_high=False)
    check_interval(beta, "beta", 0, math.inf, include_high=False)
    check_interval(log_zero, "log_zero", -math.inf, 0, include_low=False, include_high=False)
    return alpha * cross_entropy + beta * log_zero * torch.expm1(-cross_entropy)


def forward_corrected_cross_entropy(logits, target, transition):
    """Cross-entropy of the noisy label under a known matrix of label flips.

    The class probabilities are passed through the flips before they are compared with the noisy label, so the
    network itself learns the clean classes. Prefer it when the flips are known or well estimated.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the clean class.
    target : Tensor of shape (n,), int64
        Noisy class of each row.
    transition : Tensor of shape (C, C), floating point
        ``transition[i, j]`` is the probability that class i is labelled j; rows sum to 1. The identity gives
        the plain cross-entropy.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row.

    Raises
    ------
    TypeError
        If logits or transition are no floating point tensors or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside
        ``0..C-1`` or cannot arise from any class, or the rows of the transition are no distributions.

    Notes
    -----
    ``-log sum_i softmax(logits)_i · transition[i, target]``

    References
    ----------
    arXiv:1609.03683

    Examples
    --------
    >>> import torch
    >>> transition = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    >>> forward_corrected_cross_entropy(torch.zeros(2, 2), torch.tensor([0, 1]), transition)
    tensor([0.2877, 1.3863])
    """
    check_logits(logits)
    n_classes = logits.shape[1]
    check_class_target(target, *logits.shape)
    check_distribution(transition, "transition", (n_classes, n_classes))
    if transition.device.type == "cpu":
        impossible = ~transition.any(dim=0)[target]
        if impossible.any():
            label = target[impossible][0].item()
            raise ValueError(
                f"target contains {label} but column {label} of transition is all zero: no class gets this "
                "label; drop these rows or give the column some mass."
            )
    # The sum is taken over logarithms, so it survives probabilities that underflow. The clamp under the mask
    # keeps the gradient of a transition entry of 0 finite.
    log_transition = transition.to(logits.dtype).clamp(min=torch.finfo(logits.dtype).tiny).log()
    log_transition = log_transition.masked_fill(transition == 0, -math.inf)
    return -torch.logsumexp(F.log_softmax(logits, dim=1) + log_transition.T[target], dim=1)


def backward_corrected_cross_entropy(logits, target, transition, *, floor=1e-7):
    """Combination of the cross-entropies of all classes whose mean over the label noise is that of the true class.

    The losses are corrected instead of the probabilities, so that any optimum on clean labels is one on noisy labels,
    given enough rows. On few rows its negative parts reward remembering; then prefer
    `forward_corrected_cross_entropy`.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the clean class.
    target : Tensor of shape (n,), int64
        Noisy class of each row.
    transition : Tensor of shape (C, C), floating point
        ``transition[i, j]`` is the probability that class i is labelled j; rows sum to 1. The identity gives
        the plain cross-entropy.
    floor : float, default 1e-7
        In (0, 1]. A class that is less probable has its logarithm and no gradient, which bounds the loss; larger
        values ignore more of the rows that are far from a class.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row, which may be negative.

    Raises
    ------
    TypeError
        If logits or transition are no floating point tensors or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside ``0..C-1``, the
        rows of the transition are no distributions or nearly dependent, so that no inverse is of use, or the floor is
        outside its interval.

    Notes
    -----
    ``-sum_j inverse(transition)[target, j] * log max(p_j, floor)``

    References
    ----------
    arXiv:1609.03683

    Examples
    --------
    >>> import torch
    >>> transition = torch.tensor([[1.0, 0.0], [0.5, 0.5]])                    # its inverse: [[1, 0], [-1, 2]]
    >>> logits = torch.tensor([[0.2, 0.8], [0.2, 0.8]]).log()
    >>> backward_corrected_cross_entropy(logits, torch.tensor([0, 1]), transition)   # -log 0.2, log 0.2 - 2 log 0.8
    tensor([ 1.6094, -1.1632])
    """
    check_logits(logits)
    n_classes = logits.shape[1]
    check_class_target(target, *logits.shape)
    check_distribution(transition, "transition", (n_classes, n_classes))
    check_interval(floor, "floor", 0, 1, include_low=False)
    inverse, _ = torch.linalg.inv_ex(transition.double())
    if transition.device.type == "cpu":
        # In the norm of columns, of which the inverse is at hand; a singular matrix has an inverse that is not finite.
        condition = (inverse.abs().sum(0).amax() * transition.abs().sum(0).amax()).item()
        if not condition <= _LARGEST_CONDITION:
            raise ValueError(
                f"transition has the condition number {condition:.3g}, accepted are at most {_LARGEST_CONDITION:.0e}: "
                "two classes get nearly the same labels; merge them or use forward_corrected_cross_entropy."
            )
    log_proba = F.log_softmax(logits, dim=1).clamp_min(math.log(floor))
    return -(inverse.to(logits.dtype)[target] * log_proba).sum(dim=1)


def early_learning_penalty(logits, memory):
    """Penalty on leaving the predictions that a network made early in training.

    A network learns the clean rows first and memorises wrong labels later. The penalty rewards agreement
    with a running average of the past predictions of each row; it also strengthens the gradient of clean
    rows, which fades once they are fitted.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    memory : Tensor of shape (n, C), floating point
        Running average of the past class probabilities of the rows, zero before the first visit; detached.
        Rows sum to at most 1.

    Returns
    -------
    Tensor of shape (n,)
        Non-positive value of each row; 0 for an empty memory.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, or an entry of the
        memory is outside [0, 1].

    Notes
    -----
    ``log(1 - sum_c memory_c p_c)`` with ``p = clamp(softmax(logits), 1e-4, 1 - 1e-4)``, which bounds it.

    References
    ----------
    arXiv:2007.00151

    Examples
    --------
    >>> import torch
    >>> memory = torch.tensor([[1.0, 0.0], [0.3, 0.2]])
    >>> early_learning_penalty(torch.zeros(2, 2), memory)
    tensor([-0.6931, -0.2877])
    """
    check_logits(logits)
    check_proba(memory, "memory")
    check_same_shape(memory, "memory", logits)
    return memory_penalty(logits, memory)


def memory_penalty(logits, memory):
    """Return the early-learning penalty; arguments unchecked."""
    proba = logits.softmax(dim=1).clamp(1e-4, 1 - 1e-4)
    return torch.log1p(-(memory.detach().to(logits.dtype) * proba).sum(dim=1))


def _checked_cross_entropy(logits, target):
    check_logits(logits)
    check_class_target(target, *logits.shape)
    return F.cross_entropy(logits, target, reduction="none")
