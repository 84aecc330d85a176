"""How sure an accuracy is: on verified rows, and where the noise of the labels is itself estimated."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, norm
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skweak.metrics.label_quality import check_labels_and_proba, confident_joint, estimate_transition_matrix


class Estimate(NamedTuple):
    """An estimated number and its interval.

    Attributes
    ----------
    value, low, high : float

    Examples
    --------
    >>> from skweak.metrics import Estimate
    >>> value, low, high = Estimate(0.9, 0.85, 0.94)
    """

    value: float
    low: float
    high: float


def verified_accuracy(estimator, X, y, verified, *, confidence=0.95):
    """Accuracy on rows whose labels somebody verified, with its interval.

    The only number about wrong labels that assumes nothing. Draw the rows to verify at random: fifty already tell 0.7
    from 0.9. They must not have been trained on.

    Parameters
    ----------
    estimator : fitted classifier
    X : array-like of shape (n, ...)
        Rows.
    y : array-like of shape (n,)
        Labels, right where `verified`; the others are not looked at.
    verified : array-like of bool of shape (n,)
        Rows that are counted.
    confidence : float in (0, 1), default=0.95
        The larger, the wider the interval.

    Returns
    -------
    Estimate
        ``value``, ``low`` and ``high``, the interval of Wilson (1927), which stays in [0, 1] and holds for few rows.

    Raises
    ------
    ValueError
        If `verified` is not a boolean mask of the rows, or marks none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.metrics import verified_accuracy
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LogisticRegression(max_iter=500).fit(X[::2], y[::2])
    >>> verified = [row % 2 == 1 and row % 3 == 0 for row in range(150)]
    >>> value, low, high = verified_accuracy(clf, X, y, verified)
    >>> low < value <= high, high - low < 0.25
    (True, True)
    """
    y, mask = column_or_1d(y), np.asarray(verified)
    check_consistent_length(X, y)
    if mask.dtype != bool or mask.shape != y.shape:
        raise ValueError(
            f"verified must be a boolean mask of the {len(y)} rows, got shape {mask.shape} of {mask.dtype}; for "
            "positions give numpy.isin(numpy.arange(n), positions)."
        )
    if not mask.any():
        raise ValueError("verified marks no row; have some labels looked at, fifty drawn at random to begin with.")
    rows = np.flatnonzero(mask)
    predicted = estimator.predict(_safe_indexing(X, rows))
    return accuracy_interval(np.sum(predicted == y[rows]), len(rows), confidence)


def accuracy_interval(n_right, n_rows, confidence=0.95):
    """Return the share of right answers with Wilson's interval."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}.")
    interval = binomtest(int(n_right), int(n_rows)).proportion_ci(confidence, method="wilson")
    return Estimate(float(n_right / n_rows), float(interval.low), float(interval.high))


def corrected_interval(y_true, y_pred, transition_matrix, classes, confidence=0.95):
    """Return the corrected accuracy with the interval that chance among the rows gives, the matrix taken as right.

    Where the matrix cannot be inverted it is the plain accuracy.
    """
    if np.linalg.cond(transition_matrix) > 1e4:
        return accuracy_interval(np.sum(y_true == y_pred), len(y_true), confidence)
    inverse = np.linalg.inv(transition_matrix)
    scores = inverse[np.searchsorted(classes, y_true), np.searchsorted(classes, y_pred)]
    reach = norm.ppf((1 + confidence) / 2) * scores.std() / np.sqrt(len(scores))
    return Estimate(*(float(value) for value in (scores.mean(), scores.mean() - reach, scores.mean() + reach)))


