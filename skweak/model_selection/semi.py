"""Folds of labeled rows, with every unlabeled row in each training part."""

import warnings

import numpy as np
from sklearn.model_selection import BaseCrossValidator, StratifiedKFold
from sklearn.utils.validation import column_or_1d

from skweak.labels.markers import class_values, marked, read_labels
from skweak.model_selection.trusted import stratified_folds


class SemiStratifiedKFold(BaseCrossValidator):
    """Stratified folds that test on labeled rows and train on all others, every unlabeled row included.

    Ordinary folds test on unlabeled rows, which judge nothing, take them from training, and may leave a training part
    without a class. A class of fewer rows than folds is tested in as many folds as it has rows; the only row of a class
    is in every training part and never tested, which a warning says.

    Parameters
    ----------
    n_splits : int >= 2, default=5
        Number of folds of the labeled rows. More leave more of them to training.
    unlabeled : scalar, default=-1
        Marker of rows without a label; nan marks nan.
    shuffle : bool, default=False
        Shuffle the labeled rows of each class before they are split.
    random_state : int, RandomState or None, default=None
        Used when shuffling.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.model_selection import SemiStratifiedKFold
    >>> y = np.array([0, -1, 0, 1, -1, 1])
    >>> for train, test in SemiStratifiedKFold(n_splits=2).split(np.zeros((6, 1)), y):
    ...     print(train, test)
    [1 2 4 5] [0 3]
    [0 1 3 4] [2 5]
    """

    def __init__(self, n_splits=5, *, unlabeled=-1, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.unlabeled = unlabeled
        self.shuffle = shuffle
        self.random_state = random_state

    def split(self, X, y=None, groups=None):
        """Yield the training and test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n, ...)
        y : array-like of shape (n,)
            Labels, with the marker in unlabeled rows.
        groups : object
            Ignored.

        Yields
        ------
        train : ndarray of int
            All rows but the test rows, ascending.
        test : ndarray of int
            Labeled rows, ascending.
        """
        if y is None:
            raise ValueError("y is missing; the folds need the labels, with the marker in unlabeled rows.")
        y = column_or_1d(read_labels(y))
        rows = np.flatnonzero(~unlabeled_mask(y, self.unlabeled))
        classes, codes = np.unique(class_values(y, np.isin(np.arange(len(y)), rows)), return_inverse=True)
        alone = np.bincount(codes) == 1
        if alone.any():
            warnings.warn(
                f"classes {classes[alone].tolist()!r} have one labeled row each, which every fold trains on and none "
                "tests.", UserWarning, stacklevel=2,
            )  # fmt: skip
        rows, codes = rows[~alone[codes]], codes[~alone[codes]]
        if len(rows) < self.n_splits:
            raise ValueError(
                f"y has {len(rows)} labeled rows of classes with two or more, n_splits={self.n_splits} folds need at "
                "least as many; label more rows or lower n_splits."
            )
        folds = stratified_folds(codes, self.n_splits, shuffle=self.shuffle, random_state=self.random_state)
        with warnings.catch_warnings():
            # A class with fewer rows than folds is tested in as many folds as it has rows.
            warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
            parts = list(folds.split(rows[:, None], codes))
        for _, test in parts:
            yield np.setdiff1d(np.arange(len(y)), rows[test]), rows[test]

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds."""
        return StratifiedKFold(self.n_splits).get_n_splits()


def unlabeled_mask(y, marker):
    """Return which entries of the array ``y`` are the marker; one that its type cannot hold raises."""
    found = marked(y, marker)
    strings = y.dtype.kind in "US" or (y.dtype.kind == "O" and all(isinstance(value, str) for value in y))
    if not found.any() and marker == marker and isinstance(marker, str) != strings:
        raise TypeError(f"unlabeled={marker!r} cannot stand among labels of dtype {y.dtype}; give the marker in y.")
    return found
