"""Noise and missing entries for multi-label targets, and rows without labels.

The generators return a new array shaped like the target. -1 stands for an unknown entry, a row of -1 for an
unlabeled row. Unsigned and boolean targets become signed integers where -1 is needed.
"""

import warnings

import numpy as np

from ._checks import (
    check_count,
    check_generator,
    check_labels,
    check_option,
    check_probabilities,
    check_rate,
    check_scores,
    replace_by_marker,
)


def make_multilabel_noise(Y, *, false_negative_rate=0.0, false_positive_rate=0.0, random_state=None):
    """Flip each entry with a probability that depends on its true value and its label.

    The class-conditional model behind unbiased multi-label losses: present labels get lost at one rate,
    absent ones appear at another.

    Parameters
    ----------
    Y : array-like of shape (n, L)
        True 0/1 targets.
    false_negative_rate : float or array-like of shape (L,), default=0.0
        Probability that a 1 is seen as 0.
    false_positive_rate : float or array-like of shape (L,), default=0.0
        Probability that a 0 is seen as 1.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    Y_noisy : ndarray of shape (n, L)
        The noisy targets in the dtype of `Y`; the rates may be given to ``unbiased_binary_loss``.

    Raises
    ------
    ValueError
        If `Y` is not a 0/1 matrix or a rate leaves [0, 1].

    References
    ----------
    arXiv:2105.07338

    Examples
    --------
    >>> from skweak.datasets import make_multilabel_noise
    >>> make_multilabel_noise([[1, 0], [0, 1]], false_negative_rate=[1, 0]).tolist()
    [[0, 0], [0, 1]]
    """
    targets = _check_targets(Y)
    lost = _label_rates(false_negative_rate, "false_negative_rate", targets.shape[1])
    added = _label_rates(false_positive_rate, "false_positive_rate", targets.shape[1])
    flipped = check_generator(random_state).random_sample(targets.shape) < np.where(targets == 1, lost, added)
    return np.where(flipped, 1 - targets.astype(np.int64), targets).astype(targets.dtype)


def make_partial_multilabel(Y, *, kind="uniform", rate=None, n_extra=None, scores=None, random_state=None):
    """Add wrong labels to multi-label targets, so that they become candidate sets.

    In partial multi-label learning an annotator ticks too much rather than too little: every true label stays
    and irrelevant ones join it.

    Parameters
    ----------
    Y : array-like of shape (n, L)
        True 0/1 targets.
    kind : {"uniform", "class", "count", "instance", "cooccurrence"}, default="uniform"
        "uniform": every irrelevant label joins with probability `rate`; "class": with a rate of its own;
        "count": exactly `n_extra` of them join, or all if there are fewer; "instance": in proportion to
        `scores` within the row; "cooccurrence": in proportion to the largest share, over the row's true
        labels, of rows with that label that have the wrong one as well.
    rate : float, or array-like of shape (L,) for kind="class", default=None
        Wanted share of irrelevant labels that join, in [0, 1]; needed by all kinds but "count". Where single
        probabilities are cut at 1 the realised share is lower.
    n_extra : int, default=None
        Number of added labels per row; needed by "count".
    scores : array-like of shape (n, L), default=None
        Non-negative scores, best the out-of-fold probabilities of a simple classifier; needed by "instance".
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of shape (n, L)
        0/1 candidates in the dtype of `Y`, never less than `Y`.

    Raises
    ------
    ValueError
        If `Y` is not a 0/1 matrix, `kind` is unknown, or what it needs is missing or out of range.

    Examples
    --------
    >>> from skweak.datasets import make_partial_multilabel
    >>> make_partial_multilabel([[1, 0, 0], [0, 1, 1]], kind="count", n_extra=2).tolist()
    [[1, 1, 1], [1, 1, 1]]
    """
    targets = _check_targets(Y)
    check_option(kind, "kind", ("uniform", "class", "count", "instance", "cooccurrence"))
    irrelevant = targets == 0
    generator = check_generator(random_state)
    needed = {"count": ("n_extra", n_extra), "instance": ("scores", scores)}.get(kind, ("rate", rate))
    if needed[1] is None or (kind == "instance" and rate is None):
        raise ValueError(
            f"{needed[0] if needed[1] is None else 'rate'} is needed for kind={kind!r}; pass it."
        )
    if kind == "count":
        n_extra = check_count(n_extra, "n_extra", low=0)
        drawn = np.where(irrelevant, generator.random_sample(targets.shape), 2.0)
        joined = irrelevant & (drawn.argsort(axis=1).argsort(axis=1) < n_extra)
    else:
        proba = _label_rates(rate, "rate", targets.shape[1]) if kind == "class" else check_rate(rate)
        if kind == "instance":
            weight = np.where(irrelevant, check_scores(scores, "scores", targets.shape), 0.0)
            total = weight.sum(axis=1, keepdims=True)
            share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
            proba = proba * irrelevant.sum(axis=1, keepdims=True) * share
        elif kind == "cooccurrence":
            weight = np.where(irrelevant, _largest_cooccurrence(targets), 0.0)
            mean = weight.sum() / max(1, irrelevant.sum())
            proba = proba * weight / mean if mean > 0 else np.zeros_like(weight)
        joined = irrelevant & (generator.random_sample(targets.shape) < proba)
    return np.where(joined, 1, targets).astype(targets.dtype)


