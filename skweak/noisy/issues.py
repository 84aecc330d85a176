"""Finding the rows whose label is probably wrong: confident learning and the vote of neighbours."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv, cross_val_predict
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skweak.metrics.consensus import clean_shares
from skweak.metrics.label_quality import (
    check_labels_and_proba,
    confident_classes,
    confident_joint,
    label_quality,
)
from skweak.metrics.neighbors import neighbor_votes

FILTERS = (
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_self_confidence",
    "low_normalized_margin",
)
METHODS = ("confident_learning", "neighbors", "neighbor_rank")


def find_label_issues(
    estimator_or_proba, X, y, *, method="confident_learning", filter_by="prune_by_noise_rate",
    quality="self_confidence", cv=5, n_neighbors=10, classes=None, n_jobs=None,
    groups=None, random_state=None,
):  # fmt: skip
    """List the rows whose label is probably wrong, the most suspicious first.

    Confident learning compares each label with the probabilities of a model that has not seen the row, and counts
    how many labels of each class are wrong. The vote of neighbours trains nothing: a label is suspicious if most of the
    similar rows have another one. Their ranking instead estimates how many labels of each class are wrong, and lists
    that many, those with the least support first.

    Parameters
    ----------
    estimator_or_proba : classifier, array-like of shape (n, C) or None
        A classifier with ``predict_proba``: clones of it are fitted on the folds of `cv` and asked about the rows left
        out. Or such out-of-fold probabilities. For the neighbours: None, or a fitted estimator
        whose ``embed(X)`` or ``transform(X)`` gives the features.
    X : array-like of shape (n, ...) or None
        Inputs; None with probabilities.
    y : array-like of shape (n,)
        Given labels.
    method : {"confident_learning", "neighbors", "neighbor_rank"}, default="confident_learning"
        Needs a good model, or good features. "neighbors" is the vote and needs more right than wrong labels around each
        row; "neighbor_rank" counts by `skweak.metrics.neighbor_transition_matrix`.
    filter_by : str, default="prune_by_noise_rate"
        How confident learning decides: "prune_by_noise_rate" takes from each pair of classes as many rows as the
        confident joint counts there, "prune_by_class" from each class, "both" what the two agree on,
        "confident_learning" the rows counted off the diagonal, "predicted_neq_given" where another class is more
        probable, "low_self_confidence" and "low_normalized_margin" the lowest of that quality, as many as are
        counted off the diagonal. Only these two list a row whose given label is also the most probable one, where so
        many are to be found; its ``suggested`` is then the second.
    quality : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}, default="self_confidence"
        Order of the list; see `skweak.metrics.label_quality`.
    cv : int or splitter, default=5
        A number of folds, stratified and shuffled, or a splitter. A class with fewer rows is judged in as many folds as
        it has rows; a row whose class no other fold holds, as in a class of one row, is never listed but named in a
        warning.
    n_neighbors : int >= 3, default=10
        Rows that vote, the row itself among them.
    classes : array-like of shape (C,) or None, default=None
        The class of each column of the probabilities; None is the sorted labels of `y`.
    n_jobs : int or None, default=None
        Folds fitted at the same time.
    groups : array-like of shape (n,) or None, default=None
        Rows of one group (a patient, a document) are never in two folds, or the model would know the row it judges.
    random_state : int, RandomState or None, default=None
        Shuffles the rows before they are split into `cv` folds; an int gives the same folds at every call.

    Returns
    -------
    pandas.DataFrame
        One line per suspicious row: ``row`` (its position), ``given`` and ``suggested`` label and ``quality`` in
        [0, 1], lowest first. At least one row of each class is left out of it.

    Raises
    ------
    ValueError
        If `y` is not one label per row, or probabilities and labels do not fit together.

    Warns
    -----
    UserWarning
        If no fold can judge some rows.

    References
    ----------
    arXiv:1911.00068; the neighbours arXiv:2110.06283, their count arXiv:2102.05291.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.noisy import find_label_issues
    >>> X, y = load_iris(return_X_y=True)
    >>> y[[0, 60]] = 2                                   # two wrong labels
    >>> issues = find_label_issues(LogisticRegression(max_iter=500), X, y)
    >>> issues[["row", "given", "suggested"]].head(2).values.tolist()
    [[0, 2, 0], [60, 2, 1]]
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("find_label_issues returns a DataFrame: install pandas (pip install pandas).") from error
    y = check_given_labels(y, X)
    proba, classes, shares = judge_labels(
        estimator_or_proba, X, y, method, cv, n_neighbors, classes, n_jobs, groups, random_state
    )
    mask, score = flag_labels(y, proba, classes, method, filter_by, quality, shares)
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(score[rows], kind="stable")]
    others = np.where(y[rows, None] == classes, -np.inf, proba[rows])
    return pd.DataFrame(
        {"row": rows, "given": y[rows], "suggested": classes[others.argmax(axis=1)], "quality": score[rows]}
    )


