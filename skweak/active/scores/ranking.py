"""From scores to rows."""

import heapq
import math

import numpy as np

from skweak.losses._checks import check_interval
from skweak.utils._checks import as_array, as_classes, as_unit_interval, check_count, check_row_count


def top_k(scores, n_instances, *, tie_break=None):
    """Return the indices of the largest scores, best first.

    Parameters
    ----------
    scores : array of shape (n,)
        Finite numbers.
    n_instances : int
        How many rows to return; all of them when there are fewer.
    tie_break : array of shape (n,), optional
        Second score that orders rows of equal ``scores``, larger first. What is still equal is ordered by
        index.

    Returns
    -------
    array of shape (b,)
        int64 indices, ``b = min(n_instances, n)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import top_k
    >>> top_k(np.array([0.5, 0.9, 0.5, 0.9]), 3)
    array([1, 3, 0])
    >>> top_k(np.array([0.5, 0.9, 0.5, 0.9]), 3, tie_break=np.array([0, 1, 2, 3]))
    array([3, 1, 2])
    """
    check_count(n_instances, "n_instances")
    scores = as_array(scores, "scores")
    if tie_break is not None:
        tie_break = as_array(tie_break, "tie_break")
        check_row_count(tie_break, "tie_break", len(scores))
    n = len(scores)
    size = min(n_instances, n)
    if size == 0:
        return np.empty(0, dtype=np.int64)
    # Sorting only the rows that can win, all ties of the last place included, is linear in n.
    rows = np.flatnonzero(scores >= np.partition(scores, n - size)[n - size])
    keys = (-scores[rows],) if tie_break is None else (-tie_break[rows], -scores[rows])
    return rows[np.lexsort(keys)[:size]]


def coarse_to_fine(coarse, fine, *, n_candidates, n_picks, groups=None, n_groups=None):
    """Keep the rows of largest coarse score, return those of them with the largest fine score.

    Two scores with different tasks, such as "is of a known class" and "is informative", are not added but
    applied in turn, and separately in each group so that no class takes the whole batch.

    Parameters
    ----------
    coarse, fine : arrays of shape (n,)
        Finite scores of the first and the second stage.
    n_candidates : int
        Rows of each group that pass the first stage. As it grows, the second stage has more to choose from
        and the first less to say.
    n_picks : int
        Rows of each group that are returned. Groups with fewer rows give what they have.
    groups : array of shape (n,), optional
        Group of each row, integers from 0; without it all rows are one group.
    n_groups : int, optional
        Only groups ``0..n_groups - 1`` are served; rows of other groups are never taken. By default all.

    Returns
    -------
    array of shape (m,)
        int64 indices, group by group, best fine score first; ties are ordered by index.

    References
    ----------
    arXiv:2409.17607, arXiv:2502.19691, arXiv:2603.07898

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import coarse_to_fine
    >>> coarse, fine = np.array([4, 3, 2, 1]), np.array([0, 1, 2, 3])
    >>> coarse_to_fine(coarse, fine, n_candidates=3, n_picks=2)
    array([2, 1])
    >>> coarse_to_fine(coarse, fine, n_candidates=1, n_picks=1, groups=np.array([0, 1, 0, 1]))
    array([0, 1])
    """
    coarse, fine = as_array(coarse, "coarse"), as_array(fine, "fine")
    n = len(coarse)
    check_row_count(fine, "fine", n)
    check_count(n_candidates, "n_candidates")
    check_count(n_picks, "n_picks")
    if groups is None:
        if n_groups is not None:
            raise ValueError(f"n_groups={n_groups} needs groups; give each row its group or leave it out.")
        groups = np.zeros(n, dtype=np.int64)
    groups = as_classes(groups, "groups", 0)
    check_row_count(groups, "groups", n)
    if n_groups is not None:
        check_count(n_groups, "n_groups", 1)
    by_group = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[by_group], return_index=True)
    picks = [np.empty(0, dtype=np.int64)]
    for group, rows in zip(present, np.split(by_group, starts[1:]), strict=True):
        if n_groups is not None and group >= n_groups:
            break
        candidates = np.sort(rows[top_k(coarse[rows], n_candidates)])
        if len(candidates):
            picks.append(candidates[top_k(fine[candidates], n_picks)])
    return np.concatenate(picks)


def candidate_size(purity, informativeness, n_instances, *, target_precision=0.6):
    """How many of the purest rows to choose from, so that the chosen ones reach a target precision.

    The most informative of all rows are seldom of a known class, the purest are seldom informative. The
    candidate set grows from the purest rows until choosing the most informative ones would bring the expected
    number of known rows down to the target.

    Parameters
    ----------
    purity : array of shape (n,)
        Probability of each row to be of a known class.
    informativeness : array of shape (n,)
        Finite scores, larger = more informative.
    n_instances : int
        Size ``b`` of the batch.
    target_precision : float in [0, 1], default=0.6
        Wanted share of known rows; a larger value never gives more candidates.

    Returns
    -------
    int
        The smallest ``k >= b`` for which the summed purity of the ``b`` most informative of the ``k`` purest
        rows, cut to an integer, is at most ``target_precision * b``; ``n`` when there is none or the bound is
        0.

    Notes
    -----
    One pass over the rows with a heap of size b, O(n log b). Ties are resolved in favour of the purer row,
    then by index.

    References
    ----------
    arXiv:2603.07898

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import candidate_size
    >>> purity = np.array([1.0, 1.0, 1.0, 0.2, 0.1])
    >>> candidate_size(purity, np.array([1, 2, 3, 4, 5]), 2, target_precision=0.5)
    4
    """
    purity = as_unit_interval(purity, "purity")
    informativeness = as_array(informativeness, "informativeness")
    n = len(purity)
    check_row_count(informativeness, "informativeness", n)
    check_count(n_instances, "n_instances")
    check_interval(target_precision, "target_precision", 0, 1)
    bound = target_precision * n_instances
    if bound <= 0 or n_instances >= n:
        return n
    # int(total) <= bound means total < limit.
    limit = math.floor(bound) + 1
    order = np.argsort(-purity, kind="stable")
    pure, informative = purity[order].tolist(), informativeness[order].tolist()
    # The smallest entry of the heap is the least informative row and, among equals, the least pure.
    heap = [(informative[place], -place) for place in range(n_instances)]
    heapq.heapify(heap)
    total = math.fsum(pure[:n_instances])
    if total < limit:
        return n_instances
    for place in range(n_instances, n):
        if informative[place] <= heap[0][0]:
            continue
        _, dropped = heapq.heapreplace(heap, (informative[place], -place))
        total += pure[place] - pure[-dropped]
        if abs(total - limit) < 1e-6:
            # A running sum carries rounding errors that must not decide which side of the limit it is on.
            total = math.fsum(pure[-position] for _, position in heap)
        if total < limit:
            return place + 1
    return n
