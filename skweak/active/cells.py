"""Rounds that ask for single cells: an entry (row, label), an annotation (row, annotator), a comparison."""

import inspect
import time

import numpy as np
from sklearn.utils import _safe_indexing

from skweak.active.journal import digest
from skweak.active.oracles import REFUSED
from skweak.active.rounds import Rounds
from skweak.active.rows import stack_rows
from skweak.active.scores.annotators import majority
from skweak.active.view import training_rows, unwrap

KINDS = ("entries", "annotations", "comparisons")


class CellRounds(Rounds):
    """One matrix ``Y_`` of answers over the pool, -1 where nothing is known, that fills up cell by cell.

    After each round the estimator is fitted anew on the learner's first rows and all rows with an answer: on the
    entries as they are; on the most frequent annotation, or on the matrix where the estimator is made for annotators;
    for comparisons on the rows compared as well, with ``pairs=``: (row of what is fitted, the label that fits better,
    the other one), without those that fit alike.
    """

    def __init__(self, learner, X_pool, oracle, n_instances, *, y_pool, **facts):
        super().__init__(learner, X_pool, oracle, n_instances, **facts)
        self.kind = learner.query_strategy.query_kind
        if self.kind not in KINDS:
            raise ValueError(f"query_kind must be one of {['rows', *KINDS]}, got {self.kind!r}.")
        self.ask = oracle
        if not callable(oracle):
            answers = np.asarray(oracle)
            if answers.ndim != 2 or len(answers) != self.n_pool:
                raise ValueError(f"oracle has shape {answers.shape}; give a matrix with {self.n_pool} rows.")
            self.ask = answers.__getitem__
            y_pool = np.full(answers.shape, -1) if y_pool is None else y_pool
        if y_pool is None:
            raise ValueError("y_pool is needed where the oracle is a function: a matrix with -1 for what is not known.")
        self.Y_ = np.array(y_pool)
        if self.Y_.ndim != 2 or len(self.Y_) != self.n_pool or self.Y_.dtype.kind not in "iub":
            raise ValueError(f"y_pool must hold integers, -1 for not known, and have {self.n_pool} rows.")
        self.Y_ = self.Y_.astype(np.int64)
        # Cells that were refused are never asked again, but teach nothing.
        self.closed = self.Y_ >= 0
        self.pairs, self.compares = [], self.kind == "comparisons"
        self.first = training_rows(learner)
        if self.compares and self.first[0] is None and not self.closed.any():
            raise ValueError(
                "comparisons tell which label fits better, not whether one holds: give the learner first rows, or "
                "y_pool some known entries."
            )
        self.fit()

    def header(self):
        """Describe the run."""
        return super().header() | {"kind": self.kind, "y_pool": digest(self.Y_)}

    def n_left(self):
        """Return how many rows have a cell, or two labels, that can be asked for."""
        return int(((~self.closed).sum(axis=1) > self.compares).sum())

    def can_ask(self):
        """Tell whether a cell is left that the budget pays for."""
        if self.budget is None or self.compares:
            return self.n_left() > 0 and (self.budget is None or self.spent < self.budget)
        return any(self.cost_of(tuple(cell)) <= self.budget - self.spent for cell in np.argwhere(~self.closed).tolist())

    def check_answer(self, answer):
        """Raise for an answer that is no class."""
        wanted = {"entries": (-1, 0, 1), "comparisons": (-1, 0, 1)}.get(self.kind)
        if isinstance(answer, bool) or not isinstance(answer, int) or answer < -1:
            raise ValueError(f"oracle answered {answer!r}; answer with an integer of at least 0, or -1 for no answer.")
        if wanted and answer not in wanted:
            raise ValueError(f"oracle answered {answer!r}, accepted for {self.kind} are {list(wanted)}.")

    def step(self, number, journal):
        """Run one round and return its record."""
        start = time.perf_counter()
        # A refused cell reads as known to the strategy, so that it is not asked again.
        n_open = (~self.closed).sum(axis=1)
        size = min(self.n_instances, int((n_open // 2 if self.compares else n_open).sum()))
        cells = self.learner.query_strategy(
            self.learner, self.X_pool, size, y_pool=self.Y_, closed=self.closed, asked=[pair[0] for pair in self.pairs]
        )[0]
        cells = self.affordable([tuple(cell) for cell in np.asarray(cells).tolist()])
        seconds = time.perf_counter() - start
        answers = self.collect(number, cells, journal, "cell")
        start = time.perf_counter()
        for cell, answer in zip(cells, answers, strict=True):
            if self.compares:
                self.pairs.append((cell, -1 if answer is REFUSED else answer))
                self.closed[cell[:2]] = self.closed[cell[0], cell[2]] = True
            else:
                self.closed[cell] = True
                self.Y_[cell] = -1 if answer is REFUSED else answer
        self.fit()
        seconds += time.perf_counter() - start
        return self.record(number, cells, answers, seconds)

    def fit(self):
        """Fit the estimator on everything that is known; nothing happens while that is too little."""
        decided = [(cell, answer) for cell, answer in self.pairs if answer >= 0]
        compared = np.unique(np.array([cell[0] for cell, _ in decided], dtype=np.int64))
        rows = np.union1d(np.flatnonzero((self.Y_ >= 0).any(axis=1)), compared)
        X, y = _safe_indexing(self.X_pool, rows), self.targets(rows)
        given, known = self.first
        if given is not None:
            X, y = stack_rows(given, X) if len(rows) else given, np.concatenate([np.asarray(known), y])
        if not len(y) or (y.ndim == 1 and len(np.unique(y)) < 2):
            return
        facts = {}
        if self.compares:
            estimator = unwrap(self.learner)[1]
            if "pairs" not in inspect.signature(estimator.fit).parameters:
                name = type(estimator).__name__
                raise TypeError(f"comparisons need an estimator whose fit takes pairs=, which {name} does not.")
            before = len(y) - len(rows)
            place = before + np.searchsorted(rows, [cell[0] for cell, _ in decided])
            labels = [cell[1:] if answer else cell[:0:-1] for cell, answer in decided]
            facts["pairs"] = np.column_stack([place, labels]) if decided else np.empty((0, 3), dtype=np.int64)
        self.learner.estimator.fit(X, y, **facts)

    def targets(self, rows):
        """Return what the estimator learns of some rows."""
        kind = getattr(unwrap(self.learner)[1], "_kind", None)
        if self.kind != "annotations" or getattr(kind, "by_annotators", False):
            return self.Y_[rows]
        return majority(self.Y_[rows])

    def first_record(self):
        """Return the record of the start."""
        return self.record(0, [], [], 0.0)

    def record(self, number, cells, answers, seconds):
        """Return the history's entry for a round."""
        return {
            "round": number,
            "n_labeled": int((self.Y_ >= 0).any(axis=1).sum()),
            "n_answers": int((self.Y_ >= 0).sum()) + len(self.pairs),
            **self.scores(),
            "indices": np.array(cells, dtype=np.int64).reshape(-1, 3 if self.compares else 2),
            "answers": answers,
            "seconds": seconds,
            **self.money(),
        }
