"""Batches with a balance: of classes, of novel classes, of easy and hard rows; and confusion within a row."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax, xlogy
from scipy.stats import rankdata

from skweak.active.kmeans import k_means
from skweak.active.scores.batches import nearest_to_centers
from skweak.active.scores.confidence import confidence_score
from skweak.utils._checks import as_array, as_classes, as_proba, check_count, check_row_count


def mixed_uncertainty(proba, groups=None, *, min_confidence=0.05):
    """Return the entropy of each row times the doubt about its group, such as the image of an object (MUS-CDB).

    Parameters
    ----------
    proba : array of shape (n, C)
    groups : array of shape (n,), optional
        Group of each row, integers from 0; each row by itself by default.
    min_confidence : float in [0, 1], default=0.05
        Rows with at most this probability of their class do not count in their group.

    Returns
    -------
    array of shape (n,)
        In [0, log C].

    References
    ----------
    arXiv:2212.02804

    Examples
    --------
    >>> from skweak.active.scores import mixed_uncertainty
    >>> mixed_uncertainty([[0.5, 0.5], [1.0, 0.0]], [0, 0]).round(4)
    array([0.1733, 0.    ])
    """
    proba = as_proba(proba).astype(np.float64)
    groups = np.arange(len(proba)) if groups is None else as_classes(groups, "groups", 0)
    check_row_count(groups, "groups", len(proba))
    entropy, confidence = -xlogy(proba, proba).sum(axis=1), proba.max(axis=1)
    counted = confidence > min_confidence
    total = np.bincount(groups, weights=confidence * counted)
    n_counted = np.bincount(groups, weights=counted)
    doubt = 1 - total / np.maximum(n_counted, 1)
    return entropy * doubt[groups] + 0.0


def balanced_picks(scores, predicted, class_counts, n_instances):
    """Return rows by score, those of a predicted class that has had its share put off until the end (MUS-CDB).

    The share of a class is ``n_instances * softmax(1 - count / all counts)``: rare classes get more, at most e times.

    Parameters
    ----------
    scores : array of shape (n,)
    predicted : array of shape (n,)
        Integers in 0..C-1.
    class_counts : array of shape (C,)
        Labelled rows of each class.
    n_instances : int
        All rows when there are fewer.

    Returns
    -------
    array of shape (b,)
        int64, in the order of choice.

    References
    ----------
    arXiv:2212.02804

    Examples
    --------
    >>> from skweak.active.scores import balanced_picks
    >>> balanced_picks([4.0, 3.0, 2.0, 1.0], [0, 0, 0, 1], [5, 5], 2)
    array([0, 3])
    """
    scores, counts = as_array(scores, "scores"), as_array(class_counts, "class_counts")
    predicted = as_classes(predicted, "predicted", 0, len(counts) - 1)
    check_row_count(predicted, "predicted", len(scores))
    share = n_instances * softmax(1 - counts / max(counts.sum(), 1))
    order = np.lexsort((-scores, predicted))
    sizes = np.bincount(predicted, minlength=len(counts))
    before = np.empty(len(scores), dtype=np.int64)
    before[order] = np.arange(len(scores)) - (np.cumsum(sizes) - sizes)[predicted[order]]
    put_off = before >= share[predicted]
    return np.lexsort((-scores, put_off))[:n_instances]


def novel_picks(proba, novel, n_instances, *, uncertain=False):
    """Return rows that are predicted to belong to novel classes, the same number of each (ActiveGCD).

    Parameters
    ----------
    proba : array of shape (n, C)
        Over old and novel classes.
    novel : array of bool of shape (C,)
        Which classes have no labelled rows.
    n_instances : int
        All rows when there are fewer.
    uncertain : bool, default=False
        The least certain rows first instead of the most certain, as in later rounds.

    Returns
    -------
    array of shape (b,)
        int64; first the share of every novel class, then further novel rows, then old ones of small margin.

    References
    ----------
    arXiv:2403.04272

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import novel_picks
    >>> proba = np.array([[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.1, 0.6, 0.3], [0.0, 0.2, 0.8]])
    >>> novel_picks(proba, np.array([False, True, True]), 2), novel_picks(proba, [0, 1, 1], 2, uncertain=True)
    (array([1, 3]), array([2, 3]))
    """
    proba = as_proba(proba)
    novel = np.asarray(novel, dtype=bool)
    check_row_count(novel, "novel", proba.shape[1])
    margin, predicted = confidence_score(proba, kind="margin"), proba.argmax(axis=1)
    found, key = novel[predicted], margin if uncertain else -margin
    quota = n_instances // max(1, int(novel.sum()))
    order = np.lexsort((key, predicted))
    sizes = np.bincount(predicted, minlength=len(novel))
    before = np.empty(len(proba), dtype=np.int64)
    before[order] = np.arange(len(proba)) - (np.cumsum(sizes) - sizes)[predicted[order]]
    level = np.where(found, np.where(before < quota, 0, 1), 2)
    # Old rows are asked for where they might be novel after all.
    return np.lexsort((np.where(found, key, margin), level))[:n_instances]


def match_outputs(predicted, target, n_classes):
    """Return the output of a network that stands for each class, by the best one-to-one match of rows.

    Parameters
    ----------
    predicted : array of shape (m,)
        Output of the largest probability of each labelled row, integers in 0..n_classes-1.
    target : array of shape (m,)
        Its class.
    n_classes : int
        Outputs, and classes.

    Returns
    -------
    array of shape (n_classes,)
        Output of each class, a permutation.

    References
    ----------
    arXiv:2403.04272

    Examples
    --------
    >>> from skweak.active.scores import match_outputs
    >>> match_outputs([2, 2, 0, 1], [0, 0, 1, 2], 3)
    array([2, 0, 1])
    """
    check_count(n_classes, "n_classes", 1)
    predicted = as_classes(predicted, "predicted", 0, n_classes - 1)
    target = as_classes(target, "target", 0, n_classes - 1)
    check_row_count(target, "target", len(predicted))
    table = np.bincount(target * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    return linear_sum_assignment(table, maximize=True)[1].astype(np.int64)


def introspective_confusion(outputs, *, valid=None, form=None, weight=0.5):
    """Return how much several answers about a row differ, in their form and in their content (APIE).

    Parameters
    ----------
    outputs : array of shape (M, n) or (M, n, L)
        Class of each answer, or its 0/1 labels; M >= 2.
    valid : array of bool of shape (M, n), optional
        Whether an answer can be read; all by default.
    form : array of int of shape (M, n), optional
        Kind of each answer, such as its number of labels; by default whether it is valid.
    weight : float in [0, 1], default=0.5
        Share of the form; classes that are always valid have none, and lose this share.

    Returns
    -------
    array of shape (n,)
        In [0, 1]; 0 where all answers are the same, 1 where none is valid.

    References
    ----------
    arXiv:2508.10036, whose constants are reconstructed

    Examples
    --------
    >>> from skweak.active.scores import introspective_confusion
    >>> introspective_confusion([[0, 0], [0, 1], [0, 2]])
    array([0. , 0.5])
    """
    outputs = np.asarray(outputs)
    if outputs.ndim not in (2, 3) or len(outputs) < 2:
        raise ValueError(f"outputs must have shape (M, n) or (M, n, L) with M of at least 2, got {outputs.shape}.")
    m, n = outputs.shape[:2]
    valid = np.ones((m, n), dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    form = valid.astype(np.int64) if form is None else np.asarray(form)
    kinds = np.stack([(form == kind).mean(axis=0) for kind in np.unique(form)])
    shape = (1 - valid.mean(axis=0)) / 2 - xlogy(kinds, kinds).sum(axis=0) / np.log(m) / 2
    total, n_pairs = np.zeros(n), np.zeros(n)
    for first in range(m - 1):
        both = valid[first] & valid[first + 1 :]
        if outputs.ndim == 2:
            alike = (outputs[first] == outputs[first + 1 :]).astype(float)
        else:
            a, b = outputs[first].astype(bool), outputs[first + 1 :].astype(bool)
            union = (a | b).sum(axis=-1)
            alike = np.where(union > 0, (a & b).sum(axis=-1) / np.maximum(union, 1), 1.0)
        total += ((1 - alike) * both).sum(axis=0)
        n_pairs += both.sum(axis=0)
    none = ~valid.any(axis=0)
    content = np.where(none, 1.0, total / np.maximum(n_pairs, 1))
    return weight * np.where(none, 1.0, np.clip(shape, 0, 1)) + (1 - weight) * content


def difficulty_balanced(difficulty, features, n_instances, *, shares=(0.25, 0.5, 0.25), random_state=0):
    """Return rows of each third of difficulty in given shares, different from each other within it, easy ones first.

    Parameters
    ----------
    difficulty : array of shape (n,)
        Larger = harder.
    features : array of shape (n, d)
    n_instances : int
        All rows when there are fewer.
    shares : triple of float, default=(0.25, 0.5, 0.25)
        Of the easy, the medium and the hard third; scaled to sum 1. What a third lacks the others give.
    random_state : int, default=0
        Of k-means.

    Returns
    -------
    array of shape (n_instances,)
        Distinct positions, int64.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import difficulty_balanced
    >>> difficulty_balanced(np.arange(9.0), np.zeros((9, 1)), 4).tolist()
    [0, 3, 4, 6]
    """
    difficulty, features = as_array(difficulty, "difficulty"), as_array(features, "features", 2)
    check_row_count(features, "features", len(difficulty))
    check_count(n_instances, "n_instances")
    shares = np.asarray(shares, dtype=np.float64)
    if shares.shape != (3,) or shares.min() < 0 or not shares.sum() > 0:
        raise ValueError(f"shares must be three numbers of at least 0, not all 0, got {shares.tolist()}.")
    order = np.argsort(rankdata(difficulty, method="average"), kind="stable")
    thirds = np.array_split(order, 3)
    sizes = np.array([len(third) for third in thirds])
    n_instances = min(n_instances, len(difficulty))
    exact = n_instances * shares / shares.sum()
    quota = np.floor(exact).astype(np.int64)
    quota[np.argsort(quota - exact, kind="stable")[: n_instances - quota.sum()]] += 1
    quota = np.minimum(quota, sizes)
    for place in (1, 0, 2):
        quota[place] += min(sizes[place] - quota[place], n_instances - quota.sum())
    picks = []
    for third, size in zip(thirds, quota.tolist(), strict=True):
        if size:
            centers = k_means(features[third], size, random_state).cluster_centers_
            chosen = third[nearest_to_centers(features[third], centers)]
            rest = np.setdiff1d(third, chosen, assume_unique=True)[: size - len(chosen)]
            chosen = np.concatenate([chosen, rest])
            picks.append(chosen[np.argsort(difficulty[chosen], kind="stable")])
    return np.concatenate(picks) if picks else np.empty(0, dtype=np.int64)
