"""Weights and decays as functions of the epoch."""

import math

from skweak.losses._checks import check_interval


def linear_ramp(epoch, *, start=0.0, length=16.0):
    """Rise linearly from 0 to 1.

    Brings a loss term in slowly, so that it does not act on the first, unreliable predictions.

    Parameters
    ----------
    epoch : float
        Current epoch; fractions of an epoch are welcome.
    start : float, default=0.0
        Epoch until which the result is 0.
    length : float, default=16.0
        Number of epochs from 0 to 1, above 0. A longer ramp is gentler.

    Returns
    -------
    float
        ``clip((epoch - start) / length, 0, 1)``.

    References
    ----------
    arXiv:2401.07062

    Examples
    --------
    >>> from skweak.utils import linear_ramp
    >>> [linear_ramp(epoch, start=10, length=4) for epoch in (5, 11, 12.5, 20)]
    [0.0, 0.25, 0.625, 1.0]
    """
    check_interval(epoch, "epoch", -math.inf, math.inf, include_low=False, include_high=False)
    check_interval(start, "start", -math.inf, math.inf, include_low=False, include_high=False)
    check_interval(length, "length", 0, math.inf, include_low=False, include_high=False)
    return min(max(float((epoch - start) / length), 0.0), 1.0)


def warmup_decay(epoch, *, maximum=0.9):
    """Decay of a moving average that starts small and grows with the epoch.

    Lets an average of network weights forget the first epochs quickly and settle later.

    Parameters
    ----------
    epoch : float
        Epochs finished so far, at least 0.
    maximum : float in [0, 1], default=0.9
        Upper bound of the decay; values near 1 average over more epochs.

    Returns
    -------
    float
        ``min(maximum, (1 + epoch) / (10 + epoch))``.

    References
    ----------
    arXiv:2209.01334

    Examples
    --------
    >>> from skweak.utils import warmup_decay
    >>> [warmup_decay(epoch) for epoch in (0, 8, 200)]
    [0.1, 0.5, 0.9]
    """
    check_interval(epoch, "epoch", 0, math.inf, include_high=False)
    check_interval(maximum, "maximum", 0, 1)
    return min(float(maximum), float((1 + epoch) / (10 + epoch)))


def warmup_length(given, run, *, share=1 / 6, least_steps=100):
    """Epochs of a warm-up that may be "auto".

    A fixed number of epochs is too many for a quick look and too few for a small table, whose epochs are a handful of
    steps.

    Parameters
    ----------
    given : int or "auto"
        The parameter of the method; a number is returned as it is.
    run : skweak.engine.Trainer
        The fit: its ``max_epochs``, ``batch_size`` and ``data`` are read.
    share : float in [0, 1], default=1/6
        Share of the epochs that "auto" takes; larger starts the method later.
    least_steps : int, default=100
        "auto" takes at least as many steps where half of the epochs allow it.

    Returns
    -------
    int
        Less than ``max_epochs`` where "auto" is given: 0 for a fit of one epoch.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from skweak.utils import warmup_length
    >>> run = SimpleNamespace(max_epochs=60, batch_size=64, data=range(1500))
    >>> warmup_length("auto", run), warmup_length("auto", run, share=1 / 3), warmup_length(7, run)
    (10, 20, 7)
    """
    if given != "auto":
        return given
    epochs = round(share * run.max_epochs)
    enough = math.ceil(least_steps * run.batch_size / max(1, len(run.data)))
    # Half of the epochs at most, so that the method itself has its turn.
    return min(max(epochs, min(enough, run.max_epochs // 2)), run.max_epochs - 1)
