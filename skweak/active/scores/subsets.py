"""Subsets of a table by difficulty and diversity."""

import numpy as np

from skweak.active.kmeans import k_means
from skweak.active.scores.coverage import greedy_coverage, squared_distances
from skweak.utils._checks import as_array, as_classes, as_proba, check_count, check_row_count
from skweak.utils.statistics import min_max

SUBSET_METHODS = ("cluster", "kcenter", "facility", "parametric", "easy", "window")
_BINS = 50


def el2n(proba, target):
    """Return the distance of each prediction from its label, the EL2N score: larger = harder, or mislabelled.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities, those of a network early in its training; average over several.
    target : array of shape (n,)
        Given classes, integers in 0..C-1.

    Returns
    -------
    array of shape (n,)
        float64 in [0, sqrt(2)].

    References
    ----------
    arXiv:2107.07075

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import el2n
    >>> el2n(np.array([[1.0, 0.0], [0.4, 0.6]]), [0, 0]).round(4)
    array([0.    , 0.8485])
    """
    proba = as_proba(proba).astype(np.float64)
    target = as_classes(target, "target", 0, proba.shape[1] - 1)
    check_row_count(target, "target", len(proba))
    return np.sqrt(((proba - np.eye(proba.shape[1])[target]) ** 2).sum(axis=1))


def ratio_score(proba, target, prior):
    """Return how much less likely the prediction finds each label than the prior does: larger = harder.

    From 1 on the features speak against the label, so that such rows are suspicious rather than hard.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities from models that have not seen the row's label.
    target : array of shape (n,)
        Given classes, integers in 0..C-1.
    prior : array of shape (C,)
        Share of each class.

    Returns
    -------
    array of shape (n,)
        ``prior[y] / proba[y]``, float64, larger than 0.

    References
    ----------
    arXiv:2408.02193, whose ratio is that of perplexities of an answer with and without its question.

    Examples
    --------
    >>> from skweak.active.scores import ratio_score
    >>> ratio_score([[0.8, 0.2], [0.8, 0.2]], [0, 1], [0.5, 0.5])
    array([0.625, 2.5  ])
    """
    proba = as_proba(proba).astype(np.float64)
    target = as_classes(target, "target", 0, proba.shape[1] - 1)
    check_row_count(target, "target", len(proba))
    prior = as_array(prior, "prior")
    check_row_count(prior, "prior", proba.shape[1])
    return prior[target] / np.maximum(proba[np.arange(len(proba)), target], 1e-12)


def cluster_quota(sizes, n_select):
    """Return how many rows each cluster gives, in proportion to its size, by the largest remainder.

    Parameters
    ----------
    sizes : array of shape (K,)
        Rows of each cluster, integers.
    n_select : int
        Rows wanted, at most all of them.

    Returns
    -------
    array of shape (K,)
        int64, at most ``sizes``, less than 1 from the exact share; their sum is ``n_select``.

    Examples
    --------
    >>> from skweak.active.scores import cluster_quota
    >>> cluster_quota([6, 3, 1], 5)
    array([3, 2, 0])
    """
    sizes = as_classes(sizes, "sizes", 0)
    check_count(n_select, "n_select")
    if n_select > sizes.sum():
        raise ValueError(f"n_select={n_select} rows are asked for, but the clusters have only {sizes.sum()}.")
    exact = n_select * sizes / max(1, sizes.sum())
    quota = np.floor(exact).astype(np.int64)
    # Remainders that are equal but for rounding go to the cluster that comes first.
    order = np.argsort(-np.round(exact - quota, 12), kind="stable")
    quota[order[: n_select - quota.sum()]] += 1
    return quota


