"""CCAL: contrastive coding for active learning under class distribution mismatch (ICCV 2021), with given features."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval

from skweak.active.base import QueryStrategy
from skweak.active.scores.neighbors import top_similarities
from skweak.utils import min_max

_ENCODER = [None, callable, HasMethods(["transform"])]


class CCAL(QueryStrategy):
    """Rows that resemble what is labeled in content but not in detail: of a known class, and new.

    The light form of the method: it compares features that are given instead of training two contrastive networks for
    hundreds of epochs. Features of a network that was pretrained without labels suit it; with the learner's own it
    tells unknown rows apart only as well as the learner does.

    Parameters
    ----------
    semantic : transformer, callable or None, default=None
        Gives the features that tell whether a row is of a known class. None takes the learner's embedding.
    distinctive : transformer, callable or None, default=None
        Gives the features that tell how much a row differs from those of its class. None takes the embedding.
    threshold : float in [0, 1], default=0.9
        Scaled similarity from which on a row counts as known (t).
    steepness : float > 0, default=100.0
        How sharp that border is (k).
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    With the cosine ``s`` to the nearest labeled row, scaled to [0, 1] over the pool, the semantic score is
    ``tanh(k (s - t) / 2)``. For each class, with the cosines ``a1 >= a2`` to its two nearest labeled rows and ``c``
    between these two, ``(a1 - a2) + c + a1`` is scaled to [0, 1]; 1 minus that is the distinctive score. In turn every
    class with a labeled row takes its share of the batch, the largest sums among the rows that are left. Labeled rows
    of unknown classes are not used.

    References
    ----------
    Du et al., "Contrastive coding for active learning under class distribution mismatch", ICCV 2021.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]), [0, 0, 1, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> CCAL()(learner, np.array([[-1.0, -1.0], [1.0, 0.2], [0.2, 1.0]]), n_instances=2, labeled=(X, y))[0]
    array([1, 2])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "semantic": _ENCODER,
        "distinctive": _ENCODER,
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "steepness": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, semantic=None, distinctive=None, threshold=0.9, steepness=100.0, verbose=0):
        super().__init__(verbose=verbose)
        self.semantic = semantic
        self.distinctive = distinctive
        self.threshold = threshold
        self.steepness = steepness

    def _select(self, view, n_instances):
        X, y = view.known_labeled()
        anchors = view.features(X, self.semantic), view.features(X, self.distinctive)
        groups = [anchors[1][y == label] for label in np.unique(y)]

        def compare(rows):
            near = top_similarities(view.features(rows, self.semantic), anchors[0])[0]
            detail = view.features(rows, self.distinctive)
            return np.column_stack([near, *(_closeness(detail, group) for group in groups)])

        similarity, *closeness = view.map(compare).astype(np.float64).T
        semantic = np.tanh(self.steepness * (min_max(similarity) - self.threshold) / 2)
        # One label after the other takes its share, so that no row is taken twice.
        shares = np.full(len(groups), n_instances // len(groups))
        shares[: n_instances % len(groups)] += 1
        best = np.full(view.n_pool, -np.inf)
        for share, values in zip(shares, closeness, strict=True):
            scores = semantic + 1 - min_max(values)
            free = np.flatnonzero(np.isneginf(best))
            chosen = free[np.argsort(-scores[free], kind="stable")[:share]]
            best[chosen] = scores[chosen]
        picks = np.flatnonzero(np.isfinite(best))
        picks = picks[np.argsort(-best[picks], kind="stable")]
        return picks, best[picks]


def _closeness(features, anchors):
    """Return how near rows are to two anchors that are near each other; a single anchor stands for both."""
    values, places = top_similarities(features, anchors, 2)
    pair, inverse = np.unique(places, axis=0, return_inverse=True)
    between = [top_similarities(anchors[[i]], anchors[[j]])[0].item() for i, j in pair]
    return 2 * values[:, 0] - values[:, 1] + np.array(between)[inverse]
