"""Choosers that pick rows one after the other: far from each other, or by chance in proportion to the distance.

Both keep one number per row of the pool, its squared distance to the nearest center. A distance only shrinks, so a
number that is out of date bounds the true one from above; most of the work can therefore wait until many centers can be
handled in one matrix product, and the picks stay those of the plain algorithm.
"""

import numpy as np

# Rows whose distances are kept up to date between two passes over the pool, centers handled in one product, and
# elements of one block of a pass.
_FRONT_ROWS, _GROUP_SIZE, _BLOCK_ELEMENTS = 1024, 512, 2**19
# Tables up to this size are shifted once, larger ones block by block at every pass.
_COPY_BYTES = 2**26


class Distances:
    """Squared Euclidean distance of every row of a table to its nearest center.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Floating point rows, possibly a memory map.
    factor : ndarray of shape (n, c) or None
        With it, distances are between the outer products of ``factor[i]`` and ``features[i]``, which are never formed:
        their inner product is the product of the inner products.
    shift : ndarray of shape (d,) or None
        Point that becomes the origin, by default the mean: differences of points that are far from the origin would
        lose digits. Nothing is shifted with ``factor``.

    Attributes
    ----------
    nearest : ndarray of shape (n,)
        Squared distances to the nearest of the centers given to `update` so far; infinite at first.
    norms : ndarray of shape (n,)
        Squared norms of the rows.

    Raises
    ------
    ValueError
        If a squared norm is not finite.
    """

    def __init__(self, features, factor=None, shift=None):
        self.features, self.factor = features, factor
        n, width = features.shape
        self.block = max(256, _BLOCK_ELEMENTS // max(1, width))
        self.norms = np.empty(n, dtype=features.dtype)
        self.nearest = np.full(n, np.inf, dtype=features.dtype)
        self.shift = self._mean() if shift is None and factor is None else shift
        self._pending_shift = self.shift
        if self.shift is not None and features.nbytes <= _COPY_BYTES:
            self.features, self._pending_shift = features - self.shift, None
        # What overflows is told below.
        with np.errstate(over="ignore", invalid="ignore"):
            for part in self._blocks():
                rows = self.rows(part)
                self.norms[part] = np.einsum("ij,ij->i", rows, rows)
                if factor is not None:
                    self.norms[part] *= np.einsum("ij,ij->i", factor[part], factor[part])
        n_bad = n - np.count_nonzero(np.isfinite(self.norms))
        if n_bad:
            raise ValueError(f"X_pool has {n_bad} rows whose features are not finite, or too large to be squared.")

    def _blocks(self):
        n = len(self.features)
        return (slice(start, min(start + self.block, n)) for start in range(0, n, self.block))

    def _mean(self):
        total = sum(self.features[part].sum(axis=0, dtype=np.float64) for part in self._blocks())
        return (total / len(self.features)).astype(self.features.dtype)

    def rows(self, index):
        """Return rows, shifted."""
        rows = self.features[index]
        return rows if self._pending_shift is None else rows - self._pending_shift

    def subset(self, index):
        """Return the distances of some rows, at their present values."""
        factor = None if self.factor is None else self.factor[index]
        part = Distances(self.rows(index), factor, np.zeros((), dtype=self.features.dtype))
        part.nearest = self.nearest[index]
        return part

    def between(self, part, centers):
        """Return the squared distances (rows, centers) of the rows ``part`` to the rows of another instance."""
        others, index = centers
        product = self.rows(part) @ others.rows(index).T
        if self.factor is not None:
            product *= self.factor[part] @ others.factor[index].T
        product *= -2
        product += self.norms[part, None]
        product += others.norms[index]
        return np.maximum(product, 0, out=product)

    def refresh(self, rows, centers):
        """Bring the rows at some positions up to date with centers among the rows."""
        near = self.between(rows, (self, centers)).min(axis=1)
        self.nearest[rows] = np.minimum(self.nearest[rows], near)

    def update(self, centers, index=None):
        """Bring every row up to date with further centers: the rows ``index`` of another instance, by default all."""
        index = np.arange(len(centers.features)) if index is None else np.asarray(index)
        for start in range(0, len(index), _GROUP_SIZE):
            group = centers, index[start : start + _GROUP_SIZE]
            for part in self._blocks():
                np.minimum(self.nearest[part], self.between(part, group).min(axis=1), out=self.nearest[part])


def k_center(distances, n_picks, report=None):
    """Pick in turn the row that is farthest from its nearest center, which makes it a center.

    Parameters
    ----------
    distances : Distances
        Up to date with the centers that are there already, at least one.
    n_picks : int
    report : callable or None
        Called without arguments after each pick.

    Returns
    -------
    picks : ndarray of shape (n_picks,)
        Distinct rows; of rows at the same distance the first.
    radii : ndarray of shape (n_picks,)
        Distance of each to its nearest center when it was picked.

    Examples
    --------
    >>> distances = Distances(np.array([[0.0], [1.0], [5.0], [6.0]]))
    >>> distances.update(distances, [0])
    >>> k_center(distances, 2)
    (array([3, 1]), array([6., 1.]))
    """
    n, nearest = len(distances.nearest), distances.nearest
    picks, radii = [], []
    while len(picks) < n_picks:
        # While the front has a row that is farther than all others were, none of the others can win.
        size = min(n, max(_FRONT_ROWS, n_picks))
        order = np.argpartition(nearest, n - size)
        front, others = np.sort(order[n - size :]), order[: n - size]
        bound = nearest[others].max(initial=-2)
        within, done = distances.subset(front), len(picks)
        while len(picks) < n_picks:
            best = int(within.nearest.argmax())
            # The first of several rows at the same distance may lie outside the front.
            tied = within.nearest[best] <= bound
            if tied and len(picks) > done:
                break
            row = int(nearest.argmax()) if tied else int(front[best])
            picks.append(row)
            if report is not None:
                report()
            radii.append(float(nearest[row] if tied else within.nearest[best]))
            if tied:
                break
            within.update(within, [best])
            within.nearest[best] = -1
        if len(picks) < n_picks:
            distances.update(distances, picks[done:])
            nearest[picks] = -1
    return np.array(picks, dtype=np.int64), np.sqrt(np.maximum(radii, 0))


def k_means_plus_plus(distances, n_picks, generator):
    """Pick in turn a row at random, in proportion to its squared distance to the rows picked before.

    Parameters
    ----------
    distances : Distances
        Without centers. The first pick is the row of largest norm.
    n_picks : int
    generator : numpy.random.Generator

    Returns
    -------
    picks : ndarray of shape (n_picks,)
        Distinct rows; drawn uniformly from the rest where no row is left at a distance.
    scores : ndarray of shape (n_picks,)
        Squared distance of each when it was picked, of the first its squared norm.

    Notes
    -----
    Rows are proposed in proportion to a bound of their distance and kept with the probability distance / bound, which
    is a draw in proportion to the distance itself.

    Examples
    --------
    >>> distances = Distances(np.array([[0.0], [0.0], [9.0]]), shift=np.zeros(1))
    >>> k_means_plus_plus(distances, 1, np.random.default_rng(0))
    (array([2]), array([81.]))
    """
    picks = [int(distances.norms.argmax())]
    scores = [float(distances.norms[picks[0]])]
    done = 0
    while len(picks) < n_picks:
        distances.update(distances, picks[done:])
        done = len(picks)
        distances.nearest[picks] = 0
        bound = distances.nearest.astype(np.float64)
        mass = bound.cumsum()
        if not mass[-1] > 0:
            rest = np.setdiff1d(np.arange(len(bound)), picks)
            picks.extend(generator.permutation(rest)[: n_picks - len(picks)].tolist())
            scores.extend([0.0] * (n_picks - len(scores)))
            break
        misses = 0
        # After many misses the bounds are too far off, and a pass over the pool is cheaper than further proposals.
        while len(picks) < min(n_picks, done + 32) and misses < 32:
            row = min(int(mass.searchsorted(generator.random() * mass[-1], side="right")), len(bound) - 1)
            exact = 0.0 if row in picks[done:] else bound[row]
            if exact and len(picks) > done:
                exact = min(exact, float(distances.between([row], (distances, picks[done:])).min()))
            if generator.random() * bound[row] < exact:
                picks.append(row)
                scores.append(exact)
            else:
                misses += 1
    return np.array(picks, dtype=np.int64), np.array(scores)
