"""Judge every label by a model that has not seen the row, and say how many are wrong."""

from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.validation import check_consistent_length, column_or_1d
from tqdm.auto import tqdm

from skweak.audit.duplicates import agreement_of_equals, equal_rows, near_duplicates, nearest_rows, neighbor_majority
from skweak.audit.inputs import read_inputs
from skweak.audit.report import LabelAudit
from skweak.audit.share import fit_noise
from skweak.metrics import noise_corrected_accuracy
from skweak.noisy.issues import check_given_labels, judging_folds


def audit_labels(
    X, y, estimator=None, *, cv=5, groups=None, features=None, trusted=None, n_jobs=None, random_state=None,
    n_bootstraps=100,
):  # fmt: skip
    """Estimate how many labels are wrong, and list the suspects.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, d), texts (n,), images (n, ...), sparse matrix or None
        Inputs, with gaps. Columns of a DataFrame may hold numbers, categories, dates or text that means one of these.
        Images have their channels first or last. None where the `features` are all there is.
    y : array-like of shape (n,)
        Given labels.
    estimator : classifier with ``predict_proba`` or None, default=None
        It gets `X` as it is. None is gradient boosted trees on mixed columns, logistic regression on the words of
        texts, on `features`, on sparse columns, and on the principal components of the pixels of small images.
    cv : int >= 2 or splitter, default=5
        Folds, stratified and shuffled; more give a better model in each and cost more time.
    groups : array-like of shape (n,) or None, default=None
        Rows of one group are never in two folds.
    features : array-like of shape (n, d) or None, default=None
        Embeddings of the rows, in which neighbours are sought and by which the default estimator judges.
    trusted : array-like of bool of shape (n,) or None, default=None
        Rows whose label somebody has verified: they are never suspects.
    n_jobs : int or None, default=None
        Folds fitted at the same time.
    random_state : int, RandomState or None, default=None
        Seeds the folds, the default estimator and the bootstrap.
    n_bootstraps : int >= 2, default=100
        Samples behind the intervals; more make their ends steadier.

    Returns
    -------
    LabelAudit

    Raises
    ------
    ValueError
        If `y` holds one class, misses a label, or no row can be judged.
    TypeError
        If the estimator has no ``predict_proba``, or `trusted` is no mask.

    Notes
    -----
    The share assumes that noise does not depend on how hard a row is. It is where disagreement with the model levels
    off for the rows of which the model is surest; where classes overlap everywhere, nothing levels off, and neither
    share nor interval say much.

    References
    ----------
    Class-conditional noise: arXiv:1406.2080; confident learning, which counts hard rows too: arXiv:1911.00068.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.audit import audit_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y[[0, 60]] = 2                                   # two wrong labels
    >>> audit = audit_labels(X, y, LogisticRegression(max_iter=500), random_state=0)
    >>> sorted(audit.to_frame()["row"].head(2).tolist())
    [0, 60]
    """
    if X is None:
        if features is None:
            raise ValueError("X is None; give rows, or features to judge by.")
        X = np.asarray(features)
    y, classes, codes, trusted = _check(X, y, features, trusted, n_bootstraps, estimator)
    random = check_random_state(random_state)
    seed = int(random.randint(2**31 - 1))
    rows_of_X, notes = X, []
    if estimator is None:
        X, estimator, compared, notes = read_inputs(X, features, seed)
    else:
        compared = _comparable(X, features, seed)
    splits, unjudged = judging_folds(X, y, codes, cv, groups, seed)
    if unjudged.all():
        raise ValueError("No fold could judge a row; give more rows of each class.")
    # The bar keeps still where there is no terminal.
    with tqdm(total=2 * len(splits), desc="audit", disable=None) as bar:
        proba = _out_of_fold(estimator, X, y, classes, splits, n_jobs, bar)
        proba[unjudged] = np.nan
        known = ~unjudged
        noise = fit_noise(codes[known], proba[known], trusted[known], n_bootstraps=n_bootstraps, random=random)
        groups_of_equals = equal_rows(rows_of_X)
        posterior = np.full(proba.shape, np.nan)
        posterior[known] = noise.posterior
        near, nearest = (np.empty((0, 2), dtype=int), np.empty(0)), None
        if compared is not None and len(codes) > 2:
            distance, neighbor = nearest_rows(compared)
            near = near_duplicates(distance, neighbor, codes, groups_of_equals)
            nearest = neighbor_majority(neighbor, codes, len(classes))
        suspects = _suspects(codes, posterior, trusted, groups_of_equals, nearest)
        accuracy = _accuracies(estimator, X, y, codes, classes, splits, unjudged, proba, suspects, noise, n_jobs, bar)
    return LabelAudit(
        classes=classes, given=y, codes=codes, noise=noise, proba=proba, posterior=posterior, suspects=suspects,
        near=near, accuracy=accuracy, notes=notes, trusted=trusted, least=cv if isinstance(cv, Integral) else 5,
    )  # fmt: skip


