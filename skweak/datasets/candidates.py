"""Candidate sets for partial-label learning, made from true labels.

Every generator returns a 0/1 matrix of shape (n, C) that holds the true label of each row among others; the
columns are the sorted classes of ``y``, or ``classes`` in the order given. Only :func:`make_noisy_candidates`
drops true labels.
"""

import numpy as np

from ._checks import check_generator, check_probabilities, check_rate, check_scores, encode_labels


def make_uniform_candidates(y, *, rate, force_ambiguous=False, classes=None, random_state=None):
    """Add every wrong label with the same probability.

    The standard benchmark for partial labels: the number of candidates varies from row to row and is
    ``1 + rate * (C - 1)`` on average.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    rate : float in [0, 1)
        Probability that a wrong label joins the set; 0 gives the true labels alone.
    force_ambiguous : bool, default=False
        Give one more class, drawn uniformly, to rows that hold the true label only.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        1 where the class is a candidate.

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1), or a label of `y` is missing in `classes`.

    References
    ----------
    arXiv:2201.08984; with `force_ambiguous` arXiv:2002.08053.

    Examples
    --------
    >>> from skweak.datasets import make_uniform_candidates
    >>> make_uniform_candidates(["a", "c", "b"], rate=0.0).tolist()
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    """
    rate = check_rate(rate, open_high=True)
    codes, names = encode_labels(y, classes=classes)
    proba = np.full((names.size, names.size), rate)
    return _draw_candidates(codes, proba[codes], force_ambiguous, check_generator(random_state))


def make_uniform_subsets(y, *, classes=None, random_state=None):
    """Draw each candidate set uniformly from all sets that hold the true label, except the full one.

    The assumption under which the classifier-consistent and risk-consistent losses are derived. On average
    half of the wrong labels are candidates, so sets are large when there are many classes.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        1 where the class is a candidate.

    References
    ----------
    arXiv:2007.08929

    Examples
    --------
    >>> from skweak.datasets import make_uniform_subsets
    >>> make_uniform_subsets([0, 1, 2] * 9, random_state=0).sum(axis=1).max()
    np.int64(2)
    """
    codes, names = encode_labels(y, classes=classes)
    generator = check_generator(random_state)
    candidates = np.empty((codes.size, names.size), dtype=np.int64)
    redraw = np.arange(codes.size)
    while redraw.size:
        proba = np.full((redraw.size, names.size), 0.5)
        candidates[redraw] = _draw_candidates(codes[redraw], proba, False, generator)
        redraw = redraw[candidates[redraw].all(axis=1)]
    return candidates


def make_pair_candidates(y, *, rate, classes=None, random_state=None):
    """Add the next class with a fixed probability.

    The sparsest ambiguity: a true label is only ever confused with one fixed other class, so disambiguation
    has to work against a systematic pair instead of scattered extras.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    rate : float in [0, 1]
        Probability that the next column, cyclically, joins the set.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        1 where the class is a candidate.

    Examples
    --------
    >>> from skweak.datasets import make_pair_candidates
    >>> make_pair_candidates([0, 1, 2], rate=1.0).tolist()
    [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    """
    rate = check_rate(rate)
    codes, names = encode_labels(y, classes=classes)
    proba = rate * np.roll(np.eye(names.size), 1, axis=1)
    return _draw_candidates(codes, proba[codes], False, check_generator(random_state))


def make_class_dependent_candidates(y, proba, *, force_ambiguous=False, classes=None, random_state=None):
    """Add wrong labels with probabilities that depend on the true class.

    Similar classes share candidate sets. A ring of neighbours, or the confusion matrix of a weak model, gives
    the probabilities.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    proba : array-like of shape (C, C)
        Entry [i, j] is the probability that class j joins the set of a row of class i. The diagonal is
        ignored: the true label is always a candidate.
    force_ambiguous : bool, default=False
        Give one more class, drawn uniformly, to rows that hold the true label only.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        1 where the class is a candidate.

    Raises
    ------
    ValueError
        If `proba` is not (C, C) or leaves [0, 1].

    Examples
    --------
    >>> from skweak.datasets import make_class_dependent_candidates
    >>> make_class_dependent_candidates([0, 1, 2], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    """
    codes, names = encode_labels(y, classes=classes)
    proba = check_probabilities(proba, "proba", (names.size, names.size))
    return _draw_candidates(codes, proba[codes], force_ambiguous, check_generator(random_state))


