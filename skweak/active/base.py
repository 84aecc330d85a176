"""The calling convention of every query strategy."""

from abc import ABC, abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples

from skweak.active.scores import top_k
from skweak.active.view import LearnerView
from skweak.utils._checks import as_classes, check_count

# A seed, or None for a new draw at every call. A generator would change with every call.
SEED = [None, Interval(Integral, 0, 2**32 - 1, closed="both")]


def check_strategy(query_strategy):
    """Raise for a query strategy that cannot be called with a learner and a pool."""
    if isinstance(query_strategy, type):
        name = query_strategy.__name__
        raise TypeError(f"query_strategy is the class {name}, but an instance is needed; give {name}() instead.")
    if not callable(query_strategy):
        raise TypeError(f"query_strategy must be callable, got {query_strategy!r}.")


class QueryStrategy(BaseEstimator, ABC):
    """Base of all query strategies: parameters, and a call that chooses rows of a pool.

    A strategy holds parameters only. A call changes nothing in it, in the learner or in the pool, and with the same
    seed, learner and pool gives the same rows. It follows the convention of modAL and works in its learners as well.

    Parameters
    ----------
    verbose : int, default=0
        1 shows a progress bar for each pass over the pool.

    Notes
    -----
    A subclass writes ``_select(view, n_instances, **kw)``, which returns positions, best first, and their scores; see
    `skweak.active.view.LearnerView` for what it may ask.
    """

    # Whether it can choose the very first rows, before anything is fitted.
    _cold_start = False
    # What is asked for (rows, entries, annotations, comparisons), and of what kind the labels are.
    query_kind = "rows"
    label_kind = "classes"
    _parameter_constraints = {"verbose": ["verbose"]}

    def __init__(self, *, verbose=0):
        self.verbose = verbose

    def __call__(self, learner, X_pool, n_instances=1, *, labeled=None, candidates=None, **kw):
        """Choose the rows of a pool whose labels are worth buying.

        Parameters
        ----------
        learner : active learner, estimator or Pipeline
            What will learn from the labels, fitted.
        X_pool : array-like, sparse matrix, DataFrame, Arrow data set or dask array of shape (n, ...)
            Rows to choose from; memory maps and data sets are read in chunks, blocks of dask are scored where they are.
        n_instances : int, default=1
            How many; 0 gives two empty arrays.
        labeled : pair (X, y), optional
            Labeled rows, where the learner is a bare estimator that does not hold them.
        candidates : ndarray of int, optional
            Positions of the rows that may be chosen, ascending; all by default.
        **kw
            Further facts that some strategies accept.

        Returns
        -------
        indices : ndarray of shape (n_instances,)
            Distinct positions in ``X_pool``, most desirable first; ties go to the smaller position.
        scores : ndarray of shape (n_instances,)
            Their utility; that of a row never exceeds that of the one before it.

        Raises
        ------
        ValueError
            If the pool is empty or smaller than ``n_instances``, or if the strategy asks for probabilities and the
            classifier knows a single class.
        TypeError
            If the learner lacks what the strategy needs.
        """
        self._validate_params()
        seed = getattr(self, "random_state", None)
        if isinstance(seed, bool):
            # Python counts True and False as integers.
            raise ValueError(f"The 'random_state' parameter must be None or an integer, got {seed!r}.")
        if candidates is not None:
            candidates = as_classes(candidates, "candidates", 0, _num_samples(X_pool) - 1)
        view = LearnerView(
            learner, X_pool, labeled=labeled, candidates=candidates, owner=type(self).__name__, verbose=self.verbose
        )
        check_count(n_instances, "n_instances")
        if n_instances > view.n_pool:
            raise ValueError(f"n_instances={n_instances} rows are asked for, but X_pool has only {view.n_pool}.")
        if n_instances == 0:
            return np.empty(0, dtype=np.int64), np.empty(0)
        indices, scores = self._select(view, int(n_instances), **kw)
        indices = np.asarray(indices, dtype=np.int64)
        # Rows that were picked in turn, or that fill a batch up, may score higher than those that had to go first.
        scores = np.minimum.accumulate(np.asarray(scores, dtype=np.float64)) + 0.0
        return indices if candidates is None else candidates[indices], scores

    @abstractmethod
    def _select(self, view, n_instances):
        """Return positions in the pool, best first, and their scores."""

    @classmethod
    def _test_params(cls):
        """Return constructor arguments of a fast instance for generated checks."""
        return {}


class ScoreStrategy(QueryStrategy):
    """Base of the strategies that take the rows with the largest score.

    A subclass writes ``_row_score`` where the score of a row does not depend on the other rows of the pool, so that no
    more than the best of each chunk are kept; else ``_score``.
    """

    def _row_score(self, view):
        """Return a function of rows that gives their scores, or None."""
        return None

    def _score(self, view):
        """Return one score per row of the pool."""
        return view.map(self._row_score(view))

    def _select(self, view, n_instances):
        score = self._row_score(view)
        if score is not None:
            return view.best(score, n_instances)
        scores = self._score(view)
        indices = top_k(scores, n_instances)
        return indices, scores[indices]
