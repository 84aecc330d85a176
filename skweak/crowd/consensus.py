"""What a crowd settles on, and the loop that models of annotators share."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning


@dataclass(frozen=True)
class Consensus:
    """Merged answers of n tasks by A annotators, with C classes.

    Attributes
    ----------
    label : ndarray of shape (n,)
        Consensus in the user's classes: the largest posterior, the first class in a tie.
    posterior : ndarray of float64 of shape (n, C)
        Probability of each class; rows sum to 1. A task without answers has the class prior.
    quality : ndarray of shape (n,)
        Probability of ``label``, in [0, 1].
    n_answers : ndarray of int of shape (n,)
        Answers of each task; 0 means that ``label`` is a guess.
    annotator_quality : ndarray of shape (A,)
        Probability of a right answer, in [0, 1]; nan of an annotator without answers.
    classes, tasks, workers : ndarray
        Names of the columns of ``posterior``, of its rows, and of the annotators.
    confusion : ndarray of shape (A, C, C) or None
        Entry [a, k, l]: probability that a says l when k is true, where the model has one.
    prior : ndarray of shape (C,)
        Class frequencies.
    details : dict
        Further parameters of the model by name.
    n_iter : int
        Iterations run.
    """

    label: np.ndarray
    posterior: np.ndarray
    quality: np.ndarray
    n_answers: np.ndarray
    annotator_quality: np.ndarray
    classes: np.ndarray
    tasks: np.ndarray
    workers: np.ndarray
    prior: np.ndarray
    confusion: np.ndarray | None = None
    details: dict | None = None
    n_iter: int = 0


def make_consensus(answers, posterior, *, annotator_quality=None, prior=None, label=None, **more):
    """Return the `Consensus` of a posterior (n, C), whose annotators are judged by it unless they are judged yet."""
    if annotator_quality is None:
        annotator_quality = mean_of(answers, answers.pick(posterior))
    else:
        annotator_quality = np.where(answers.by_worker(None) > 0, annotator_quality, np.nan)
    code = posterior.argmax(axis=1) if label is None else label
    return Consensus(
        label=answers.classes[code], posterior=posterior, quality=posterior[np.arange(len(code)), code],
        n_answers=answers.n_answers, annotator_quality=annotator_quality, classes=answers.classes,
        tasks=answers.tasks, workers=answers.workers, prior=posterior.mean(axis=0) if prior is None else prior, **more,
    )  # fmt: skip


def mean_of(answers, values):
    """Return the mean of values (E,) over the answers of each annotator (A,), nan without answers."""
    count = answers.by_worker(None)
    return np.where(count > 0, answers.by_worker(values) / np.maximum(count, 1), np.nan)


def iterate(step, posterior, max_iter, tol, name):
    """Repeat ``posterior, *rest = step(posterior)`` until nothing moves by ``tol``; return the last and the count."""
    change, n_iter, result = np.inf, 0, None
    while change >= tol and n_iter < max_iter:
        result = step(posterior)
        change, posterior = np.abs(result[0] - posterior).max(), result[0]
        n_iter += 1
    if change >= tol:
        warnings.warn(
            f"{name} stopped at max_iter={max_iter} while posteriors moved by {change:.3g}, at least tol={tol}; raise "
            "max_iter or tol.", ConvergenceWarning, stacklevel=3,
        )  # fmt: skip
    return result, n_iter