def _check(X, y, features, trusted, n_bootstraps, estimator):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("audit_labels returns DataFrames: install pandas (pip install pandas).") from error
    if not isinstance(n_bootstraps, Integral) or n_bootstraps < 2:
        raise ValueError(f"n_bootstraps must be an integer of at least 2, got {n_bootstraps!r}.")
    if estimator is not None and not hasattr(estimator, "predict_proba"):
        raise TypeError(f"estimator must have predict_proba, {type(estimator).__name__} has not; take another or None.")
    y = check_given_labels(y, X)
    check_consistent_length(X, y, features)
    if pd.isna(y).any():
        raise ValueError(f"y misses the label of {int(pd.isna(y).sum())} rows; leave those rows out.")
    if y.dtype == object and len({type(label) for label in y}) > 1:
        raise ValueError("y mixes types, such as text and numbers; make all labels text.")
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes, got only {classes.tolist()}.")
    if len(classes) > len(y) / 2 or (y.dtype.kind == "f" and (y % 1 != 0).any()):
        raise ValueError(f"y holds {len(classes)} values in {len(y)} rows; give class labels, not measurements.")
    if trusted is None:
        return y, classes, codes, np.zeros(len(y), dtype=bool)
    trusted = column_or_1d(trusted)
    if trusted.dtype != bool or len(trusted) != len(y):
        raise TypeError(f"trusted must be a mask of {len(y)} booleans, got {trusted.dtype} of length {len(trusted)}.")
    return y, classes, codes, trusted


def _comparable(X, features, seed):
    """Return features to compare rows of an estimator of the user, None where we cannot make any."""
    try:
        return read_inputs(X, features, seed)[2]
    except (TypeError, ValueError):
        if features is not None:
            raise
        return None


def _fit_fold(estimator, X, y, train, test, classes):
    proba = np.zeros((len(test), len(classes)))
    present = np.unique(y[train])
    columns = np.searchsorted(classes, present)
    if len(present) == 1:
        proba[:, columns] = 1
    else:
        model = clone(estimator).fit(_safe_indexing(X, train), y[train])
        proba[:, columns] = model.predict_proba(_safe_indexing(X, test))
    return test, proba


def _out_of_fold(estimator, X, y, classes, splits, n_jobs, bar):
    found = np.zeros((len(y), len(classes)))
    fits = (delayed(_fit_fold)(estimator, X, y, train, test, classes) for train, test in splits)
    for test, proba in Parallel(n_jobs=n_jobs, return_as="generator")(fits):
        found[test] = proba
        bar.update()
    return found


def _suspects(codes, posterior, trusted, groups, nearest):
    """Return quality, suggested code and the reasons (n, 3) of every row: model, neighbours, duplicates."""
    rows, judged = np.arange(len(codes)), ~np.isnan(posterior).any(axis=1)
    quality = posterior[rows, codes]
    others = np.where(judged[:, None], posterior, 0.0)
    others[rows, codes] = -1
    suggested = others.argmax(axis=1)
    model = _balanced_cut(1 - np.where(judged & ~trusted, quality, 1.0))
    neighbors = np.zeros(len(codes), dtype=bool)
    if nearest is not None:
        majority, share = nearest
        # The neighbours add to what the model doubts; alone they are heard when they and the model name one class.
        favoured = np.where(judged[:, None], posterior, 0.0).argmax(axis=1)
        neighbors = (majority != codes) & np.where(model, share > 0.5, (share == 1) & (favoured == majority))
    agreement = agreement_of_equals(groups, codes)
    equals = agreement < 1
    # Where most of the equal rows agree, only the others are suspects.
    equals &= agreement <= 0.5
    quality = np.where(equals, np.fmin(quality, agreement), quality)
    reasons = np.c_[model, neighbors, equals] & ~trusted[:, None]
    return np.where(trusted, 1.0, quality), suggested, reasons


def _balanced_cut(wrong):
    """Mark as many of the most probably wrong rows as make the expected harmonic mean of precision and recall largest.

    Examples
    --------
    >>> _balanced_cut(np.array([0.9, 0.05, 0.8, 0.1])).tolist()
    [True, False, True, False]
    """
    order = np.argsort(-wrong, kind="stable")
    scores = 2 * np.cumsum(wrong[order]) / (np.arange(1, len(wrong) + 1) + wrong.sum())
    marked = np.zeros(len(wrong), dtype=bool)
    # Less than one row in five is not worth a look, whatever the mean says.
    marked[order[: scores.argmax() + 1]] = True
    return marked & (wrong > 0.2)


def _accuracies(estimator, X, y, codes, classes, splits, unjudged, proba, suspects, noise, n_jobs, bar):
    """Return the accuracy on true labels to expect of the model, trained with and without the suspects."""
    doubted = suspects[2].any(axis=1)
    for code in np.unique(codes[doubted]):
        members = np.flatnonzero(codes == code)
        if doubted[members].all():  # a class must not vanish from training
            doubted[members[np.nanargmax(np.r_[suspects[0][members], -1])]] = False
    splits = [(train[~doubted[train]], test) for train, test in splits]
    cleaned = _out_of_fold(estimator, X, y, classes, splits, n_jobs, bar)
    result, counted = {}, ~unjudged
    for name, found in (("with suspects", proba), ("without suspects", cleaned)):
        predicted = found[counted].argmax(axis=1)
        given = codes[counted]
        try:
            value = noise_corrected_accuracy(
                given, predicted, transition_matrix=noise.transition, classes=np.arange(len(classes))
            )
        except ValueError:  # half of a class is wrong: nothing can be said
            value = np.nan
        result[name] = float(np.clip(value, 0, 1))
    return result
