"""Scores from the last layer and from kernels: experimental design, expected gradients, the cost of a wrong label."""

from itertools import combinations_with_replacement

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import gammaln

from skweak.utils._checks import as_array, as_proba, check_count, check_row_count

# Picks after which the inverse is computed afresh, against drift.
_REFRESH = 200


def fisher_greedy(
    features, weight, n_instances, *, labeled_features=None, labeled_weight=None, ridge=1.0, oversample=2.0
):
    """Choose the rows that best reduce the variance of the predictions over the pool.

    Parameters
    ----------
    features : array of shape (n, d)
        Embeddings of the pool; append a constant 1 for the bias.
    weight : array of shape (n,)
        ``1 - sum p**2`` of each row, at least 0.
    n_instances : int
        Rows to choose; all of them when there are fewer.
    labeled_features, labeled_weight : arrays of shapes (m, d) and (m,), optional
        The same for labelled rows.
    ridge : float > 0, default=1.0
        Added to the information; the larger, the more a pick is led by its length alone.
    oversample : float >= 1, default=2.0
        That many times ``n_instances`` are chosen, then the least useful are given back.

    Returns
    -------
    index : array of shape (b,)
        int64, in the order of choice.
    gain : array of shape (b,)
        Decrease of the trace at the time of choice.

    Notes
    -----
    BAIT minimises ``tr((ridge I + sum_S w h h')^-1 mean w h h')``; the light form has one weight per row in place of
    the C x C covariance. O(n d²) at the start and O(n d) per pick.

    References
    ----------
    arXiv:2106.09675

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import fisher_greedy
    >>> fisher_greedy(np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 2.0]]), np.ones(3), 1)[0]
    array([1])
    """
    h, weight = as_array(features, "features", 2), as_array(weight, "weight")
    check_row_count(weight, "weight", len(h))
    check_count(n_instances, "n_instances")
    if (weight < 0).any():
        raise ValueError("weight must be at least 0.")
    if not ridge > 0:
        raise ValueError(f"ridge must be larger than 0, got {ridge!r}.")
    if not oversample >= 1:
        raise ValueError(f"oversample must be at least 1, got {oversample!r}.")
    n, width = h.shape
    base = ridge * np.eye(width)
    if labeled_features is not None and len(labeled_features):
        known = as_array(labeled_features, "labeled_features", 2)
        known_weight = np.ones(len(known)) if labeled_weight is None else as_array(labeled_weight, "labeled_weight")
        base = base + (known * known_weight[:, None]).T @ known
    fisher = (h * weight[:, None]).T @ h / n
    wanted = min(n_instances, n)
    state = _Design(h, weight, base, fisher)
    picks, gains, left = [], [], np.ones(n, dtype=bool)
    for number in range(min(n, max(wanted, int(np.ceil(oversample * wanted))))):
        if number and number % _REFRESH == 0:
            state = _Design(h, weight, base + (h[picks] * weight[picks, None]).T @ h[picks], fisher)
        gain = np.where(left, weight * state.q / (1 + weight * state.s), -np.inf)
        row = int(gain.argmax())
        picks.append(row)
        gains.append(float(gain[row]))
        left[row] = False
        state.update(row, 1.0)
    while len(picks) > wanted:
        rows = np.array(picks)
        loss = weight[rows] * state.q[rows] / np.maximum(1 - weight[rows] * state.s[rows], 1e-12)
        worst = int(loss.argmin())
        state.update(picks.pop(worst), -1.0)
        gains.pop(worst)
    return np.array(picks, dtype=np.int64), np.array(gains)


class _Design:
    """The inverse information A, and of every row ``h'Ah`` and ``h'AFAh``, kept up to date by rank one."""

    def __init__(self, h, weight, information, fisher):
        self.h, self.weight, self.fisher = h, weight, fisher
        self.inverse = cho_solve(cho_factor(information), np.eye(len(information)))
        projected = h @ self.inverse
        self.s = np.einsum("ij,ij->i", projected, h)
        self.q = np.einsum("ij,ij->i", projected @ fisher, projected)

    def update(self, row, sign):
        """Add a row to the design, or take it out with ``sign=-1``."""
        u = self.inverse @ self.h[row]
        v = self.inverse @ (self.fisher @ u)
        z, w = u @ self.fisher @ u, self.weight[row]
        c = sign * w / (1 + sign * w * self.s[row])
        along, across = self.h @ u, self.h @ v
        self.q += -2 * c * along * across + c**2 * z * along**2
        self.s -= c * along**2
        self.inverse -= c * np.outer(u, u)