def estimated_accuracy(
    y_true, y_pred, proba, *, classes=None, confidence=0.95, n_draws=200, random_state=None
):  # fmt: skip
    """Accuracy on the true labels, by wrong labels and a transition matrix that is estimated on the same rows.

    `noise_corrected_accuracy` with an estimated matrix looks exact and is not. The matrix has an error of chance, so
    each draw of a bootstrap estimates it anew. And it has a lasting one: where the judge confuses classes by itself,
    its confusions count as noise and are corrected away, so that the value is rather too high. The interval therefore
    reaches from the accuracy on the given labels as they are, without any correction, to the fully corrected one. It is
    wide where there is much noise, because little is known then; `verified_accuracy` tells more.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Given labels.
    y_pred : array-like of shape (n,)
        Predicted labels.
    proba : array-like of shape (n, C)
        Out-of-fold class probabilities, by which the matrix is estimated; see `estimate_transition_matrix`.
    classes : array-like of shape (C,) or None, default=None
        The class of each column, sorted; None is the sorted labels of `y_true`.
    confidence : float in (0, 1), default=0.95
        The larger, the wider the interval.
    n_draws : int >= 2, default=200
        Draws of the bootstrap; more make its limits steadier.
    random_state : int, RandomState or None, default=None
        Draws the rows.

    Returns
    -------
    Estimate
        ``value``, fully corrected; ``low``, the lower limit of the uncorrected accuracy (Wilson), or that of the draws
        if it is lower; ``high``, the upper limit of the draws. They may leave [0, 1].

    References
    ----------
    arXiv:1911.00068, arXiv:1609.03683

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.metrics import estimated_accuracy
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, _, _ = make_noisy_labels(y, "pairflip:0.2", random_state=0)
    >>> proba = cross_val_predict(LogisticRegression(C=1e-3, max_iter=500), X, y_noisy, cv=3, method="predict_proba")
    >>> value, low, high = estimated_accuracy(y_noisy, proba.argmax(axis=1), proba, random_state=0)
    >>> low < value < high
    True
    """
    codes, proba, classes = check_labels_and_proba(y_true, proba, classes)
    predicted = np.asarray(classes).searchsorted(column_or_1d(y_pred))

    def score(rows):
        matrix = estimate_transition_matrix(codes[rows], proba[rows], classes=np.arange(len(classes)))
        return corrected_interval(codes[rows], predicted[rows], matrix, np.arange(len(classes))).value

    check_consistent_length(codes, predicted)
    value, low, high = _bootstrap(score, len(codes), confidence, n_draws, random_state)
    plain = accuracy_interval(np.sum(codes == predicted), len(codes), confidence)
    return Estimate(value, min(low, plain.low), max(high, plain.high))


def noise_rate_interval(y, proba, *, classes=None, confidence=0.95, n_draws=200, random_state=None):
    """Share of wrong labels by confident learning, with a bootstrap interval of the rows.

    Parameters
    ----------
    y : array-like of shape (n,)
        Given labels.
    proba : array-like of shape (n, C)
        Class probabilities from a model that has not seen the row.
    classes : array-like of shape (C,) or None, default=None
        The class of each column; None is the sorted labels of `y`.
    confidence : float in (0, 1), default=0.95
        The larger, the wider the interval.
    n_draws : int >= 2, default=200
        Draws of the bootstrap; more make its limits steadier.
    random_state : int, RandomState or None, default=None
        Draws the rows.

    Returns
    -------
    Estimate
        ``value``, ``low`` and ``high`` in [0, 1]. Confusions of the model count as wrong labels, which no interval of
        the rows contains.

    References
    ----------
    arXiv:1911.00068

    Examples
    --------
    >>> from skweak.metrics import noise_rate_interval
    >>> y = [0, 0, 0, 1, 1]
    >>> proba = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]
    >>> noise_rate_interval(y, proba, random_state=0).value
    0.2
    """
    codes, proba, classes = check_labels_and_proba(y, proba, classes)

    def share(rows):
        joint = confident_joint(codes[rows], proba[rows], classes=np.arange(len(classes)))
        return (joint.sum() - np.trace(joint)) / joint.sum()

    return _bootstrap(share, len(codes), confidence, n_draws, random_state)


def _bootstrap(score, n_rows, confidence, n_draws, random_state):
    """Return the score of all rows, and the middle share of the scores of rows drawn with replacement."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}.")
    random = check_random_state(random_state)
    # Row by row of draws: all of them at once would take n_draws times the memory of the labels.
    drawn = [score(random.randint(n_rows, size=n_rows)) for _ in range(n_draws)]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(score(np.arange(n_rows))), float(low), float(high))
