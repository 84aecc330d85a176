"""Weights of classes, as scikit-learn's classifiers take them."""

from numbers import Real

import numpy as np
from sklearn.utils import compute_class_weight


def class_weights(method, labels, streamed=False):
    """Return the weight of every class (C,), or None where all weigh the same.

    Parameters
    ----------
    method : WeakClassifier
        With ``class_weight``: None, "balanced" or a dictionary of weights by class, 1 for those it leaves out.
    labels : skweak.labels.Labels
    streamed : bool
        Whether the rows are a part of those that train, so that they cannot be counted.

    Raises
    ------
    ValueError
        Where labels are not one class per row, a class is not known, or a weight is no number of at least 0.
    """
    given = method.class_weight
    if given is None:
        return None
    if method._class_weighting is None or not labels.kind.weighs_classes:
        raise ValueError(f"{type(method).__name__} does not weigh classes, got class_weight={given!r}; leave it out.")
    classes, known = labels.classes, labels.target[labels.target >= 0]
    if isinstance(given, str):
        if streamed:
            raise ValueError(
                'class_weight="balanced" counts all rows, and partial_fit sees a part of them; give a dictionary of '
                "weights by class."
            )
        present = np.unique(known)
        weight = np.ones(len(classes))
        weight[present] = compute_class_weight(given, classes=present, y=known)
        return weight
    unknown = [label for label in given if label not in set(classes.tolist())]
    if unknown:
        raise ValueError(
            f"class_weight names {unknown[0]!r}, which is no class of y; its classes are {classes.tolist()}."
        )
    weight = [given.get(label, 1.0) for label in classes.tolist()]
    bad = [w for w in weight if isinstance(w, bool) or not isinstance(w, Real) or not 0 <= w < np.inf]
    if bad:
        raise ValueError(f"class_weight holds {bad[0]!r}; a weight is a finite number of at least 0.")
    if not np.asarray(weight)[known].any():
        raise ValueError("class_weight is 0 for every class that y holds; give at least one a positive weight.")
    return np.asarray(weight, dtype=float)


def weigh_rows(weight, by_class, target):
    """Return the weights of rows (n,) times those of their classes; rows without a class keep theirs."""
    factor = np.where(target >= 0, by_class[np.maximum(target, 0)], 1.0)
    return factor if weight is None else weight * factor
