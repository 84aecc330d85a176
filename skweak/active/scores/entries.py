"""Several labels per row: scores of rows and of single entries."""

import numpy as np
from scipy.special import logit, xlogy

from skweak.utils._checks import as_array, check_count

KINDS = ("margin", "entropy")


def _as_labels(proba):
    proba = as_array(proba, "proba", 2)
    if proba.min() < 0 or proba.max() > 1:
        raise ValueError(f"proba contains {proba.min()} .. {proba.max()}, accepted are probabilities in [0, 1].")
    return proba


def _signed(proba, thresholds):
    """Return the signed margins of probabilities to their thresholds, on the scale of logits."""
    proba = _as_labels(proba)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    if not ((thresholds > 0) & (thresholds < 1)).all() or thresholds.shape not in ((), (proba.shape[1],)):
        raise ValueError(f"thresholds must lie in (0, 1), one for all labels or one for each of {proba.shape[1]}.")
    return logit(np.clip(proba, 1e-12, 1 - 1e-12)) - logit(thresholds)


def entry_uncertainty(proba, *, thresholds=0.5, kind="margin", known=None):
    """Return the uncertainty of every entry.

    Parameters
    ----------
    proba : array of shape (n, L)
        Probability of each label.
    thresholds : float or array of shape (L,), default=0.5
        From where on a label is predicted; not used by "entropy".
    kind : {"margin", "entropy"}, default="margin"
        Minus the distance to the threshold on the scale of logits, or the binary entropy in nats.
    known : array of shape (n, L), optional
        Entries that need no answer.

    Returns
    -------
    array of shape (n, L)
        ``-inf`` where known.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import entry_uncertainty
    >>> entry_uncertainty(np.array([[0.5, 0.5]]), known=np.array([[True, False]]))
    array([[-inf,  -0.]])
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {list(KINDS)}, got {kind!r}.")
    margin = _signed(proba, thresholds)
    proba = np.asarray(proba, dtype=np.float64)
    scores = -np.abs(margin) if kind == "margin" else -(xlogy(proba, proba) + xlogy(1 - proba, 1 - proba))
    return scores if known is None else np.where(np.asarray(known, dtype=bool), -np.inf, scores)


def separation_margin(proba, *, thresholds=0.5):
    """Return how close the least certain predicted label is to the least certain one that is not (MMU).

    Parameters
    ----------
    proba : array of shape (n, L)
        Probability of each label.
    thresholds : float or array of shape (L,), default=0.5
        From where on a label is predicted.

    Returns
    -------
    array of shape (n,)
        One over the gap, at most 1000; rows without predicted labels, or with all, have the smallest distance to a
        threshold as their gap.

    References
    ----------
    X. Li and Y. Guo, "Active learning with multi-label SVM classification", IJCAI 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import separation_margin
    >>> separation_margin(np.array([[0.6, 0.5], [0.9, 0.1]])).round(2)
    array([2.47, 0.23])
    """
    margin = _signed(proba, thresholds)
    positive = margin > 0
    gap = np.where(positive, margin, np.inf).min(axis=1) - np.where(positive, -np.inf, margin).max(axis=1)
    gap = np.where(np.isfinite(gap), gap, np.abs(margin).min(axis=1))
    return 1 / np.maximum(gap, 1e-3)


def cardinality_inconsistency(proba, *, mean_cardinality, thresholds=0.5):
    """Return how far the number of predicted labels is from the usual one (LCI).

    Parameters
    ----------
    proba : array of shape (n, L)
        Probability of each label.
    mean_cardinality : float
        Mean number of labels of a row.
    thresholds : float or array of shape (L,), default=0.5
        From where on a label is predicted.

    Returns
    -------
    array of shape (n,)
        At least 0.

    References
    ----------
    X. Li and Y. Guo, IJCAI 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import cardinality_inconsistency
    >>> cardinality_inconsistency(np.array([[0.9, 0.8], [0.1, 0.7]]), mean_cardinality=1.0)
    array([1., 0.])
    """
    return np.abs((_signed(proba, thresholds) > 0).sum(axis=1) - float(mean_cardinality))


def max_loss_reduction(proba, n_positive):
    """Return the loss that the most plausible labels would take away (MMC).

    Parameters
    ----------
    proba : array of shape (n, L)
        Probability of each label.
    n_positive : array of shape (n,)
        Predicted number of labels of each row.

    Returns
    -------
    array of shape (n,)
        ``sum (1 - s (2 p - 1)) / 2`` with s = 1 for the ``n_positive`` most probable labels, else -1; in [0, L].

    References
    ----------
    B. Yang, J.-T. Sun, T. Wang and Z. Chen, "Effective multi-label active learning for text classification", KDD 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import max_loss_reduction
    >>> max_loss_reduction(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 1]))
    array([0., 1.])
    """
    proba = _as_labels(proba)
    n_positive = np.asarray(n_positive)
    if n_positive.shape != (len(proba),):
        raise ValueError(f"n_positive has shape {n_positive.shape}; give one number per row, ({len(proba)},).")
    rank = np.argsort(np.argsort(-proba, axis=1, kind="stable"), axis=1)
    sign = np.where(rank < n_positive[:, None], 1, -1)
    return ((1 - sign * (2 * proba - 1)) / 2).sum(axis=1)


def vector_inconsistency(prediction, labeled_target):
    """Return the mean distance of predicted label vectors to those of labelled rows (CVIRS).

    Parameters
    ----------
    prediction : array of shape (n, L)
        Predicted labels, 0 and 1.
    labeled_target : array of shape (m, L)
        Labels of labelled rows.

    Returns
    -------
    array of shape (n,)
        In [0, 1]: normalised variation of information of the two binary vectors, 1 for complementary ones.

    References
    ----------
    O. Reyes, C. Morell and S. Ventura, "Effective active learning strategy for multi-label learning",
    Neurocomputing 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import vector_inconsistency
    >>> vector_inconsistency(np.array([[1, 0], [0, 1]]), np.array([[1, 0]]))
    array([0., 1.])
    """
    prediction, target = as_array(prediction, "prediction", 2), as_array(labeled_target, "labeled_target", 2)
    n_labels, result = prediction.shape[1], np.empty(len(prediction))
    size = max(1, 2**20 // max(1, len(target)))
    for start in range(0, len(prediction), size):
        rows = prediction[start : start + size]
        both, only, other = rows @ target.T, rows @ (1 - target).T, (1 - rows) @ target.T
        cells = np.stack([both, only, other, n_labels - both - only - other]) / n_labels
        joint = -xlogy(cells, cells).sum(axis=0)
        first, second = (_entropy(values.mean(axis=1)) for values in (rows, target))
        distance = np.divide(2 * joint - first[:, None] - second, joint, out=np.zeros_like(joint), where=joint > 0)
        distance[only + other == n_labels] = 1
        result[start : start + size] = distance.mean(axis=1)
    return np.clip(result, 0, 1)


def _entropy(share):
    return -(xlogy(share, share) + xlogy(1 - share, 1 - share))


def audi_entries(proba, known, n_instances, *, mean_cardinality, thresholds=0.5, floor=0.5):
    """Return entries of rows that look inconsistent and were hardly asked yet (AUDI).

    Parameters
    ----------
    proba : array of shape (n, L)
        Probability of each label.
    known : array of shape (n, L)
        Entries that need no answer.
    n_instances : int
        Entries to choose; all that are unknown when there are fewer.
    mean_cardinality : float
        Mean number of labels of a row.
    thresholds : float or array of shape (L,), default=0.5
        From where on a label is predicted.
    floor : float > 0, default=0.5
        Stands for the number of known entries of a row without any; the larger, the more rows are gone on with.

    Returns
    -------
    array of shape (b, 2)
        int64 (row, label), in the order of choice.

    Notes
    -----
    The row has the largest ``|predicted labels - mean| / max(floor, known entries)``, the entry is its unknown one
    nearest its threshold. An entry counts as known once it is picked.

    References
    ----------
    S.-J. Huang and Z.-H. Zhou, "Active query driven by uncertainty and diversity for incremental multi-label
    learning", ICDM 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import audi_entries
    >>> audi_entries(np.array([[0.9, 0.6], [0.9, 0.1]]), np.zeros((2, 2)), 1, mean_cardinality=1.0)
    array([[0, 1]])
    """
    check_count(n_instances, "n_instances")
    if not floor > 0:
        raise ValueError(f"floor must be larger than 0, got {floor!r}.")
    known = np.array(known, dtype=bool)
    distance = np.abs(_signed(proba, thresholds))
    inconsistency = cardinality_inconsistency(proba, mean_cardinality=mean_cardinality, thresholds=thresholds)
    picks = []
    for _ in range(min(n_instances, int((~known).sum()))):
        value = inconsistency / np.maximum(floor, known.sum(axis=1))
        row = int(np.where(known.all(axis=1), -np.inf, value).argmax())
        label = int(np.where(known[row], np.inf, distance[row]).argmin())
        known[row, label] = True
        picks.append((row, label))
    return np.array(picks, dtype=np.int64).reshape(-1, 2)


def compared_labels(proba, closed, n_instances, *, mean_cardinality, thresholds=0.5):
    """Return pairs of labels of a row to be compared (AURO): the most probable one with the least certain.

    Parameters
    ----------
    proba : array of shape (n, L)
        Probability of each label.
    closed : array of bool of shape (n, L)
        Entries that need no answer.
    n_instances : int
        Comparisons to choose; all that are possible when there are fewer.
    mean_cardinality : float
        Mean number of labels of a row.
    thresholds : float or array of shape (L,), default=0.5
        From where on a label is predicted.

    Returns
    -------
    array of shape (b, 3)
        int64 (row, label, other label), in the order of choice: rows with the most open entries first, of these the
        ones whose number of predicted labels is farthest from the mean. Both entries are closed from then on.

    References
    ----------
    S.-J. Huang, S. Chen and Z.-H. Zhou, "Multi-label active learning: query type matters", IJCAI 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import compared_labels
    >>> compared_labels(np.array([[0.9, 0.1, 0.6]]), np.zeros((1, 3), dtype=bool), 1, mean_cardinality=1.0)
    array([[0, 0, 2]])
    """
    check_count(n_instances, "n_instances")
    is_open = ~np.array(closed, dtype=bool)
    distance, proba = np.abs(_signed(proba, thresholds)), np.asarray(proba, dtype=np.float64)
    strange = cardinality_inconsistency(proba, mean_cardinality=mean_cardinality, thresholds=thresholds)
    picks, n_picks = [np.empty((0, 3), dtype=np.int64)], 0
    while n_picks < n_instances:
        n_open = is_open.sum(axis=1)
        if n_open.max(initial=0) < 2:
            break
        # Rows of one level are taken together: each of them falls below it.
        rows = np.flatnonzero(n_open == n_open.max())
        rows = rows[np.argsort(-strange[rows], kind="stable")][: n_instances - n_picks]
        first = np.where(is_open[rows], proba[rows], -np.inf).argmax(axis=1)
        is_open[rows, first] = False
        second = np.where(is_open[rows], distance[rows], np.inf).argmin(axis=1)
        is_open[rows, second] = False
        picks.append(np.column_stack([rows, first, second]))
        n_picks += len(rows)
    return np.concatenate(picks)
