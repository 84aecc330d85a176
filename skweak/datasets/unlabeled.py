"""Class labels of which only a few are known."""

import numpy as np

from ._checks import check_count, check_generator, check_rate, encode_labels, replace_by_marker


def make_unlabeled(y, n_labeled=None, *, fraction=None, per_class=False, unlabeled=-1, random_state=None):
    """Hide the labels of all rows but a few, at least one of each class.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels of any type.
    n_labeled : int or None, default=None
        Rows that stay labeled; with ``per_class`` of each class. Either this or ``fraction``.
    fraction : float in (0, 1] or None, default=None
        The same as a share of all rows, or of those of each class.
    per_class : bool, default=False
        Keep the same number, or with ``fraction`` the same share, of each class. Otherwise a uniform sample is kept,
        whose rows are exchanged for those of classes that it misses.
    unlabeled : int, float or str, default=-1
        Marker of the other rows; a string such as "?" among strings.
    random_state : None, int or RandomState, default=None
        An integer makes the choice repeatable.

    Returns
    -------
    ndarray of shape (n,)
        The labels, with the marker in the other rows.

    Raises
    ------
    ValueError
        If not exactly one of ``n_labeled`` and ``fraction`` is given, a class has fewer rows than asked for, there
        would be fewer labeled rows than classes, or the marker is a class.
    TypeError
        If the marker cannot stand among the labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.datasets import make_unlabeled
    >>> y = make_unlabeled(np.repeat([0, 1], 50), 3, per_class=True, random_state=0)
    >>> [int((y == label).sum()) for label in (-1, 0, 1)]
    [94, 3, 3]
    """
    labels = np.asarray(y)
    codes, classes = encode_labels(labels)
    if (n_labeled is None) == (fraction is None):
        raise ValueError(f"give either n_labeled or fraction, got n_labeled={n_labeled!r} and fraction={fraction!r}.")
    sizes = np.bincount(codes, minlength=len(classes))
    if fraction is not None:
        check_rate(fraction, "fraction")
    if per_class:
        wanted = np.maximum(1, np.floor(fraction * sizes + 1e-9).astype(int)) if n_labeled is None else check_count(
            n_labeled, "n_labeled"
        )
        wanted = np.broadcast_to(wanted, sizes.shape)
        if (wanted > sizes).any():
            short = int(np.argmax(wanted > sizes))
            raise ValueError(
                f"n_labeled={n_labeled} is more than the {sizes[short]} rows of class {classes[short].item()!r}; ask "
                "for fewer."
            )
    else:
        total = max(1, int(fraction * len(codes) + 1e-9)) if n_labeled is None else check_count(
            n_labeled, "n_labeled", high=len(codes)
        )
        if total < len(classes):
            raise ValueError(f"{total} labeled rows are fewer than the {len(classes)} classes; ask for more.")
    order = check_generator(random_state).permutation(len(codes))
    # The place of each row among those of its class, in random order.
    ranked = order[np.argsort(codes[order], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(codes), dtype=int)
    rank[ranked] = np.arange(len(codes)) - np.repeat(starts, sizes)
    if per_class:
        keep = rank < wanted[codes]
    else:
        # The first row of each class before all others, which follow in random order.
        chosen = order[np.argsort(rank[order] > 0, kind="stable")][:total]
        keep = np.isin(np.arange(len(codes)), chosen)
    return replace_by_marker(labels, ~keep, unlabeled, "unlabeled")
