"""Annotators who know, or else answer without looking."""

import math

import numpy as np
from scipy.special import digamma, softmax

from skweak.crowd.answers import read_answers
from skweak.crowd.consensus import iterate, make_consensus
from skweak.losses._checks import check_interval
from skweak.utils._checks import check_count


def mace(answers, *, classes=None, missing=-1, knowing=(0.5, 0.5), spamming=10.0, max_iter=1000, tol=1e-4):
    """Merge answers by how often each annotator knows the class instead of answering from habit.

    Finds people who click the same button. Best where some of the crowd spam; it has as many parameters per annotator
    as classes, between :func:`one_coin` and :func:`dawid_skene`.

    Parameters
    ----------
    answers, classes, missing
        As in :func:`majority_vote`.
    knowing : pair of floats > 0, default=(0.5, 0.5)
        Known and unknown answers added to those of each annotator (the beta prior); larger is steadier.
    spamming : float > 0, default=10.0
        Pseudo-count of every class in the habit of each annotator; larger makes habits even.
    max_iter : int >= 1, default=1000
        Largest number of iterations; a warning is given when it is reached.
    tol : float >= 0, default=1e-4
        Stop when no posterior changes by this much or more.

    Returns
    -------
    Consensus
        With ``annotator_quality`` the probability of knowing, and ``details["habit"]`` (A, C), what is answered
        otherwise.

    Notes
    -----
    ``P(a says l | k) = know_a [l = k] + (1 - know_a) habit_a[l]``, classes alike beforehand, by variational Bayes from
    the vote.

    References
    ----------
    Hovy et al., Learning whom to trust with MACE, 2013.

    Examples
    --------
    >>> from skweak.crowd import mace
    >>> result = mace([["a", "a", "a"], ["b", "b", "a"], ["b", "b", "a"], ["a", "a", "a"], ["b", "b", "a"]])
    >>> bool(result.annotator_quality[2] < 0.5 * result.annotator_quality[0])
    True
    """
    known, unknown = knowing
    for value in (known, unknown):
        check_interval(value, "knowing", 0, math.inf, include_low=False, include_high=False)
    check_interval(spamming, "spamming", 0, math.inf, include_low=False, include_high=False)
    check_interval(tol, "tol", 0, math.inf, include_high=False)
    check_count(max_iter, "max_iter", 1)
    answers = read_answers(answers, classes=classes, missing=missing)
    _, n_workers, n_classes = answers.shape
    cell, count = answers.worker * n_classes + answers.code, answers.by_worker(None)
    # At first an answer is known as far as the others agree with it.
    share = [np.full(len(cell), 0.5)]

    def step(posterior):
        knew = answers.pick(posterior) * share[0]
        known_count = answers.by_worker(knew)
        habits = np.bincount(cell, 1 - knew, minlength=n_workers * n_classes).reshape(n_workers, n_classes)
        # Exponents of expected logarithms, as variational Bayes has it.
        know = np.exp(digamma(known_count + known) - digamma(count + known + unknown))
        guess = np.exp(digamma(count - known_count + unknown) - digamma(count + known + unknown))
        habit = np.exp(digamma(habits + spamming) - digamma(habits.sum(1, keepdims=True) + n_classes * spamming))
        # Alike for all answers of one annotator and class.
        ratio = (know[:, None] / np.maximum(guess[:, None] * habit, 1e-300)).ravel()
        share[0] = (ratio / (1 + ratio)).take(cell)
        fitted = softmax(answers.table(np.log1p(ratio).take(cell)), axis=1)
        return fitted, (known_count + known) / (count + known + unknown), habits + spamming

    (posterior, know, habits), n_iter = iterate(step, answers.proportions(), max_iter, tol, "mace")
    habit = habits / habits.sum(axis=1, keepdims=True)
    confusion = know[:, None, None] * np.eye(n_classes) + (1 - know)[:, None, None] * habit[:, None, :]
    return make_consensus(
        answers, posterior, annotator_quality=know, prior=np.full(n_classes, 1 / n_classes), confusion=confusion,
        details={"habit": habit}, n_iter=n_iter,
    )  # fmt: skip
