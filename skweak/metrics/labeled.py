"""Any scorer on the rows that have a label."""

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import column_or_1d

from skweak.labels.markers import class_values, marked, read_labels, refuse_printed


class _LabeledScorer:
    def __init__(self, scoring, unlabeled):
        self.scoring, self.unlabeled = scoring, unlabeled

    def __call__(self, estimator, X, y, **facts):
        y, marker = column_or_1d(read_labels(y)), self.unlabeled
        refuse_printed(y, {"unlabeled": marker}, getattr(estimator, "classes_", None))
        named = ~marked(y, marker)
        rows = np.flatnonzero(named)
        if not len(rows):
            raise ValueError(f"y holds no row but unlabeled={marker!r}, which nothing can be judged by; give labels.")
        facts = {name: value if value is None else _safe_indexing(value, rows) for name, value in facts.items()}
        y = class_values(y, named)
        return check_scoring(estimator, self.scoring)(estimator, _safe_indexing(X, rows), y, **facts)

    def __repr__(self):
        return f"labeled_scorer({self.scoring!r}, unlabeled={self.unlabeled!r})"


def labeled_scorer(scoring="accuracy", *, unlabeled=-1):
    """Return a scorer that judges labeled rows only.

    For grid search and cross-validation with marked rows; ``score`` of the estimators does the same for the accuracy.

    Parameters
    ----------
    scoring : str or callable, default="accuracy"
        A scorer of scikit-learn by name, or ``scorer(estimator, X, y)``.
    unlabeled : scalar, default=-1
        Marker of rows without a label; nan marks nan.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)``; it raises where ``y`` has no labeled row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skweak.metrics import labeled_scorer
    >>> X, y = np.zeros((4, 1)), np.array([0, 0, 1, -1])
    >>> round(labeled_scorer("accuracy")(DummyClassifier().fit(X[:3], y[:3]), X, y), 4)
    0.6667
    """
    return _LabeledScorer(scoring, unlabeled)
