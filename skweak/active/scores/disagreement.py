"""How far several predictions for one row differ, and batches that keep them from repeating each other."""

import numpy as np
from scipy.special import xlogy

from skweak.utils._checks import as_array, check_count


def label_disagreement(predictions, reference):
    """Return the share of passes that predict another class than the reference.

    Parameters
    ----------
    predictions : array of shape (T, n)
        Classes of T passes.
    reference : array of shape (n,)
        Class predicted without disturbance.

    Returns
    -------
    array of shape (n,)
        In [0, 1].

    References
    ----------
    arXiv:2401.14555

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import label_disagreement
    >>> label_disagreement(np.array([[0, 1], [0, 0]]), np.array([0, 0]))
    array([0. , 0.5])
    """
    predictions, reference = np.asarray(predictions), np.asarray(reference)
    if predictions.ndim != 2 or reference.shape != predictions.shape[1:]:
        raise ValueError(f"predictions {predictions.shape} must be (T, n) and reference {reference.shape} (n,).")
    return (predictions != reference).mean(axis=0)


def committee_disagreement(sampled_proba, *, kind="vote_entropy"):
    """Return how far the members of a committee disagree.

    Parameters
    ----------
    sampled_proba : array of shape (T, n, C)
        Class probabilities of T members, passes or snapshots.
    kind : {"vote_entropy", "soft_vote_entropy", "consensus_kl", "variation_ratio", "max_disagreement", "std"}
        Entropy of the votes or of the mean prediction, mean divergence from the mean prediction (BALD), share of votes
        against the winner, largest divergence, mean standard deviation.

    Returns
    -------
    array of shape (n,)
        At least 0; 0 when all members say the same with certainty.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import committee_disagreement
    >>> committee_disagreement(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]), kind="variation_ratio")
    array([0.5])
    """
    proba = as_array(sampled_proba, "sampled_proba", 3).astype(np.float64)
    mean = proba.mean(axis=0)
    share = (proba.argmax(axis=2)[..., None] == np.arange(proba.shape[2])).mean(axis=0)
    if kind == "vote_entropy":
        return -xlogy(share, share).sum(axis=1)
    if kind == "soft_vote_entropy":
        return -xlogy(mean, mean).sum(axis=1)
    if kind == "variation_ratio":
        return 1 - share.max(axis=1)
    if kind == "std":
        return proba.std(axis=0).mean(axis=1)
    if kind not in ("consensus_kl", "max_disagreement"):
        raise ValueError(f"kind is not one of those documented, got {kind!r}.")
    divergence = np.maximum((xlogy(proba, proba) - xlogy(proba, mean)).sum(axis=2), 0)
    return divergence.mean(axis=0) if kind == "consensus_kl" else divergence.max(axis=0)


def batch_bald(sampled_proba, n_instances, *, n_joint=10_000, random_state=None):
    """Choose rows whose labels together tell most about the model.

    Parameters
    ----------
    sampled_proba : array of shape (T, n, C)
        Class probabilities of T members or passes; each member is the same for all rows.
    n_instances : int
        Rows to choose; all of them when there are fewer.
    n_joint : int, default=10_000
        Joint configurations of the batch that are held; beyond, they are drawn. More are exacter and slower.
    random_state : int or None, default=None
        Seed of the draws.

    Returns
    -------
    index : array of shape (b,)
        int64, in the order of choice.
    score : array of shape (b,)
        Information that each adds, in nats, never increasing while the configurations are exact.

    Notes
    -----
    ``I(y_1..y_j; w) = H(y_1..y_j) - sum_i E_t H(y_i | t)``, greedily. The first pick is BALD's. O(b n T C J).

    References
    ----------
    arXiv:1906.08158

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import batch_bald
    >>> proba = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> index, score = batch_bald(proba, 2)
    >>> index, score.round(3)
    (array([0, 1]), array([0.693, 0.   ]))
    """
    proba = as_array(sampled_proba, "sampled_proba", 3).astype(np.float64)
    check_count(n_instances, "n_instances")
    check_count(n_joint, "n_joint", 2)
    n_members, n, n_classes = proba.shape
    generator = np.random.default_rng(random_state)
    conditional = -xlogy(proba, proba).sum(axis=2).mean(axis=0)
    # Products over the batch of every configuration (J, T), and one over its chance when it was drawn.
    table, inverse = np.ones((1, n_members)), np.ones(1)
    picks, scores, entropy, left = [], [], 0.0, np.ones(n, dtype=bool)
    for _ in range(min(n_instances, n)):
        joint = _joint_entropy(table, inverse, proba)
        gain = np.where(left, joint - entropy - conditional, -np.inf)
        row = int(np.round(gain, 10).argmax())
        picks.append(row)
        scores.append(float(gain[row]))
        left[row] = False
        entropy = float(joint[row])
        grown = (table[:, None, :] * proba[:, row].T[None]).reshape(-1, n_members)
        if len(inverse) > 1 and not np.allclose(inverse, 1) or len(grown) > n_joint:
            table, inverse = _draw(proba[:, picks], n_joint, generator)
        else:
            table, inverse = grown, np.ones(len(grown))
    return np.array(picks, dtype=np.int64), np.array(scores)


def _joint_entropy(table, inverse, proba):
    """Return the entropy of the batch together with each row (n,)."""
    n_members, n, n_classes = proba.shape
    result = np.empty(n)
    size = max(1, 2**22 // (len(table) * n_classes))
    for start in range(0, n, size):
        part = proba[:, start : start + size]
        joint = (table @ part.reshape(n_members, -1) / n_members).reshape(len(table), -1, n_classes)
        result[start : start + size] = -(xlogy(joint, joint).sum(axis=2) * inverse[:, None]).sum(axis=0)
    return result


def _draw(chosen, n_joint, generator):
    """Draw configurations of the chosen rows (T, j, C) from their joint distribution."""
    n_members, n_chosen, n_classes = chosen.shape
    member = generator.integers(n_members, size=n_joint)
    edges = chosen.cumsum(axis=2)[member]
    label = (generator.random((n_joint, n_chosen, 1)) * edges[:, :, -1:] >= edges).sum(axis=2).clip(0, n_classes - 1)
    table = np.ones((n_joint, n_members))
    for position in range(n_chosen):
        table *= chosen[:, position].T[label[:, position]]
    return table, 1 / (table.mean(axis=1) * n_joint)