def parametric_prototypes(features, n_select, *, temperature=0.07, diversity=1.0, lr=1e-3, n_steps=300, random_state=0):
    """Return rows that are distributed as the table is and differ from each other.

    Free unit vectors are drawn to the rows nearest them and pushed apart, then each takes the nearest row that is left.

    Parameters
    ----------
    features : array of shape (n, d)
        Rows; their length is ignored.
    n_select : int
        Rows wanted, at most n.
    temperature : float > 0, default=0.07
        Small values look at the nearest rows and vectors alone.
    diversity : float >= 0, default=1.0
        Weight of pushing apart; 0 is a clustering.
    lr, n_steps : float, int, default=1e-3, 300
        Of Adam.
    random_state : int, default=0
        Rows the vectors begin at.

    Returns
    -------
    array of shape (n_select,)
        Distinct positions, int64, the best match first.

    References
    ----------
    arXiv:2303.14382, arXiv:2507.02378

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import parametric_prototypes
    >>> rows = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> len(set(parametric_prototypes(rows, 2, lr=0.05) // 2))
    2
    """
    features = as_array(features, "features", 2)
    n = len(features)
    _check_size(n_select, n)
    norm = np.sqrt(np.einsum("ij,ij->i", features, features))
    rows = features / np.where(norm > 0, norm, 1)[:, None]
    generator = np.random.default_rng(random_state)
    vectors = rows[np.sort(generator.choice(n, n_select, replace=False))]
    first, second = np.zeros_like(vectors), np.zeros_like(vectors)
    for step in range(1, n_steps + 1):
        nearest = _nearest(rows, vectors)
        pull = np.zeros_like(vectors)
        np.add.at(pull, nearest, rows)
        alike = vectors @ vectors.T / temperature
        np.fill_diagonal(alike, -np.inf)
        # One vector alone has nobody to be pushed from.
        share = np.exp(alike - alike.max(axis=1, keepdims=True)) if n_select > 1 else np.zeros((1, 1))
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        push = (share + share.T) @ vectors / (n_select * temperature)
        gradient = diversity * push - pull / (n * temperature)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        move = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        vectors = vectors - lr * move
        vectors /= np.maximum(np.sqrt((vectors**2).sum(axis=1, keepdims=True)), 1e-12)
    alike = vectors @ rows.T
    picks = np.empty(n_select, dtype=np.int64)
    for place, vector in enumerate(np.argsort(-alike.max(axis=1), kind="stable")):
        picks[place] = alike[vector].argmax()
        alike[:, picks[place]] = -np.inf
    return picks


def _nearest(rows, vectors, block=4096):
    """Return the most similar vector of each row."""
    return np.concatenate([(rows[i : i + block] @ vectors.T).argmax(axis=1) for i in range(0, len(rows), block)])


