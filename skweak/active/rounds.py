"""The rounds of the loop: what is asked, what it costs, when it is over."""

import time

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from skweak.active.answers import as_answers, is_marked, join_labels
from skweak.active.base import QueryStrategy
from skweak.active.journal import describe, digest
from skweak.active.oracles import REFUSED
from skweak.active.stopping import check_rule
from skweak.active.view import marker_of, training_rows, unlabeled_of, unwrap
from skweak.metrics import query_precision_recall

# Rows on which stopping rules watch the predictions.
_STOP_ROWS = 2000


class Rounds:
    """What all kinds of questions share: money, the journal and the stopping rule."""

    def __init__(self, learner, X_pool, oracle, n_instances, *, scorers, costs, budget, stop):
        self.learner, self.X_pool, self.oracle, self.n_instances = learner, X_pool, oracle, n_instances
        self.scorers, self.rule = scorers, check_rule(stop)
        self.n_pool = _num_samples(X_pool)
        self.unknown, self.unlabeled = marker_of(learner), unlabeled_of(learner)
        self.priced = costs is not None or hasattr(oracle, "cost_of") or budget is not None
        self.costs = None if costs is None else np.asarray(costs, dtype=np.float64)
        if self.costs is not None and not (np.isfinite(self.costs) & (self.costs > 0)).all():
            raise ValueError("costs must be larger than 0 and finite; give what is free a small cost.")
        if self.costs is not None and self.costs.ndim and len(self.costs) != self.n_pool:
            raise ValueError(f"costs has {len(self.costs)} entries, X_pool has {self.n_pool} rows; give one per row.")
        if budget is not None and not budget >= 0:
            raise ValueError(f"budget must be at least 0, got {budget!r}.")
        self.budget, self.spent, self.n_refused = budget, 0.0, 0
        self.began, self.before = time.perf_counter(), {}
        strategy = learner.query_strategy
        self.ours = isinstance(strategy, QueryStrategy)
        self.name = type(strategy).__name__ if self.ours else getattr(strategy, "__name__", "query")
        if self.rule is not None:
            self.rule.reset()
            n_watched = min(_STOP_ROWS, self.n_pool)
            self.watched = np.sort(np.random.default_rng(0).choice(self.n_pool, n_watched, replace=False))

    def cost_of(self, index):
        """Return what one question costs."""
        if self.costs is None:
            return float(self.oracle.cost_of(index)) if hasattr(self.oracle, "cost_of") else 1.0
        if not self.costs.ndim:
            return float(self.costs)
        index = (index,) if np.ndim(index) == 0 else tuple(index)
        return float(self.costs[index[: self.costs.ndim]])

    def affordable(self, questions):
        """Return those of some questions, in their order, that the budget still pays for together."""
        if self.budget is None:
            return questions
        left, kept = self.budget - self.spent, []
        for question in questions:
            if self.cost_of(question) <= left:
                kept.append(question)
                left -= self.cost_of(question)
        return kept

    def header(self):
        """Describe the run as far as its course depends on it."""
        members = getattr(self.learner, "learner_list", [self.learner])
        X, y = training_rows(self.learner)
        given = {"costs": None if self.costs is None else digest(np.atleast_1d(self.costs)), "budget": self.budget}
        return {
            "format": 1,
            "strategy": describe(self.learner.query_strategy),
            "estimator": [describe(member.estimator) for member in members],
            "n_instances": self.n_instances,
            "X_pool": digest(self.X_pool),
            "X_training": None if X is None else digest(_as_table(X)),
            "y_training": None if X is None else digest(as_answers(y, self.unknown, unlabeled=self.unlabeled)),
            **{name: value for name, value in given.items() if value is not None},
        }

    def collect(self, number, questions, journal, key):
        """Return the answers to questions, those of the journal first; what they cost is spent."""
        kept = [] if journal is None else [record for record in journal.records if record["round"] == number]
        plain = [list(question) if isinstance(question, tuple) else question for question in questions]
        if [record[key] for record in kept] != plain[: len(kept)]:
            raise ValueError(
                f"checkpoint: round {number} now asks for {key}s {plain}, but the journal holds answers for "
                f"{[record[key] for record in kept]}; give estimator and strategy an integer random_state."
            )
        answers = [REFUSED if record.get("refused") else record["answer"] for record in kept]
        for record, question in zip(kept, questions, strict=False):
            self.spent += record.get("cost", self.cost_of(question))
        for question, shown in zip(questions[len(kept) :], plain[len(kept) :], strict=True):
            answer, cost = self.ask(question), self.cost_of(question)
            refused = answer is REFUSED
            if not refused:
                answer = np.asarray(answer).tolist()
                # Before it is kept: a journal that holds a wrong answer would repeat it for ever.
                self.check_answer(answer)
            if journal is not None:
                entry = {"round": number, key: shown, **({"refused": True} if refused else {"answer": answer})}
                journal.append(entry | ({"cost": cost} if self.priced else {}))
            self.spent += cost
            answers.append(answer)
        self.n_refused += sum(answer is REFUSED for answer in answers)
        return answers

    def scores(self):
        """Return what the scorers say; nan while nothing is fitted."""
        found = {}
        for name, scorer in self.scorers.items():
            try:
                found[name] = float(scorer(self.learner))
            except NotFittedError:
                found[name] = float("nan")
        return found

    def money(self):
        """Return the entries of a record about costs and refusals, where there are any."""
        refused = {"n_refused": self.n_refused} if self.n_refused else {}
        return ({"cost": self.spent} if self.priced else {}) | refused

    def start(self):
        """Return the record before the first round, which no rule stops."""
        record = self.first_record()
        self.stops(record)
        return record

    def watch(self, indices):
        """Keep what the learner says about a batch before it learns it."""
        if self.rule is not None:
            self.before = self._opinion(_safe_indexing(self.X_pool, indices), "batch_")

    def stops(self, record):
        """Tell whether the rule ends the loop after this record."""
        if self.rule is None:
            return False
        facts = {
            **record, **self.before, **self._opinion(_safe_indexing(self.X_pool, self.watched), ""), "cost": self.spent,
            "elapsed": time.perf_counter() - self.began, "n_pool": self.n_pool, "pool_size": self.n_left(),
        }  # fmt: skip
        return bool(self.rule.update(facts))

    def _opinion(self, rows, prefix):
        """Return predictions and probabilities of rows, as far as the learner has any."""
        try:
            found = {f"{prefix}predictions": np.asarray(self.learner.predict(rows))}
            if hasattr(getattr(self.learner, "estimator", self.learner), "predict_proba"):
                found[f"{prefix}proba"] = np.asarray(self.learner.predict_proba(rows))
        except NotFittedError:
            return {}
        return found


