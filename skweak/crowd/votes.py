"""Counting of votes."""

import numpy as np

from skweak.utils._checks import as_classes, check_count


def vote_proportions(labels, *, n_classes):
    """Share of the votes that each class received in each row.

    The simplest way to merge the answers of a crowd: every annotator counts the same.

    Parameters
    ----------
    labels : array of shape (n, n_annotators)
        Integer class given by each annotator, -1 where there is none.
    n_classes : int
        Number of classes, at least 2.

    Returns
    -------
    array of shape (n, n_classes)
        Rows sum to 1; a row without votes is uniform.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.crowd import vote_proportions
    >>> vote_proportions(np.array([[0, 0, 1, 0], [1, -1, -1, 1], [-1, -1, -1, -1]]), n_classes=2)
    array([[0.75, 0.25],
           [0.  , 1.  ],
           [0.5 , 0.5 ]])
    """
    check_count(n_classes, "n_classes", 2)
    labels = as_classes(labels, "labels", -1, n_classes - 1, n_dims=2)
    row, annotator = np.nonzero(labels >= 0)
    cell = row * n_classes + labels[row, annotator]
    votes = np.bincount(cell, minlength=len(labels) * n_classes).reshape(len(labels), n_classes)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.maximum(total, 1), 1 / n_classes)
