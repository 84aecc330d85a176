"""Labels smoothed by those of similar rows, or of the rows before and after (arXiv:2307.05898)."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from skweak.noisy.issues import check_given_labels


class KNNLabelSmoother(BaseEstimator):
    """Labels that the rows around do not support, found without a classifier and replaced by what they say.

    Labels change while rows stay, and only where something is trained: `fit_resample` takes and returns rows and
    labels, the form of imbalanced-learn's samplers, whose pipelines call it in ``fit`` and never in ``predict``.
    scikit-learn's transformers cannot change ``y``; without those pipelines, smooth the training rows of each fold, or
    take `LabelIssueFilter` with ``method="neighbors"``, which does so inside a classifier.

    Parameters
    ----------
    n_neighbors : int >= 1, default=10
        Most similar rows that are asked; with ``groups`` the rows before and after, so many on each side. More are
        steadier and blur small classes.
    share : float in [0, 1], default=0.5
        Only rows whose support is among this share of lowest ones, and whose contradiction is among this share of
        highest ones, may change. 0 changes nothing, 1 every row that is outvoted.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    support_, contradiction_ : ndarray of shape (n,)
        Mean over the neighbours of the cosine similarity to those of the same label, and to those of others.
    label_quality_ : ndarray of shape (n,)
        ``(support + 1 - contradiction) / 2``, in [0, 1]; low is suspicious.
    label_proba_ : ndarray of shape (n, C)
        The smoothed labels: share of each class in the similarity of the neighbours; the given label where there are
        none.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows that changed.
    transduction_ : ndarray of shape (n,)
        The labels at last.
    sample_weight_ : ndarray of shape (n,)
        ``exp(2 (c - mean c))`` of ``c = support + 1 - contradiction``: an alternative to changing labels.
    n_features_in_ : int

    Notes
    -----
    The source compares pixels of neighbouring frames and takes the mean among equal and among other labels apart. A
    mean over all neighbours, as here, also says how many there are of each. Columns should be of one scale, or an
    embedding. The time without ``groups`` grows with the square of the rows, the memory does not.

    References
    ----------
    arXiv:2307.05898; the form for rows is ours.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.noisy import KNNLabelSmoother
    >>> X, y = load_digits(return_X_y=True)
    >>> given, *_ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)
    >>> X, smoothed = KNNLabelSmoother().fit_resample(X, given)
    >>> bool((given == y).mean() < 0.61), bool((smoothed == y).mean() > 0.9)
    (True, True)
    """

    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "share": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, n_neighbors=10, *, share=0.5):
        self.n_neighbors = n_neighbors
        self.share = share

    def fit(self, X, y, groups=None):
        """Judge the labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)
            At least two rows.
        y : array-like of shape (n,)
            Given labels of any type.
        groups : array-like of shape (n,) or None, default=None
            Series that each row belongs to; within one, rows follow each other in time.

        Returns
        -------
        self
        """
        self._validate_params()
        if y is None:
            raise ValueError("KNNLabelSmoother requires y to be passed, but the target y is None.")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_min_samples=2)
        y = check_given_labels(y, X)
        check_consistent_length(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        unit = normalize(X)
        if groups is None:
            similarity, neighbor = _most_similar(unit, min(self.n_neighbors, len(y) - 1))
        else:
            groups = column_or_1d(groups)
            check_consistent_length(X, groups)
            similarity, neighbor = _around(unit, groups, self.n_neighbors)
        # Rows at the end of a series ask fewer neighbours.
        asked = np.maximum((neighbor >= 0).sum(axis=1), 1)
        same = codes[neighbor] == codes[:, None]
        support = np.where(same, similarity, 0).sum(axis=1) / asked
        contradiction = np.where(same, 0, similarity).sum(axis=1) / asked
        place = np.arange(len(y))[:, None] * len(self.classes_) + codes[neighbor]
        votes = np.bincount(place.ravel(), similarity.clip(0).ravel(), len(y) * len(self.classes_)).reshape(len(y), -1)
        own = votes[np.arange(len(y)), codes]
        weak, strong = np.quantile(support, self.share), np.quantile(contradiction, 1 - self.share)
        doubted = (support <= weak) & (contradiction >= strong) & (self.share > 0)
        mask = (votes.max(axis=1) > own) & doubted
        alone = votes.sum(axis=1) <= 0
        votes[alone, codes[alone]] = 1
        confidence = support + 1 - contradiction
        self.support_, self.contradiction_, self.noise_mask_ = support, contradiction, mask
        self.label_quality_ = (confidence / 2).clip(0, 1)
        self.label_proba_ = votes / votes.sum(axis=1, keepdims=True)
        self.transduction_ = np.where(mask, self.classes_[votes.argmax(axis=1)], y)
        self.sample_weight_ = np.exp(2 * (confidence - confidence.mean()))
        return self

    def fit_resample(self, X, y, groups=None):
        """Return ``X`` as it was given and the labels at last; arguments as in `fit`."""
        return X, self.fit(X, y, groups).transduction_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.required = True
        return tags


def _most_similar(unit, k):
    """Return cosine similarities (n, k) of the other rows that are most similar, and their positions."""
    # Among vectors of length one the nearest are the most similar, and their search is the faster one.
    distance, neighbor = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(unit).kneighbors()
    return 1 - distance**2 / 2, neighbor


def _around(unit, groups, k):
    """Return cosine similarities (n, 2k) of the rows before and after in the same group, and their positions.

    Where there is none these are 0 and -1.
    """
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    similarity, neighbor = np.zeros((len(order), 2 * k)), np.full((len(order), 2 * k), -1)
    for step in range(1, min(k, len(order) - 1) + 1):
        first, second = order[:-step], order[step:]
        joined = codes[first] == codes[second]
        first, second = first[joined], second[joined]
        product = unit[first].multiply(unit[second]) if hasattr(unit, "tocsr") else unit[first] * unit[second]
        cosine = np.asarray(product.sum(axis=1)).ravel()
        similarity[first, step - 1], neighbor[first, step - 1] = cosine, second
        similarity[second, k + step - 1], neighbor[second, k + step - 1] = cosine, first
    return similarity, neighbor
