"""Sharpening of class probabilities, and penalties on their confidence and balance."""

import math

import torch

from skweak.losses._checks import check_distribution, check_interval, check_proba


def sharpen(proba, *, temperature=0.5):
    """Class probabilities moved towards their largest entry.

    Guessed labels of unlabelled or distrusted rows are often too flat to teach anything. Sharpening lowers
    their entropy and keeps the order of the classes.

    Parameters
    ----------
    proba : Tensor of shape (n, C), floating point
        Class probabilities.
    temperature : float, default 0.5
        Positive. 1 changes nothing, values towards 0 approach the one-hot row of the arg-max, large values
        the uniform row. Entries of exactly 0 stay 0.

    Returns
    -------
    Tensor of shape (n, C)
        Probabilities, rows sum to 1.

    Raises
    ------
    TypeError
        If the probabilities are no floating point tensor.
    ValueError
        If they are no matrix with at least one row and two columns, an entry is outside [0, 1], or the
        temperature is not positive.

    Notes
    -----
    ``proba ** (1 / temperature)``, divided by its sum over the row.

    References
    ----------
    arXiv:1905.02249, arXiv:2401.07062

    Examples
    --------
    >>> import torch
    >>> sharpen(torch.tensor([[0.75, 0.25]]))
    tensor([[0.9000, 0.1000]])
    >>> sharpen(torch.tensor([[0.75, 0.25]]), temperature=1.0)
    tensor([[0.7500, 0.2500]])
    """
    check_proba(proba)
    check_interval(temperature, "temperature", 0, math.inf, include_low=False, include_high=False)
    # The softmax of scaled logarithms cannot underflow to 0/0 as the sum of powers does. The clamp keeps the
    # gradient at an entry of 0 finite.
    log_proba = proba.clamp(min=torch.finfo(proba.dtype).tiny).log() / temperature
    return log_proba.masked_fill(proba == 0, -math.inf).softmax(dim=1)


def confidence_penalty(proba):
    """Negative entropy of each row, large where a prediction is confident.

    Added to the loss while the network is still young, it delays the memorisation of wrong labels; useful
    when the label noise depends on the class.

    Parameters
    ----------
    proba : Tensor of shape (n, C), floating point
        Class probabilities.

    Returns
    -------
    Tensor of shape (n,)
        Value between ``-log C`` (uniform row) and 0 (one-hot row).

    Raises
    ------
    TypeError
        If the probabilities are no floating point tensor.
    ValueError
        If they are no matrix with at least one row and two columns, or an entry is outside [0, 1].

    Notes
    -----
    ``sum_c proba_c log proba_c`` with ``0 log 0 = 0``

    References
    ----------
    arXiv:1701.06548

    Examples
    --------
    >>> import torch
    >>> confidence_penalty(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([-0.6931,  0.0000])
    """
    check_proba(proba)
    # Not xlogy: its gradient at 0 is NaN, that of the clamped logarithm is finite.
    return (proba * proba.clamp(min=torch.finfo(proba.dtype).tiny).log()).sum(dim=1)


def class_balance_penalty(proba, *, prior=None, floor=0.0):
    """Divergence of the prior from the mean prediction of the batch.

    Training on guessed labels may collapse onto a few classes; this penalty keeps every class in use. It
    needs a batch several times as large as the number of classes.

    Parameters
    ----------
    proba : Tensor of shape (n, C), floating point
        Class probabilities.
    prior : Tensor of shape (C,), floating point, or None, default None
        Share of each class, summing to 1; None is uniform.
    floor : float, default 0.0
        The mean prediction is clamped to [floor, 1] before the logarithm. Raising it from 0 bounds the
        penalty and drops the gradient of classes that the batch hardly predicts.

    Returns
    -------
    Tensor, scalar
        Non-negative penalty, up to the rounding of the means and the effect of the floor; 0 where the mean
        prediction is the prior.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If the shapes disagree, the batch is empty, there are fewer than two classes, an entry or the floor is
        outside [0, 1], or the prior does not sum to 1.

    Notes
    -----
    ``sum_c prior_c log(prior_c / mean_rows proba_c)``

    References
    ----------
    arXiv:1803.11364, arXiv:2401.07062

    Examples
    --------
    >>> import torch
    >>> proba = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    >>> class_balance_penalty(proba)
    tensor(0.0204)
    >>> class_balance_penalty(proba, prior=torch.tensor([0.6, 0.4]))
    tensor(0.)
    """
    check_proba(proba)
    check_interval(floor, "floor", 0, 1)
    if prior is None:
        return balance_entropy(proba, floor) - math.log(proba.shape[1])
    check_distribution(prior, "prior", proba.shape[1:])
    return balance_divergence(proba, prior.to(proba.dtype), floor)


def balance_divergence(proba, prior, floor=0.0):
    """Return the class balance penalty; arguments unchecked."""
    return torch.xlogy(prior, prior).sum() + balance_entropy(proba, floor, prior)


def balance_entropy(proba, floor, prior=None):
    """Cross-entropy of the prior, by default the uniform one, and the mean prediction; arguments unchecked."""
    log_mean = _log_mean(proba, floor)
    return -(log_mean.mean() if prior is None else (prior * log_mean).sum())


def _log_mean(proba, floor):
    # A class whose mean underflows to 0 would give an infinite gradient.
    return proba.mean(dim=0).clamp(max(floor, torch.finfo(proba.dtype).tiny), 1.0).log()

