"""Long-tailed subsamples of balanced data."""

import numpy as np

from ._checks import check_generator, check_option, check_rate, encode_labels


def make_long_tailed(y, *, imbalance, profile="exp", random_state=None):
    """Choose rows so that the class sizes form a long tail.

    Benchmarks for imbalanced learning thin out a balanced data set: the first class keeps all its rows, the
    last one the smallest share. Add label noise afterwards, not before.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, L)
        Class labels of any type, or 0/1 multi-label targets.
    imbalance : float >= 1
        Size of the first class divided by that of the last; 1 asks for equal sizes.
    profile : {"exp", "step"}, default="exp"
        "exp" lets the sizes fall geometrically; "step" cuts the last half of the classes to the smallest
        size.
    random_state : None, int or RandomState, default=None
        An integer makes the choice repeatable.

    Returns
    -------
    index : ndarray of int, shape (m,)
        Ascending positions of the rows to keep: use ``X[index], y[index]``.

    Raises
    ------
    ValueError
        If `imbalance` is below 1, `profile` is unknown, or `y` has fewer than two classes.

    Notes
    -----
    With C classes in sorted order (or columns), class k keeps ``int(n_max * imbalance ** (-k / (C - 1)))``
    rows, n_max being the largest class size, but at least one and never more than it has. Multi-label rows
    carry several labels: going from the last label to the first, those with the fewest later labels are
    removed until the label's count is reached, so that counts of later labels may end up lower.

    References
    ----------
    arXiv:2006.07529

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.datasets import make_long_tailed
    >>> y = np.repeat([0, 1, 2], 100)
    >>> np.bincount(y[make_long_tailed(y, imbalance=100, random_state=0)]).tolist()
    [100, 10, 1]
    """
    imbalance = check_rate(imbalance, "imbalance", low=1.0, high=float("inf"), open_high=True)
    check_option(profile, "profile", ("exp", "step"))
    generator = check_generator(random_state)
    if np.ndim(y) == 2:
        member = np.asarray(y)
        if member.shape[1] < 2 or not np.isin(member, (0, 1)).all():
            raise ValueError(f"y must be a 0/1 matrix with at least 2 columns, got shape {member.shape}.")
        member = member == 1
    else:
        codes, classes = encode_labels(y)
        member = codes[:, None] == np.arange(classes.size)
    sizes = member.sum(axis=0)
    position = np.arange(sizes.size)
    depth = position / (sizes.size - 1) if profile == "exp" else (position >= sizes.size / 2).astype(float)
    wanted = np.maximum(1, (sizes.max() * imbalance**-depth).astype(int))
    keep = np.ones(member.shape[0], dtype=bool)
    for label in position[::-1]:
        rows = generator.permutation(np.flatnonzero(keep & member[:, label]))
        later = member[rows, label + 1 :].sum(axis=1)
        excess = max(0, rows.size - wanted[label])
        keep[rows[np.argsort(later, kind="stable")][:excess]] = False
    return np.flatnonzero(keep)
