"""One probability of being right per annotator."""

import math

import numpy as np
from scipy.special import softmax

from skweak.crowd.answers import normalise, read_answers
from skweak.crowd.consensus import iterate, make_consensus
from skweak.losses._checks import check_interval
from skweak.utils._checks import check_count


def one_coin(answers, *, classes=None, missing=-1, smoothing=0.01, max_iter=1000, tol=1e-4):
    """Merge answers by how often each annotator is right, all wrong answers being alike.

    The model of Dawid and Skene with a single number per annotator: much less to estimate, so that a few answers each
    are enough.

    Parameters
    ----------
    answers, classes, missing
        As in :func:`majority_vote`.
    smoothing : float >= 0, default=0.01
        Right and wrong answers added to those of each annotator, which pulls towards one half.
    max_iter : int >= 1, default=1000
        Largest number of iterations; a warning is given when it is reached.
    tol : float >= 0, default=1e-4
        Stop when no posterior changes by this much or more.

    Returns
    -------
    Consensus
        With ``annotator_quality`` the probability of being right.

    Notes
    -----
    ``posterior[i, k] ∝ prior[k] * product of q_a where a said k, and (1 - q_a) / (C - 1) where not``; ``q_a`` is the
    mean posterior of what ``a`` said. The start is the vote.

    References
    ----------
    Zhang et al., arXiv:1406.3824.

    Examples
    --------
    >>> from skweak.crowd import one_coin
    >>> one_coin([[0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 0, 1]]).annotator_quality.round(1).tolist()
    [1.0, 1.0, 0.3]
    """
    check_interval(smoothing, "smoothing", 0, math.inf, include_high=False)
    check_interval(tol, "tol", 0, math.inf, include_high=False)
    check_count(max_iter, "max_iter", 1)
    answers = read_answers(answers, classes=classes, missing=missing)
    others = max(1, len(answers.classes) - 1)
    count = answers.by_worker(None)

    def step(posterior):
        prior = normalise(posterior.sum(axis=0) + smoothing)
        right = answers.by_worker(answers.pick(posterior))
        with np.errstate(invalid="ignore", divide="ignore"):
            quality = (right + smoothing) / (count + 2 * smoothing)
        quality = np.clip(np.where(count + smoothing > 0, quality, 0.5), 1e-10, 1 - 1e-10)
        # What a class gains when it was said; the factor of not being said is common to all classes.
        gain = np.log(quality) - np.log1p(-quality) + math.log(others)
        return softmax(np.log(prior) + answers.table(gain.take(answers.worker)), axis=1), prior, quality

    with np.errstate(divide="ignore"):
        (posterior, prior, quality), n_iter = iterate(step, answers.proportions(), max_iter, tol, "one_coin")
    return make_consensus(answers, posterior, prior=prior, annotator_quality=quality, n_iter=n_iter)
