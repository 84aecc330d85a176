"""Label frequencies behind flipped labels."""

import warnings

import torch

from skweak.losses._checks import check_same_shape, check_tensor


def clean_prior(observed_prior, *, false_negative_rate=0.0, false_positive_rate=0.0):
    """Frequency of each label before its entries were flipped.

    Labels that were missed or added at known rates look rarer or more frequent than they are; this inverts
    the expected change.

    Parameters
    ----------
    observed_prior : tensor of shape (n_labels,)
        Observed share of positive entries of each label, in [0, 1].
    false_negative_rate : float or tensor of shape (n_labels,), default=0.0
        Probability that a true 1 is observed as 0. The larger it is, the more the prior grows.
    false_positive_rate : float or tensor of shape (n_labels,), default=0.0
        Probability that a true 0 is observed as 1. The sum of both rates must stay below 1; above 0.9 the
        result rests on little information and a warning says so.

    Returns
    -------
    tensor of shape (n_labels,)
        ``(observed_prior - false_positive_rate) / (1 - false_negative_rate - false_positive_rate)``, clipped
        to [0, 1].

    References
    ----------
    arXiv:2105.07338

    Examples
    --------
    >>> import torch
    >>> from skweak.multilabel import clean_prior
    >>> clean_prior(torch.tensor([0.4, 0.1]), false_negative_rate=0.2)
    tensor([0.5000, 0.1250])
    """
    check_shares(observed_prior, "observed_prior")
    missed = _as_rate(false_negative_rate, "false_negative_rate", observed_prior)
    added = _as_rate(false_positive_rate, "false_positive_rate", observed_prior)
    slack = 1 - missed - added
    if bool((slack <= 0).any()):
        raise ValueError(
            "false_negative_rate + false_positive_rate must be below 1 for every label, "
            f"got {1 - slack.min().item():.6g}; labels flipped that often carry no information."
        )
    if bool((slack < 0.1).any()):
        warnings.warn(
            f"false_negative_rate + false_positive_rate reaches {1 - slack.min().item():.6g}: "
            "dividing by the small remainder magnifies every error of the observed prior.",
            stacklevel=2,
        )
    return ((observed_prior - added) / slack).clamp(0, 1)


def check_shares(value, name):
    """Raise unless ``value`` holds one number in [0, 1] for each label."""
    check_tensor(value, name)
    if not value.is_floating_point():
        raise TypeError(f"{name} must have a floating point dtype, got {value.dtype}; call {name}.float().")
    if value.dim() != 1 or value.shape[0] == 0:
        raise ValueError(f"{name} must have shape (n_labels,) with n_labels >= 1, got {tuple(value.shape)}.")
    check_range(value, name)


def check_range(value, name):
    """Raise unless every entry of ``value`` lies in [0, 1]."""
    outside = ~((value >= 0) & (value <= 1))
    if outside.any():
        raise ValueError(f"{name} contains {value[outside][0].item()}, accepted are numbers in [0, 1].")


def _as_rate(rate, name, prior):
    rate = torch.as_tensor(rate, dtype=prior.dtype, device=prior.device)
    if rate.dim() > 0:
        check_same_shape(rate, name, prior, "observed_prior")
    check_range(rate, name)
    return rate
