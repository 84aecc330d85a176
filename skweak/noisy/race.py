"""Candidates judged fold by fold on noisy labels, with a clock: the engine of `AutoNoisyClassifier`."""

import time
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import check_scoring, roc_auc_score
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from skweak.metrics import Estimate, estimate_transition_matrix
from skweak.metrics.intervals import accuracy_interval, corrected_interval


def is_near_symmetric(matrix, sizes, tolerance=0.1):
    """Tell whether a transition matrix is that of noise which strikes all classes alike, but for chance.

    Parameters
    ----------
    matrix : ndarray of shape (C, C)
        Transition matrix; rows sum to 1.
    sizes : ndarray of shape (C,)
        Rows by which each of its rows was estimated.
    tolerance : float, default=0.1
        Difference to the symmetric matrix of the same mean diagonal that is always allowed; two standard errors of an
        entry come on top.
    """
    n_classes, keep = len(matrix), matrix.diagonal().mean()
    symmetric = np.full((n_classes, n_classes), (1 - keep) / (n_classes - 1))
    np.fill_diagonal(symmetric, keep)
    chance = np.sqrt(symmetric * (1 - symmetric) / np.maximum(sizes, 1)[:, None])
    return bool((np.abs(matrix - symmetric) <= tolerance + 2 * chance).all())


# Rows below which one fold tells too little to drop a candidate, and all folds are cheap.
_FEW = 300


