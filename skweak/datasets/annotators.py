"""Simulated crowds: several annotators, each with errors of its own."""

import numpy as np

from ._checks import (
    check_count,
    check_generator,
    check_probabilities,
    check_rate,
    encode_labels,
    replace_by_marker,
)


def make_crowd_labels(
    y,
    *,
    n_annotators=5,
    accuracy=(0.6, 0.9),
    confusion=None,
    labels_per_row=None,
    density=1.0,
    skew=0.0,
    missing=-1,
    classes=None,
    random_state=None,
):
    """Draw the labels that a crowd of imperfect annotators would give.

    Given the true class of a row, every annotator answers independently according to a confusion matrix, the
    model behind Dawid and Skene's estimator. Adversaries and annotators who ignore the row are expressed by
    `confusion`, which :func:`make_annotators` draws.

    Parameters
    ----------
    y : array-like of shape (n,)
        True class labels of any type.
    n_annotators : int, default=5
        Number A of annotators; with a `confusion` of three dimensions its length counts instead.
    accuracy : float or (float, float), default=(0.6, 0.9)
        Probability of the right answer, or the interval from which each annotator's is drawn; wrong answers
        are uniform. Ignored when `confusion` is given.
    confusion : array-like of shape (C, C) or (A, C, C), default=None
        Entry [k, l] is the probability of answering l when k is true; one matrix for all annotators or one
        each.
    labels_per_row : int, default=None
        Number of annotators who answer each row, drawn uniformly; None leaves it to `density`.
    density : float in [0, 1], default=1.0
        Probability that an annotator answers a row; below 1 some rows may have no answer at all.
    skew : float >= 0, default=0.0
        How unevenly the work is shared: the annotator of rank r (a random order) is asked in proportion to ``r`` to
        the power of minus `skew`. 0 asks everybody alike; with 1 few do most of the work, as on real platforms.
        With `density` nobody is asked more than every row, so that the mean may fall below it.
    missing : int or str, default=-1
        Marker of a missing answer; a string such as "?" among string labels. Not looked at when all answer.
    classes : array-like of shape (C,), default=None
        Class list, in the order of `confusion`; None uses the sorted labels of `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    annotations : ndarray of shape (n, A)
        The answers, with `missing` where there is none.
    confusion : ndarray of shape (A, C, C)
        The matrices that were used.

    Raises
    ------
    ValueError
        If `confusion` has another shape or rows that do not sum to 1, a number is out of range, both
        `labels_per_row` and `density` are given, or `missing` is a class.
    TypeError
        If `missing` cannot stand among the labels.

    Examples
    --------
    >>> from skweak.datasets import make_crowd_labels
    >>> answers, confusion = make_crowd_labels([0, 1, 1], n_annotators=2, accuracy=1.0)
    >>> answers.tolist()
    [[0, 0], [1, 1], [1, 1]]
    """
    codes, names = encode_labels(y, classes=classes)
    generator = check_generator(random_state)
    n_classes = names.size
    if confusion is None:
        n_annotators = check_count(n_annotators, "n_annotators")
        confusion = _uniform_errors(n_annotators, n_classes, accuracy, generator)
    else:
        confusion = _check_confusion(confusion, n_annotators, n_classes)
    n_annotators = confusion.shape[0]
    cumulative = confusion.cumsum(axis=2)
    cumulative /= cumulative[:, :, -1:]
    answers = np.empty((codes.size, n_annotators), dtype=np.int64)
    # Annotator by annotator: the full (n, A, C) array would not fit memory with a large crowd.
    for column, steps in enumerate(cumulative):
        answers[:, column] = (steps[codes] <= generator.random_sample((codes.size, 1))).sum(axis=1)
    density = check_rate(density, "density")
    share = _workload(skew, n_annotators, generator)
    if labels_per_row is None and density == 1:
        return names[answers], confusion
    drawn = generator.random_sample(answers.shape)
    if labels_per_row is None:
        absent = drawn >= np.minimum(1, density * n_annotators * share)
    elif density != 1:
        raise ValueError(
            f"labels_per_row={labels_per_row!r} and density={density!r} exclude each other; give one."
        )
    else:
        count = check_count(labels_per_row, "labels_per_row", high=n_annotators)
        if skew:
            # The smallest of exponential times with these rates are drawn without replacement by weight.
            drawn = -np.log1p(-drawn) / share
        absent = drawn.argsort(axis=1).argsort(axis=1) >= count
    return replace_by_marker(names[answers], absent, missing, "missing"), confusion


