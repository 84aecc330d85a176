"""The learner that buys labels, and the loop that runs it."""

import time

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples
from tqdm.auto import tqdm

from skweak.active.answers import as_answers, check_batch, is_marked, join_labels
from skweak.active.base import QueryStrategy, check_strategy
from skweak.active.journal import Journal, describe, digest
from skweak.active.rows import as_rows, stack_rows
from skweak.active.uncertainty import MarginSampling
from skweak.active.view import marker_of, training_rows, unwrap
from skweak.engine.progress import bar_interval
from skweak.metrics import query_precision_recall
from skweak.utils._checks import check_count


class ActiveLearner:
    """An estimator together with the rows it was taught and the strategy that asks for more.

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
        All labeled rows in the order of purchase; None while there are none.
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
        X, y = check_batch(X, y, marker_of(self))
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
            Their labels; ``unknown_label`` of the estimator may stand among them, whatever its type.
        only_new : bool, default=False
            False fits the estimator anew on all rows so far. True lets it go on with the new rows alone: by
            ``partial_fit`` where it has it, else by ``fit`` with its ``warm_start``.
        train : bool, default=True
            False only adds the rows; the next `teach`, or `retrain`, learns them together with all others.
        **fit_kwargs
            Handed to ``fit`` or ``partial_fit``. Facts about rows must cover all rows that are fitted.
        """
        X, y = check_batch(X, y, marker_of(self))
        all_X, all_y = X, y
        if self.X_training is not None:
            all_X, all_y = stack_rows(self.X_training, X), join_labels(self.y_training, y, marker_of(self))
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
        rows = _safe_indexing(X_pool, indices)
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
    learner, X_pool, oracle, n_queries=10, n_instances=1, *, scorers=None, callback=None, checkpoint=None, verbose=1
):
    """Query, ask, teach, repeat.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its first rows; modAL's learners of `skweak.active.modal` work as well.
    X_pool : array-like, sparse matrix or DataFrame of shape (n, ...)
        Unlabeled rows. They are not copied; a memory map stays on the disk.
    oracle : array-like of shape (n,) or callable
        The answer for every row, or a function that is given the position of one row and returns its label. Rows that
        belong to no known class are answered with the estimator's ``unknown_label``; where its type is not that of
        the classes, in a list or an array of objects.
    n_queries : int, default=10
        Rounds. Fewer when the pool is used up.
    n_instances : int, default=1
        Rows bought in each round; the last round takes what is left.
    scorers : dict of str to callable, optional
        Functions of the learner, for instance ``{"accuracy": lambda learner: learner.score(X_test, y_test)}``.
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
        of all known rows found so far, nan when the oracle is a function), and "seconds" for query and training.

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
    if training_rows(learner)[0] is None:
        raise ValueError("learner has no labeled rows yet; fit it on the first ones.")
    loop = _Loop(learner, as_rows(X_pool), oracle, n_instances, scorers or {})
    journal = None if checkpoint is None else Journal(checkpoint, loop.header())
    try:
        history = [loop.record(0, np.empty(0, dtype=np.int64), [], 0.0)]
        with tqdm(
            total=n_queries, desc=loop.name, unit="query", disable=not verbose, mininterval=bar_interval()
        ) as bar:
            while len(history) <= n_queries and len(loop.remaining):
                history.append(loop.step(len(history), journal))
                bar.set_postfix({name: history[-1][name] for name in loop.scorers}, refresh=False)
                bar.update()
                if callback is not None and callback(learner, history[-1]):
                    break
    finally:
        if journal is not None:
            journal.close()
    return history


class _Loop:
    def __init__(self, learner, X_pool, oracle, n_instances, scorers):
        self.learner, self.X_pool, self.n_instances, self.scorers = learner, X_pool, n_instances, scorers
        n_rows = _num_samples(X_pool)
        self.remaining = np.arange(n_rows)
        self.ask, self.n_known_left = oracle, None
        self.unknown = marker_of(learner)
        self.n_labeled_known = int(self.is_known(self.labels).sum())
        if not callable(oracle):
            answers = as_answers(oracle, self.unknown, "oracle")
            if len(answers) != n_rows:
                raise ValueError(f"oracle has {len(answers)} answers, X_pool has {n_rows} rows; give one per row.")
            self.ask = answers.__getitem__
            self.n_known_left = int(self.is_known(answers).sum())
        strategy = learner.query_strategy
        self.ours = isinstance(strategy, QueryStrategy)
        self.name = type(strategy).__name__ if self.ours else getattr(strategy, "__name__", "query")

    @property
    def labels(self):
        return as_answers(training_rows(self.learner)[1], self.unknown)

    def is_known(self, answers):
        marks = is_marked(as_answers(answers, self.unknown, "oracle"), self.unknown)
        # Of several labels per row, the row is unknown where all are.
        return ~marks.all(axis=tuple(range(1, marks.ndim)))

    def header(self):
        """Describe the run as far as its course depends on it."""
        members = getattr(self.learner, "learner_list", [self.learner])
        X = training_rows(self.learner)[0]
        return {
            "format": 1,
            "strategy": describe(self.learner.query_strategy),
            "estimator": [describe(member.estimator) for member in members],
            "n_instances": self.n_instances,
            "X_pool": digest(self.X_pool),
            "X_training": digest(as_rows(X)),
            "y_training": digest(self.labels),
        }

    def step(self, number, journal):
        """Run one round and return its record."""
        start = time.perf_counter()
        size = min(self.n_instances, len(self.remaining))
        if self.ours:
            indices = self.learner.query(self.X_pool, n_instances=size, candidates=self.remaining)[0]
        else:
            chosen = self.learner.query(_safe_indexing(self.X_pool, self.remaining), n_instances=size)[0]
            indices = self.remaining[np.atleast_1d(chosen)]
        seconds = time.perf_counter() - start
        answers = self.collect(number, indices.tolist(), journal)
        start = time.perf_counter()
        self.learner.teach(_safe_indexing(self.X_pool, indices), as_answers(answers, self.unknown, "oracle"))
        seconds += time.perf_counter() - start
        self.remaining = np.setdiff1d(self.remaining, indices)
        return self.record(number, indices, answers, seconds)

    def collect(self, number, rows, journal):
        """Return the answers for the rows, those of the journal first."""
        kept = [] if journal is None else [record for record in journal.records if record["round"] == number]
        if [record["row"] for record in kept] != rows[: len(kept)]:
            raise ValueError(
                f"checkpoint: round {number} now asks for rows {rows}, but the journal holds answers for "
                f"{[record['row'] for record in kept]}; give estimator and strategy an integer random_state."
            )
        answers = [record["answer"] for record in kept]
        for row in rows[len(kept) :]:
            answer = np.asarray(self.ask(row)).tolist()
            # Before it is kept: a journal that holds a wrong answer would repeat it for ever.
            as_answers([answer], self.unknown, "oracle")
            if journal is not None:
                journal.append({"round": number, "row": row, "answer": answer})
            answers.append(answer)
        return answers

    def record(self, number, indices, answers, seconds):
        """Return the history's entry for a round, and count what it found."""
        known = self.is_known(answers)
        precision = recall = float("nan")
        if len(answers):
            precision = float(known.mean())
        if len(answers) and self.n_known_left is not None:
            recall = query_precision_recall(
                known, n_labeled_known=self.n_labeled_known, n_pool_known=self.n_known_left
            )[1]
            self.n_known_left -= int(known.sum())
        self.n_labeled_known += int(known.sum())
        return {
            "round": number,
            "n_labeled": len(self.labels),
            **{name: float(scorer(self.learner)) for name, scorer in self.scorers.items()},
            "indices": indices,
            "answers": answers,
            "n_known": int(known.sum()),
            "n_unknown": int((~known).sum()),
            "query_precision": precision,
            "query_recall": recall,
            "seconds": seconds,
        }
