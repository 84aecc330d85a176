"""Chances of being drawn: for several models at once, and against answers that may be wrong."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from skweak.utils._checks import as_array, check_count


def lewis_weights(features, *, p=2.0, max_iter=100, tol=1e-9):
    """Return the Lewis weights of the rows: how much a linear fit in the p-norm depends on each of them.

    Parameters
    ----------
    features : array of shape (n, d)
        Rows; columns that depend on others are dropped.
    p : float >= 1, default=2.0
        Norm of the fit. 2 gives the leverage scores; larger values look at single far rows more.
    max_iter : int, default=100
        Rounds of the fixed-point iteration, for other norms than 2.
    tol : float, default=1e-9
        Relative change at which it ends.

    Returns
    -------
    array of shape (n,)
        float64 in [0, 1]; their sum is the rank of the table.

    Notes
    -----
    The weights solve ``w_i = (a_i' (A' W^(1 - 2 / p) A)^-1 a_i)^(p / 2)``. Beyond p = 2 the iteration is damped, since
    it diverges from p = 4 on.

    References
    ----------
    arXiv:1412.0588, arXiv:2405.14121

    Examples
    --------
    >>> from skweak.active.scores import lewis_weights
    >>> lewis_weights([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0]]).round(6)
    array([0.5, 0.5, 1. ])
    """
    features = as_array(features, "features", 2)
    if not p >= 1:
        raise ValueError(f"p must be at least 1, got {p!r}.")
    check_count(max_iter, "max_iter", 1)
    left, size, _ = np.linalg.svd(features, full_matrices=False)
    # An orthonormal basis of the columns: the weights depend on nothing else.
    basis = left[:, size > 1e-10 * size.max(initial=0.0)]
    weight = np.einsum("ij,ij->i", basis, basis)
    if p == 2 or not basis.shape[1]:
        return np.clip(weight, 0, 1)
    rows = weight > 0
    basis, current = basis[rows], weight[rows]
    for _ in range(max_iter):
        gram = basis.T @ (current[:, None] ** (1 - 2 / p) * basis)
        found = np.einsum("ij,ji->i", basis, cho_solve(cho_factor(gram), basis.T)) ** (p / 2)
        found = np.maximum(found, 1e-300)
        # The plain step oscillates for large norms.
        found = found if p < 2 else current ** (1 - 2 / p) * found ** (2 / p)
        change = np.abs(found / current - 1).max()
        current = found
        if change < tol:
            break
    weight = np.zeros(len(features))
    weight[rows] = np.clip(current, 0, 1)
    return weight


def robust_inclusion(gain, n_instances, n_wrong):
    """Return chances of being drawn that lose least when the worst few answers are wrong (RAD).

    A right answer earns the gain of its row, a wrong one costs it. Where none is wrong the largest gains are taken;
    otherwise the largest gains get smaller chances, so that no row can cost more than the others.

    Parameters
    ----------
    gain : array of shape (n,)
        Of a right answer, at least 0.
    n_instances : int
        Rows to be drawn, at most n.
    n_wrong : int
        Answers that may be wrong.

    Returns
    -------
    array of shape (n,)
        float64 in [0, 1], their sum is ``n_instances``.

    References
    ----------
    arXiv:2210.01213, of which the formulas are a reconstruction

    Examples
    --------
    >>> from skweak.active.scores import robust_inclusion
    >>> robust_inclusion([1.0, 0.5, 0.25], 1, 0), robust_inclusion([1.0, 1.0, 1.0, 1.0], 2, 1)
    (array([1., 0., 0.]), array([0.5, 0.5, 0.5, 0.5]))
    """
    gain = as_array(gain, "gain")
    if gain.min() < 0:
        raise ValueError(f"gain contains {gain.min()}, accepted are numbers of at least 0.")
    check_count(n_instances, "n_instances")
    check_count(n_wrong, "n_wrong")
    if n_instances > len(gain):
        raise ValueError(f"n_instances={n_instances} rows are asked for, but gain has only {len(gain)}.")
    order = np.argsort(-gain, kind="stable")
    sorted_gain = gain[order]

    def chances(level):
        """Fill the batch with rows that earn at most the level, then, if it is not full, with the cheapest excess."""
        most = np.minimum(1, level / np.maximum(sorted_gain, 1e-300))
        filled = np.clip(n_instances - (np.cumsum(most) - most), 0, most)
        room = (1 - most)[::-1]
        return filled + np.clip(n_instances - filled.sum() - (np.cumsum(room) - room), 0, room)[::-1]

    def least(level):
        # What the worst answers cost by duality: at the best level it is the sum of the largest values.
        value = chances(level) * sorted_gain
        return value.sum() - 2 * (n_wrong * level + np.maximum(value - level, 0).sum())

    high = float(sorted_gain[0]) if len(gain) else 0.0
    low = 0.0 if n_wrong else high
    # The least gain is a concave function of the level.
    for _ in range(120):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (first, high) if least(first) < least(second) else (low, second)
    result = np.empty(len(gain))
    result[order] = chances(high)
    return result


def systematic_sample(chances, *, random_state=None):
    """Return rows drawn with given chances, as many as these add up to.

    Parameters
    ----------
    chances : array of shape (n,)
        In [0, 1]; their sum is a whole number.
    random_state : int or None, default=None
        Seed.

    Returns
    -------
    array of shape (b,)
        Distinct positions, int64, in a random order.

    Examples
    --------
    >>> from skweak.active.scores import systematic_sample
    >>> sorted(systematic_sample([1.0, 0.0, 1.0], random_state=0).tolist())
    [0, 2]
    """
    chances = as_array(chances, "chances")
    size = int(round(chances.sum()))
    if chances.min() < 0 or chances.max() > 1 + 1e-9 or abs(chances.sum() - size) > 1e-6:
        raise ValueError("chances must be in [0, 1] and add up to a whole number.")
    generator = np.random.default_rng(random_state)
    order = generator.permutation(len(chances))
    total = np.cumsum(chances[order])
    # Rounding must not lose the last row.
    total *= size / max(total[-1], 1e-300)
    places = np.searchsorted(total, generator.random() + np.arange(size), side="right")
    return order[np.minimum(places, len(order) - 1)].astype(np.int64)
