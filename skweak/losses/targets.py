"""Cross-entropies whose target is not the given label alone."""

import math

from skweak.losses._checks import check_class_target, check_interval, check_logits, check_option
from skweak.losses.long_tail import check_counts


def smoothed_cross_entropy(logits, target, *, smoothing=0.1):
    """Cross-entropy whose target gives a share of the label to all classes equally.

    A network that is never rewarded for certainty keeps small weights and remembers wrong labels less.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    target : Tensor of shape (n,), int64
        Class of each row.
    smoothing : float, default 0.1
        At most 1. 0 is the cross-entropy, more asks for less certainty, 1 looks at no label. Below 0 the other
        classes are pushed away instead (arXiv:2106.04149), which can help with many wrong labels; the loss then has
        no lower bound.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside ``0..C-1``, or
        ``smoothing`` is above 1 or not finite.

    Notes
    -----
    ``-(1 - smoothing) * log p[target] - smoothing * mean_c log p_c``

    References
    ----------
    arXiv:1512.00567; with wrong labels arXiv:2003.02819

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[0.0, 1.0986]]), torch.tensor([1])            # p = 1/4, 3/4
    >>> smoothed_cross_entropy(logits, target, smoothing=0.5)
    tensor([0.5623])
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    check_interval(smoothing, "smoothing", -math.inf, 1, include_low=False)
    log_proba = logits.log_softmax(1)
    # The label's own term apart: that of torch accepts no negative smoothing.
    return (smoothing - 1) * log_proba.gather(1, target[:, None])[:, 0] - smoothing * log_proba.mean(1)


def bootstrap_cross_entropy(logits, target, *, belief="hard", label_share=None):
    """Cross-entropy whose target is part the given label and part what the network itself believes.

    Where the network contradicts a label with certainty, it holds its own against it.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    target : Tensor of shape (n,), int64
        Class of each row.
    belief : {"hard", "soft"}, default "hard"
        The belief: the most probable class, or all probabilities, in which the gradient goes through both factors.
    label_share : float or None, default None
        In [0, 1]: share of the given label (beta). 1 is the cross-entropy; less listens to wrong labels less, and too
        little never learns the classes. None is that of the paper, 0.8 with "hard" and 0.95 with "soft".

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside ``0..C-1``, the
        belief is unknown, or ``label_share`` is outside [0, 1].

    Notes
    -----
    ``-sum_c (label_share * onehot_c + (1 - label_share) * belief_c) * log p_c``

    References
    ----------
    arXiv:1412.6596

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[0.2, 0.8]]).log(), torch.tensor([0])
    >>> bootstrap_cross_entropy(logits, target, label_share=0.75)                    # -0.75 log 0.2 - 0.25 log 0.8
    tensor([1.2629])
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    check_option(belief, "belief", ("hard", "soft"))
    if label_share is None:
        label_share = 0.8 if belief == "hard" else 0.95
    check_interval(label_share, "label_share", 0, 1)
    log_proba = logits.log_softmax(1)
    own = log_proba.amax(1) if belief == "hard" else (log_proba.exp() * log_proba).sum(1)
    return -label_share * log_proba.gather(1, target[:, None])[:, 0] - (1 - label_share) * own


def peer_loss(logits, target, prior, *, strength=1.0, floor=1e-5):
    """Cross-entropy minus what it would be with a label taken from another row at random.

    Agreement by chance earns nothing, so that blind agreement with noisy labels does not pay, and no share of wrong
    labels has to be known.

    Parameters
    ----------
    logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities.
    target : Tensor of shape (n,), int64
        Class of each row.
    prior : Tensor of shape (C,)
        Shares or counts of the given labels, from which the other label is taken.
    strength : float, default 1.0
        Non-negative weight of the term that is subtracted (alpha). 0 is the cross-entropy; more makes predictions more
        certain and tolerates more noise, and too much collapses on few classes.
    floor : float, default 1e-5
        In (0, 1]. A class that is less probable has its logarithm in the subtracted term and no gradient there, which
        bounds the loss; larger values weaken the term.

    Returns
    -------
    Tensor of shape (n,)
        Loss of each row, at least ``strength * log(floor)``.

    Raises
    ------
    TypeError
        If the logits are no floating point tensor or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside ``0..C-1``, the
        prior is negative or all zero, or a number is outside its interval.

    Notes
    -----
    ``-log p[target] + strength * sum_c prior_c * log max(p_c, floor)``, the expectation of the paper's loss over the
    random pairs (arXiv:2010.02347), so that nothing is drawn and rows may have weights.

    References
    ----------
    arXiv:1910.03231

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[0.2, 0.8]]).log(), torch.tensor([1])
    >>> peer_loss(logits, target, torch.tensor([1.0, 3.0]))              # -log 0.8 + (log 0.2 + 3 log 0.8) / 4
    tensor([-0.3466])
    """
    check_logits(logits)
    check_class_target(target, *logits.shape)
    prior = check_counts(prior, logits.shape[1], "prior")
    if prior.device.type == "cpu" and not prior.any():
        raise ValueError("prior is 0 for every class; give the shares or counts of the given labels.")
    check_interval(strength, "strength", 0, math.inf, include_high=False)
    check_interval(floor, "floor", 0, 1, include_low=False)
    log_proba = logits.log_softmax(1)
    by_chance = log_proba.clamp_min(math.log(floor)) @ (prior / prior.sum()).to(logits.dtype)
    return strength * by_chance - log_proba.gather(1, target[:, None])[:, 0]
