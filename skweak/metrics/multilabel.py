"""Multi-label metrics that scikit-learn lacks, or has without unknown entries.

``y_true`` is (n, L) of 1 and 0, and -1 where nothing is known: such entries take no part. Scores may be probabilities,
logits, or anything larger where a label is more likely.
"""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.metrics import average_precision_score, make_scorer, roc_auc_score
from sklearn.utils import check_array


def mean_average_precision(y_true, y_score, *, absent="skip"):
    """Mean over the labels of the average precision (mAP).

    How well each label ranks the rows, whatever the threshold: the headline figure of multi-label papers.

    Parameters
    ----------
    y_true : array-like of shape (n, L)
        1, 0, or -1 for unknown entries.
    y_score : array-like of shape (n, L)
        Scores of the labels.
    absent : {"skip", "zero"}, default="skip"
        Whether labels without a known positive row are left out of the mean, or count 0.

    Returns
    -------
    float
        In [0, 1]; nan when every label is left out.

    Notes
    -----
    Rows of equal score share a threshold, and precision is not interpolated, as in
    `sklearn.metrics.average_precision_score`.

    Examples
    --------
    >>> y_true = [[1, 0], [0, 1], [1, -1]]
    >>> y_score = [[0.9, 0.2], [0.6, 0.7], [0.4, 0.8]]
    >>> round(mean_average_precision(y_true, y_score), 4)     # (1 + 2/3) / 2 and 1
    0.9167
    """
    if absent not in ("skip", "zero"):
        raise ValueError(f"absent must be 'skip' or 'zero', got {absent!r}.")
    y_true, y_score = _check_pair(y_true, y_score)
    empty = np.nan if absent == "skip" else 0.0
    return _mean_over_labels(
        y_true, y_score, lambda truth, score: average_precision_score(truth, score) if truth.any() else empty
    )


def macro_auc(y_true, y_score):
    """Mean over the labels of the area under the ROC curve; labels without both kinds of rows are left out.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n, L)
        As in `mean_average_precision`.

    Returns
    -------
    float
        In [0, 1]; 0.5 is chance, nan when every label is left out.

    Examples
    --------
    >>> macro_auc([[1, 0], [0, 0], [1, 0]], [[0.9, 0.2], [0.6, 0.7], [0.4, 0.8]])
    0.5
    """
    y_true, y_score = _check_pair(y_true, y_score)
    return _mean_over_labels(
        y_true, y_score, lambda truth, score: roc_auc_score(truth, score) if 0 < truth.sum() < len(truth) else np.nan
    )


def overall_f1(y_true, y_score, *, threshold=0.5, top_k=None):
    """F1 of all entries pooled (OF1, micro F1): every decision counts alike, so frequent labels dominate.

    Parameters
    ----------
    y_true : array-like of shape (n, L)
        1, 0, or -1 for unknown entries.
    y_score : array-like of shape (n, L)
        Scores, or predictions of 0 and 1.
    threshold : float or array-like of shape (L,), default=0.5
        Scores from here on are positive; one number or one for each label.
    top_k : int, "oracle" or None, default=None
        Decide by `top_k_labels` instead of ``threshold``. "oracle" takes the number of positives that each row has,
        which flatters.

    Returns
    -------
    float
        In [0, 1]; 0 without a true positive.

    Examples
    --------
    >>> y_true, y_score = [[1, 0, 1], [0, -1, 1]], [[0.9, 0.8, 0.3], [0.1, 0.9, 0.6]]
    >>> round(overall_f1(y_true, y_score), 4)                 # 2 hits, 1 false alarm, 1 miss
    0.6667
    """
    hits, alarms, misses = (count.sum() for count in _counts(y_true, y_score, threshold, top_k))
    return float(2 * hits / max(1, 2 * hits + alarms + misses))


