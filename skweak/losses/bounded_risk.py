"""Noise-corrected multi-label risk that cannot fall below zero."""

import torch

from skweak.losses._checks import check_option
from skweak.losses.multilabel import _coefficients, _surrogate


def bounded_unbiased_risk(
    logits, target, *, false_negative_rate=0.0, false_positive_rate=0.0, surrogate="logistic", pairwise=False,
    bound="relu",
):  # fmt: skip
    """Bound each part of a noise-corrected loss by zero, as it would be over the whole distribution.

    The corrected losses subtract; a flexible network drives the subtracted parts to minus infinity instead of
    learning. Summed over a batch each part estimates something that is not negative, so negative values are
    noise.

    Parameters
    ----------
    logits : tensor of shape (n, K), floating point
        Log-odds of the labels.
    target : tensor of shape (n, K)
        Observed labels 1 and 0, or -1 for an unknown entry, which contributes nothing.
    false_negative_rate, false_positive_rate : float or array of shape (K,), default=0.0
        Noise rates, as in `unbiased_binary_loss`.
    surrogate : {"logistic", "hinge", "squared", "sigmoid"} or callable, default="logistic"
        Loss of a margin.
    pairwise : bool, default=False
        Correct `unbiased_ranking_loss` instead of `unbiased_binary_loss`.
    bound : {"relu", "abs"}, default="relu"
        "relu" drops negative parts, which then have no gradient; "abs" turns their sign, which moves the
        network back.

    Returns
    -------
    tensor
        Scalar, not negative. Without negative parts it is the mean over rows of the corrected loss.

    Raises
    ------
    TypeError, ValueError
        As `unbiased_binary_loss`, and if ``bound`` is unknown.

    Notes
    -----
    The parts are, of each label, the mean over rows of the terms with ``phi(logits)`` and of those with
    ``phi(-logits)``; pairwise, of each ordered pair of labels its mean over rows.

    References
    ----------
    arXiv:2105.07338; arXiv:1703.00593 (the bound, for positive-unlabeled data).

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[2.0], [-3.0]]), torch.tensor([[1], [0]])
    >>> rates = {"false_positive_rate": 0.5, "surrogate": "hinge"}     # terms -4 and 0 of the absent label
    >>> bounded_unbiased_risk(logits, target, **rates)
    tensor(0.)
    >>> bounded_unbiased_risk(logits, target, **rates, bound="abs")
    tensor(2.)
    """
    check_option(bound, "bound", ("relu", "abs"))
    positive, negative = _coefficients(logits, target, false_negative_rate, false_positive_rate, surrogate)
    if pairwise:
        values = _surrogate(logits[:, :, None] - logits[:, None, :], surrogate)
        itself = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
        parts = (positive[:, :, None] * negative[:, None, :] * values).masked_fill(itself, 0).mean(dim=0)
    else:
        present, absent = _surrogate(logits, surrogate), _surrogate(-logits, surrogate)
        parts = torch.cat([positive * present, negative * absent], dim=1).mean(dim=0)
    return (parts.relu() if bound == "relu" else parts.abs()).sum()
