"""The calling convention of strategies that ask for single cells."""

import numpy as np

from skweak.active.base import SEED, QueryStrategy
from skweak.active.view import LearnerView
from skweak.utils._checks import check_count


class CellStrategy(QueryStrategy):
    """Base of the strategies that ask for entries (row, label) or annotations (row, annotator).

    Called like any other strategy, and with ``y_pool``, what is known already; `run_loop` does so. modAL's learners
    know rows only and are refused.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the order in which cells are asked while nothing is fitted.
    verbose : int, default=0
        1 shows a progress bar for each pass over the pool.
    """

    query_kind = "entries"
    _cold_start = True
    # Numbers of an index.
    _width = 2
    _parameter_constraints = QueryStrategy._parameter_constraints | {"random_state": SEED}

    def __init__(self, *, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.random_state = random_state

    def __call__(self, learner, X_pool, n_instances=1, *, y_pool=None, closed=None, asked=(), labeled=None):
        """Choose cells whose answers are worth buying.

        Parameters
        ----------
        learner : active learner, estimator or Pipeline
            What will learn from the answers.
        X_pool : array-like, sparse matrix or DataFrame of shape (n, ...)
            Rows to choose from.
        n_instances : int, default=1
            How many cells.
        y_pool : array-like of shape (n, L) or (n, A)
            Answers so far, -1 where nothing is known.
        closed : array of shape (n, L) or (n, A), optional
            Cells that may not be asked; by default those that are known.
        asked : sequence
            Accepted for all kinds of cells.
        labeled : pair (X, y), optional
            Labeled rows, where the learner is a bare estimator that does not hold them.

        Returns
        -------
        indices : ndarray of shape (n_instances, 2)
            Distinct int64 cells, most desirable first.
        scores : ndarray of shape (n_instances,)
            Their utility, never increasing.

        Raises
        ------
        TypeError
            In modAL's learners, and without ``y_pool``.
        ValueError
            If fewer cells are open than asked for.
        """
        self._validate_params()
        name = type(self).__name__
        if any("modal" in cls.__module__.lower() for cls in type(learner).__mro__):
            raise TypeError(f"{name} asks for {self.query_kind}, but modAL's learners know rows only; use run_loop.")
        if y_pool is None:
            raise TypeError(f"{name} asks for {self.query_kind} and needs y_pool=, the answers so far, -1 elsewhere.")
        check_count(n_instances, "n_instances")
        y_pool = np.asarray(y_pool)
        view = LearnerView(learner, X_pool, labeled=labeled, owner=name, verbose=self.verbose)
        if y_pool.ndim != 2 or len(y_pool) != view.n_pool or y_pool.dtype.kind not in "iu":
            raise ValueError(f"y_pool must be a matrix of integers with {view.n_pool} rows, -1 where nothing is known.")
        closed = (y_pool >= 0) | (False if closed is None else np.asarray(closed, dtype=bool))
        n_open = self._count_open(closed)
        if n_instances > n_open:
            raise ValueError(f"n_instances={n_instances} cells are asked for, but y_pool has only {n_open} open ones.")
        if n_instances == 0:
            return np.empty((0, self._width), dtype=np.int64), np.empty(0)
        if view.can_predict:
            cells, scores = self._cells(view, y_pool, closed, int(n_instances))
        else:
            cells, scores = self._first(view, closed, n_instances), np.zeros(n_instances)
        scores = np.minimum.accumulate(np.asarray(scores, dtype=np.float64)) + 0.0
        return np.asarray(cells, dtype=np.int64), scores

    def _count_open(self, closed):
        """Return how many questions are left."""
        return int((~closed).sum())

    def _first(self, view, closed, n_instances):
        """Return all open cells of rows drawn at random: whole rows teach a first classifier."""
        order = np.random.default_rng(view.seed(self.random_state)).permutation(view.n_pool)
        rows, columns = np.nonzero(~closed[order])
        return np.column_stack([order[rows], columns])[:n_instances]

    def _cells(self, view, y_pool, closed, n_instances):
        """Return cells (b, 2), best first, and their scores."""
        raise NotImplementedError

    def _select(self, view, n_instances):
        raise TypeError(f"{type(self).__name__} asks for {self.query_kind}; it cannot choose rows for another one.")


def take_cells(scores, n_instances, quota=None, max_per_row=None):
    """Return the cells of largest score, at most so many of a row and, first, so many of each column.

    Examples
    --------
    >>> take_cells(np.array([[0.9, 0.1], [0.8, 0.2]]), 2)[0].tolist()
    [[0, 0], [1, 0]]
    >>> take_cells(np.array([[0.9, 0.1], [0.8, 0.2]]), 2, quota=1)[0].tolist()
    [[0, 0], [1, 1]]
    """
    n, width = scores.shape
    order = np.argsort(-scores, axis=None, kind="stable")
    order = order[np.isfinite(scores.ravel()[order])]
    rank = np.zeros(len(order), dtype=np.int64)
    if quota is not None:
        # Within the quota of a column comes before beyond it.
        column, seen = order % width, np.empty(len(order), dtype=np.int64)
        by_column = np.argsort(column, kind="stable")
        starts = np.searchsorted(column[by_column], np.arange(width))
        seen[by_column] = np.arange(len(order)) - starts[column[by_column]]
        rank = (seen >= quota).astype(np.int64)
        order = order[np.argsort(rank, kind="stable")]
    if max_per_row is not None:
        row, seen = order // width, np.empty(len(order), dtype=np.int64)
        by_row = np.argsort(row, kind="stable")
        starts = np.searchsorted(row[by_row], np.arange(n))
        seen[by_row] = np.arange(len(order)) - starts[row[by_row]]
        order = order[np.argsort(seen >= max_per_row, kind="stable")]
    picks = order[:n_instances]
    return np.column_stack([picks // width, picks % width]), scores.ravel()[picks]
