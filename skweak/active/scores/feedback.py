"""Adaptation of a query to the answers of the round before."""

import math

from skweak.losses._checks import check_interval


def update_candidate_factor(factor, precision, *, target_precision=0.6, tolerance=0.05, step=1):
    """Widen the candidate set after a pure batch, narrow it after an impure one.

    Parameters
    ----------
    factor : number
        Present size of the candidate set in multiples of the batch, at least 1.
    precision : float in [0, 1]
        Share of known rows in the last batch.
    target_precision : float in [0, 1], default=0.6
        Wanted share.
    tolerance : float, default=0.05
        Differences up to it change nothing.
    step : number, default=1
        Size of a step, above 0.

    Returns
    -------
    number
        ``factor`` plus or minus ``step``, or ``factor`` itself near the target or when the step would lead
        below 1.

    References
    ----------
    arXiv:2502.19691

    Examples
    --------
    >>> from skweak.active.scores import update_candidate_factor
    >>> [update_candidate_factor(5, precision) for precision in (0.9, 0.62, 0.2)]
    [6, 5, 4]
    >>> update_candidate_factor(1.5, 0.2)
    1.5
    """
    check_interval(factor, "factor", 1, math.inf, include_high=False)
    check_interval(precision, "precision", 0, 1)
    check_interval(target_precision, "target_precision", 0, 1)
    check_interval(tolerance, "tolerance", 0, 1)
    check_interval(step, "step", 0, math.inf, include_low=False, include_high=False)
    # 0.65 - 0.6 is more than 0.05 in floating point and is not meant to be.
    if abs(precision - target_precision) <= tolerance + 1e-9:
        return factor
    if precision > target_precision:
        return factor + step
    return factor - step if factor - step >= 1 else factor


def update_target_precision(current, precision, *, target_precision=0.6):
    """Aim above the target after a batch below it, and the other way round.

    Integral control: a constant bias of the purity estimates is corrected in the end.

    Parameters
    ----------
    current : float in [0, 1]
        Precision aimed at in the last round.
    precision : float in [0, 1]
        Precision that was reached.
    target_precision : float in [0, 1], default=0.6
        Precision that is wanted.

    Returns
    -------
    float
        ``clip(current + target_precision - precision, 0, 1)``.

    References
    ----------
    arXiv:2603.07898

    Examples
    --------
    >>> from skweak.active.scores import update_target_precision
    >>> update_target_precision(0.5, 0.25, target_precision=0.5)
    0.75
    """
    check_interval(current, "current", 0, 1)
    check_interval(precision, "precision", 0, 1)
    check_interval(target_precision, "target_precision", 0, 1)
    return float(min(max(current + target_precision - precision, 0.0), 1.0))
