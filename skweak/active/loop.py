"""The learner that buys labels, and the loop that runs it."""

import numpy as np
from sklearn.utils import _safe_indexing
from tqdm.auto import tqdm

from skweak.active.answers import check_batch, join_labels
from skweak.active.base import check_strategy
from skweak.active.cells import CellRounds
from skweak.active.journal import Journal
from skweak.active.rounds import RowRounds
from skweak.active.rows import as_rows, stack_rows
from skweak.active.uncertainty import MarginSampling
from skweak.active.view import marker_of, unlabeled_of, unwrap
from skweak.engine.progress import bar_interval
from skweak.utils._checks import check_count


class ActiveLearner:
    """An estimator together with its labeled rows and the strategy that asks for more.

    The interface of modAL's learner of the same name. The estimator is trained in place.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Any scikit-learn classifier. It may be fitted already when there are no training rows.
    query_strategy : callable, default=MarginSampling()
        Called as ``query_strategy(learner, X_pool, n_instances=...)``; see `QueryStrategy`.
    X_training, y_training : array-like, optional
        First labeled rows, on which the estimator is fitted at once.
    **fit_kwargs
        Handed to that ``fit``.

    Attributes
    ----------
    X_training, y_training : array, sparse matrix or DataFrame, and ndarray
        All labeled rows in the order in which they were labeled; None while there are none.
    batch_sizes : list of int
        Rows of each batch taught since the first rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), X_training=X[::50], y_training=y[::50])
    >>> indices, rows = learner.query(X, n_instances=2)
    >>> learner.teach(rows, y[indices])
    >>> learner.X_training.shape
    (5, 4)
    """

    def __init__(self, estimator, query_strategy=None, X_training=None, y_training=None, **fit_kwargs):
        query_strategy = MarginSampling() if query_strategy is None else query_strategy
        check_strategy(query_strategy)
        if (X_training is None) != (y_training is None):
            raise ValueError("X_training and y_training must be given together, got only one of them.")
        self.estimator = estimator
        self.query_strategy = query_strategy
        self.X_training = self.y_training = None
        self.batch_sizes = []
        if X_training is not None:
            self.fit(X_training, y_training, **fit_kwargs)

    def fit(self, X, y, **fit_kwargs):
        """Forget all rows, keep ``X`` and ``y`` as the first ones and fit the estimator on them."""
        X, y = check_batch(X, y, marker_of(self), unlabeled_of(self))
        self.estimator.fit(X, y, **fit_kwargs)
        self.X_training, self.y_training, self.batch_sizes = X, y, []
        return self

    def teach(self, X, y, only_new=False, *, train=True, **fit_kwargs):
        """Add labeled rows and learn from them.

        Parameters
        ----------
        X : array-like of shape (b, ...)
            New rows.
        y : array-like of shape (b,)
            Their labels; ``unknown_label`` and ``unlabeled`` of the estimator may stand among them, whatever their
            type.
        only_new : bool, default=False
            False fits the estimator anew on all rows so far. True lets it go on with the new rows alone: by
            ``partial_fit`` where it has it, else by ``fit`` with its ``warm_start``.
        train : bool, default=True
            False only adds the rows; the next `teach`, or `retrain`, learns them together with all others.
        **fit_kwargs
            Handed to ``fit`` or ``partial_fit``. Facts about rows must cover all rows that are fitted.
        """
        markers = marker_of(self), unlabeled_of(self)
        X, y = check_batch(X, y, *markers)
        all_X, all_y = X, y
        if self.X_training is not None:
            all_X, all_y = stack_rows(self.X_training, X), join_labels(self.y_training, y, *markers)
        if not train:
            if only_new or fit_kwargs:
                what = "only_new=True" if only_new else f"{next(iter(fit_kwargs))}="
                raise ValueError(f"train=False does not train, but {what} says how; leave one of them out.")
        elif not only_new:
            self.estimator.fit(all_X, all_y, **fit_kwargs)
        elif hasattr(self.estimator, "partial_fit"):
            self.estimator.partial_fit(X, y, **fit_kwargs)
        elif getattr(unwrap(self.estimator)[1], "warm_start", False):
            self.estimator.fit(X, y, **fit_kwargs)
        else:
            raise ValueError(
                f"only_new=True needs an estimator with partial_fit or warm_start=True, which "
                f"{type(self.estimator).__name__} lacks: it would forget the rows before."
            )
        if self.X_training is not None:
            self.batch_sizes = [*self.batch_sizes, len(y)]
        self.X_training, self.y_training = all_X, all_y

    def retrain(self, **fit_kwargs):
        """Fit the estimator anew on all rows so far, those included that were only added."""
        if self.X_training is None:
            raise ValueError("The learner has no labeled rows yet; teach it some first.")
        self.estimator.fit(self.X_training, self.y_training, **fit_kwargs)
        return self

    def query(self, X_pool, n_instances=1, *, return_metrics=False, **query_kwargs):
        """Ask the strategy for rows of a pool.

        Parameters
        ----------
        X_pool : array-like of shape (n, ...)
        n_instances : int, default=1
        return_metrics : bool, default=False
            Return the scores as well.
        **query_kwargs
            Handed to the strategy.

        Returns
        -------
        indices : ndarray of shape (n_instances,)
            Most desirable first.
        rows : array-like of shape (n_instances, ...)
            ``X_pool[indices]``.
        scores : ndarray of shape (n_instances,)
            Only with ``return_metrics``; None if the strategy gives none.
        """
        X_pool = as_rows(X_pool)
        result = self.query_strategy(self, X_pool, n_instances=n_instances, **query_kwargs)
        indices, scores = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
        # Of a cell (row, label) the row.
        rows = _safe_indexing(X_pool, indices if np.ndim(indices) < 2 else np.asarray(indices)[:, 0])
        return (indices, rows, scores) if return_metrics else (indices, rows)

    def predict(self, X, **predict_kwargs):
        """Return the estimator's predictions."""
        return self.estimator.predict(X, **predict_kwargs)

    def predict_proba(self, X, **predict_kwargs):
        """Return the estimator's class probabilities."""
        return self.estimator.predict_proba(X, **predict_kwargs)

    def score(self, X, y, **score_kwargs):
        """Return the estimator's score."""
        return self.estimator.score(X, y, **score_kwargs)

    def __repr__(self):
        n_rows = 0 if self.y_training is None else len(self.y_training)
        return f"ActiveLearner({self.estimator!r}, query_strategy={self.query_strategy!r}, {n_rows} labeled rows)"