def expected_gradient_length(proba, features):
    """Return the expected length of the last layer's gradient, over the labels that the model deems possible.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities.
    features : array of shape (n, d)
        Embeddings.

    Returns
    -------
    array of shape (n,)
        ``|[h, 1]| sum_y p_y |p - e_y|``; 0 for a prediction without doubt.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import expected_gradient_length
    >>> expected_gradient_length(np.array([[1.0, 0.0], [0.5, 0.5]]), np.zeros((2, 1))).round(3)
    array([0.   , 0.707])
    """
    proba, features = as_proba(proba).astype(np.float64), as_array(features, "features", 2)
    check_row_count(features, "features", len(proba))
    square = (proba**2).sum(axis=1, keepdims=True)
    distance = np.sqrt(np.maximum(square + 1 - 2 * proba, 0))
    return np.sqrt((features**2).sum(axis=1) + 1) * (proba * distance).sum(axis=1)


def last_layer_gain(proba, features, gradient):
    """Return how far one step on a row, with its predicted label, goes along a wanted gradient.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities.
    features : array of shape (n, d)
        Embeddings.
    gradient : array of shape (C, d + 1)
        Gradient of a trusted loss with respect to the last layer, bias last.

    Returns
    -------
    array of shape (n,)
        Inner product of the two gradients.

    References
    ----------
    arXiv:2012.10630

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import last_layer_gain
    >>> last_layer_gain(np.array([[0.75, 0.25]]), np.array([[2.0]]), np.array([[-1.0, 0.0], [1.0, 0.0]]))
    array([1.])
    """
    proba, features = as_proba(proba).astype(np.float64), as_array(features, "features", 2)
    gradient = as_array(gradient, "gradient", 2)
    if gradient.shape != (proba.shape[1], features.shape[1] + 1):
        raise ValueError(f"gradient has shape {gradient.shape}, not {(proba.shape[1], features.shape[1] + 1)}.")
    residual = proba.copy()
    residual[np.arange(len(proba)), proba.argmax(axis=1)] -= 1
    return (residual * (features @ gradient[:, :-1].T + gradient[:, -1])).sum(axis=1)


def neighbor_divergence(proba, labeled_proba, neighbors):
    """Return the mean divergence between a row's prediction and those of its labelled neighbours.

    Parameters
    ----------
    proba : array of shape (n, C)
        Class probabilities of the pool.
    labeled_proba : array of shape (m, C)
        Class probabilities of the labelled rows.
    neighbors : array of shape (n, k)
        Positions of the labelled neighbours.

    Returns
    -------
    array of shape (n,)
        ``mean KL(p_neighbor | p)``, at least 0. The rows on top often lie at one and the same border; draw from the
        scores, do not take the largest.

    References
    ----------
    arXiv:2109.03764

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import neighbor_divergence
    >>> neighbor_divergence(np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]]), np.array([[0]]))
    array([0.])
    """
    own, known = _clipped(as_proba(proba)), _clipped(as_proba(labeled_proba, "labeled_proba"))
    neighbors = np.asarray(neighbors, dtype=np.int64)
    negative_entropy = (known * np.log(known)).sum(axis=1)
    cross = np.log(own) @ known.T
    return np.maximum((negative_entropy[neighbors] - np.take_along_axis(cross, neighbors, axis=1)).mean(axis=1), 0)


def _clipped(proba):
    proba = np.clip(proba.astype(np.float64), 1e-7, 1)
    return proba / proba.sum(axis=1, keepdims=True)


