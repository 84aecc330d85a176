"""How many labels are wrong: a model of the noise, fitted to probabilities of rows that the classifier has not seen.

A classifier that doubts a row may be right to doubt, because classes overlap there, or the label may be wrong. What
tells them apart is where the classifier is surest: overlap fades out there, wrong labels stay. So the share is the
height at which disagreement levels off, and sureness and that height are fitted together.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, softmax

# A perfect classifier knows how often labels are wrong, and sureness alone would explain them. So the surest tenth of
# the rows of each predicted class are held to be of that class; one such row weighs as much as one label.
_ANCHORS, _WEIGHT = 0.1, 1.0
# Rows behind one bootstrap fit; with more, the spread is scaled, which it follows by the square root.
_MOST_ROWS = 4000


@dataclass
class NoiseModel:
    """What `fit_noise` found.

    Attributes
    ----------
    share : float
        Share of wrong labels among all rows, in [0, 1].
    interval : tuple of two floats
    class_intervals : ndarray of shape (C, 2)
        Of the share of wrong labels among the rows given each class.
    transition : ndarray of shape (C, C)
        Probability of each given label (column) on rows of each true class (row).
    posterior : ndarray of shape (n, C)
        Probability of each true class, the given label being known.
    """

    share: float
    interval: tuple
    class_intervals: np.ndarray
    transition: np.ndarray
    posterior: np.ndarray


def fit_noise(codes, proba, trusted=None, *, n_bootstraps=100, random=None):
    """Fit how often labels are wrong, and how sure the classifier may rightly be.

    Given labels are modelled as ``softmax(scale * log(proba) + bias) @ transition``, where one share of the labels
    goes to other classes: to all alike, in proportion to their frequency, or to those that labels differ to on the
    rows of which the classifier is surest. Of the three the one of the largest likelihood is taken. Each row then
    tells how probably its label is wrong, and these probabilities are counted by pair of classes.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        Given labels.
    proba : ndarray of shape (n, C)
        Out-of-fold probabilities.
    trusted : ndarray of bool of shape (n,) or None, default=None
        Labels that are known to be right.
    n_bootstraps : int >= 2, default=100
        Fits on rows drawn again, for the intervals; more make their ends steadier.
    random : RandomState or None, default=None

    Returns
    -------
    NoiseModel
    """
    logits, n_classes = np.log(proba.clip(1e-5, 1)), proba.shape[1]
    trusted = np.zeros(len(codes), dtype=bool) if trusted is None else trusted
    random = np.random.RandomState(0) if random is None else random
    patterns, anchors = _patterns(codes, proba), _surest(proba, _ANCHORS)
    fits = [_fit(logits, codes, trusted, anchors, pattern) for pattern in patterns]
    best = min(range(len(fits)), key=lambda one: fits[one].fun)
    found, pattern = fits[best].x, patterns[best]
    posterior = _posterior(found, logits, codes, trusted, pattern)
    counts = posterior.T @ np.eye(n_classes)[codes]
    transition = (counts + 1e-9 * np.eye(n_classes)) / (counts.sum(axis=1, keepdims=True) + 1e-9)
    wrong = 1 - posterior[np.arange(len(codes)), codes]
    shares = np.empty((n_bootstraps, n_classes + 1))
    size = min(len(codes), _MOST_ROWS)
    for draw in shares:
        rows = random.randint(len(codes), size=size)
        again = _fit(logits[rows], codes[rows], trusted[rows], anchors[rows], pattern, start=found).x
        draw[:] = _shares(_posterior(again, logits[rows], codes[rows], trusted[rows], pattern), codes[rows])
    center = np.r_[wrong.mean(), _means(wrong, codes, n_classes)]
    # A class that a draw lacks says nothing in it, and one that has no rows has no interval.
    shares = np.where(np.isnan(shares), center, shares)
    ends = np.quantile(shares, [0.025, 0.975], axis=0) - np.median(shares, axis=0)
    # The choice of the pattern and the folds are not drawn again; a twentieth of the share stands for them.
    ends = ends * np.sqrt(size / len(codes)) + np.outer([-1, 1], 0.05 * center + 0.002)
    low, high = (center + ends).clip(0, 1)
    return NoiseModel(center[0], (float(low[0]), float(high[0])), np.c_[low, high][1:], transition, posterior)


def _surest(proba, share):
    """Return which rows (n,) are among this share of the surest ones of their predicted class."""
    predicted, sureness = proba.argmax(axis=1), proba.max(axis=1)
    marked = np.zeros(len(proba), dtype=bool)
    for code in np.unique(predicted):
        rows = np.flatnonzero(predicted == code)
        marked[rows[np.argsort(-sureness[rows], kind="stable")[: int(np.ceil(share * len(rows)))]]] = True
    return marked


def _patterns(codes, proba):
    """Return matrices (C, C) of where the wrong labels of each true class (row) may go; rows sum to 1."""
    n_classes = proba.shape[1]
    others = 1 - np.eye(n_classes)
    if n_classes == 2:
        return [others]
    seen, sure = np.zeros_like(others), _surest(proba, 0.3)
    np.add.at(seen, (proba[sure].argmax(axis=1), codes[sure]), 1)
    frequent = others * (np.bincount(codes, minlength=n_classes) + 1e-9)
    seen = others * (seen + 1 / (n_classes - 1))
    return [pattern / pattern.sum(axis=1, keepdims=True) for pattern in (others, frequent, seen)]


def _fit(logits, codes, trusted, anchors, pattern, start=None):
    """Return scipy's result: logarithm of the scale, biases and logit of the share."""
    n_classes = logits.shape[1]
    starts = [np.r_[np.zeros(n_classes), share] for share in (-4, -1.5)] if start is None else [start]
    bounds = [(-3, 3)] + [(-6, 6)] * (n_classes - 1) + [(-9, 4)]
    known = np.eye(n_classes)[logits.argmax(axis=1)] * anchors[:, None]
    data = logits, codes, trusted, _WEIGHT * known, pattern.T[codes]
    steps = {"maxiter": 200 if start is None else 20}  # from a fit to other rows it is not far
    fits = [minimize(_objective, one, data, "L-BFGS-B", jac=True, bounds=bounds, options=steps) for one in starts]
    return min(fits, key=lambda fit: fit.fun)