def check_given_labels(y, X):
    """Return the labels as an array (n,), or say what to give instead of the name of a column or a single value."""
    if isinstance(y, str) or np.asarray(y).ndim == 0:
        remedy = "give a list, array or column of labels"
        if isinstance(y, str) and y in getattr(X, "columns", ()):
            remedy = f"give the column itself, X[{y!r}], and as X the other columns, X.drop(columns={y!r})"
        raise ValueError(f"y must hold one label per row of X, got {y!r} of type {type(y).__name__}; {remedy}.")
    return column_or_1d(y, warn=True)


def judge_labels(
    estimator_or_proba, X, y, method, cv, n_neighbors, classes=None, n_jobs=None, groups=None, random_state=None
):
    """Return how probable each class is for each row, judged without the row's own label, and the classes.

    Rows that no fold can judge are nan.

    The third result is the share of right labels in each class where the method estimates it, else None.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}.")
    check_classification_targets(y)
    classes = np.unique(y) if classes is None else np.asarray(classes)
    if method != "confident_learning":
        features = X if estimator_or_proba is None else _features(estimator_or_proba, X, method)
        votes = neighbor_votes(features, y, n_neighbors=n_neighbors, classes=classes)
        return votes, classes, clean_shares(features, y, classes) if method == "neighbor_rank" else None
    if hasattr(estimator_or_proba, "fit"):
        return _out_of_fold(estimator_or_proba, X, y, cv, classes, n_jobs, groups, random_state), classes, None
    if estimator_or_proba is None:
        raise ValueError(
            "estimator_or_proba is None; give a classifier or its probabilities, or method='neighbors'."
        )
    return check_labels_and_proba(y, estimator_or_proba, classes)[1], classes, None


def flag_labels(y, proba, classes, method, filter_by, quality, shares=None):
    """Return which labels are suspicious and the quality of each (n,); rows judged nan are not, and have none."""
    if filter_by not in FILTERS:
        raise ValueError(f"filter_by must be one of {', '.join(FILTERS)}, got {filter_by!r}.")
    judged = ~np.isnan(proba).any(axis=1)
    if not judged.all():
        mask, score = np.zeros(len(y), dtype=bool), np.full(len(y), np.nan)
        if judged.any():
            mask[judged], score[judged] = flag_labels(
                y[judged], proba[judged], classes, method, filter_by, quality, shares
            )
        return mask, score
    score = label_quality(y, proba, kind=quality, classes=classes)
    codes = check_labels_and_proba(y, proba, classes)[0]
    if method == "neighbors":
        mask = proba.max(axis=1) > proba[np.arange(len(codes)), codes] + 1e-6
    elif method == "neighbor_rank":
        mask = _least_supported(codes, proba, shares)
    else:
        mask = _FLAG[filter_by](codes, proba)
        if not filter_by.startswith("low_"):
            mask &= proba.max(axis=1) > proba[np.arange(len(codes)), codes] + 1e-6
    for code in np.unique(codes[mask]):
        members = np.flatnonzero(codes == code)
        if mask[members].all():
            # A class must not vanish from what is left.
            mask[members[score[members].argmax()]] = False
    return mask, score


def _least_supported(codes, votes, shares):
    """Mark in each class as many labels as are estimated to be wrong, but none that all neighbours bear out."""
    mask, sizes = np.zeros(len(codes), dtype=bool), np.bincount(codes, minlength=len(shares))
    for given, count in enumerate(np.round((1 - shares) * sizes)):
        mask |= _lowest(votes[:, given], count, codes == given)
    return mask & (votes[np.arange(len(codes)), codes] < 1 - 1e-6)


def _features(estimator, X, method):
    check_is_fitted(estimator)
    for name in ("embed", "transform"):
        if hasattr(estimator, name):
            return getattr(estimator, name)(X)
    raise TypeError(
        f"estimator_or_proba must have embed or transform for method={method!r}, {type(estimator).__name__} has "
        "neither; give None to compare the rows of X themselves."
    )


def _out_of_fold(estimator, X, y, cv, classes, n_jobs, groups, random_state):
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"estimator_or_proba must have predict_proba, {type(estimator).__name__} has not; wrap it, for example "
            "in CalibratedClassifierCV."
        )
    present, codes = np.unique(y, return_inverse=True)
    unnamed = np.setdiff1d(present, classes)
    if len(unnamed):
        raise ValueError(f"y holds {unnamed.tolist()[0]!r}, which is not among classes {classes.tolist()}; add it.")
    splits, unjudged = judging_folds(X, y, codes, cv, groups, random_state)
    proba = np.zeros((len(y), len(classes)))
    if splits:
        columns = [int(np.flatnonzero(classes == label)[0]) for label in present]
        with warnings.catch_warnings():
            # A class that a fold lacks has no probability there; the rows that suffer from it are named below.
            warnings.filterwarnings("ignore", "Number of classes in training fold", RuntimeWarning)
            proba[:, columns] = cross_val_predict(estimator, X, y, cv=splits, method="predict_proba", n_jobs=n_jobs)
    if unjudged.any():
        proba[unjudged] = np.nan
        rows = np.flatnonzero(unjudged)
        warnings.warn(
            f"No fold can judge {_some(rows)}, because no other fold holds a row of the same class "
            f"({_some(np.unique(y[rows]), 'class', 'classes')}). The quality is nan and the label stays; look at it "
            "yourself, or merge or drop the class.",
            UserWarning,
            stacklevel=4,
        )
    return proba


def judging_folds(X, y, codes, cv, groups, random_state):
    """Return the training and test rows of each fold, and the rows whose class their training rows lack."""
    check_consistent_length(X, codes, groups)
    counts = np.bincount(codes)
    own = cv is None or isinstance(cv, Integral)
    unjudged = np.zeros(len(codes), dtype=bool)
    if own and counts.max() < 2:
        return [], ~unjudged
    if own:
        # Sorted rows in unshuffled folds would have each judged by a model that never saw its kind.
        n_splits, splitter = min(5 if cv is None else int(cv), counts.max()), StratifiedKFold
        if groups is not None:
            n_splits, splitter = min(n_splits, len(np.unique(groups))), StratifiedGroupKFold
            if n_splits < 2:
                raise ValueError("groups holds a single group, got one for all rows; give two or more groups, or None.")
        splitter = splitter(n_splits, shuffle=True, random_state=random_state)
    else:
        splitter = check_cv(cv, y, classifier=True)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is in as many folds as it has rows, which is what is wanted.
        warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
        splits = [(train, test) for train, test in splitter.split(X, y, groups) if len(test)]
    for fold, (train, test) in enumerate(splits):
        strays = test[~np.isin(codes[test], codes[train])]
        unjudged[strays] = True
        if own and groups is None:
            # Trained on, a class of one row is known to all judges alike, and with two classes there are two.
            splits[fold] = np.r_[train, strays], test
    return splits, unjudged


def _some(values, one="row", many="rows"):
    """Name up to ten of the values."""
    listed = ", ".join(repr(value) for value in values[:10].tolist())
    more = f" and {len(values) - 10} more" if len(values) > 10 else ""
    return f"{one if len(values) == 1 else many} {listed}{more}"


def _lowest(score, count, among=None):
    """Mark the ``count`` lowest scores, and those that tie with the last of them."""
    members = np.arange(len(score)) if among is None else np.flatnonzero(among)
    mask = np.zeros(len(score), dtype=bool)
    count = min(int(count), len(members))
    if count > 0:
        mask[members] = score[members] <= np.partition(score[members], count - 1)[count - 1]
    return mask


def _prune_by_noise_rate(codes, proba):
    joint, mask = confident_joint(codes, proba, classes=np.arange(proba.shape[1])), np.zeros(len(codes), dtype=bool)
    np.fill_diagonal(joint, 0)
    joint = joint.astype(np.int64)
    for given in np.flatnonzero(joint.any(axis=1)):
        # All pairs of a class at once: of a hundred classes there are ten thousand, each of few rows.
        members, others = np.flatnonzero(codes == given), np.flatnonzero(joint[given])
        mine = proba[members].T
        margin = mine[given] - mine[others]
        last = np.minimum(joint[given, others], len(members))[:, None] - 1
        mask[members] = (margin <= np.take_along_axis(np.sort(margin, axis=1), last, axis=1)).any(axis=0)
    return mask


def _prune_by_class(codes, proba):
    joint, mask = confident_joint(codes, proba, classes=np.arange(proba.shape[1])), np.zeros(len(codes), dtype=bool)
    for given in range(len(joint)):
        mask |= _lowest(proba[:, given], joint[given].sum() - joint[given, given], codes == given)
    return mask


def _off_diagonal(codes, proba):
    confident = confident_classes(codes, proba)
    return (confident >= 0) & (confident != codes)


def _low(kind):
    def flag(codes, proba):
        score = label_quality(codes, proba, kind=kind, classes=np.arange(proba.shape[1]))
        return _lowest(score, _off_diagonal(codes, proba).sum())

    return flag


_FLAG = {
    "prune_by_noise_rate": _prune_by_noise_rate,
    "prune_by_class": _prune_by_class,
    "both": lambda codes, proba: _prune_by_noise_rate(codes, proba) & _prune_by_class(codes, proba),
    "confident_learning": _off_diagonal,
    "predicted_neq_given": lambda codes, proba: proba.argmax(axis=1) != codes,
    "low_self_confidence": _low("self_confidence"),
    "low_normalized_margin": _low("normalized_margin"),
}
