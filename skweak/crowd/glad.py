"""Annotators of different skill on tasks of different difficulty."""

import math

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, softmax

from skweak.crowd.answers import read_answers
from skweak.crowd.consensus import iterate, make_consensus
from skweak.losses._checks import check_interval
from skweak.utils._checks import check_count

# Beyond it the probability of a right answer is 0 or 1 in double precision.
_LARGEST = 30.0


def glad(answers, *, classes=None, missing=-1, prior=(1.0, 1.0), max_iter=100, tol=1e-3, newton_iter=10):
    """Merge answers by the skill of each annotator and the difficulty of each task.

    Two numbers explain every answer, one of the annotator and one of the task, so that a wrong answer to a hard task
    is held against nobody. Tasks need several answers each, or their difficulty is what was assumed.

    Parameters
    ----------
    answers, classes, missing
        As in :func:`majority_vote`.
    prior : pair of floats, default=(1.0, 1.0)
        Means of skill and log easiness before any answer; both have variance 1.
    max_iter : int >= 1, default=100
        Largest number of iterations; a warning is given when it is reached.
    tol : float >= 0, default=1e-3
        Stop when no posterior changes by this much or more.
    newton_iter : int >= 1, default=10
        Quasi-Newton steps between two posteriors; more of them take longer and need fewer iterations.

    Returns
    -------
    Consensus
        With ``details["skill"]`` (A,), negative of who is wrong more often than by chance, and ``details["easiness"]``
        (n,), positive; ``annotator_quality`` is the mean probability of a right answer.

    Notes
    -----
    ``P(a answers i rightly) = sigmoid(skill_a * easiness_i)``, the other classes share the rest, classes are alike
    beforehand. The start is the vote.

    References
    ----------
    Whitehill et al., Whose vote should count more, 2009.

    Examples
    --------
    >>> from skweak.crowd import glad
    >>> result = glad([[0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 0, 1]])
    >>> result.label.tolist(), bool(result.details["skill"][2] < result.details["skill"][0])
    ([0, 1, 1, 0], True)
    """
    skill_mean, easiness_mean = prior
    for value in (skill_mean, easiness_mean):
        check_interval(value, "prior", -_LARGEST, _LARGEST)
    check_interval(tol, "tol", 0, math.inf, include_high=False)
    check_count(max_iter, "max_iter", 1)
    check_count(newton_iter, "newton_iter", 1)
    answers = read_answers(answers, classes=classes, missing=missing)
    n_tasks, n_workers, n_classes = answers.shape
    worker, task, log_others = answers.worker, answers.task, math.log(max(1, n_classes - 1))
    start = np.r_[np.full(n_workers, skill_mean), np.full(n_tasks, easiness_mean)].astype(float)
    parameters = [start.copy()]

    def loss(values, right):
        skill, log_easiness = values[:n_workers], values[n_workers:]
        easiness = np.exp(np.clip(log_easiness, -_LARGEST, _LARGEST))[task]
        product = np.clip(skill[worker] * easiness, -_LARGEST, _LARGEST)
        residual = right - expit(product)
        by_task = np.bincount(task, residual * product, minlength=n_tasks)
        slope = np.r_[answers.by_worker(residual * easiness), by_task] - (values - start)
        # log sigmoid(-x) = log sigmoid(x) - x; the share of the wrong classes does not depend on the parameters.
        value = (log_expit(product) - (1 - right) * product).sum() - 0.5 * ((values - start) ** 2).sum()
        return -value, -slope

    def step(posterior):
        right = answers.pick(posterior)
        fitted = minimize(loss, parameters[0], (right,), "L-BFGS-B", True, options={"maxiter": newton_iter})
        parameters[0] = fitted.x
        skill, log_easiness = fitted.x[:n_workers], fitted.x[n_workers:]
        product = skill[worker] * np.exp(np.clip(log_easiness, -_LARGEST, _LARGEST))[task]
        product = np.clip(product, -_LARGEST, _LARGEST)
        # log p - log((1 - p) / (C - 1)): what a class gains when it was said.
        return softmax(answers.table(product + log_others), axis=1), product

    (posterior, product), n_iter = iterate(step, answers.proportions(), max_iter, tol, "glad")
    skill, log_easiness = parameters[0][:n_workers], parameters[0][n_workers:]
    quality = answers.by_worker(expit(product)) / np.maximum(answers.by_worker(None), 1)
    details = {"skill": skill, "easiness": np.exp(np.clip(log_easiness, -_LARGEST, _LARGEST))}
    return make_consensus(
        answers, posterior, annotator_quality=quality, prior=np.full(n_classes, 1 / n_classes), details=details,
        n_iter=n_iter,
    )  # fmt: skip