def _objective(found, logits, codes, trusted, known, reach):
    """Negative log-likelihood with weak priors, which keep what the data leave open, and its gradient."""
    rows, scale, share = np.arange(len(codes)), np.exp(found[0]), expit(found[-1])
    biases = found[1:-1]
    true = softmax(scale * logits + np.r_[0, biases], axis=1)
    shares = np.where(trusted, 0.0, share)
    own, others = true[rows, codes], (true * reach).sum(axis=1)
    given = (1 - shares) * own + shares * others
    posterior = true * (shares / given)[:, None] * reach
    posterior[rows, codes] += (1 - shares) * own / given
    pull = posterior - true + known - known.sum(axis=1, keepdims=True) * true
    gradient = np.empty_like(found)
    gradient[0] = scale * (pull * logits).sum() - 0.5 * found[0]
    gradient[1:-1] = pull.sum(axis=0)[1:] - 0.1 * biases
    gradient[-1] = (~trusted * (others - own) / given).sum() * share * (1 - share) - share
    value = np.log(given).sum() + (known * np.log(true.clip(1e-300))).sum()
    value += np.log1p(-share) - 0.25 * found[0] ** 2 - 0.05 * (biases**2).sum()
    return -value, -gradient


def _posterior(found, logits, codes, trusted, pattern):
    share = expit(found[-1])
    transition = (1 - share) * np.eye(len(pattern)) + share * pattern
    posterior = softmax(np.exp(found[0]) * logits + np.r_[0, found[1:-1]], axis=1) * transition.T[codes]
    posterior[trusted] = np.eye(len(pattern))[codes[trusted]]
    return posterior / posterior.sum(axis=1, keepdims=True)


def _shares(posterior, codes):
    wrong = 1 - posterior[np.arange(len(codes)), codes]
    return np.r_[wrong.mean(), _means(wrong, codes, posterior.shape[1])]


def _means(values, codes, n_classes):
    counts = np.bincount(codes, minlength=n_classes)
    return np.bincount(codes, values, n_classes) / np.where(counts, counts, np.nan)