def _as_table(X):
    return X if hasattr(X, "shape") else np.asarray(X)


class RowRounds(Rounds):
    """Rounds that ask for the labels of rows."""

    def __init__(self, learner, X_pool, oracle, n_instances, **facts):
        super().__init__(learner, X_pool, oracle, n_instances, **facts)
        self.cold = training_rows(learner)[0] is None
        if self.cold and not getattr(learner.query_strategy, "_cold_start", False):
            raise ValueError(
                "learner has no labeled rows yet; fit it on the first ones, or take a strategy that chooses them "
                "itself, such as Herding, TypiClust or RandomSampling."
            )
        self.remaining = np.arange(self.n_pool)
        self.ask, self.n_known_left = oracle, None
        self.n_labeled_known = int(self.is_known(self.labels).sum())
        if not callable(oracle):
            answers = as_answers(oracle, self.unknown, "oracle", unlabeled=self.unlabeled)
            if len(answers) != self.n_pool:
                raise ValueError(f"oracle has {len(answers)} answers, X_pool has {self.n_pool} rows; give one per row.")
            self.ask = answers.__getitem__
            self.n_known_left = int(self.is_known(answers).sum())

    @property
    def labels(self):
        """Labels so far."""
        y = training_rows(self.learner)[1]
        return np.empty(0) if y is None else as_answers(y, self.unknown, unlabeled=self.unlabeled)

    def n_left(self):
        """Return how many rows have not been asked for."""
        return len(self.remaining)

    def can_ask(self):
        """Tell whether a row is left that the budget pays for."""
        return len(self.payable()) > 0

    def payable(self):
        """Return the rows left whose cost the budget still covers."""
        if self.budget is None:
            return self.remaining
        left = self.budget - self.spent
        return np.array([row for row in self.remaining.tolist() if self.cost_of(row) <= left], dtype=np.int64)

    def is_known(self, answers):
        """Return which answers name a known class."""
        answers = as_answers(answers, self.unknown, "oracle", unlabeled=self.unlabeled)
        marks = is_marked(answers, self.unknown) | is_marked(answers, self.unlabeled)
        # Of several labels per row, the row is unknown where all are.
        return ~marks.all(axis=tuple(range(1, marks.ndim)))

    def check_answer(self, answer):
        """Raise for an answer that cannot be learned."""
        answers = as_answers([answer], self.unknown, "oracle", unlabeled=self.unlabeled)
        estimator = unwrap((getattr(self.learner, "learner_list", None) or [self.learner])[0])[1]
        closed = getattr(estimator, "classes", None)
        closed = getattr(estimator, "known_classes", None) if closed is None else closed
        if closed is not None and answers.ndim == 1 and self.is_known([answer])[0] and answer not in list(closed):
            raise ValueError(f"oracle answered {answer!r}, which is none of the estimator's classes {list(closed)!r}.")

    def step(self, number, journal):
        """Run one round and return its record."""
        start = time.perf_counter()
        rows = self.payable()
        size = min(self.n_instances, len(rows))
        if self.ours:
            wanted = {}
            if hasattr(self.learner.query_strategy, "gamma") and hasattr(self.learner.query_strategy, "method"):
                costs = [self.cost_of(row) for row in range(self.n_pool)]
                wanted = {"cost": costs, "budget": None if self.budget is None else self.budget - self.spent}
            indices = self.learner.query(self.X_pool, n_instances=size, candidates=rows, **wanted)[0]
        else:
            chosen = self.learner.query(_safe_indexing(self.X_pool, rows), n_instances=size)[0]
            indices = rows[np.atleast_1d(chosen)]
        indices = np.array(self.affordable(indices.tolist()), dtype=np.int64)
        seconds = time.perf_counter() - start
        answers = self.collect(number, indices.tolist(), journal, "row")
        start = time.perf_counter()
        self.watch(indices)
        self.teach(indices, answers)
        seconds += time.perf_counter() - start
        self.remaining = np.setdiff1d(self.remaining, indices)
        return self.record(number, indices, answers, seconds)

    def teach(self, indices, answers):
        """Give the learner the rows that were answered."""
        told = [position for position, answer in enumerate(answers) if answer is not REFUSED]
        if not told:
            return
        y = as_answers([answers[position] for position in told], self.unknown, "oracle", unlabeled=self.unlabeled)
        X = _safe_indexing(self.X_pool, indices[told])
        labels = y if not len(self.labels) else join_labels(self.labels, y, self.unknown, self.unlabeled)
        # A classifier cannot learn while all labels are of one class.
        alone = self.cold and labels.ndim == 1 and len(set(labels[self.is_known(labels)].tolist())) < 2
        if alone:
            self.learner.teach(X, y, train=False)
        else:
            self.learner.teach(X, y)

    def first_record(self):
        """Return the record of the start."""
        return self.record(0, np.empty(0, dtype=np.int64), [], 0.0)

    def record(self, number, indices, answers, seconds):
        """Return the history's entry for a round, and count what it found."""
        known = self.is_known([answer for answer in answers if answer is not REFUSED])
        precision = recall = float("nan")
        if len(known):
            precision = float(known.mean())
        if len(known) and self.n_known_left is not None:
            recall = query_precision_recall(
                known, n_labeled_known=self.n_labeled_known, n_pool_known=self.n_known_left
            )[1]
            self.n_known_left -= int(known.sum())
        self.n_labeled_known += int(known.sum())
        return {
            "round": number,
            "n_labeled": len(self.labels),
            **self.scores(),
            "indices": indices,
            "answers": answers,
            "n_known": int(known.sum()),
            "n_unknown": int((~known).sum()),
            "query_precision": precision,
            "query_recall": recall,
            "seconds": seconds,
            **self.money(),
        }
