"""Scores of predictions against candidate sets, for data whose true labels nobody knows."""

import numpy as np
from scipy import sparse
from sklearn.metrics import make_scorer


def candidate_hit_rate(candidates, proba, *, sample_weight=None):
    """Share of rows whose most probable class is a candidate.

    What `score` of the partial-label estimators returns for a candidate matrix. It is at least the accuracy,
    and says little where sets are large: compare configurations by `candidate_log_loss` then.

    Parameters
    ----------
    candidates : array-like or sparse matrix of shape (n, C)
        1 for a candidate and 0 elsewhere.
    proba : array-like of shape (n, C), or (n,) for two classes
        Class probabilities; of two classes those of the second one suffice.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        In [0, 1]; larger is better.

    Raises
    ------
    ValueError
        If `candidates` is no 0/1 matrix with a 1 in every row, or the shapes differ.

    Examples
    --------
    >>> from skweak.metrics import candidate_hit_rate
    >>> candidate_hit_rate([[1, 1, 0], [0, 0, 1]], [[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
    0.5
    """
    candidates, proba = _check(candidates, proba)
    hit = candidates[np.arange(len(proba)), proba.argmax(axis=1)]
    return float(np.average(hit, weights=sample_weight))


def candidate_log_loss(candidates, proba, *, sample_weight=None):
    """Mean negative log-probability of the candidate sets.

    The likelihood of sets that were drawn evenly. It goes on telling models apart when all of them hit the
    sets.

    Parameters
    ----------
    candidates : array-like or sparse matrix of shape (n, C)
        1 for a candidate and 0 elsewhere.
    proba : array-like of shape (n, C), or (n,) for two classes
        Class probabilities; of two classes those of the second one suffice.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        Not negative; smaller is better. The scorer of it returns it negated.

    Raises
    ------
    ValueError
        If `candidates` is no 0/1 matrix with a 1 in every row, or the shapes differ.

    References
    ----------
    arXiv:2007.08929

    Examples
    --------
    >>> from skweak.metrics import candidate_log_loss
    >>> round(candidate_log_loss([[1, 1, 0], [0, 0, 1]], [[0.25, 0.25, 0.5], [0.25, 0.25, 0.5]]), 4)  # log 2
    0.6931
    """
    candidates, proba = _check(candidates, proba)
    # Rounding may carry the sum above 1; a set of probability 0 costs 708, not infinity.
    mass = (candidates * proba).sum(axis=1).clip(np.finfo(np.float64).tiny, 1)
    return float(np.average(-np.log(mass), weights=sample_weight))


def _check(candidates, proba):
    candidates = candidates.toarray() if sparse.issparse(candidates) else np.asarray(candidates)
    if candidates.ndim != 2:
        raise ValueError(
            f"candidates must be a 0/1 matrix (n, C), got shape {candidates.shape}; score labels by accuracy."
        )
    proba = np.asarray(proba, dtype=np.float64)
    if proba.ndim == 1:
        proba = np.column_stack([1 - proba, proba])
    if candidates.shape != proba.shape:
        raise ValueError(f"candidates has shape {candidates.shape}, proba {proba.shape}; they must agree.")
    if candidates.dtype.kind not in "biuf" or not np.isin(candidates, (0, 1)).all():
        raise ValueError("candidates must hold 0 and 1 only; give 1 to every class that may be the true one.")
    candidates = candidates.astype(bool)
    empty = ~candidates.any(axis=1)
    if empty.any():
        raise ValueError(f"candidates has none in row {int(empty.argmax())}; give every row at least one 1.")
    return candidates, proba


candidate_hit_scorer = make_scorer(candidate_hit_rate, response_method="predict_proba")
candidate_log_loss_scorer = make_scorer(
    candidate_log_loss, greater_is_better=False, response_method="predict_proba"
)
