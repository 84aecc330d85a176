"""Scores of class probabilities."""

import numpy as np

from skweak.losses._checks import check_interval, check_option
from skweak.utils._checks import as_proba, as_unit_interval, check_count, check_row_count
from skweak.utils.statistics import min_max

KINDS = ("least_confidence", "margin", "entropy")

# Elements and rows of a block: small enough to stay in the cache between the passes over it.
BLOCK_ELEMENTS, BLOCK_ROWS = 2**20, 8192


def confidence_score(proba, *, kind="margin"):
    """How certain each row of probabilities is.

    Uncertainty sampling queries the rows of smallest score.

    Parameters
    ----------
    proba : array of shape (n, n_classes)
        Probabilities; float32 is scored in float32, about twice as fast.
    kind : {"margin", "least_confidence", "entropy"}, default="margin"
        Largest minus second largest probability, largest probability, or negative entropy
        ``sum p log(p + 1e-10)``. The margin sees only the two leading classes, the entropy all.

    Returns
    -------
    array of shape (n,)
        Larger = more certain.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import confidence_score
    >>> proba = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]])
    >>> confidence_score(proba)
    array([0.2, 1. ])
    >>> confidence_score(proba, kind="entropy").round(2)
    array([-1.03,  0.  ])
    """
    check_option(kind, "kind", KINDS)
    proba = as_proba(proba)
    score = {"margin": _margin, "least_confidence": _largest, "entropy": _negative_entropy}[kind]
    n, n_classes = proba.shape
    block = max(1, min(BLOCK_ROWS, BLOCK_ELEMENTS // n_classes))
    result = np.empty(n)
    for start in range(0, n, block):
        result[start : start + block] = score(proba[start : start + block])
    return result


def predicted_known(proba, *, n_instances=0):
    """Rows that a classifier with an extra "unknown" class takes for known.

    Parameters
    ----------
    proba : array of shape (n, n_known + 1)
        Probabilities, the last column is the unknown class.
    n_instances : int, default=0
        Rows that are needed at least. When fewer are predicted known, all other rows follow, the least
        unknown first.

    Returns
    -------
    array of shape (m,)
        int64 indices: rows whose largest probability is not the last, in ascending order, then the others if
        needed.

    References
    ----------
    arXiv:2402.15198

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import predicted_known
    >>> proba = np.array([[0.3, 0.7], [0.8, 0.2], [0.4, 0.6]])
    >>> predicted_known(proba)
    array([1])
    >>> predicted_known(proba, n_instances=2)
    array([1, 2, 0])
    """
    proba = as_proba(proba)
    check_count(n_instances, "n_instances")
    unknown = proba[:, -1]
    is_known = proba.argmax(axis=1) < proba.shape[1] - 1
    known = np.flatnonzero(is_known)
    if len(known) >= n_instances:
        return known
    others = np.flatnonzero(~is_known)
    return np.concatenate([known, others[np.argsort(unknown[others], kind="stable")]])


def bidirectional_uncertainty(
    negative_proba, positive_proba, unknown_proba=None, *, known_rate=0.0, kind="margin"
):
    """Uncertainty of a head trained on what rows are, and of one trained on what they are not.

    Ordinary uncertainty prefers rows of unknown classes. A head trained on random complementary labels is
    sure of them, so the two together single out rows that are known and hard.

    Parameters
    ----------
    negative_proba : array of shape (n, n_known)
        Probabilities of the negative head, averaged over its evaluations.
    positive_proba : array of shape (n, n_known)
        Probabilities of the positive head.
    unknown_proba : array of shape (n,), optional
        Probability of the unknown class, in [0, 1]. Leave it out while no unknown row is labelled.
    known_rate : float in [0, 1], default=0.0
        Share of known rows in the last batch. The larger it is, the more the positive head counts.
    kind : {"margin", "least_confidence", "entropy"}, default="margin"
        Confidence measure of both heads, see :func:`confidence_score`.

    Returns
    -------
    array of shape (n,)
        Minus the penalty S, so that the largest are queried.

    Notes
    -----
    With ``a`` the unknown probability, ``c₋`` and ``c₊`` the confidence of the heads, each scaled to [0, 1]
    over the rows given (0 where constant), ``S = a c₋ + known_rate (1 - a) c₊``, or ``S = c₋ + known_rate
    c₊`` without ``a``. Give only the rows of :func:`predicted_known`, since the others would stretch the
    scales.

    References
    ----------
    arXiv:2402.15198

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import bidirectional_uncertainty
    >>> negative = np.array([[0.5, 0.5], [0.9, 0.1], [0.7, 0.3]])
    >>> bidirectional_uncertainty(negative, negative, known_rate=0.5)[1:]
    array([-1.5 , -0.75])
    """
    check_interval(known_rate, "known_rate", 0, 1)
    # The arguments are checked here under their own names: confidence_score would call both of them proba.
    negative_proba = as_proba(negative_proba, "negative_proba")
    positive_proba = as_proba(positive_proba, "positive_proba")
    check_row_count(positive_proba, "positive_proba", len(negative_proba))
    negative = min_max(confidence_score(negative_proba, kind=kind))
    positive = min_max(confidence_score(positive_proba, kind=kind))
    if unknown_proba is None:
        return -(negative + known_rate * positive)
    unknown_proba = as_unit_interval(unknown_proba, "unknown_proba")
    check_row_count(unknown_proba, "unknown_proba", len(negative))
    unknown = min_max(unknown_proba)
    return -(unknown * negative + known_rate * (1 - unknown) * positive)


def _margin(proba):
    # Running maxima over whole columns: partitioning or sorting rows of a few classes costs a call for each.
    columns = np.ascontiguousarray(proba.T)
    first = np.maximum(columns[0], columns[1])
    second = np.minimum(columns[0], columns[1])
    smaller = np.empty_like(first)
    for column in columns[2:]:
        np.minimum(first, column, out=smaller)
        np.maximum(second, smaller, out=second)
        np.maximum(first, column, out=first)
    return first - second


def _largest(proba):
    return np.ascontiguousarray(proba.T).max(axis=0)


def _negative_entropy(proba):
    terms = proba + proba.dtype.type(1e-10)
    np.log(terms, out=terms)
    terms *= proba
    return terms @ np.ones(terms.shape[1], dtype=terms.dtype)
