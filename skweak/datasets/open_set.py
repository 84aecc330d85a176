"""Data in which some inputs belong to none of the known classes."""

import numpy as np
from sklearn.utils import Bunch

from ._checks import (
    check_generator,
    check_labels,
    check_option,
    check_rate,
    check_rows,
    encode_labels,
    replace_by_marker,
)
from .noise import make_pairflip_noise, make_symmetric_noise


def make_open_set_noise(
    X,
    y,
    known_classes=None,
    *,
    rate,
    variant="cifar80n",
    closed="symmetric",
    open_share=None,
    X_open=None,
    random_state=None,
):
    """Mix in rows whose input belongs to no class, beside ordinary label noise.

    Data collected from the web contain images that show something else altogether. Relabeling them cannot
    help; a method has to find them and leave them out. Two published constructions are offered.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Numeric inputs; they are not changed.
    y : array-like of shape (n,)
        True class labels of any type.
    known_classes : array-like, default=None
        For "cifar80n": the classes that stay. None keeps all but the last ``round(open_share * C)`` ones.
    rate : float in [0, 1]
        For "cifar80n" the rate of label noise among the known rows; for "replace" the share of all rows,
        rounded down, that is corrupted in either way.
    variant : {"cifar80n", "replace"}, default="cifar80n"
        "cifar80n": rows of the unknown classes keep their input and get a label drawn uniformly from the
        known classes. "replace": rows get the input of a random row of `X_open` and keep their label.
    closed : {"symmetric", "asymmetric"}, default="symmetric"
        Label noise of the other rows. For "cifar80n" symmetric noise excludes the true class and asymmetric
        noise is the next known class; "replace" has symmetric noise with the true class included only.
    open_share : float in [0, 1], default=None
        For "cifar80n" the share of classes that is unknown (None is 0.2), for "replace" the share of the
        corrupted rows whose input is replaced (None is 0.5).
    X_open : array-like of shape (m, ...), default=None
        For "replace": foreign inputs, drawn without repetition as long as there are enough.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    bunch : Bunch
        ``data`` (`X` itself for "cifar80n") and ``target``, the noisy training set; ``clean_target``, `y` as
        given; ``noise_type`` (n,), one of "clean", "closed" (wrong label, known class) and "open" (no known
        class); ``known_classes``, the classes that occur in ``target``; ``transition_matrix`` (C, C), the
        probability of each given label by true class, the classes in sorted order.

    Raises
    ------
    ValueError
        If a rate leaves [0, 1], the known classes are not at least two different classes of `y`, all rows are
        unknown, or `X_open` is missing or of another shape.

    References
    ----------
    "cifar80n" as in arXiv:2103.13029, "replace" as in arXiv:2111.11288.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.datasets import make_open_set_noise
    >>> X, y = np.zeros((50, 2)), np.arange(50) % 5
    >>> noisy = make_open_set_noise(X, y, rate=0.0, random_state=0)
    >>> noisy.known_classes.tolist(), int((noisy.noise_type == "open").sum())
    ([0, 1, 2, 3], 10)
    """
    rate = check_rate(rate)
    check_option(variant, "variant", ("cifar80n", "replace"))
    check_option(closed, "closed", ("symmetric", "asymmetric"))
    codes, classes = encode_labels(y)
    data = check_rows(X, codes.size)
    generator = check_generator(random_state)
    share = check_rate(
        {"cifar80n": 0.2, "replace": 0.5}[variant] if open_share is None else open_share, "open_share"
    )
    if variant == "replace":
        if known_classes is not None or closed != "symmetric":
            raise ValueError(
                "known_classes and closed='asymmetric' are used by variant='cifar80n' only; leave them out."
            )
        known = np.ones(classes.size, dtype=bool)
        data, noisy, is_open = _replace_inputs(data, codes, classes.size, rate, share, X_open, generator)
        transition = (1 - rate * (1 - share)) * np.eye(classes.size) + rate * (1 - share) / classes.size
    else:
        if X_open is not None:
            raise ValueError("X_open is used by variant='replace' only; leave it out.")
        if known_classes is None:
            known = np.arange(classes.size) < classes.size - round(share * classes.size)
            if known.sum() < 2:
                raise ValueError(
                    f"open_share={share:g} leaves fewer than 2 of {classes.size} known classes; lower it."
                )
        else:
            known = _membership(known_classes, classes)
        noisy, transition = _relabel_unknown(codes, known, rate, closed, generator)
        is_open = ~known[codes]
    noise_type = np.where(is_open, "open", np.where(noisy == codes, "clean", "closed"))
    return Bunch(
        data=data,
        target=classes[noisy],
        clean_target=classes[codes],
        noise_type=noise_type,
        known_classes=classes[known],
        transition_matrix=transition,
    )