def select_subset(
    embedding, n_select, *, score=None, method="cluster", direction="easy", target=None, n_clusters=None,
    drop_hardest=0.1, random_state=0,
):  # fmt: skip
    """Return the rows of a table that are worth training on, by difficulty, by diversity or by both.

    Parameters
    ----------
    embedding : array of shape (n, d)
        Rows as they are compared.
    n_select : int
        Rows wanted, at most n.
    score : array of shape (n,), optional
        Difficulty, larger = harder; nan counts as 0. Without any, all rows are alike.
    method : {"cluster", "kcenter", "facility", "parametric", "easy", "window"}, default="cluster"
        The same share of every cluster by score; rows far from each other, the more so the better they score; rows
        that others resemble; `parametric_prototypes`; the best scores of each class; equally many of each range of
        scores, the hardest left out. "facility" and "parametric" read no scores.
    direction : {"easy", "hard"}, default="easy"
        Which scores are good. Hard rows are mislabelled ones first, where labels may be wrong.
    target : array of shape (n,), optional
        Classes from 0, for "easy"; one class by default.
    n_clusters : int or None, default=None
        For "cluster"; None is 10, or half of ``n_select`` where that is more and at most 200 rows are wanted. 1 takes
        the best scores of all.
    drop_hardest : float in [0, 1), default=0.1
        Share that "window" leaves out, as long as enough rows are left.
    random_state : int, default=0
        Of k-means, the prototypes and the draws of "window".

    Returns
    -------
    array of shape (n_select,)
        Distinct positions, int64, in the order of choice.

    References
    ----------
    arXiv:2408.02193, arXiv:2504.12687, arXiv:2507.02378, arXiv:2502.06434; "window" arXiv:2210.15809.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import select_subset
    >>> rows = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]])
    >>> select_subset(rows, 2, score=[3, 1, 2, 3, 2, 1], n_clusters=2).tolist()
    [1, 5]
    """
    embedding = as_array(embedding, "embedding", 2)
    n = len(embedding)
    _check_size(n_select, n)
    if method not in SUBSET_METHODS:
        raise ValueError(f"method must be one of {list(SUBSET_METHODS)}, got {method!r}.")
    if direction not in ("easy", "hard"):
        raise ValueError(f"direction must be 'easy' or 'hard', got {direction!r}.")
    value = np.zeros(n)
    if score is not None:
        value = np.nan_to_num(np.asarray(score, dtype=np.float64), nan=0.0)
        check_row_count(value, "score", n)
    value = value if direction == "hard" else -value
    if method == "facility":
        return greedy_coverage(embedding, n_select, kernel="cosine")[0]
    if method == "parametric":
        return parametric_prototypes(embedding, n_select, random_state=random_state)
    if method == "kcenter":
        return _far_apart(embedding, n_select, min_max(value, constant=1.0) + 1e-3)
    if method == "window":
        return _window(-value if direction == "easy" else value, n_select, drop_hardest, random_state)
    if method == "easy":
        groups = np.zeros(n, dtype=np.int64) if target is None else as_classes(target, "target", 0)
        check_row_count(groups, "target", n)
    else:
        usual = max(10, n_select // 2) if n_select <= 200 else 10
        size = min(n, max(1, usual)) if n_clusters is None else n_clusters
        if size > n:
            raise ValueError(f"n_clusters={size}, but there are {n} rows; ask for fewer clusters.")
        groups = k_means(embedding, size, random_state).labels_.astype(np.int64)
    quota = cluster_quota(np.bincount(groups), n_select)
    order = np.lexsort((-value, groups))
    starts = np.cumsum(np.bincount(groups)) - np.bincount(groups)
    before = np.arange(n) - starts[groups[order]]
    taken = order[before < quota[groups[order]]]
    return taken[np.lexsort((taken, -value[taken]))]


def _far_apart(embedding, n_select, weight):
    """Return rows by squared distance to those before, times their weight; the row of largest weight first."""
    distance, picks = np.full(len(embedding), np.inf), [int(np.argmax(weight))]
    while len(picks) < n_select:
        distance = np.minimum(distance, squared_distances(embedding[picks[-1:]], embedding)[0])
        value = distance * weight
        value[picks] = -np.inf
        picks.append(int(np.argmax(value)))
    return np.array(picks[:n_select], dtype=np.int64)


def _window(score, n_select, drop_hardest, random_state):
    """Return rows drawn evenly over the range of scores, the hardest ones left out."""
    n_kept = max(n_select, len(score) - int(drop_hardest * len(score)))
    kept = np.argsort(score, kind="stable")[:n_kept]
    edges = np.linspace(score[kept].min(), score[kept].max(), _BINS + 1)
    bins = np.clip(np.searchsorted(edges, score[kept], side="right") - 1, 0, _BINS - 1)
    # The k-th row of each bin, in a drawn order, comes before the next of any: poor bins pass their share on.
    shuffled = np.random.default_rng(random_state).permutation(n_kept)
    order = shuffled[np.argsort(bins[shuffled], kind="stable")]
    counts = np.bincount(bins, minlength=_BINS)
    turn = np.arange(n_kept) - (np.cumsum(counts) - counts)[bins[order]]
    return kept[order[np.argsort(turn, kind="stable")[:n_select]]]


def _check_size(n_select, n):
    check_count(n_select, "n_select", 1)
    if n_select > n:
        raise ValueError(f"n_select={n_select} rows are asked for, but there are only {n}.")


def forgetting_events(correct):
    """Return how often each row was forgotten: right after one epoch, wrong after the next.

    Parameters
    ----------
    correct : array of bool of shape (T, n)
        Whether each row was predicted as labelled after each epoch.

    Returns
    -------
    array of shape (n,)
        float64; ``T + 1`` for rows that were never right, which are the hardest, or mislabelled.

    References
    ----------
    arXiv:1812.05159

    Examples
    --------
    >>> from skweak.active.scores import forgetting_events
    >>> forgetting_events([[True, True, False], [False, True, False], [True, True, False]])
    array([1., 0., 4.])
    """
    correct = np.asarray(correct, dtype=bool)
    if correct.ndim != 2 or not len(correct):
        raise ValueError(f"correct must have shape (T, n) with at least one epoch, got {correct.shape}.")
    lost = (correct[:-1] & ~correct[1:]).sum(axis=0)
    return np.where(correct.any(axis=0), lost, len(correct) + 1).astype(np.float64)
