"""DropQuery (arXiv:2401.14555)."""

from numbers import Integral, Real

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.kmeans import k_means
from skweak.active.scores import label_disagreement, nearest_to_centers, top_k


class DropQuery(QueryStrategy):
    """Rows whose predicted class changes when most of their features are dropped, one from each cluster of such rows.

    Made for features of a large pretrained network under a linear classifier.

    Parameters
    ----------
    n_passes : int, default=3
        Random masks.
    dropout : float in (0, 1), default=0.75
        Share of the features that a mask drops; the larger, the more rows change their class.
    random_state : int or None, default=0
        Seed of the masks and of k-means.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Candidates are the rows that change in more than half of the passes, at least a batch. The prediction is that of a
    linear classifier of the embeddings, fitted on the labeled rows; an estimator without an embedding of its own is
    asked itself. The score is the share of changed predictions.

    References
    ----------
    Gupte et al., arXiv:2401.14555.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[-1.0, -1.0], [1.0, 1.0]]), [0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> DropQuery()(learner, np.array([[-1.0, -1.0], [2.0, -1.9], [2.0, 3.0]]), labeled=(X, y))[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "n_passes": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="neither")],
        "random_state": SEED,
    }

    def __init__(self, *, n_passes=3, dropout=0.75, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.n_passes = n_passes
        self.dropout = dropout
        self.random_state = random_state

    def _select(self, view, n_instances):
        view.check_classes(len(getattr(view.estimator, "classes_", [0, 1])))
        X, y = view.known_labeled()
        known = np.asarray(view.embed(X), dtype=np.float64)
        scale = np.maximum(known.std(axis=0), 1e-9 + 1e-3 * known.std())
        center = known.mean(axis=0)
        head = LogisticRegression(max_iter=200).fit((known - center) / scale, y)
        embedding = view.map(lambda rows: (np.asarray(view.embed(rows), dtype=np.float64) - center) / scale)
        seed = view.seed(self.random_state)
        generator, width = np.random.default_rng(seed), embedding.shape[1]
        passes = []
        for _ in range(self.n_passes):
            keep = generator.random(width) >= self.dropout
            keep[generator.integers(width)] = True
            passes.append(head.predict(embedding * keep))
        share = label_disagreement(np.stack(passes), head.predict(embedding))
        rows = np.flatnonzero(share > 0.5)
        if len(rows) < n_instances:
            rows = np.sort(top_k(share, n_instances))
        model = k_means(embedding[rows], n_instances, seed)
        picks = rows[nearest_to_centers(embedding[rows], model.cluster_centers_)]
        return picks, share[picks]