def make_semi_supervised(y, *, labeled_fraction, min_per_label=0, unlabeled=-1, random_state=None):
    """Hide the labels of most rows.

    Turns a fully labeled data set into a semi-supervised one by keeping a uniform sample of the rows labeled.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, L)
        Class labels, or 0/1 multi-label targets.
    labeled_fraction : float in [0, 1]
        Share of rows that stay labeled, rounded down, at least one row.
    min_per_label : int, default=0
        Add labeled rows until every class or label has so many (or all it has); a warning tells when that
        raised their number. Keeps rare classes from vanishing.
    unlabeled : int or str, default=-1
        Marker of unlabeled rows for 1-D `y`; a string such as "?" among string labels. Matrices always get
        -1.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_partly : ndarray, shape of `y`
        The labels, with the marker in the unlabeled rows.

    Raises
    ------
    ValueError
        If `labeled_fraction` leaves [0, 1], `y` is not a label vector or 0/1 matrix, or the marker is a
        class.
    TypeError
        If `unlabeled` cannot stand among the labels.

    Examples
    --------
    >>> from skweak.datasets import make_semi_supervised
    >>> y = make_semi_supervised(["a", "b"] * 10, labeled_fraction=0.3, unlabeled="?", random_state=0)
    >>> int((y != "?").sum())
    6
    """
    fraction = check_rate(labeled_fraction, "labeled_fraction")
    min_per_label = check_count(min_per_label, "min_per_label", low=0)
    if np.ndim(y) == 2:
        labels = _check_targets(y)
        membership = labels == 1
    else:
        labels = check_labels(y)
        membership = labels[:, None] == np.unique(labels)
    order = check_generator(random_state).permutation(labels.shape[0])
    n_labeled = max(1, int(fraction * labels.shape[0]))
    keep = np.zeros(labels.shape[0], dtype=bool)
    keep[order[:n_labeled]] = True
    for has_label in membership.T:
        available = order[has_label[order]]
        lacking = min_per_label - keep[available].sum()
        if lacking > 0:
            keep[available[~keep[available]][:lacking]] = True
    if keep.sum() > n_labeled:
        warnings.warn(
            f"min_per_label={min_per_label} raised the labeled rows from {n_labeled} to {keep.sum()}.",
            stacklevel=2,
        )
    if labels.ndim == 1:
        return replace_by_marker(labels, ~keep, unlabeled, "unlabeled")
    return _with_unknown(labels, ~keep[:, None])


