"""Which class each class is taken for: the tables behind asymmetric noise."""

from collections.abc import Mapping

import numpy as np

from ._checks import check_option, encode_labels

_CONFUSED_CLASSES = {
    "cifar10": {9: 1, 2: 0, 4: 7, 3: 5, 5: 3},
    "mnist": {7: 1, 2: 7, 3: 8, 5: 6, 6: 5},
    "fashion_mnist": {0: 6, 6: 0, 2: 4, 4: 2, 5: 7, 7: 5, 9: 7},
}


def successors(y, mapping, blocks, n_classes):
    """Return the codes of ``y``, its classes and, per class, the position of the class it flips to."""
    if not isinstance(blocks, str) and mapping != "cifar100":
        raise ValueError(f"blocks is used by mapping='cifar100' only, got mapping={mapping!r}; leave it out.")
    if isinstance(mapping, Mapping):
        codes, classes = encode_labels(y, n_classes=n_classes)
        position = {label: k for k, label in enumerate(classes.tolist())}
        for label in (*mapping, *mapping.values()):
            if label not in position:
                raise ValueError(
                    f"mapping names {label!r}, which is not among the classes {classes.tolist()} of y."
                )
        successor = np.arange(classes.size)
        for label, wrong in mapping.items():
            successor[position[label]] = position[wrong]
        return codes, classes, successor
    if not isinstance(mapping, str):
        raise TypeError(f"mapping must be a name or a dictionary {{label: wrong label}}, got {mapping!r}.")
    check_option(mapping, "mapping", (*_CONFUSED_CLASSES, "cifar100", "binary"))
    if mapping == "binary":
        codes, classes = encode_labels(y, n_classes=n_classes)
        if classes.size != 2:
            raise ValueError(f"mapping='binary' needs y with exactly 2 classes, got {classes.size}.")
        return codes, classes, np.array([1, 0])
    size = 100 if mapping == "cifar100" else 10
    if n_classes not in (None, size):
        raise ValueError(f"n_classes must be None or {size} with mapping={mapping!r}, got {n_classes!r}.")
    codes, classes = encode_labels(y, n_classes=size)
    successor = np.arange(size)
    if mapping == "cifar100":
        groups = _block_of_each_class(blocks, size)
        for group in np.unique(groups):
            members = np.flatnonzero(groups == group)
            successor[members] = np.roll(members, -1)
    else:
        wrong = _CONFUSED_CLASSES[mapping]
        successor[list(wrong)] = list(wrong.values())
    return codes, classes, successor


def _block_of_each_class(blocks, size):
    if isinstance(blocks, str):
        check_option(blocks, "blocks", ("index",))
        return np.arange(size) // 5
    groups = np.asarray(blocks)
    if groups.shape != (size,):
        raise ValueError(
            f"blocks must be 'index' or hold the coarse label of each of the {size} classes, "
            f"got shape {groups.shape}."
        )
    return groups
