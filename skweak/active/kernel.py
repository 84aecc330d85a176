"""Strategies that ask no classifier: a kernel and the labels are all they need."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.features import REPRESENTATION, Features
from skweak.active.scores import expected_cost_reduction, quire
from skweak.active.scores.coverage import squared_distances

# From this many classes on, two imagined labels have too many combinations.
_MANY_CLASSES = 20


class McPAL(QueryStrategy):
    """Rows whose label would most reduce the cost of wrong decisions in their surroundings.

    A classifier of kernel frequencies decides, not the learner; it works from the first label on, and without any.

    Parameters
    ----------
    bandwidth : float > 0, default=0.5
        Width of the Gaussian kernel between rows of length 1. Small values believe only in near copies, large ones
        see the same classes everywhere.
    max_labels : int, default=2
        Labels around a row that are imagined at most; 1 with more than 20 classes.
    representation : {"input", "learner"} or callable, default="input"
        What is compared: the rows, the estimator's embeddings, or what a function makes of the rows.
    n_candidates : int, default=10_000
        Rows of the pool that are drawn first.
    random_state : int or None, default=0
        Seed of that draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is the gain per label times the density of the pool around the row. The rows of a batch are picked in
    turn: a picked row counts as labeled with the class that its surroundings suggest.

    References
    ----------
    Kottke et al., "Multi-class probabilistic active learning", ECAI 2016.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1], [1.0, 0.2]])
    >>> McPAL()(LogisticRegression(), X, labeled=([[0.05, 1.0]], [0]))[0]
    array([3])
    """

    _cold_start = True
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "bandwidth": [Interval(Real, 1e-100, 1e100, closed="both")],
        "max_labels": [Interval(Integral, 1, None, closed="left")],
        "representation": REPRESENTATION,
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(
        self, *, bandwidth=0.5, max_labels=2, representation="input", n_candidates=10_000, random_state=0, verbose=0
    ):
        super().__init__(verbose=verbose)
        self.bandwidth = bandwidth
        self.max_labels = max_labels
        self.representation = representation
        self.n_candidates = n_candidates
        self.random_state = random_state

    def _select(self, view, n_instances):
        drawn = view.draw(max(self.n_candidates, n_instances), view.seed(self.random_state))
        features = Features(view, self.representation, drawn)
        pool, labeled = features.pool, features.labeled()
        names = [] if view.labeled is None else np.unique(view.labeled[1]).tolist()
        counts = np.zeros((len(pool), max(2, len(names))))
        for column, name in enumerate(names):
            counts[:, column] = self._kernel(pool, labeled[view.labeled[1] == name]).sum(axis=1)
        # A mean over blocks: the kernel of the whole pool with itself is never held.
        size = max(1, 2**24 // len(pool))
        density = sum(self._kernel(pool, pool[start : start + size]).sum(axis=1) for start in range(0, len(pool), size))
        density /= len(pool)
        depth = self.max_labels if counts.shape[1] <= _MANY_CLASSES else 1
        picks, scores, left = [], [], np.ones(len(pool), dtype=bool)
        for _ in range(n_instances):
            value = density * expected_cost_reduction(counts, max_labels=depth)
            value = np.where(left, np.round(value, 10), -np.inf)
            row = int(value.argmax())
            picks.append(row)
            scores.append(value[row])
            left[row] = False
            counts[:, int(counts[row].argmax())] += self._kernel(pool, pool[[row]])[:, 0]
        picks = np.array(picks)
        return picks if drawn is None else drawn[picks], scores

    def _kernel(self, rows, others):
        return np.exp(squared_distances(rows, others) / (-2 * self.bandwidth**2))


class QUIRE(QueryStrategy):
    """Informative and representative rows: even their worst label would hardly disturb what is known.

    A regression with a Gaussian kernel is the model, not the learner. For teaching and small data.

    Parameters
    ----------
    ridge : float > 0, default=1.0
        Regularization; towards infinity all rows become equal.
    n_candidates : int, default=5000
        Rows of the pool that are drawn first.
    random_state : int or None, default=0
        Seed of that draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    With mean and variance of the regression on labels of -1 and 1, one column per class, the score is minus the loss of
    the worst class. After a pick the row counts as seen at its mean, which shrinks the variance around it.

    References
    ----------
    S.-J. Huang, R. Jin and Z.-H. Zhou, "Active learning by querying informative and representative examples",
    NIPS 2010.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[0.0, 0.0], [1.0, 1.0]]), [0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> QUIRE()(learner, np.array([[0.0, 0.1], [1.0, 0.0], [1.0, 0.9]]), labeled=(X, y))[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "ridge": [Interval(Real, 0, None, closed="neither")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, ridge=1.0, n_candidates=5000, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.ridge = ridge
        self.n_candidates = n_candidates
        self.random_state = random_state

    def _select(self, view, n_instances):
        X, y = view.require_labeled()
        view.check_classes(len(getattr(view.estimator, "classes_", np.unique(y))))
        drawn = view.draw(max(self.n_candidates, n_instances), view.seed(self.random_state))
        features = Features(view, "input", drawn)
        pool, known = features.pool, features.labeled()
        # 1 / (d var) of rows of length 1 around their mean is 1.
        among, cross = (np.exp(-squared_distances(known, rows)) for rows in (known, pool))
        target = np.where(y[:, None] == np.unique(y), 1.0, -1.0)
        base = quire(among, cross, target, ridge=self.ridge)
        inverse = np.linalg.inv(among + self.ridge * np.eye(len(known)))
        start = 1 + self.ridge - np.einsum("ij,ij->j", cross, inverse @ cross)
        # The loss times the variance does not change with the picks.
        numerator, variance = base * start, start.copy()
        picks, scores, left, moves = [], [], np.ones(len(pool), dtype=bool), []
        for _ in range(n_instances):
            value = np.where(left, np.round(numerator / np.maximum(variance, 1e-12), 9), -np.inf)
            row = int(value.argmax())
            picks.append(row)
            scores.append(value[row])
            left[row] = False
            along = np.exp(-squared_distances(pool, pool[[row]])[:, 0]) - cross.T @ (inverse @ cross[:, row])
            along -= sum((move * move[row] for move in moves), np.zeros(len(pool)))
            moves.append(along / np.sqrt(variance[row]))
            variance = np.maximum(variance - moves[-1] ** 2, self.ridge / 2)
        picks = np.array(picks)
        return picks if drawn is None else drawn[picks], scores