def run_loop(
    learner, X_pool, oracle, n_queries=10, n_instances=1, *, y_pool=None, costs=None, budget=None, stop=None,
    scorers=None, callback=None, checkpoint=None, verbose=1,
):  # fmt: skip
    """Query, ask, teach, repeat.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its first rows; modAL's learners of `skweak.active.modal` work as well. It may have no rows where its
        strategy chooses the first ones itself, as `Herding`, `TypiClust` and `RandomSampling` do.
    X_pool : array-like, sparse matrix, DataFrame, Arrow data set or dask array of shape (n, ...)
        Unlabeled rows. They are not copied; memory maps and data sets stay on the disk.
    oracle : array-like of shape (n,) or callable
        The answer for every row, or a function that is given the position of one row and returns its label; see
        `skweak.active.oracles` for noisy, costly and human ones. Rows that belong to no known class are answered with
        the estimator's ``unknown_label``; where its type is not that of the classes, in a list or an array of objects.
        A strategy that asks for entries, annotations or comparisons has a matrix here, or a function of a tuple.
    n_queries : int, default=10
        Rounds. Fewer when the pool is used up.
    n_instances : int, default=1
        Rows bought in each round; the last round takes what is left.
    y_pool : array-like of shape (n, L) or (n, A), optional
        What is known already of the entries or annotations, -1 elsewhere; only for strategies that ask for those.
    costs : float or array-like of shape (n,), optional
        What each answer costs; by default what the oracle says, else 1.
    budget : float, optional
        What may be spent altogether; rows that no longer fit are not asked.
    stop : rule, optional
        Of `skweak.active.stopping`; the loop ends after the round in which it fires.
    scorers : dict of str to callable, optional
        Functions of the learner, for instance ``{"accuracy": lambda learner: learner.score(X_test, y_test)}``. Before
        anything is fitted they are nan.
    callback : callable, optional
        ``callback(learner, record)`` after every round; a true result ends the loop.
    checkpoint : path, optional
        Directory that keeps the answers. Started again with the same settings after a crash, the loop asks none of the
        kept questions again and ends with the same history; the oracle hears at most one question twice.
    verbose : int, default=1
        1 shows a progress bar.

    Returns
    -------
    list of dict
        One record for the start and one per round: "round", "n_labeled", the scores, what was bought ("indices",
        "answers", "n_known", "n_unknown"), "query_precision" (share of known rows in the batch), "query_recall" (share
        of all known rows found so far, nan when the oracle is a function), and "seconds" for query and training. With
        costs also "cost", what was spent so far; refused questions are counted in "n_refused", and their answers are
        `skweak.active.oracles.REFUSED`.

    Notes
    -----
    Only the answers are kept; the rest is computed again. That needs an estimator and a strategy whose
    ``random_state`` is an integer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), X_training=X[::50], y_training=y[::50])
    >>> history = run_loop(learner, X, y, n_queries=3, n_instances=5, verbose=0)
    >>> [record["n_labeled"] for record in history]
    [3, 8, 13, 18]
    """
    for name, value in (("n_queries", n_queries), ("n_instances", n_instances)):
        check_count(value, name, 1)
    facts = {"scorers": scorers or {}, "costs": costs, "budget": budget, "stop": stop}
    if getattr(learner.query_strategy, "query_kind", "rows") == "rows":
        if y_pool is not None:
            raise ValueError("y_pool is for strategies that ask for entries or annotations; this one asks for rows.")
        loop = RowRounds(learner, as_rows(X_pool), oracle, n_instances, **facts)
    else:
        loop = CellRounds(learner, as_rows(X_pool), oracle, n_instances, y_pool=y_pool, **facts)
    journal = None if checkpoint is None else Journal(checkpoint, loop.header())
    try:
        history = [loop.start()]
        bar = tqdm(total=n_queries, desc=loop.name, unit="query", disable=not verbose, mininterval=bar_interval())
        with bar:
            while len(history) <= n_queries and loop.can_ask():
                history.append(loop.step(len(history), journal))
                bar.set_postfix({name: history[-1][name] for name in loop.scorers}, refresh=False)
                bar.update()
                if callback is not None and callback(learner, history[-1]):
                    break
                if loop.stops(history[-1]):
                    break
    finally:
        if journal is not None:
            journal.close()
    return history
