"""Labels that imply others."""

import numpy as np


def propagate(labels, parents):
    """Fill in what known labels of a hierarchy imply: a label brings its ancestors, its absence takes its descendants.

    Parameters
    ----------
    labels : array of shape (n, L)
        0, 1, and -1 where nothing is known.
    parents : array of shape (L,)
        Parent of each label, -1 for a root.

    Returns
    -------
    array of shape (n, L)
        int64; what was known stays as it was.

    Raises
    ------
    ValueError
        If the parents form a circle, or if a row has a label without one of its ancestors.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.multilabel import propagate
    >>> propagate(np.array([[-1, 1, -1], [0, -1, -1]]), np.array([-1, 0, 1]))
    array([[ 1,  1, -1],
           [ 0,  0,  0]])
    """
    labels, parents = np.array(labels), np.asarray(parents)
    if labels.ndim != 2 or not np.isin(labels, (-1, 0, 1)).all():
        raise ValueError("labels must be a matrix of 0, 1, and -1 where nothing is known.")
    n_labels = labels.shape[1]
    if parents.shape != (n_labels,) or not ((parents >= -1) & (parents < n_labels)).all():
        raise ValueError(f"parents must be {n_labels} labels, or -1 for a root.")
    depth, above = np.zeros(n_labels, dtype=np.int64), parents.copy()
    for _ in range(n_labels):
        depth += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    if (above >= 0).any():
        raise ValueError("parents form a circle; every label must lead to a root.")
    result = labels.astype(np.int64)
    children = [label for label in np.argsort(depth, kind="stable").tolist() if parents[label] >= 0]
    for label in children[::-1]:
        has = (result[:, label] == 1) & (result[:, parents[label]] == -1)
        result[has, parents[label]] = 1
    for label in children:
        lacks = (result[:, parents[label]] == 0) & (result[:, label] == -1)
        result[lacks, label] = 0
        wrong = (result[:, parents[label]] == 0) & (result[:, label] == 1)
        if wrong.any():
            raise ValueError(f"row {int(wrong.argmax())} has label {label} but not its ancestor {parents[label]}.")
    return result