class Race:
    """Out-of-fold probabilities of each candidate, and who goes on.

    Attributes
    ----------
    proba : dict of str to ndarray of shape (n, C)
        nan where the candidate has not judged the row.
    folds, seconds, notes : dict
        Folds judged, seconds of each fit, and what went wrong, by name.
    """

    def __init__(self, candidates, X, y, classes, splits):
        self.candidates, self.X, self.y, self.classes, self.splits = candidates, X, y, classes, splits
        self.proba = {name: np.full((len(y), len(classes)), np.nan) for name in candidates}
        self.folds, self.seconds = dict.fromkeys(candidates, 0), {name: [] for name in candidates}
        self.notes, self.errors = dict.fromkeys(candidates, ""), []

    def run(self, n_jobs, deadline, scoring, least, quiet):
        """Judge everybody on the first fold and the better half, but ``least``, on the others."""
        names = list(self.candidates)
        fits = len(names) + (len(self.splits) - 1) * self._half(names, least) if self.splits else 0
        # The default of disable=None is silence where the output is no terminal.
        with tqdm(total=fits, desc="candidates", unit="fit", disable=True if quiet else None) as bar:
            for number, (train, test) in enumerate(self.splits):
                # Whatever the clock says, the first fit is made.
                limits = [np.inf if number == 0 and name == names[0] else deadline for name in names]
                tasks = (
                    delayed(_judge)(self.candidates[name], self.X, self.y, self.classes, train, test, limit)
                    for name, limit in zip(names, limits, strict=True)
                )
                answers = Parallel(n_jobs=n_jobs, return_as="generator")(tasks)
                for name, (answer, seconds, error) in zip(names, answers, strict=True):
                    bar.set_postfix_str(name)
                    bar.update()
                    self._keep(name, test, answer, seconds, error)
                names = [name for name in names if self.folds[name] == number + 1]
                if number == 0 and names:
                    names = self.ranking(scoring, names)[0][: self._half(names, least)]
                    # Cheap ones first again, in case the time runs out.
                    names.sort(key=list(self.candidates).index)
        if len(self.errors) == len(self.candidates):
            raise self.errors[0]
        failed = [name for name, note in self.notes.items() if note.startswith("failed")]
        if failed:
            listed = "; ".join(f"{name} {self.notes[name]}" for name in failed)
            warnings.warn(f"Some candidates cannot be used here: {listed}.", UserWarning, stacklevel=3)

    def _half(self, names, least):
        """Return how many of the names go on after the first fold."""
        if len(self.y) < _FEW:
            return len(names)
        return max(-(-len(names) // 2), min(least, len(names)))

    def _keep(self, name, test, answer, seconds, error):
        if answer is not None:
            self.proba[name][test] = answer
            self.folds[name] += 1
            self.seconds[name].append(seconds)
        elif error is None:
            self.notes[name] = "no time left to judge it"
        else:
            self.notes[name] = f"failed with {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            self.errors.append(error)

    def ranking(self, scoring, names=None):
        """Return the names from best to worst, more folds first, and score with interval and plain accuracy of each.

        With scoring="auto" those whose score lies within the interval of the best one are ordered by the area under the
        ROC curve, which reads all probabilities and not only whether the largest is right.
        """
        names = [name for name in self.candidates if self.folds[name]] if names is None else names
        most = max((self.folds[name] for name in names), default=0)
        matrix = self._matrix([name for name in names if self.folds[name] == most]) if scoring == "auto" else None
        scores = {name: self._score(name, scoring, matrix) for name in names}
        order = sorted(names, key=lambda name: (-self.folds[name], -scores[name][0].value))
        if scoring == "auto" and order:
            low = scores[order[0]][0].low
            even = [name for name in order if self.folds[name] == most and scores[name][0].value >= low]
            order[: len(even)] = sorted(even, key=self._area, reverse=True)
        return order, scores

    def _area(self, name):
        """Return the area under the ROC curve of the given labels, each class against the others, by their rows."""
        rows = self._judged(name)
        given = self.y[rows, None] == self.classes
        judged = given.any(axis=0) & ~given.all(axis=0)
        if not judged.any():
            return 0.5
        return roc_auc_score(given[:, judged], self.proba[name][rows][:, judged], average="weighted")

    def _matrix(self, names):
        """Return the transition matrix that all candidates are judged by, None where the noise is near symmetric."""
        if not names:
            return None
        rows = self._judged(names[0])
        hits = [np.mean(self.classes[self.proba[name][rows].argmax(1)] == self.y[rows]) for name in names]
        # The better half together know more than one of them, and none is its own judge.
        best = np.argsort(hits)[len(names) // 2 :]
        proba = np.mean([self.proba[names[index]][rows] for index in best], axis=0)
        matrix = estimate_transition_matrix(self.y[rows], proba, classes=self.classes)
        confident = np.bincount(proba.argmax(1), minlength=len(self.classes))
        return None if is_near_symmetric(matrix, confident) else matrix

    def _judged(self, name):
        return np.flatnonzero(~np.isnan(self.proba[name]).any(axis=1))

    def _score(self, name, scoring, matrix):
        rows = self._judged(name)
        given, answers = self.y[rows], _Answers(self.proba[name][rows], self.classes)
        predicted = answers.predict()
        plain = accuracy_interval(np.sum(predicted == given), len(rows))
        if scoring != "auto":
            value = check_scoring(answers, scoring)(answers, _safe_indexing(self.X, rows), given)
            return Estimate(float(value), np.nan, np.nan), plain.value
        if matrix is None:
            return plain, plain.value
        return corrected_interval(given, predicted, matrix, self.classes), plain.value

    def refit(self, order, scores, average, end):
        """Return the best, fitted to all rows, by name: at most ``average``, none told apart from the best."""
        chosen = {}
        for name in order:
            if len(chosen) == average:
                break
            if chosen and scores[name][0].value < scores[next(iter(chosen))][0].low:
                break
            if chosen and self.folds[name] < self.folds[next(iter(chosen))]:
                break
            if time.time() + self._expected(name) > end:
                self.notes[name] = "no time left to fit it to all rows"
                continue
            self._fit(name, chosen)
        # Without time for any of them, the quickest; without any that a fold could judge, the first that works.
        for name in sorted(order, key=self._expected) if order else self.candidates:
            if chosen:
                break
            self._fit(name, chosen)
        if not chosen:
            raise self.errors[0]
        return chosen

    def _expected(self, name):
        return np.mean(self.seconds[name]) * len(self.y) / np.mean([len(train) for train, _ in self.splits])

    def _fit(self, name, chosen):
        try:
            chosen[name] = clone(self.candidates[name]).fit(self.X, self.y)
        except Exception as error:
            self._keep(name, None, None, None, error)

    def lines(self, order, scores, chosen):
        """Return the leaderboard as columns."""
        names = order + [name for name in self.candidates if name not in order]
        nothing = (Estimate(np.nan, np.nan, np.nan), np.nan)
        for name in chosen:
            self.notes[name] = "chosen"
        found = [scores.get(name, nothing) for name in names]
        return {
            "candidate": names,
            "score": [score.value for score, _ in found],
            "low": [score.low for score, _ in found],
            "high": [score.high for score, _ in found],
            "accuracy": [plain for _, plain in found],
            "folds": [self.folds[name] for name in names],
            "seconds": [float(sum(self.seconds[name])) for name in names],
            "note": [self.notes[name] for name in names],
        }


class _Answers(ClassifierMixin, BaseEstimator):
    """Out-of-fold probabilities, in the form that scorers ask."""

    def __init__(self, proba=None, classes=None):
        self.proba, self.classes, self.classes_ = proba, classes, classes

    def fit(self, X, y):
        return self

    def predict(self, X=None):
        return self.classes_[self.proba.argmax(axis=1)]

    def predict_proba(self, X=None):
        return self.proba


def probabilities(estimator, X, classes):
    """Return the probabilities of all classes (n, C); a class that the classifier has not met has 0."""
    known = estimator.predict_proba(X)
    proba = np.zeros((len(known), len(classes)))
    proba[:, np.searchsorted(classes, estimator.classes_)] = known
    return proba


def _judge(candidate, X, y, classes, train, test, limit):
    """Return the probabilities of the rows left out, the seconds and the error; all None if it is too late."""
    start = time.time()
    if start > limit:
        return None, None, None
    try:
        with warnings.catch_warnings():
            # Those that are chosen are fitted again, and say then what they have to say.
            warnings.simplefilter("ignore")
            fitted = clone(candidate).fit(_safe_indexing(X, train), y[train])
            return probabilities(fitted, _safe_indexing(X, test), classes), time.time() - start, None
    except Exception as error:
        return None, None, error