def make_annotators(
    n_classes,
    *,
    reliable=3,
    biased=0,
    lazy=0,
    adversarial=0,
    class_dependent=0,
    accuracy=(0.6, 0.9),
    random_state=None,
):
    """Draw the confusion matrices of a crowd of people of several kinds.

    Parameters
    ----------
    n_classes : int >= 2
        Number C of classes.
    reliable : int, default=3
        How many are right with a probability from `accuracy`, all wrong answers being alike.
    biased : int, default=0
        How many answer like these, but say a favourite class of their own in 30 to 60 % of all rows.
    lazy : int, default=0
        How many do not look: they say a favourite class in 90 % of all rows, and anything else in the rest.
    adversarial : int, default=0
        How many take another class for each class, always the same one, with a probability from `accuracy`.
    class_dependent : int, default=0
        How many know some classes and not others: the probability of the right answer is drawn for every class
        between chance and 0.95.
    accuracy : float or (float, float), default=(0.6, 0.9)
        Probability of the intended answer, or the interval from which each annotator's is drawn.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    confusion : ndarray of shape (A, C, C)
        Entry [a, k, l] is the probability that a answers l when k is true; for :func:`make_crowd_labels`.
    kind : ndarray of str of shape (A,)
        Kind of each annotator, in the order of the parameters.

    Raises
    ------
    ValueError
        If a number is out of range or there is no annotator.

    Examples
    --------
    >>> from skweak.datasets import make_annotators, make_crowd_labels
    >>> confusion, kind = make_annotators(3, reliable=2, lazy=1, random_state=0)
    >>> kind.tolist()
    ['reliable', 'reliable', 'lazy']
    >>> answers, _ = make_crowd_labels([0, 1, 2, 0], confusion=confusion, random_state=0)
    >>> answers.shape
    (4, 3)
    """
    n_classes = check_count(n_classes, "n_classes", low=2)
    numbers = {
        "reliable": reliable, "biased": biased, "lazy": lazy, "adversarial": adversarial,
        "class_dependent": class_dependent,
    }  # fmt: skip
    numbers = {name: check_count(count, name, low=0) for name, count in numbers.items()}
    kind = np.repeat(list(numbers), list(numbers.values()))
    if not kind.size:
        raise ValueError("make_annotators needs at least one annotator; set reliable=1 or more.")
    generator = check_generator(random_state)
    confusion = _uniform_errors(kind.size, n_classes, accuracy, generator)
    favourite = np.eye(n_classes)[generator.randint(n_classes, size=kind.size)][:, None, :]
    strength = generator.uniform(0.3, 0.6, size=(kind.size, 1, 1))
    shift = generator.randint(1, n_classes, size=kind.size)
    known = generator.uniform(1 / n_classes, 0.95, size=(kind.size, n_classes, 1))
    same, others = np.eye(n_classes, dtype=bool), max(1, n_classes - 1)
    chosen = {name: kind == name for name in numbers}
    mixed = strength * favourite + (1 - strength) * confusion
    confusion[chosen["biased"]] = mixed[chosen["biased"]]
    habit = np.broadcast_to(np.where(favourite == 1, 0.9, 0.1 / others), confusion.shape)
    confusion[chosen["lazy"]] = habit[chosen["lazy"]]
    for annotator in np.flatnonzero(chosen["adversarial"]):
        confusion[annotator] = np.roll(confusion[annotator], shift[annotator], axis=1)
    by_class = np.where(same, known, (1 - known) / others)
    confusion[chosen["class_dependent"]] = by_class[chosen["class_dependent"]]
    return confusion, kind


def _workload(skew, n_annotators, generator):
    """Return the share of the work of each annotator (A,)."""
    if isinstance(skew, bool) or not np.isscalar(skew) or not np.isreal(skew) or not 0 <= skew < np.inf:
        raise ValueError(f"skew must be a number of at least 0, got {skew!r}.")
    if not skew:
        return np.full(n_annotators, 1 / n_annotators)
    weight = (1.0 + generator.permutation(n_annotators)) ** -skew
    return np.maximum(weight / weight.sum(), 1e-12)


def _uniform_errors(n_annotators, n_classes, accuracy, generator):
    pair = accuracy if np.shape(accuracy) == (2,) else (accuracy, accuracy)
    low, high = (check_rate(bound, "accuracy") for bound in pair)
    if low > high:
        raise ValueError(
            f"accuracy must be a number or a pair (low, high) with low <= high, got {accuracy!r}."
        )
    right = generator.uniform(low, high, size=(n_annotators, 1, 1))
    same = np.eye(n_classes, dtype=bool)
    return np.where(same, right, (1 - right) / (n_classes - 1))


def _check_confusion(confusion, n_annotators, n_classes):
    matrices = np.array(confusion, dtype=float)
    if matrices.ndim not in (2, 3) or not matrices.size:
        raise ValueError(
            f"confusion must have shape ({n_classes}, {n_classes}) or (A, {n_classes}, {n_classes}), "
            f"got {matrices.shape}."
        )
    if matrices.ndim == 2:
        matrices = np.repeat(matrices[None], check_count(n_annotators, "n_annotators"), axis=0)
    matrices = check_probabilities(matrices, "confusion", (matrices.shape[0], n_classes, n_classes))
    sums = matrices.sum(axis=2)
    if not np.allclose(sums, 1, rtol=0, atol=1e-6):
        raise ValueError(
            f"confusion must have rows that sum to 1, got sums between {sums.min()} and {sums.max()}."
        )
    return matrices
