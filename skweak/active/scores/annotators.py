"""Several annotators: who is right how often, and whom to ask what."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import betainc, stdtrit

from skweak.active.scores.coverage import squared_distances
from skweak.utils._checks import as_array, as_proba, check_count


def _as_votes(labels):
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or labels.min(initial=0) < -1:
        raise ValueError("labels must be a matrix (n, A) of integers, -1 where an annotator was not asked.")
    return labels.astype(np.int64)


def vote_counts(labels, n_classes):
    """Return how many annotators gave each class (n, C)."""
    return (labels[:, :, None] == np.arange(n_classes)).sum(axis=1)


def majority(labels):
    """Return the most frequent answer of each row, the smallest of several; -1 without an answer.

    Examples
    --------
    >>> majority(np.array([[1, 1, 0], [2, -1, -1], [-1, -1, -1]]))
    array([ 1,  2, -1])
    """
    labels = _as_votes(labels)
    counts = vote_counts(labels, int(labels.max(initial=0)) + 1)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def weighted_consensus(labels, n_classes, *, n_steps=10):
    """Return an estimate of the truth (n, C) in which better annotators count more.

    Every annotator has one accuracy, estimated in turn with the truth; uniform where nobody answered.

    Examples
    --------
    >>> weighted_consensus(np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1], [-1, -1, -1]]), 2).round(1).tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]
    """
    labels = _as_votes(labels)
    asked = labels >= 0
    votes = vote_counts(labels, n_classes) + 1e-9
    posterior = votes / votes.sum(axis=1, keepdims=True)
    answered = asked.any(axis=1)
    for _ in range(n_steps if answered.any() else 0):
        agree = np.take_along_axis(posterior, np.maximum(labels, 0), axis=1) * asked
        accuracy = np.clip((agree.sum(axis=0) + 1) / (asked.sum(axis=0) + 2), 0.05, 0.99)
        weight = np.log(accuracy * max(1, n_classes - 1) / (1 - accuracy))
        prior = (posterior[answered].sum(axis=0) + 1) / (answered.sum() + n_classes)
        log_chance = np.tile(np.log(prior), (len(labels), 1))
        for name in range(n_classes):
            log_chance[:, name] += ((labels == name) * weight).sum(axis=1)
        log_chance -= log_chance.max(axis=1, keepdims=True)
        posterior = np.exp(log_chance) / np.exp(log_chance).sum(axis=1, keepdims=True)
    posterior[~answered] = 1 / n_classes
    return posterior


def interval_estimate(labels, posterior, *, alpha=0.05):
    """Return an upper bound of each annotator's accuracy: how good the annotator may be, given so few answers.

    Parameters
    ----------
    labels : array of shape (n, A)
        Classes, -1 where an annotator was not asked.
    posterior : array of shape (n, C)
        Estimate of the truth; its largest class is the consensus.
    alpha : float in (0, 1), default=0.05
        Two-sided level of the interval. The smaller, the more those with few answers are tried.

    Returns
    -------
    array of shape (A,)
        Mean agreement plus its error. Two pseudo-answers, one right and one wrong, are counted for everybody.

    References
    ----------
    P. Donmez, J. Carbonell and J. Schneider, "Efficiently learning the accuracy of labeling sources for selective
    sampling", KDD 2009.

    Examples
    --------
    >>> labels = np.array([[0, 1], [1, 1], [0, -1]])
    >>> interval_estimate(labels, np.eye(2)[[0, 1, 0]]).round(2)
    array([1.36, 1.42])
    """
    labels, posterior = _as_votes(labels), as_proba(posterior, "posterior")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha!r}.")
    asked = labels >= 0
    right = (labels == posterior.argmax(axis=1)[:, None]) & asked
    n = asked.sum(axis=0) + 2
    mean = (right.sum(axis=0) + 1) / n
    deviation = np.sqrt(mean * (1 - mean) * n / (n - 1))
    return mean + stdtrit(n - 1, 1 - alpha / 2) * deviation / np.sqrt(n)


def relabel_uncertainty(votes):
    """Return how likely the second class is the right one: whether a row should be asked again.

    Parameters
    ----------
    votes : array of shape (n, C)
        Votes for each class.

    Returns
    -------
    array of shape (n,)
        ``I_0.5(v1 + 1, v2 + 1)`` of the two largest counts; 0.5 without votes or with equal ones.

    References
    ----------
    V. Sheng, F. Provost and P. Ipeirotis, "Get another label?", KDD 2008.

    Examples
    --------
    >>> relabel_uncertainty(np.array([[0, 0], [1, 0], [3, 0]])).round(4)
    array([0.5   , 0.25  , 0.0625])
    """
    top = np.sort(as_array(votes, "votes", 2), axis=1)[:, ::-1]
    second = top[:, 1] if top.shape[1] > 1 else np.zeros(len(top))
    return betainc(top[:, 0] + 1, second + 1, 0.5)


def labeler_quality(features, labels, posterior, queries, *, n_neighbors=10, prior_strength=2.0):
    """Return how well each annotator does near some rows.

    Parameters
    ----------
    features : array of shape (n, d)
        Rows with answers.
    labels : array of shape (n, A)
        Classes, -1 where an annotator was not asked.
    posterior : array of shape (n, C)
        Estimate of the truth.
    queries : array of shape (q, d)
        Rows asked about.
    n_neighbors : int, default=10
        Answered rows that tell; more look at a wider surrounding.
    prior_strength : float > 0, default=2.0
        Neighbours that the overall accuracy counts for; the larger, the less the place matters.

    Returns
    -------
    array of shape (q, A)
        In [0, 1].

    References
    ----------
    S.-J. Huang, J.-L. Chen, X. Mu and Z.-H. Zhou, "Cost-effective active learning from diverse labelers", IJCAI 2017.

    Examples
    --------
    >>> features, labels = np.array([[0.0], [1.0]]), np.array([[0, 1], [1, 1]])
    >>> labeler_quality(features, labels, np.eye(2), np.array([[0.0]]), n_neighbors=1).round(3)
    array([[1.   , 0.333]])
    """
    features, queries = as_array(features, "features", 2), as_array(queries, "queries", 2)
    labels, posterior = _as_votes(labels), as_proba(posterior, "posterior").astype(np.float64)
    check_count(n_neighbors, "n_neighbors", 1)
    if not prior_strength > 0:
        raise ValueError(f"prior_strength must be larger than 0, got {prior_strength!r}.")
    asked = labels >= 0
    agree = np.where(asked, np.take_along_axis(posterior, np.maximum(labels, 0), axis=1), 0.0)
    # One right and one wrong answer more, so that nobody starts at 0 or 1.
    overall = np.where(asked.any(axis=0), agree.sum(axis=0) / np.maximum(asked.sum(axis=0), 1), 0.5)
    result = np.empty((len(queries), labels.shape[1]))
    for annotator in range(labels.shape[1]):
        rows = np.flatnonzero(asked[:, annotator])
        result[:, annotator] = overall[annotator]
        if not len(rows):
            continue
        k, size = min(n_neighbors, len(rows)), max(1, 2**23 // len(rows))
        for start in range(0, len(queries), size):
            part = slice(start, start + size)
            squared = squared_distances(queries[part], features[rows])
            near = np.argpartition(squared, k - 1, axis=1)[:, :k]
            distance = np.take_along_axis(squared, near, axis=1)
            reach = np.median(distance, axis=1, keepdims=True)
            weight = np.exp(-distance / np.where(reach > 0, reach, 1.0))
            found = (weight * agree[rows[near], annotator]).sum(axis=1) + prior_strength * overall[annotator]
            result[part, annotator] = found / (weight.sum(axis=1) + prior_strength)
    return result


def active_label_quality(proba, labels):
    """Return one score for answered and new rows (ActiveLab): the smaller, the more an answer would help.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities, out of sample for rows that have answers; else all of these look certain.
    labels : array of shape (n, A)
        Classes, -1 where an annotator was not asked.

    Returns
    -------
    array of shape (n,)
        In [0, 1], smaller = ask.

    Notes
    -----
    The consensus is weighed by annotators and by the classifier, each by how much better than the most frequent
    class it agrees with the others. The temperature of the classifier is fitted to the shares of the votes.

    References
    ----------
    arXiv:2301.11856

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]])
    >>> labels = np.array([[0, 0], [0, 1], [1, 1], [-1, -1]])
    >>> active_label_quality(proba, labels).argmin()
    np.int64(3)
    """
    proba, labels = as_proba(proba).astype(np.float64), _as_votes(labels)
    n_classes = proba.shape[1]
    if labels.max(initial=-1) >= n_classes:
        raise ValueError(f"labels holds class {labels.max()}, but proba has {n_classes} columns.")
    asked = labels >= 0
    counts = vote_counts(labels, n_classes)
    n_votes = counts.sum(axis=1)
    answered = n_votes > 0
    if not answered.any():
        return proba.max(axis=1)
    proba = _with_temperature(proba, counts, answered)
    # Ties of the votes go to the class that the classifier prefers.
    consensus = (counts + 1e-3 * proba).argmax(axis=1)
    several = n_votes >= 2
    judged = several if several.any() else answered
    common = np.bincount(consensus[judged], minlength=n_classes).argmax()
    base_error = max(float((consensus[judged] != common).mean()), 1e-6)
    own = np.take_along_axis(counts, np.maximum(labels, 0), axis=1)
    others = np.where(asked & several[:, None], (own - 1) / np.maximum(n_votes - 1, 1)[:, None], 0.0)
    n_shared = (asked & several[:, None]).sum(axis=0)
    pooled = others.sum() / max(1, n_shared.sum())
    agreement = np.where(n_shared > 0, others.sum(axis=0) / np.maximum(n_shared, 1), pooled)
    weight = np.maximum(1 - (1 - agreement) / base_error, 1e-6)
    model_error = float((proba.argmax(axis=1) != consensus)[judged].mean())
    model = max(1 - model_error / base_error, 1e-6) * np.sqrt(n_votes[answered].mean())
    share = (labels == consensus[:, None])[asked].mean()
    share = float(np.clip(share, 1 / n_classes, 1 - 1e-6))
    given = np.where(labels == consensus[:, None], share, (1 - share) / (n_classes - 1)) * asked
    heard = (weight * asked).sum(axis=1)
    rows = np.arange(len(proba))
    quality = (model * proba[rows, consensus] + (weight * given).sum(axis=1)) / (model + heard)
    mean = weight.mean()
    scored = ((heard + model) * quality + mean / n_classes) / (heard + model + mean)
    fresh = (model * proba.max(axis=1) + mean / n_classes) / (model + mean)
    return np.where(answered, scored, fresh)


def _with_temperature(proba, counts, answered):
    """Return probabilities at the temperature that fits the votes best."""
    log_proba = np.log(np.clip(proba, 1e-12, 1))
    share = counts[answered] / counts[answered].sum(axis=1, keepdims=True)

    def scaled(log_temperature):
        logits = log_proba / np.exp(log_temperature)
        logits = logits - logits.max(axis=1, keepdims=True)
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    def loss(log_temperature):
        return -(share * np.log(np.maximum(scaled(log_temperature)[answered], 1e-12))).sum()

    return scaled(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x)
