"""Dividing a batch among classes, and a budget among rows."""

import numpy as np

from skweak.utils._checks import as_array, as_classes, check_count, check_row_count

# Items times capacity of the exact choice.
_EXACT_ITEMS, _EXACT_CELLS = 5000, 2**30


def class_quotas(labeled_counts, available, n_instances):
    """Return how many rows of each class a batch should have so that all classes end up as equal as possible.

    Parameters
    ----------
    labeled_counts : array of shape (C,)
        Labelled rows of each class.
    available : array of shape (C,)
        Rows of each class that can be chosen.
    n_instances : int
        Size of the batch.

    Returns
    -------
    array of shape (C,)
        int64, at most ``available``, with the sum ``min(n_instances, sum(available))``. What cannot be divided goes to
        the first classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import class_quotas
    >>> class_quotas(np.array([5, 1, 0]), np.array([9, 9, 2]), 6)
    array([0, 4, 2])
    """
    counts = as_classes(labeled_counts, "labeled_counts", 0)
    available = as_classes(available, "available", 0)
    check_row_count(available, "available", len(counts))
    check_count(n_instances, "n_instances")
    wanted = min(n_instances, int(available.sum()))
    low, high = 0, int((counts + available).max(initial=0))
    # The highest level to which every class can be filled without using up the batch.
    while low < high:
        level = (low + high + 1) // 2
        if np.clip(level - counts, 0, available).sum() <= wanted:
            low = level
        else:
            high = level - 1
    quota = np.clip(low - counts, 0, available)
    rest = np.flatnonzero((counts + quota <= low) & (quota < available))[: wanted - int(quota.sum())]
    quota[rest] += 1
    return quota.astype(np.int64)


def within_budget(scores, costs, budget, *, method="greedy"):
    """Return the items of largest total score that a budget pays for.

    Parameters
    ----------
    scores : array of shape (n,)
        Worth of each item; shifted to at least 0 when one is negative.
    costs : array of shape (n,)
        Cost of each item, larger than 0; whole numbers for "exact".
    budget : float >= 0
        What may be spent.
    method : {"greedy", "exact"}, default="greedy"
        Best score per cost first, at least half of the optimum; or the optimum, for at most 5,000 items.

    Returns
    -------
    array of shape (k,)
        int64 indices, best score per cost first; empty when nothing is affordable.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import within_budget
    >>> within_budget(np.array([6.0, 5.0, 5.0]), np.array([3.0, 2.0, 2.0]), 4.0)
    array([1, 2])
    """
    scores, costs = as_array(scores, "scores").astype(np.float64), as_array(costs, "costs").astype(np.float64)
    check_row_count(costs, "costs", len(scores))
    if (costs <= 0).any():
        raise ValueError("costs must be larger than 0; leave out what is free, or give it a small cost.")
    if not budget >= 0:
        raise ValueError(f"budget must be at least 0, got {budget!r}.")
    if method not in ("greedy", "exact"):
        raise ValueError(f"method must be 'greedy' or 'exact', got {method!r}.")
    scores = scores - min(0.0, scores.min(initial=0.0))
    order = np.lexsort((np.arange(len(scores)), -scores / costs))
    if method == "exact":
        return order[_knapsack(scores[order], costs[order], budget)]
    taken, left = [], float(budget)
    for item in order.tolist():
        if costs[item] <= left:
            taken.append(item)
            left -= costs[item]
    affordable = np.flatnonzero(costs <= budget)
    if len(affordable):
        single = affordable[scores[affordable].argmax()]
        if scores[single] > scores[taken].sum():
            taken = [single]
    return np.array(taken, dtype=np.int64)


def _knapsack(scores, costs, budget):
    """Return the positions of the optimum of the 0/1 knapsack."""
    whole = costs.astype(np.int64)
    if (whole != costs).any():
        raise ValueError('costs must be whole numbers with method="exact"; round them, or take "greedy".')
    capacity = int(min(budget, whole.sum()))
    if len(scores) > _EXACT_ITEMS or len(scores) * (capacity + 1) > _EXACT_CELLS:
        raise ValueError(f'{len(scores)} items and budget {budget} are too many for method="exact"; take "greedy".')
    best, used = np.zeros(capacity + 1), []
    for score, cost in zip(scores.tolist(), whole.tolist(), strict=True):
        better = np.zeros(capacity + 1, dtype=bool)
        if cost <= capacity:
            with_it = best[: capacity + 1 - cost] + score
            better[cost:] = with_it > best[cost:]
            best[cost:] = np.where(better[cost:], with_it, best[cost:])
        used.append(np.packbits(better))
    taken = []
    for item in range(len(scores) - 1, -1, -1):
        if (used[item][capacity >> 3] >> (7 - (capacity & 7))) & 1:
            taken.append(item)
            capacity -= int(whole[item])
    return np.array(taken[::-1], dtype=np.int64)
