"""Estimators side by side on the same folds."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from sklearn.utils.validation import column_or_1d

from skweak.model_selection.trusted import stratified_folds


def compare(estimators, X, y, *, seeds=5, cv=5, scoring=None, n_jobs=None):
    """Score estimators on the same folds, shuffled anew for each seed.

    Parameters
    ----------
    estimators : dict of str to estimator
        Any scikit-learn classifiers; a parameter ``random_state`` is set to the seed.
    X : array-like of shape (n, ...)
    y : array-like of shape (n,)
    seeds : int >= 1, default=5
        Repetitions; more make the mean steadier and cost as much time again.
    cv : int >= 2, default=5
        Stratified folds.
    scoring : str, callable or None, default=None
        One scorer; None is the estimator's ``score``.
    n_jobs : int or None, default=None
        Folds fitted at the same time.

    Returns
    -------
    pandas.DataFrame
        One line per estimator, best first: ``mean``, ``spread`` (standard deviation of the means of the seeds),
        ``rank`` (mean rank over the folds, 1 is best) and ``seconds`` (to fit one fold). Folds share rows, so the
        spread is no standard error.

    Raises
    ------
    ValueError
        If `estimators` is no dict with entries, or `seeds` is not a positive integer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skweak.model_selection import compare
    >>> X, y = load_iris(return_X_y=True)
    >>> compare({"guess": DummyClassifier(), "bayes": GaussianNB()}, X, y, seeds=2).index.tolist()
    ['bayes', 'guess']
    """
    import pandas as pd

    if not isinstance(estimators, dict) or not estimators:
        raise ValueError(f"estimators must be a dict of names to estimators, got {estimators!r}.")
    if not isinstance(seeds, int) or seeds < 1:
        raise ValueError(f"seeds must be a positive integer, got {seeds!r}.")
    scores, seconds, codes = {}, {}, np.unique(column_or_1d(y), return_inverse=True)[1]
    for name, estimator in estimators.items():
        found = []
        for seed in range(seeds):
            model = clone(estimator)
            if "random_state" in model.get_params(deep=False):
                model.set_params(random_state=seed)
            folds = stratified_folds(codes, cv, shuffle=True, random_state=seed)
            with warnings.catch_warnings():
                # A class of fewer rows than folds is tested in as many folds as it has rows.
                warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
                parts = list(folds.split(codes[:, None], codes))
            found.append(cross_validate(model, X, y, cv=parts, scoring=scoring, n_jobs=n_jobs, error_score="raise"))
        scores[name] = np.array([one["test_score"] for one in found])
        seconds[name] = np.mean([one["fit_time"] for one in found])
    folds = pd.DataFrame({name: values.ravel() for name, values in scores.items()})
    ranks = folds.rank(axis=1, ascending=False).mean()
    frame = pd.DataFrame({"mean": folds.mean(), "rank": ranks, "seconds": pd.Series(seconds)})
    frame.insert(1, "spread", [scores[name].mean(axis=1).std() for name in frame.index])
    return frame.sort_values("mean", ascending=False, kind="stable")
