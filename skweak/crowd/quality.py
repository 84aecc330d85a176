"""How sure a consensus is, from the answers and any model's probabilities."""

import numpy as np

from skweak.crowd.answers import read_answers
from skweak.crowd.consensus import make_consensus, mean_of
from skweak.utils._checks import as_proba, check_row_count

# No weight is quite zero, so that the only answer of a bad annotator still counts for something.
_LEAST = 1e-6


def crowd_label_quality(answers, proba, *, classes=None, missing=-1):
    """Weigh a crowd's answers against a model's probabilities, and grade consensus and annotators.

    A model that generalises from all tasks is one more voice, of a weight that follows from how often it agrees with
    the crowd. It decides where answers are few, and hardly counts where they are many.

    Parameters
    ----------
    answers, classes, missing
        As in :func:`majority_vote`.
    proba : array-like of shape (n, C)
        Probabilities of any classifier for each task, out of fold: rows it was fitted on flatter it. Columns in the
        order of ``classes``, rows in that of the tasks.

    Returns
    -------
    Consensus
        ``quality`` grades the consensus ``label`` of each task and ``annotator_quality`` each annotator, in [0, 1];
        ``details`` has ``annotator_weight`` (A,) and ``model_weight``. A task without answers has the model's label.

    Raises
    ------
    ValueError
        If ``proba`` has another number of rows or columns, or rows that do not sum to 1.

    Notes
    -----
    Every answer is a distribution: its class has the mean agreement of annotators with each other, the rest is shared.
    The posterior is the mean of these and of the model's probabilities, weighted by ``1 - error / error of always
    saying the most frequent class``; errors of annotators are disagreements with others, the model's are those with
    the vote, and its weight grows with the square root of the mean number of answers. Only tasks with two answers or
    more tell of agreement.

    References
    ----------
    Goh et al., arXiv:2210.06812.

    Examples
    --------
    >>> from skweak.crowd import crowd_label_quality
    >>> proba = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    >>> crowd_label_quality([[0, 0], [1, -1], [0, 1]], proba).label.tolist()
    [0, 1, 0]
    """
    answers = read_answers(answers, classes=classes, missing=missing)
    n_tasks, n_workers, n_classes = answers.shape
    proba = np.ones((n_tasks, 1)) if n_classes == 1 else as_proba(proba).astype(np.float64)
    check_row_count(proba, "proba", n_tasks)
    if proba.shape[1] != n_classes:
        raise ValueError(f"proba has {proba.shape[1]} columns, but there are {n_classes} classes; name them: classes=.")
    votes, count = answers.table(), answers.n_answers
    # Ties of the vote go to the model's class.
    vote = (votes + 0.5 * proba).argmax(axis=1)
    several = (count > 1)[answers.task]
    same = np.where(several, (votes[answers.task, answers.code] - 1) / np.maximum(count[answers.task] - 1, 1), 0)
    judged, pairs = answers.by_worker(several), several.sum()
    agreement = same.sum() / pairs if pairs else 1.0
    # An annotator whom nobody checked is as good as the others.
    own = np.where(judged > 0, answers.by_worker(same) / np.maximum(judged, 1), agreement)
    shared = count > 1
    shared = shared if shared.any() else count > 0
    frequent = np.bincount(vote[shared], minlength=n_classes).max() / shared.sum()
    naive = max(1 - frequent, _LEAST)
    weight = np.maximum(1 - (1 - own) / naive, _LEAST)
    hit = (proba.argmax(axis=1) == vote)[shared].mean()
    model = max(1 - (1 - hit) / naive, _LEAST) * np.sqrt(count[count > 0].mean())
    # The class that was said has probability `agreement`, each other one an equal part of the rest.
    rest = (1 - agreement) / max(1, n_classes - 1)
    given = weight[answers.worker]
    total = np.bincount(answers.task, given, minlength=n_tasks)[:, None]
    mixed = answers.table(given) * (agreement - rest) + total * rest + model * proba
    posterior = mixed / mixed.sum(axis=1, keepdims=True)
    label = posterior.argmax(axis=1)
    # How good an annotator is: the quality of what was said, and agreement with the consensus where others answered.
    with_consensus = answers.by_worker(several * (label[answers.task] == answers.code)) / np.maximum(judged, 1)
    of_labels = mean_of(answers, posterior[answers.task, answers.code])
    mean_total = total[count > 0].mean()
    trust = np.where(judged > 0, model / (model + mean_total), 1.0)
    quality = trust * of_labels + (1 - trust) * with_consensus
    return make_consensus(
        answers, posterior, annotator_quality=quality, details={"annotator_weight": weight, "model_weight": model}
    )