def make_missing_entries(Y, *, known_fraction, random_state=None):
    """Hide single entries of multi-label targets.

    Each entry stays known independently of all others, present and absent labels alike.

    Parameters
    ----------
    Y : array-like of shape (n, L)
        True 0/1 targets.
    known_fraction : float in [0, 1]
        Probability that an entry stays known; 1 hides nothing.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    Y_partly : ndarray of shape (n, L)
        The targets with -1 at unknown entries.

    Raises
    ------
    ValueError
        If `Y` is not a 0/1 matrix or `known_fraction` leaves [0, 1].

    Examples
    --------
    >>> from skweak.datasets import make_missing_entries
    >>> make_missing_entries([[1, 0], [0, 1]], known_fraction=0.0).tolist()
    [[-1, -1], [-1, -1]]
    """
    targets = _check_targets(Y)
    known = check_rate(known_fraction, "known_fraction")
    return _with_unknown(targets, check_generator(random_state).random_sample(targets.shape) >= known)


def make_positive_only(Y, *, rate=1.0, at_least_one=False, random_state=None):
    """Keep present labels only, and maybe not all of them.

    Annotators name some of the things they see and never list what is absent: all entries but the kept ones
    become unknown.

    Parameters
    ----------
    Y : array-like of shape (n, L)
        True 0/1 targets.
    rate : float in [0, 1], default=1.0
        Probability that a present label is kept.
    at_least_one : bool, default=False
        Keep one random present label in rows that would lose all of theirs.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    Y_positive : ndarray of shape (n, L)
        1 at kept labels, -1 elsewhere; rows without a present label are all -1.

    Raises
    ------
    ValueError
        If `Y` is not a 0/1 matrix or `rate` leaves [0, 1].

    Examples
    --------
    >>> from skweak.datasets import make_positive_only
    >>> make_positive_only([[1, 0, 1], [0, 0, 0]]).tolist()
    [[1, -1, 1], [-1, -1, -1]]
    """
    targets = _check_targets(Y)
    rate = check_rate(rate)
    drawn = np.where(targets == 1, check_generator(random_state).random_sample(targets.shape), 2.0)
    kept = drawn < rate
    if at_least_one:
        kept |= _smallest_drawn(drawn)
    return _with_unknown(targets, ~kept)


def make_single_positive(Y, *, random_state=None):
    """Keep exactly one present label of each row.

    The cheapest multi-label annotation, one tick per row; everything else is unknown.

    Parameters
    ----------
    Y : array-like of shape (n, L)
        True 0/1 targets.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    Y_positive : ndarray of shape (n, L)
        1 at one uniformly drawn present label per row, -1 elsewhere; rows without one are all -1.

    Raises
    ------
    ValueError
        If `Y` is not a 0/1 matrix.

    References
    ----------
    arXiv:2106.09708

    Examples
    --------
    >>> from skweak.datasets import make_single_positive
    >>> (make_single_positive([[1, 1, 0], [0, 1, 0]]) == 1).sum(axis=1).tolist()
    [1, 1]
    """
    targets = _check_targets(Y)
    drawn = np.where(targets == 1, check_generator(random_state).random_sample(targets.shape), 2.0)
    return _with_unknown(targets, ~_smallest_drawn(drawn))


def _check_targets(Y):
    targets = np.asarray(Y)
    if targets.ndim != 2 or not targets.size or not np.isin(targets, (0, 1)).all():
        raise ValueError(
            f"Y must be a dense 0/1 matrix of shape (n, L) with n, L >= 1, got shape {targets.shape} and "
            f"dtype {targets.dtype} from {type(Y).__name__}."
        )
    return targets


def _label_rates(rate, name, n_labels):
    if np.ndim(rate) == 0:
        return check_rate(rate, name)
    return check_probabilities(rate, name, (n_labels,))


def _with_unknown(targets, unknown):
    return np.where(unknown, np.int8(-1), targets.astype(np.result_type(targets.dtype, np.int8)))


def _smallest_drawn(drawn):
    return (drawn == drawn.min(axis=1, keepdims=True)) & (drawn < 2)


def _largest_cooccurrence(targets):
    present = targets.astype(np.float64)
    together = present.T @ present
    given = together / np.maximum(np.diag(together), 1)[:, None]
    largest = np.zeros_like(present)
    # Label by label: the full (n, L, L) array of pairs would not fit memory.
    for label, shares in enumerate(given):
        np.maximum(largest, present[:, [label]] * shares, out=largest)
    return largest
