"""Features of a pool that do not depend on its units: centered rows of length one."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

REPRESENTATION = [StrOptions({"input", "learner"}), callable]
# Columns that vary so much more than the median one would decide every distance.
_UNEQUAL = 10.0


class Features:
    """Rows as a strategy compares them, scaled by what the pool looks like.

    Parameters
    ----------
    view : LearnerView
    representation : {"input", "learner"} or callable
        The rows themselves, the estimator's embedding, or a function of the rows.
    rows : ndarray of int or None
        Pool rows that are read; all by default.

    Attributes
    ----------
    pool : ndarray of shape (n, d)
        float64 rows of length 1 (0 where a row is the mean).
    """

    def __init__(self, view, representation, rows=None):
        self.view, self.representation = view, representation
        raw = _as_floats(view.map(self._read) if rows is None else self._read(view.rows(rows)), "X_pool")
        if not np.isfinite(raw).all():
            n_bad = int((~np.isfinite(raw)).any(axis=1).sum())
            raise ValueError(f"X_pool has {n_bad} rows whose features are not finite; impute them in a Pipeline.")
        with np.errstate(over="ignore"):
            self.mean, spread = raw.mean(axis=0), raw.std(axis=0)
        if not np.isfinite(spread).all():
            raise ValueError(f"X_pool has values of {np.abs(raw).max():.3g}, too large to be compared; scale them.")
        positive = spread[spread > 0]
        unequal = len(positive) and positive.max() > _UNEQUAL * np.median(positive)
        self.scale = np.where(spread > 0, spread, 1.0) if unequal else 1.0
        self.pool = self._unit(raw)

    def _read(self, rows):
        if self.representation == "learner":
            found = self.view.embed(rows)
        elif self.representation == "input":
            found = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
        else:
            found = self.view.features(rows, self.representation)
        return np.asarray(found, dtype=None).reshape(len(found), -1)

    def _unit(self, raw):
        raw = (raw - self.mean) / self.scale
        norm = np.sqrt(np.einsum("ij,ij->i", raw, raw))
        # What rounding leaves of the mean has no direction.
        size = float(np.abs(self.mean / self.scale).max(initial=0.0)) + float(norm.max(initial=0.0))
        floor = 1e-9 * max(1e-300, size)
        raw[norm <= floor] = 0
        return raw / np.where(norm > floor, norm, 1)[:, None]

    def labeled(self):
        """Return the labeled rows (m, d) in the same scale, none when nothing is labeled."""
        if self.view.labeled is None:
            return np.empty((0, self.pool.shape[1]))
        rows = _as_floats(self._read(self.view.labeled[0]), "X of the labeled rows")
        if rows.shape[1] != self.pool.shape[1]:
            raise ValueError(
                f"X_pool has rows of {self.pool.shape[1]} numbers, but the labeled rows have {rows.shape[1]}; give "
                "them the same shape."
            )
        return self._unit(rows)


def _as_floats(values, name):
    """Return the numbers of rows, or raise where there are others."""
    if values.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers.")
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers without gaps: {error}; impute them in a Pipeline.") from error
