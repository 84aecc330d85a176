"""A warning when training ended with one class for everybody."""

import warnings

import numpy as np
import torch

# Rows that are looked at, evenly spaced.
_MOST_ROWS = 2_000
# A class of fewer rows can be missed without a collapse, and a prediction for nearly all rows counts as for all.
_LEAST_SHARE, _NEARLY_ALL = 0.05, 0.99


def warn_of_collapse(method, run, data, classes, scaled):
    """Warn when one class is predicted for nearly all training rows though their labels name several.

    Parameters
    ----------
    method : WeakClassifier
    run : Trainer
        Trained, in evaluation mode.
    data : TensorData
        Rows that trained. Targets that are no class numbers (n,) are left alone; negative ones are markers.
    classes : ndarray of shape (C,)
    scaled : bool
        Whether the network scales its inputs.
    """
    if data.target.dim() != 1:
        return
    rows = np.arange(0, len(data), max(1, len(data) // _MOST_ROWS))
    sample = data if len(rows) == len(data) else data.subset(rows)
    given = sample.target[sample.target >= 0].cpu()
    present = (torch.bincount(given) >= _LEAST_SHARE * len(given)).sum() if len(given) else 0
    if present < 2:
        return
    predicted = run.evaluate(sample, lambda X: method._row_proba(run, X).argmax(1)).cpu()
    count = torch.bincount(predicted)
    if count.max() < _NEARLY_ALL * len(rows):
        return
    name = classes.tolist()[int(count.argmax())]
    scaled = scaled or len(data.row_shape) > 1
    cause = "" if scaled else ", columns of X on different scales (put StandardScaler in front)"
    warnings.warn(
        f"{type(method).__name__} predicts {name!r} for {count.max() / len(rows):.0%} of its training rows, though "
        f"y holds {int(present)} classes of {_LEAST_SHARE:.0%} or more. Likely causes: too large a step (try "
        f"lr={method.lr / 10:.2g}), too few epochs (max_epochs={run.max_epochs}), a penalty that is too strong{cause}.",
        UserWarning, stacklevel=5,
    )  # fmt: skip
