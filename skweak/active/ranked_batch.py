"""Ranked batch-mode sampling."""

import numpy as np

from skweak.active.base import QueryStrategy
from skweak.active.greedy import Distances
from skweak.active.scores import confidence_score

# Rows that are brought up to date at a time.
_FRONT_ROWS = 16


class RankedBatch(QueryStrategy):
    """Rows ranked by uncertainty and by how little they resemble what is labeled or ranked before.

    While few rows are labeled the ranking explores, later it trusts the classifier.

    Parameters
    ----------
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Each pick maximises ``a (1 - s) + (1 - a) u`` with the uncertainty ``u = 1 - max p``, the similarity
    ``s = 1 / (1 + distance)`` to the nearest labeled or ranked row (0 while there is none), and ``a`` the share of rows
    still unlabeled. Distances are Euclidean, between embeddings where the estimator has ``embed``, else between rows.

    References
    ----------
    T. N. C. Cardoso et al., "Ranked batch-mode active learning", Information Sciences 379 (2017).

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[-1.0], [1.0]]), [0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> indices, scores = RankedBatch()(learner, np.array([[0.0], [0.1], [5.0]]), n_instances=2, labeled=(X, y))
    >>> indices.tolist()
    [0, 2]
    """

    def _select(self, view, n_instances):
        uncertainty = view.map(lambda rows: 1 - confidence_score(view.predict_proba(rows), kind="least_confidence"))
        distances = Distances(view.embedding())
        if view.labeled is not None:
            known = view.embed(view.labeled[0]).astype(distances.features.dtype, copy=False)
            distances.update(Distances(known, shift=distances.shift))
        total = view.n_pool + view.n_labeled
        picks, scores = [], []
        # Distances that are out of date are too large, and so are values made of them: only rows that still come out
        # first have to be brought up to date.
        known_picks = np.zeros(view.n_pool, dtype=np.int64)
        unlike = _unlike(distances.nearest)
        while len(picks) < n_instances:
            share = (view.n_pool - len(picks)) / total
            value = share * unlike + (1 - share) * uncertainty
            value[picks] = -1
            best = int(value.argmax())
            while known_picks[best] < len(picks):
                front = np.argpartition(value, -_FRONT_ROWS)[-_FRONT_ROWS:] if len(value) > _FRONT_ROWS else value > -1
                front = np.flatnonzero(front) if front.dtype == bool else front
                distances.refresh(front, picks)
                known_picks[front] = len(picks)
                unlike[front] = _unlike(distances.nearest[front])
                value[front] = share * unlike[front] + (1 - share) * uncertainty[front]
                value[picks] = -1
                best = int(value.argmax())
            picks.append(best)
            scores.append(float(value[best]))
        return picks, scores


def _unlike(squared_distance):
    return 1 - 1 / (1 + np.sqrt(squared_distance, dtype=np.float64))
