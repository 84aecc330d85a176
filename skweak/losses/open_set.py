"""Losses of detectors that tell the known classes from an unknown one, the last column."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from skweak.losses._checks import (
    check_class_target,
    check_interval,
    check_logits,
    check_proba,
    check_same_shape,
)


def temperature_cross_entropy(logits, target, *, known_temperature=0.5, unknown_temperature=0.5):
    """Cross-entropy of logits divided by a temperature, one for known and one for unknown rows.

    A low temperature is satisfied with a smaller margin. It is used in training only: at selection the raw
    activations then spread more and separate known from unknown rows better.

    Parameters
    ----------
    logits : Tensor of shape (n, K + 1), floating point
        Unnormalised log-probabilities of the K known classes and, last, of the unknown class.
    target : Tensor of shape (n,), int64
        Class of each row, K for unknown.
    known_temperature : float, default 0.5
        Positive. Temperature of the rows of known classes; 1 is plain cross-entropy, larger values ask for
        larger logits.
    unknown_temperature : float, default 0.5
        The same for the rows of the unknown class.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row.

    Raises
    ------
    TypeError
        If an argument is no tensor of the right dtype.
    ValueError
        If the shapes do not agree, the batch is empty, there are fewer than two columns, a target is outside
        ``0..K``, or a temperature is not positive.

    References
    ----------
    arXiv:2201.06758

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[2.0, 1.0], [2.0, 1.0]]).log()
    >>> temperature_cross_entropy(logits, torch.tensor([0, 1]), unknown_temperature=1.0).exp()  # 5/4 and 3/1
    tensor([1.2500, 3.0000])
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    check_interval(known_temperature, "known_temperature", 0, math.inf, include_low=False, include_high=False)
    check_interval(
        unknown_temperature, "unknown_temperature", 0, math.inf, include_low=False, include_high=False
    )
    unknown = target == logits.shape[1] - 1
    scaled = torch.where(unknown[:, None], logits / unknown_temperature, logits / known_temperature)
    return F.cross_entropy(scaled, target, reduction="none")


def energy_margin_loss(logits, target, *, known_margin=-25.0, unknown_margin=-7.0):
    """Penalty on known rows of high energy and on unknown rows of low energy.

    The energy of a row is low when any known class is activated. Pushing the energies of known and unknown
    rows apart makes it a score of novelty; add it with a small weight (0.01) to the detector's cross-entropy.

    Parameters
    ----------
    logits : Tensor of shape (n, K + 1), floating point
        Unnormalised log-probabilities of the K known classes and, last, of the unknown class, which is left
        out.
    target : Tensor of shape (n,), int64
        Class of each row, K for unknown.
    known_margin : float, default -25.0
        Known rows pay for energy above it; lowering it asks for larger logits.
    unknown_margin : float, default -7.0
        Unknown rows pay for energy below it; raising it asks for smaller logits.

    Returns
    -------
    Tensor of shape ()
        Non-negative loss of the batch. A group without rows contributes 0.

    Raises
    ------
    TypeError
        If an argument is no tensor of the right dtype.
    ValueError
        If the shapes do not agree, the batch is empty, there are fewer than two columns, a target is outside
        ``0..K``, or a margin is not finite.

    Notes
    -----
    ``mean_known relu(E - known_margin)² + mean_unknown relu(unknown_margin - E)²`` with
    ``E = -logsumexp(logits of the known classes)``

    References
    ----------
    arXiv:2502.19691

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.zeros(2, 2), torch.tensor([0, 1])  # both energies are 0
    >>> energy_margin_loss(logits, target, known_margin=-2.0, unknown_margin=1.0)
    tensor(5.)
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    for name, margin in (("known_margin", known_margin), ("unknown_margin", unknown_margin)):
        check_interval(margin, name, -math.inf, math.inf, include_low=False, include_high=False)
    energy = -logits[:, :-1].logsumexp(dim=1)
    unknown = target == logits.shape[1] - 1
    excess = torch.where(unknown, unknown_margin - energy, energy - known_margin).relu().square()
    # Every row is divided by the size of its own group, which is never 0: an absent group cannot give 0 / 0.
    n_unknown = unknown.sum()
    n_known = unknown.numel() - n_unknown
    return (excess / torch.where(unknown, n_unknown, n_known).to(excess.dtype)).sum()


def head_discrepancy(proba, other_proba):
    """Mean absolute difference between the class probabilities of two heads.

    Two heads trained on the same rows agree where they have seen data and differ elsewhere. As a loss it is
    made small on known rows and large on unknown ones; as a score it marks rows that are hard or unknown.

    Parameters
    ----------
    proba : Tensor or array of shape (n, C)
        Class probabilities of one head.
    other_proba : Tensor or array of shape (n, C)
        Class probabilities of the other head.

    Returns
    -------
    Tensor or array of shape (n,)
        Value in [0, 2 / C], of the kind given; float64 for arrays. The gradient reaches both heads.

    Raises
    ------
    TypeError
        If one argument is a tensor and the other is not, or a tensor holds integers.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, or an entry is outside [0,
        1].

    References
    ----------
    arXiv:2409.17607

    Examples
    --------
    >>> import torch
    >>> head_discrepancy(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.5000])
    >>> head_discrepancy([[0.5, 0.5]], [[0.5, 0.5]])
    array([0.])
    """
    if not isinstance(proba, torch.Tensor) and not isinstance(other_proba, torch.Tensor):
        tensors = (torch.tensor(np.asarray(values, dtype=np.float64)) for values in (proba, other_proba))
        return head_discrepancy(*tensors).numpy()
    check_proba(proba)
    check_proba(other_proba, "other_proba")
    check_same_shape(other_proba, "other_proba", proba, "proba")
    return (proba - other_proba).abs().mean(dim=1)
