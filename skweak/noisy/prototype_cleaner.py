"""Labels of embeddings, cleaned by the directions of their classes (arXiv:2310.09761)."""

import warnings
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skweak.noisy.issues import check_given_labels, judge_labels
from skweak.noisy.prototypes import class_anchors, mean_directions, prototype_belief, settle_labels


class PrototypeCleaner(BaseEstimator):
    """Wrong labels of fixed embeddings, found by a classifier and by the direction of each class, and replaced.

    Each class is represented by the mean direction of its most typical rows. A label is replaced where another class
    is probable enough, and the row is left out where its label is less probable than chance.

    Parameters
    ----------
    estimator : classifier with predict_proba or None, default=None
        Judges rows in folds; None is a logistic regression.
    alpha : float in [0, 1], default=0.5
        Weight of the classifier; 0 are the prototypes alone, 1 the classifier alone.
    threshold : float > 0, default=0.6
        A label is replaced by a class that is at least so probable. Lower values change more labels; above 1 none is.
    temperature : float > 0, default=0.1
        Of the cosines to the prototypes (tau); as it grows, these believe in all classes alike.
    n_anchor : int >= 1, default=50
        Rows that make a prototype, at most a fifth of the class: those whose twenty neighbours share their label most
        often. They keep their label.
    cv : int >= 2, default=5
        Folds in which the classifier judges the rows.
    random_state : int, RandomState or None, default=None
        Shuffles the rows before they are split into folds.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    prototypes_ : ndarray of shape (C, d)
        Unit vectors.
    label_proba_ : ndarray of shape (n, C)
        How probable each class is for each row.
    label_quality_ : ndarray of shape (n,)
        That of the given label, in [0, 1]; low is suspicious.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose label was replaced, and those that are left out.
    anchor_mask_, kept_mask_ : ndarray of bool of shape (n,)
        Rows that made a prototype, and rows that are not left out.
    transduction_ : ndarray of shape (n,)
        The labels at last; the given ones of rows that are left out.
    n_features_in_ : int

    Notes
    -----
    Rows are compared by direction: an embedding suits, columns of a table should be standardised. The time grows with
    the square of the rows, the memory does not. The source finds typical rows by the texts that come with web images;
    neighbours instead of texts, and a classifier that has not seen the row, are ours.

    References
    ----------
    arXiv:2310.09761

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.noisy import PrototypeCleaner
    >>> X, y = load_digits(return_X_y=True)
    >>> given, *_ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)
    >>> cleaner = PrototypeCleaner(random_state=0).fit(X - X.mean(axis=0), given)
    >>> bool((cleaner.transduction_ == y)[cleaner.kept_mask_].mean() > 0.9)
    True
    """

    _parameter_constraints = {
        "estimator": [None, HasMethods(["fit", "predict_proba"])],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "threshold": [Interval(Real, 0, None, closed="neither")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "n_anchor": [Interval(Integral, 1, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator=None, *, alpha=0.5, threshold=0.6, temperature=0.1, n_anchor=50, cv=5, random_state=None
    ):
        self.estimator = estimator
        self.alpha = alpha
        self.threshold = threshold
        self.temperature = temperature
        self.n_anchor = n_anchor
        self.cv = cv
        self.random_state = random_state

    def fit(self, X, y):
        """Judge the labels ``y`` (n,), of any type, of the embeddings ``X`` (n, d), at least two rows."""
        self._validate_params()
        if y is None:
            raise ValueError("PrototypeCleaner requires y to be passed, but the target y is None.")
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        y = check_given_labels(y, X)
        check_consistent_length(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        unit, n_classes = normalize(X), len(self.classes_)
        anchor = class_anchors(unit, codes, n_classes, self.n_anchor)
        vectors, given = torch.from_numpy(unit), torch.from_numpy(codes)
        prototypes = mean_directions(vectors[torch.from_numpy(anchor)], given[torch.from_numpy(anchor)], n_classes)
        proba = torch.from_numpy(self._judge(X, codes))
        belief = prototype_belief(proba, vectors, prototypes, temperature=self.temperature, alpha=self.alpha)
        target, kept = settle_labels(belief, given, torch.from_numpy(anchor), self.threshold)
        self.prototypes_, self.label_proba_ = prototypes.numpy(), belief.numpy()
        self.label_quality_ = belief.gather(1, given[:, None])[:, 0].numpy().clip(0, 1)
        self.anchor_mask_, self.kept_mask_ = anchor, kept.numpy()
        self.noise_mask_ = (target != given).numpy() | ~self.kept_mask_
        self.transduction_ = self.classes_[target.numpy()]
        return self

    def _judge(self, X, codes):
        n_classes = codes.max() + 1
        if n_classes == 1:
            return np.ones((len(codes), 1))
        judge = LogisticRegression(max_iter=1000) if self.estimator is None else clone(self.estimator)
        with warnings.catch_warnings():
            # The only row of a class makes its prototype, so that its label stands.
            warnings.filterwarnings("ignore", "No fold can judge")
            proba = judge_labels(judge, X, codes, "confident_learning", self.cv, 10, random_state=self.random_state)[0]
        unknown = np.isnan(proba).any(axis=1)
        proba[unknown] = np.eye(n_classes)[codes[unknown]]
        return proba

    def fit_resample(self, X, y):
        """Return the rows that are kept, of the type they were given in, and their labels at last."""
        kept = np.flatnonzero(self.fit(X, y).kept_mask_)
        return _safe_indexing(X, kept), self.transduction_[kept]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
