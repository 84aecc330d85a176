"""Estimators side by side on the same folds."""

import copy
import time
import warnings
from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_consistent_length, column_or_1d
from tqdm.auto import tqdm

from skweak.model_selection.trusted import stratified_folds


def compare(estimators, X, y, *, seeds=5, cv=5, scoring=None, truth=None, n_jobs=None):
    """Score estimators on the same folds, shuffled again for each seed.

    Parameters
    ----------
    estimators : dict of str to estimator
        Any scikit-learn classifiers; a parameter ``random_state``, nested ones included, is set to the seed.
    X : array-like of shape (n, ...)
    y : array-like of shape (n,)
        Labels to train on.
    seeds : int >= 1, default=5
        Repetitions; more make the mean steadier and cost as much time again.
    cv : int >= 2 or splitter, default=5
        Stratified folds, shuffled. A splitter that shuffles is seeded for each repetition; one that does not gives the
        same folds each time.
    scoring : str, callable or None, default=None
        One scorer, larger is better; None is the estimator's ``score``.
    truth : array-like of shape (n,) or None, default=None
        True labels to score against; training still sees `y` only. None scores against `y`.
    n_jobs : int or None, default=None
        Fits at the same time; more than one at a time blurs the seconds.

    Returns
    -------
    DataFrame
        One line per estimator, best first: ``mean``, ``spread`` (standard deviation of the means of the seeds),
        ``rank`` (mean rank over the folds, 1 is best), ``seconds`` (to fit one fold), and the score of each fold. Its
        attribute ``fold_scores`` has the scores as a table of folds (rows) and estimators; ``friedman()`` and
        ``wilcoxon()`` are p-values of differences. `skweak.plots.ComparisonDisplay` draws it.

    Raises
    ------
    ValueError
        If `estimators` is no dict with entries, `seeds` is not a positive integer, or lengths differ.

    Notes
    -----
    Folds share training rows, so the spread is no standard error and the p-values are smaller than they should be.

    References
    ----------
    Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 2006.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skweak.model_selection import compare
    >>> X, y = load_iris(return_X_y=True)
    >>> result = compare({"guess": DummyClassifier(), "bayes": GaussianNB()}, X, y, seeds=2)
    >>> result.index.tolist(), result.fold_scores.shape, bool(result.wilcoxon().loc["guess", "bayes"] < 0.01)
    (['bayes', 'guess'], (10, 2), True)
    """
    try:
        from skweak.model_selection.comparison_frame import summarise
    except ImportError as error:
        raise ImportError("compare returns a DataFrame: install pandas (pip install pandas).") from error
    if not isinstance(estimators, dict) or not estimators:
        raise ValueError(f"estimators must be a dict of names to estimators, got {estimators!r}.")
    if not isinstance(seeds, Integral) or isinstance(seeds, bool) or seeds < 1:
        raise ValueError(f"seeds must be a positive integer, got {seeds!r}.")
    y = column_or_1d(y)
    truth = y if truth is None else column_or_1d(truth)
    check_consistent_length(X, y, truth)
    jobs = []
    for seed in range(seeds):
        parts = _folds(cv, X, y, seed)
        jobs += [(name, seed, fold, *part) for name in estimators for fold, part in enumerate(parts)]
    fits = (delayed(_score)(estimators[name], X, y, truth, train, test, seed, scoring)
            for name, seed, _, train, test in jobs)  # fmt: skip
    # The bar keeps still where there is no terminal.
    found = tqdm(Parallel(n_jobs=n_jobs, return_as="generator")(fits), total=len(jobs), desc="compare", disable=None)
    return summarise([(name, seed, fold, *scored) for (name, seed, fold, *_), scored in zip(jobs, found, strict=True)])


def _folds(cv, X, y, seed):
    if isinstance(cv, Integral):
        codes = np.unique(y, return_inverse=True)[1]
        splitter = stratified_folds(codes, cv, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # A class of fewer rows than folds is tested in as many folds as it has rows.
            warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
            return list(splitter.split(codes[:, None], codes))
    splitter = copy.copy(check_cv(cv, y, classifier=True))
    if getattr(splitter, "shuffle", True) and hasattr(splitter, "random_state"):
        splitter.random_state = seed
    return list(splitter.split(X, y))


def _score(estimator, X, y, truth, train, test, seed, scoring):
    model = clone(estimator)
    names = [name for name in model.get_params() if name == "random_state" or name.endswith("__random_state")]
    model.set_params(**dict.fromkeys(names, seed))
    start = time.perf_counter()
    model.fit(_safe_indexing(X, train), y[train])
    seconds = time.perf_counter() - start
    return check_scoring(model, scoring)(model, _safe_indexing(X, test), truth[test]), seconds