def per_class_f1(y_true, y_score, *, threshold=0.5, top_k=None):
    """Harmonic mean of the mean precision and the mean recall of the labels (CF1): every label counts alike.

    Not the same as the mean of the labels' F1, which `sklearn.metrics.f1_score` gives with ``average="macro"``.

    Parameters
    ----------
    y_true, y_score, threshold, top_k
        As in `overall_f1`.

    Returns
    -------
    float
        In [0, 1]. A label that is never predicted has no precision, one that never occurs no recall; they are left out
        of that mean. nan when nothing is left in one of them.

    Examples
    --------
    >>> y_true, y_score = [[1, 0, 1], [0, -1, 1]], [[0.9, 0.8, 0.3], [0.1, 0.9, 0.6]]
    >>> round(per_class_f1(y_true, y_score), 4)               # precision (1 + 0 + 1) / 3, recall (1 + 1/2) / 2
    0.7059
    """
    hits, alarms, misses = _counts(y_true, y_score, threshold, top_k)
    predicted, present = hits + alarms, hits + misses
    if not predicted.any() or not present.any():
        return float("nan")
    precision = (hits[predicted > 0] / predicted[predicted > 0]).mean()
    recall = (hits[present > 0] / present[present > 0]).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def top_k_labels(y_score, k):
    """Predict the labels with the highest scores of each row.

    Parameters
    ----------
    y_score : array-like of shape (n, L)
        Scores of the labels.
    k : int or array-like of shape (n,)
        Labels of each row, in [0, L].

    Returns
    -------
    ndarray of int64 of shape (n, L)
        1 where a score is larger than the (k+1)-th largest of its row; labels that share that score are all 0.

    Examples
    --------
    >>> top_k_labels([[0.9, 0.1, 0.5], [0.2, 0.2, 0.8]], [1, 2]).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    y_score = check_array(y_score, dtype=np.float64, input_name="y_score")
    n_rows, n_labels = y_score.shape
    k = np.broadcast_to(np.asarray(k), (n_rows,))
    if k.dtype.kind not in "iu" or k.min() < 0 or k.max() > n_labels:
        raise ValueError(f"k must hold integers in [0, {n_labels}], one for all rows or one for each, got {k!r}.")
    # A last column below everything: with k = L all labels are above it.
    ordered = np.hstack([-np.sort(-y_score, axis=1), np.full((n_rows, 1), -np.inf)])
    return (y_score > np.take_along_axis(ordered, k[:, None], axis=1)).astype(np.int64)


def _check_pair(y_true, y_score):
    y_true = y_true.toarray() if sparse.issparse(y_true) else y_true
    y_true = check_array(y_true, dtype=None, ensure_2d=False, input_name="y_true")
    y_score = check_array(y_score, dtype=np.float64, ensure_2d=False, input_name="y_score")
    if y_true.ndim != 2 or y_true.shape != y_score.shape:
        raise ValueError(f"y_true and y_score must both be of shape (n, L), got {y_true.shape} and {y_score.shape}.")
    wrong = ~np.isin(y_true, [0, 1, -1])
    if wrong.any():
        raise ValueError(f"y_true contains {y_true[wrong].tolist()[0]!r}; accepted are 0, 1 and -1 (unknown).")
    return y_true.astype(np.int64), y_score


def _mean_over_labels(y_true, y_score, metric):
    values = np.full(y_true.shape[1], np.nan)
    for label, (truth, score) in enumerate(zip(y_true.T, y_score.T, strict=True)):
        known = truth != -1
        values[label] = metric(truth[known], score[known])
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _counts(y_true, y_score, threshold, top_k):
    """Return hits, false alarms and misses (L,) among known entries."""
    y_true, y_score = _check_pair(y_true, y_score)
    if top_k is None:
        if not isinstance(threshold, Real) and np.shape(threshold) != (y_true.shape[1],):
            raise ValueError(f"threshold must be a number or one for each of {y_true.shape[1]} labels.")
        predicted = y_score >= np.asarray(threshold, dtype=float)
    elif top_k == "oracle":
        predicted = top_k_labels(y_score, (y_true == 1).sum(axis=1)) == 1
    elif isinstance(top_k, Integral):
        predicted = top_k_labels(y_score, min(int(top_k), y_true.shape[1])) == 1
    else:
        raise ValueError(f"top_k must be an integer, 'oracle' or None, got {top_k!r}.")
    positive, known = y_true == 1, y_true != -1
    return tuple(
        part.sum(axis=0) for part in (predicted & positive, predicted & known & ~positive, ~predicted & positive)
    )


# On predictions, so that thresholds which an estimator has learned are judged along.
overall_f1_scorer = make_scorer(overall_f1)
per_class_f1_scorer = make_scorer(per_class_f1)


# Not made by make_scorer, which takes the probabilities of two labels for those of two classes and hands on one.
def mean_average_precision_scorer(estimator, X, y):
    """Score an estimator by `mean_average_precision` of its ``predict_proba``.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.model_selection import GridSearchCV, KFold
    >>> from skweak.multilabel import MultiLabelClassifier
    >>> X, Y = make_multilabel_classification(random_state=0)
    >>> clf, folds = MultiLabelClassifier(max_epochs=5, random_state=0), KFold(2, shuffle=True, random_state=0)
    >>> search = GridSearchCV(clf, {"lr": [1e-6, 0.01]}, cv=folds, scoring=mean_average_precision_scorer)
    >>> search.fit(X, Y).best_params_
    {'lr': 0.01}
    """
    return mean_average_precision(y, estimator.predict_proba(X))


def macro_auc_scorer(estimator, X, y):
    """Score an estimator by `macro_auc` of its ``predict_proba``."""
    return macro_auc(y, estimator.predict_proba(X))