def make_open_set_pool(
    X,
    y,
    known_classes,
    *,
    labeled_fraction=0.01,
    X_test=None,
    y_test=None,
    unknown_label=-1,
    random_state=None,
):
    """Split a data set for open-set active learning: few labeled known rows, and a pool with unknown classes
    in it.

    The labeled set is a uniform sample of the rows of known classes, not stratified. The pool holds all other
    rows, every row of the unknown classes included, and its labels are the answers that an annotator would
    give.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Numeric training inputs.
    y : array-like of shape (n,)
        Their true class labels.
    known_classes : array-like
        The classes that the learner is to know; repetitions are refused.
    labeled_fraction : float in [0, 1], default=0.01
        Share of the known rows that starts out labeled, rounded down, at least one row.
    X_test, y_test : array-like, default=None
        Test rows; those of known classes are kept.
    unknown_label : int or str, default=-1
        Answer for rows that belong to none of the known classes.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    bunch : Bunch
        ``X_labeled``, ``y_labeled``; ``X_pool``, ``y_pool`` (with `unknown_label`); ``X_test``, ``y_test``
        (None unless given); ``labeled_index``, ``pool_index``, ascending positions in `X`; ``known_classes``,
        sorted; ``openness``, the share of classes that is unknown, and ``mismatch``, the share that is known,
        because papers quote either; ``unknown_share``, the share of unknown rows in the pool.

    Raises
    ------
    ValueError
        If `known_classes` are not at least two different classes of `y`, a fraction leaves [0, 1], only one
        of `X_test` and `y_test` is given, or `unknown_label` is a class.
    TypeError
        If `unknown_label` cannot stand among the labels, a number among strings for example.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.datasets import make_open_set_pool
    >>> y = np.repeat([0, 1, 2, 3], 25)
    >>> pool = make_open_set_pool(np.zeros((100, 2)), y, [0, 1], labeled_fraction=0.1, random_state=0)
    >>> pool.X_labeled.shape, pool.X_pool.shape, pool.openness, np.unique(pool.y_pool).tolist()
    ((5, 2), (95, 2), 0.5, [-1, 0, 1])
    """
    labeled_fraction = check_rate(labeled_fraction, "labeled_fraction")
    codes, classes = encode_labels(y)
    labels = classes[codes]
    data = check_rows(X, codes.size)
    known = _membership(known_classes, classes)
    is_known = known[codes]
    answers = replace_by_marker(labels, ~is_known, unknown_label, "unknown_label")
    order = check_generator(random_state).permutation(np.flatnonzero(is_known))
    labeled = np.sort(order[: max(1, int(labeled_fraction * order.size))])
    pool = np.setdiff1d(np.arange(codes.size), labeled)
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test must be given together, got only one of them.")
    if y_test is not None:
        y_test = check_labels(y_test, "y_test")
        X_test = check_rows(X_test, y_test.shape[0], "X_test")
        keep = np.isin(y_test, classes[known])
        X_test, y_test = X_test[keep], y_test[keep]
    return Bunch(
        X_labeled=data[labeled],
        y_labeled=labels[labeled],
        X_pool=data[pool],
        y_pool=answers[pool],
        X_test=X_test,
        y_test=y_test,
        labeled_index=labeled,
        pool_index=pool,
        known_classes=classes[known],
        openness=float(1 - known.mean()),
        mismatch=float(known.mean()),
        unknown_share=float(np.mean(~is_known[pool])) if pool.size else 0.0,
    )


def _membership(known_classes, classes):
    wanted = np.asarray(known_classes)
    if wanted.ndim != 1 or wanted.size < 2 or np.unique(wanted).size < wanted.size:
        raise ValueError(
            f"known_classes must be a list of at least 2 different classes, got {known_classes!r}."
        )
    missing = wanted[~np.isin(wanted, classes)]
    if missing.size:
        raise ValueError(
            f"known_classes names {missing.tolist()[0]!r}, which is not among the classes {classes.tolist()} of y."
        )
    return np.isin(classes, wanted)


def _relabel_unknown(codes, known, rate, closed, generator):
    old = np.flatnonzero(known)
    position = np.cumsum(known) - 1
    closed_rows = np.flatnonzero(known[codes])
    options = {"rate": rate, "n_classes": old.size, "random_state": generator}
    if closed == "symmetric":
        inside, _, among_known = make_symmetric_noise(
            position[codes[closed_rows]], variant="exclusive", **options
        )
    else:
        inside, _, among_known = make_pairflip_noise(position[codes[closed_rows]], **options)
    noisy = codes.copy()
    noisy[closed_rows] = old[inside]
    open_rows = np.flatnonzero(~known[codes])
    noisy[open_rows] = old[generator.randint(old.size, size=open_rows.size)]
    transition = np.zeros((known.size, known.size))
    transition[np.ix_(old, old)] = among_known
    transition[np.ix_(~known, old)] = 1 / old.size
    return noisy, transition


def _replace_inputs(data, codes, n_classes, rate, share, X_open, generator):
    if X_open is None:
        raise ValueError(
            "X_open is needed for variant='replace'; pass inputs that belong to none of the classes."
        )
    foreign = np.asarray(X_open)
    if foreign.shape[1:] != data.shape[1:] or not foreign.shape[0]:
        raise ValueError(
            f"X_open must have shape (m, {', '.join(map(str, data.shape[1:]))}), got {foreign.shape}."
        )
    if not np.can_cast(foreign.dtype, data.dtype, casting="same_kind"):
        raise TypeError(
            f"X_open must have a dtype that fits X, got {foreign.dtype} for {data.dtype}; convert it first."
        )
    corrupted = generator.permutation(codes.size)[: int(rate * codes.size)]
    n_open = int(share * rate * codes.size)
    replaced, relabeled = corrupted[:n_open], corrupted[n_open:]
    source = generator.choice(foreign.shape[0], size=n_open, replace=foreign.shape[0] < n_open)
    data = data.copy()
    data[replaced] = foreign[source]
    noisy = codes.copy()
    noisy[relabeled] = generator.randint(n_classes, size=relabeled.size)
    is_open = np.zeros(codes.size, dtype=bool)
    is_open[replaced] = True
    return data, noisy, is_open
