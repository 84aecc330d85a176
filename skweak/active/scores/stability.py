"""How much two rounds of predictions differ, and how sure they are."""

import numpy as np
from scipy.special import xlogy

from skweak.utils._checks import as_array


def prediction_kappa(previous, current):
    """Return Cohen's kappa of two predictions for the same rows.

    Parameters
    ----------
    previous, current : arrays of shape (n,) or (n, L)
        Classes, or 0 and 1 per label.

    Returns
    -------
    float
        At most 1, which is also the value of equal predictions of a single class; about 0 for unrelated ones.

    Examples
    --------
    >>> prediction_kappa([0, 1, 1, 0], [0, 1, 1, 1])
    0.5
    """
    previous, current = _pair(previous, current)
    previous, current = previous.ravel(), current.ravel()
    observed = float((previous == current).mean())
    names = np.union1d(previous, current)
    expected = float(sum((previous == name).mean() * (current == name).mean() for name in names))
    return 1.0 if observed == 1 else (observed - expected) / (1 - expected)


def predicted_f_change(previous, current):
    """Return the expected change of the F measure between two predictions, the mean over classes or labels.

    Parameters
    ----------
    previous, current : arrays of shape (n,) or (n, L)
        Classes, or 0 and 1 per label.

    Returns
    -------
    float
        ``1 - 2 a / (2 a + b + c)`` with a rows of the class in both and b, c in one only; in [0, 1]. Classes that
        neither predicts are left out; 0 when none is left.

    Examples
    --------
    >>> predicted_f_change([0, 1, 1, 0], [0, 1, 1, 0])
    0.0
    >>> predicted_f_change([1, 1], [0, 0])
    1.0
    """
    previous, current = _pair(previous, current)
    if previous.ndim == 1:
        names = np.union1d(previous, current)
        previous, current = previous[:, None] == names, current[:, None] == names
    previous, current = previous.astype(bool), current.astype(bool)
    both, total = (previous & current).sum(axis=0), previous.sum(axis=0) + current.sum(axis=0)
    present = total > 0
    return float((1 - 2 * both[present] / total[present]).mean()) if present.any() else 0.0


def prediction_change(previous, current):
    """Return the share of rows with another prediction; of several labels, one that differs is enough.

    Examples
    --------
    >>> prediction_change([0, 1, 1, 0], [0, 1, 1, 1])
    0.25
    """
    previous, current = _pair(previous, current)
    changed = previous != current
    return float((changed if changed.ndim == 1 else changed.any(axis=1)).mean())


def overall_uncertainty(proba):
    """Return the mean entropy of predictions as a share of the largest possible.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities; rows that do not sum to 1 are read as probabilities of single labels.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> overall_uncertainty(np.array([[0.5, 0.5], [1.0, 0.0]]))
    0.5
    """
    proba = np.clip(as_array(proba, "proba", 2), 0, 1)
    if np.allclose(proba.sum(axis=1), 1, atol=1e-3):
        return float(-xlogy(proba, proba).sum(axis=1).mean() / np.log(max(2, proba.shape[1])))
    return float(-(xlogy(proba, proba) + xlogy(1 - proba, 1 - proba)).mean() / np.log(2))


def _pair(previous, current):
    previous, current = np.asarray(previous), np.asarray(current)
    if previous.shape != current.shape or not previous.size:
        raise ValueError(f"previous {previous.shape} and current {current.shape} must be of one shape and not empty.")
    return previous, current
