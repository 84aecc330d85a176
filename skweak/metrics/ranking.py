"""How well the scores of a row order its labels, where some entries may be unknown."""

import numpy as np
from scipy.stats import rankdata
from sklearn.utils._param_validation import StrOptions, validate_params
from sklearn.utils.validation import check_array

UNKNOWN = -1


@validate_params({"undefined": [StrOptions({"zero", "skip"})]}, prefer_skip_nested_validation=True)
def ranking_loss(y_true, y_score, *, undefined="zero", sample_weight=None):
    """Share of pairs of a present and an absent label that a row's scores order wrongly.

    scikit-learn's ``label_ranking_loss`` needs every entry; this one leaves out those of -1.

    Parameters
    ----------
    y_true : array-like of shape (n, L)
        1 present, 0 absent, -1 unknown; a row of -1 alone is left out.
    y_score : array-like of shape (n, L)
        Scores or probabilities. A tie is an error.
    undefined : {"zero", "skip"}, default="zero"
        What a row counts that lacks present or absent labels: 0, as in scikit-learn, or nothing.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        In [0, 1], 0 is best; nan when no row counts.

    Examples
    --------
    >>> from skweak.metrics import ranking_loss
    >>> ranking_loss([[1, 0, 0], [1, 0, -1]], [[0.5, 0.7, 0.2], [0.5, 0.4, 0.9]])
    0.25
    """
    target, score, weight = _check(y_true, y_score, sample_weight)
    present, n_known = target == 1, (target != UNKNOWN).sum(1)
    n_pairs = present.sum(1) * (n_known - present.sum(1))
    # Labels at least as high, present ones left out: the absent labels that a present one fails to beat.
    wrong = _ranks(score, target != UNKNOWN) - _ranks(score, present)
    loss = np.where(present, wrong, 0.0).sum(1) / np.maximum(n_pairs, 1)
    return _mean(loss, weight * ((n_pairs > 0) | (undefined == "zero")))


@validate_params({"normalize": ["boolean"]}, prefer_skip_nested_validation=True)
def coverage(y_true, y_score, *, normalize=False, sample_weight=None):
    """How far down the list of a row's labels one must go to meet all present ones.

    scikit-learn's ``coverage_error`` needs every entry; here labels of -1 are not on the list.

    Parameters
    ----------
    y_true : array-like of shape (n, L)
        1 present, 0 absent, -1 unknown; a row of -1 alone is left out.
    y_score : array-like of shape (n, L)
        Scores or probabilities. A tie counts as the lower place.
    normalize : bool, default=False
        Return the share of the known labels above the last present one, as in much of the literature, instead
        of its place.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        Mean place, at least the mean number of present labels; or in [0, 1]. A row without present labels
        counts 0. nan when no row counts.

    Examples
    --------
    >>> from skweak.metrics import coverage
    >>> y, scores = [[1, 0, 0], [1, 0, -1]], [[0.5, 0.7, 0.2], [0.5, 0.4, 0.9]]
    >>> coverage(y, scores), round(coverage(y, scores, normalize=True), 4)     # places 2 of 3 and 1 of 2
    (1.5, 0.1667)
    """
    target, score, weight = _check(y_true, y_score, sample_weight)
    known = target != UNKNOWN
    place = np.where(target == 1, _ranks(score, known), 0).max(1)
    if normalize:
        place = np.maximum(place - 1, 0) / np.maximum(known.sum(1), 1)
    return _mean(place, weight)


@validate_params({"undefined": [StrOptions({"skip", "one"})]}, prefer_skip_nested_validation=True)
def one_error(y_true, y_score, *, undefined="skip", sample_weight=None):
    """Share of rows whose highest label is not present.

    Parameters
    ----------
    y_true : array-like of shape (n, L)
        1 present, 0 absent, -1 unknown; a row of -1 alone is left out.
    y_score : array-like of shape (n, L)
        Scores or probabilities. The first of the highest known labels counts.
    undefined : {"skip", "one"}, default="skip"
        What a row without present labels counts: nothing, or an error.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        In [0, 1], 0 is best; nan when no row counts.

    Examples
    --------
    >>> from skweak.metrics import one_error
    >>> one_error([[1, 0, 0], [1, 0, -1]], [[0.5, 0.7, 0.2], [0.5, 0.4, 0.9]])
    0.5
    """
    target, score, weight = _check(y_true, y_score, sample_weight)
    highest = np.where(target == UNKNOWN, -np.inf, score).argmax(1)
    error = target[np.arange(len(target)), highest] != 1
    return _mean(error, weight * ((target == 1).any(1) | (undefined == "one")))


# Not made by make_scorer, which takes the probabilities of two labels for those of two classes and hands on
# one.
def ranking_loss_scorer(estimator, X, y, sample_weight=None):
    """Score an estimator by ``-ranking_loss`` of its ``predict_proba``; unknown entries are left out.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> from skweak.metrics import ranking_loss_scorer
    >>> from skweak.multilabel import MultiLabelClassifier
    >>> X, Y = make_multilabel_classification(60, random_state=0)
    >>> clf, folds = MultiLabelClassifier(max_epochs=5), KFold(2, shuffle=True, random_state=0)
    >>> bool((cross_val_score(clf, X, Y, cv=folds, scoring=ranking_loss_scorer) <= 0).all())
    True
    """
    return -ranking_loss(y, estimator.predict_proba(X), sample_weight=sample_weight)


def coverage_scorer(estimator, X, y, sample_weight=None):
    """Score an estimator by ``-coverage`` of its ``predict_proba``; unknown entries are left out."""
    return -coverage(y, estimator.predict_proba(X), sample_weight=sample_weight)


def one_error_scorer(estimator, X, y, sample_weight=None):
    """Score an estimator by ``-one_error`` of its ``predict_proba``; unknown entries are left out."""
    return -one_error(y, estimator.predict_proba(X), sample_weight=sample_weight)


def _ranks(score, counted):
    """Return for each counted entry how many counted ones of its row are at least as high."""
    return rankdata(np.where(counted, -score, np.inf), method="max", axis=1)


def _check(y_true, y_score, sample_weight):
    target = check_array(y_true, accept_sparse="csr", dtype=None, input_name="y_true")
    target = target.toarray() if hasattr(target, "toarray") else target
    score = check_array(y_score, dtype=np.float64, ensure_2d=False, input_name="y_score")
    if target.shape != score.shape:
        raise ValueError(
            f"y_true has shape {target.shape} but y_score {score.shape}; give a score for each row and label."
        )
    if not np.isin(target, (0, 1, UNKNOWN)).all():
        wrong = target[~np.isin(target, (0, 1, UNKNOWN))][0]
        raise ValueError(f"y_true contains {wrong!r}; accepted are 0, 1 and -1 (unknown).")
    weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if weight.shape != (len(target),) or not (weight >= 0).all():
        raise ValueError(f"sample_weight must hold {len(target)} numbers >= 0, got shape {weight.shape}.")
    # A row of which nothing is known is no evidence, not a row without a present label.
    return target, score, weight * (target != UNKNOWN).any(1)


def _mean(values, weight):
    return float((values * weight).sum() / weight.sum()) if weight.sum() > 0 else float("nan")
