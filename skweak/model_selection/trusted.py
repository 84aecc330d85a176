"""Folds whose test rows are all verified."""

import warnings
from abc import abstractmethod

import numpy as np
from sklearn.model_selection import BaseCrossValidator, KFold, PredefinedSplit, StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, indexable


class _TrustedFolds(BaseCrossValidator):
    def __init__(self, trusted, n_splits=5, *, shuffle=False, random_state=None):
        self.trusted = trusted
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def split(self, X, y=None, groups=None):
        """Yield the training and test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n, ...)
        y : array-like of shape (n,), optional
            Given labels; stratified folds need them.
        groups : object
            Ignored.

        Yields
        ------
        train : ndarray of int
            All rows but the test rows, verified or not, ascending.
        test : ndarray of int
            Verified rows, ascending.
        """
        X, y = indexable(X, y)
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        rows = self._trusted_rows(n_rows)
        labels = None if y is None else np.asarray(y)[rows]
        with warnings.catch_warnings():
            # A class with fewer rows than folds is in as many folds as it has rows, which is what is wanted.
            warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
            folds = list(self._folds(labels).split(rows[:, None], labels))
        for _, test in folds:
            yield np.setdiff1d(np.arange(n_rows), rows[test]), rows[test]

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds."""
        return KFold(self.n_splits).get_n_splits()

    @abstractmethod
    def _folds(self, labels):
        """Return the scikit-learn splitter of the verified rows, given their labels."""

    def _trusted_rows(self, n_rows):
        trusted = column_or_1d(self.trusted)
        if trusted.dtype != bool:
            raise TypeError(f"trusted must be a mask of booleans, got dtype {trusted.dtype}; mark each row.")
        if len(trusted) != n_rows:
            raise ValueError(f"trusted has {len(trusted)} entries but X has {n_rows} rows; give one per row.")
        rows = np.flatnonzero(trusted)
        if len(rows) < self.n_splits:
            raise ValueError(
                f"trusted marks {len(rows)} rows, n_splits={self.n_splits} folds need at least as many; verify more "
                "rows or lower n_splits."
            )
        return rows


class TrustedKFold(_TrustedFolds):
    """Folds that train on everything but test on verified rows only.

    Scores on wrong labels may favour the wrong configuration. With a few verified rows, any ordinary scorer
    is right again: the verified rows are split into folds, and each fold trains on all other rows, the unverified ones
    included. Methods that use verified rows in training get the mask as ever, ``fit(X, y, trusted=verified)``, and see
    that of the training rows only.

    Parameters
    ----------
    trusted : array-like of bool of shape (n,)
        Rows whose label was verified, aligned with the ``X`` that is split.
    n_splits : int >= 2, default=5
        Number of folds of the verified rows. More leave more of them to training.
    shuffle : bool, default=False
        Shuffle the verified rows before they are split.
    random_state : int, RandomState or None, default=None
        Used when shuffling.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.model_selection import TrustedKFold
    >>> verified = np.array([True, False, True, False, False])
    >>> for train, test in TrustedKFold(verified, n_splits=2).split(np.zeros((5, 1))):
    ...     print(train, test)
    [1 2 3 4] [0]
    [0 1 3 4] [2]
    """

    def _folds(self, labels):
        return KFold(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)


class TrustedStratifiedKFold(_TrustedFolds):
    """`TrustedKFold` whose test folds have the classes in the proportion of the verified rows.

    Parameters
    ----------
    trusted : array-like of bool of shape (n,)
        Rows whose label was verified, aligned with the ``X`` that is split.
    n_splits : int >= 2, default=5
        Number of folds of the verified rows; a class with fewer verified rows is
        tested in as many folds as it has rows.
    shuffle : bool, default=False
        Shuffle the verified rows of each class before they are split.
    random_state : int, RandomState or None, default=None
        Used when shuffling.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.model_selection import TrustedStratifiedKFold
    >>> verified, y = np.array([True, True, True, True, False]), np.array([0, 0, 1, 1, 0])
    >>> for train, test in TrustedStratifiedKFold(verified, n_splits=2).split(np.zeros((5, 1)), y):
    ...     print(train, test)
    [1 3 4] [0 2]
    [0 2 4] [1 3]
    """

    def split(self, X, y=None, groups=None):
        """Yield the training and test rows of each fold; see `TrustedKFold.split`, but ``y`` is needed."""
        if y is None:
            raise ValueError("y is missing; stratified folds need the given labels, or use TrustedKFold.")
        return super().split(X, y, groups)

    def _folds(self, labels):
        codes = np.unique(labels, return_inverse=True)[1]
        return stratified_folds(codes, self.n_splits, shuffle=self.shuffle, random_state=self.random_state)


def stratified_folds(codes, n_splits, *, shuffle, random_state):
    """Return the splitter of stratified folds of class codes (n,), however few rows a class has."""
    if np.bincount(codes).max() >= n_splits:
        return StratifiedKFold(n_splits, shuffle=shuffle, random_state=random_state if shuffle else None)
    # scikit-learn refuses where each class has fewer rows than folds. Dealt out class by class, no fold gets two rows
    # of a class, and all folds get as many rows or one less.
    order = np.arange(len(codes))
    if shuffle:
        order = check_random_state(random_state).permutation(order)
    order = order[np.argsort(codes[order], kind="stable")]
    folds = np.empty(len(codes), dtype=int)
    folds[order] = np.arange(len(codes)) % n_splits
    return PredefinedSplit(folds)