def quire(kernel_labeled, kernel_cross, target, *, kernel_diag=1.0, ridge=1.0):
    """Return minus the loss that a row's worst label would cause: informative and representative rows are large.

    Parameters
    ----------
    kernel_labeled : array of shape (m, m)
        Kernel among the labelled rows.
    kernel_cross : array of shape (m, n)
        Kernel between labelled and pool rows.
    target : array of shape (m,) or (m, C)
        Labels of -1 and 1; one column per class.
    kernel_diag : float or array of shape (n,), default=1.0
        Kernel of each pool row with itself.
    ridge : float > 0, default=1.0
        Regularisation; towards infinity all scores become equal.

    Returns
    -------
    array of shape (n,)
        ``-(1 + |mu|)**2 / s2`` with mean and variance of the regression; for several classes the worst one.

    Notes
    -----
    Equals the published min-max over the label of the row and real-valued labels of all others, without the inverse
    over the pool. O(m³ + n m²).

    References
    ----------
    S.-J. Huang, R. Jin and Z.-H. Zhou, "Active learning by querying informative and representative examples",
    NIPS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import quire
    >>> quire(np.ones((1, 1)), np.array([[0.0, 1.0]]), np.array([1.0]))
    array([-0.5, -1.5])
    """
    kernel_labeled = as_array(kernel_labeled, "kernel_labeled", 2)
    kernel_cross = as_array(kernel_cross, "kernel_cross", 2)
    target = np.asarray(target, dtype=np.float64)
    if not np.isin(target, (-1, 1)).all():
        raise ValueError("target must hold -1 and 1 only.")
    if not ridge > 0:
        raise ValueError(f"ridge must be larger than 0, got {ridge!r}.")
    if len(kernel_labeled) != len(kernel_cross) or len(target) != len(kernel_labeled):
        raise ValueError("kernel_labeled, kernel_cross and target must have one row per labelled row.")
    lower = np.linalg.cholesky(kernel_labeled + ridge * np.eye(len(kernel_labeled)))
    half = solve_triangular(lower, kernel_cross, lower=True)
    mean = half.T @ solve_triangular(lower, target, lower=True)
    variance = kernel_diag + ridge - np.einsum("ij,ij->j", half, half)
    if target.ndim == 1:
        return -((1 + np.abs(mean)) ** 2) / variance
    return -(((1 + mean) ** 2).sum(axis=1) - 4 * mean.min(axis=1)) / variance


def expected_cost_reduction(counts, *, cost=None, max_labels=2, prior=1e-3):
    """Return the reduction of the misclassification cost that labels around a row would bring (McPAL).

    Parameters
    ----------
    counts : array of shape (n, C)
        Kernel frequencies: labelled rows of each class around a row, at least 0.
    cost : array of shape (C, C), optional
        ``cost[c, k]`` of deciding k where c is right; 0 and 1 by default.
    max_labels : int, default=2
        Labels that are imagined at most. More see further ahead; the work grows as ``C**max_labels``.
    prior : float > 0, default=1e-3
        Added to the counts.

    Returns
    -------
    array of shape (n,)
        Largest gain per label.

    References
    ----------
    Kottke et al., "Multi-class probabilistic active learning", ECAI 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import expected_cost_reduction
    >>> gain = expected_cost_reduction(np.array([[0.0, 0.0], [9.0, 0.0]]))
    >>> bool(gain[0] > gain[1])
    True
    """
    counts = as_array(counts, "counts", 2)
    check_count(max_labels, "max_labels", 1)
    if (counts < 0).any():
        raise ValueError("counts must be at least 0.")
    if not prior > 0:
        raise ValueError(f"prior must be larger than 0, got {prior!r}.")
    n_classes = counts.shape[1]
    cost = 1 - np.eye(n_classes) if cost is None else as_array(cost, "cost", 2)
    alpha = counts + prior
    total = alpha.sum(axis=1)
    share = alpha / total[:, None]
    rows = np.arange(len(counts))

    def risk(decided, of):
        return (of * cost.T[(decided @ cost).argmin(axis=1)]).sum(axis=1)

    now, best = risk(counts, share), np.full(len(counts), -np.inf)
    for size in range(1, max_labels + 1):
        expected = np.zeros(len(counts))
        for labels in combinations_with_replacement(range(n_classes), size):
            added = np.bincount(labels, minlength=n_classes)
            log_chance = (gammaln(alpha + added) - gammaln(alpha) - gammaln(added + 1)).sum(axis=1)
            log_chance += gammaln(size + 1) + gammaln(total) - gammaln(total + size)
            after = counts + added
            expected += np.exp(log_chance) * risk(after, (alpha + added) / (total + size)[rows, None])
        best = np.maximum(best, (now - expected) / size)
    return best