def make_instance_dependent_candidates(
    y, scores, *, rate, force_ambiguous=False, classes=None, random_state=None
):
    """Add the wrong labels that a weak model finds plausible for the row.

    Annotators hesitate between the classes that look right. Each wrong class joins with probability `rate`
    times its score relative to the best wrong class, so that the strongest rival joins with probability
    `rate`.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    scores : array-like of shape (n, C)
        Non-negative plausibility of each class, best the out-of-fold probabilities of a simple classifier
        (``cross_val_predict(..., method="predict_proba")``). Rows need not sum to 1.
    rate : float in [0, 1]
        Probability of the strongest wrong class.
    force_ambiguous : bool, default=False
        Give one more class, drawn uniformly, to rows that hold the true label only.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        1 where the class is a candidate.

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1], or `scores` has another shape, is negative or not finite.

    Examples
    --------
    >>> from skweak.datasets import make_instance_dependent_candidates
    >>> scores = [[0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [0.3, 0.0, 0.7]]
    >>> make_instance_dependent_candidates([0, 1, 2], scores, rate=1.0).tolist()
    [[1, 1, 0], [1, 1, 0], [1, 0, 1]]
    """
    rate = check_rate(rate)
    codes, names = encode_labels(y, classes=classes)
    scores = check_scores(scores, "scores", (codes.size, names.size)).copy()
    scores[np.arange(codes.size), codes] = 0
    strongest = scores.max(axis=1, keepdims=True)
    proba = rate * np.divide(scores, strongest, out=np.zeros_like(scores), where=strongest > 0)
    return _draw_candidates(codes, proba, force_ambiguous, check_generator(random_state))


def make_hierarchical_candidates(y, groups, *, rate, classes=None, random_state=None):
    """Add wrong labels of the same group with a fixed probability.

    Fine classes of one super-class are mixed up, distant ones never are.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    groups : array-like of shape (C,)
        Group of each class, in the order of the columns.
    rate : float in [0, 1]
        Probability that another class of the same group joins the set.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        1 where the class is a candidate.

    Raises
    ------
    ValueError
        If `groups` does not name one group per class.

    Examples
    --------
    >>> from skweak.datasets import make_hierarchical_candidates
    >>> make_hierarchical_candidates([0, 1, 2, 3], ["pet", "pet", "car", "car"], rate=1.0).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    """
    rate = check_rate(rate)
    codes, names = encode_labels(y, classes=classes)
    members = np.asarray(groups)
    if members.shape != names.shape:
        raise ValueError(f"groups must have shape {names.shape}, one group per class, got {members.shape}.")
    proba = rate * (members[:, None] == members)
    return _draw_candidates(codes, proba[codes], False, check_generator(random_state))


def make_noisy_candidates(candidates, y, *, rate, classes=None, random_state=None):
    """Take the true label out of some candidate sets and put a wrong one in.

    Breaks the promise that the truth is among the candidates, to see what a method does when it fails.

    Parameters
    ----------
    candidates : array-like of shape (n, C)
        0/1 candidate matrix; it is not changed.
    y : array-like of shape (n,)
        True class labels.
    rate : float in [0, 1]
        Probability that a row loses its true label.
    classes : array-like of shape (C,), default=None
        Names and order of the columns; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    candidates : ndarray of int, shape (n, C)
        The sets with noise. A row gains one class that was no candidate, drawn uniformly, where there is one.

    Raises
    ------
    ValueError
        If `candidates` is not a 0/1 matrix with one column per class.

    Examples
    --------
    >>> from skweak.datasets import make_noisy_candidates
    >>> make_noisy_candidates([[1, 0], [0, 1]], ["no", "yes"], rate=1.0).tolist()
    [[0, 1], [1, 0]]
    """
    rate = check_rate(rate)
    codes, names = encode_labels(y, classes=classes)
    noisy = np.array(candidates)
    if noisy.shape != (codes.size, names.size) or not np.isin(noisy, (0, 1)).all():
        raise ValueError(
            f"candidates must be a 0/1 matrix of shape {(codes.size, names.size)}, got shape {noisy.shape} "
            f"and dtype {noisy.dtype}."
        )
    noisy = noisy.astype(np.int64)
    generator = check_generator(random_state)
    rows = np.flatnonzero(generator.random_sample(codes.size) < rate)
    noisy[rows, codes[rows]] = 1
    _add_one(noisy, rows, generator)
    noisy[rows, codes[rows]] = 0
    return noisy


def _draw_candidates(codes, proba, force_ambiguous, generator):
    candidates = (generator.random_sample(proba.shape) < proba).astype(np.int64)
    candidates[np.arange(codes.size), codes] = 1
    if force_ambiguous:
        _add_one(candidates, np.flatnonzero(candidates.sum(axis=1) == 1), generator)
    return candidates


def _add_one(candidates, rows, generator):
    # The largest of independent uniform numbers over the free classes is a uniform draw from them; a row
    # without a free class hits one that is set already and stays as it is.
    drawn = (1 - generator.random_sample((rows.size, candidates.shape[1]))) * (candidates[rows] == 0)
    candidates[rows, drawn.argmax(axis=1)] = 1
