"""AURO: asking which of two labels fits better (IJCAI 2015)."""

import numpy as np

from skweak.active.cell_base import CellStrategy
from skweak.active.multilabel import label_proba, mean_cardinality
from skweak.active.scores.entries import compared_labels


class AURO(CellStrategy):
    """Comparisons: which of two labels fits a row better.

    A person answers that more easily than whether a single label holds. The answers go to an estimator whose ``fit``
    takes ``pairs=``, such as `skweak.multilabel.MultiLabelClassifier`. A label is compared once; the entries themselves
    stay unknown.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the rows that are compared while nothing is fitted.
    verbose : int, default=0
        1 shows a progress bar for each pass over the pool.

    Notes
    -----
    Asked are rows with the most open labels, of these the one with the strangest number of predicted labels; its most
    probable open label is compared with the open one nearest its threshold. The score counts down. The paper's ranking
    model with a label for the threshold is replaced by the estimator's thresholds. An index is (row, label, other
    label), an answer 1 for the first, 0 for the second, -1 where both fit alike, which teaches nothing.

    References
    ----------
    S.-J. Huang, S. Chen and Z.-H. Zhou, "Multi-label active learning: query type matters", IJCAI 2015.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> X, y = np.array([[-1.0], [1.0], [2.0]]), np.array([[1, 0], [0, 1], [0, 1]])
    >>> learner = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    >>> AURO()(learner, np.array([[-9.0], [9.0]]), n_instances=2, y_pool=np.full((2, 2), -1))[0].tolist()
    [[0, 0, 1], [1, 1, 0]]
    """

    query_kind = "comparisons"
    label_kind = "multilabel"
    _width = 3

    def _count_open(self, closed):
        return int(((~closed).sum(axis=1) // 2).sum())

    def _first(self, view, closed, n_instances):
        """Return pairs of open labels, in their order, of rows drawn at random."""
        drawn = np.random.default_rng(view.seed(self.random_state)).permutation(view.n_pool)
        proba = np.broadcast_to(np.linspace(0.9, 0.6, closed.shape[1]), closed.shape)
        cells = compared_labels(proba, closed[drawn], n_instances, mean_cardinality=closed.shape[1])
        return np.column_stack([drawn[cells[:, 0]], cells[:, 1:]])

    def _cells(self, view, y_pool, closed, n_instances):
        proba = view.map(lambda rows: label_proba(view, rows))
        thresholds = getattr(view.estimator, "thresholds_", 0.5)
        known = y_pool if view.labeled is None else np.vstack([y_pool, np.asarray(view.labeled[1])])
        known = known[(known >= 0).any(axis=1)]
        size = mean_cardinality(known) if len(known) else float((proba > thresholds).sum(axis=1).mean())
        cells = compared_labels(proba, closed, n_instances, mean_cardinality=size, thresholds=thresholds)
        return cells, range(len(cells), 0, -1)
