"""Which given labels to have checked again."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import QueryStrategy
from skweak.active.scores import top_k


class ReannotationQuery(QueryStrategy):
    """Rows whose given label is probably wrong, hard ones last.

    For a budget of second looks at a table that has labels already: pass them as ``y_pool=`` when it is called. Audit,
    relabel, train: each round the classifier is fitted on what has been mended so far.

    Parameters
    ----------
    ambiguity_weight : float >= 0, default=1.0
        How much a row that the classifier finds hard is put off. 0 asks for the least plausible label first; large
        values look for clear mistakes, which take an annotator one glance.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``-log p(given) - weight * H(p)``: cross-entropy of the given label less the entropy of the
    prediction. Pass ``label_quality=`` of any of our methods in place of the classifier's ``p(given)``, best out of
    sample: an overfitted classifier finds every label that it has learned plausible. Rows that have no given label (-1)
    score as if every class were as likely.

    References
    ----------
    Bernhardt et al., arXiv:2109.00574.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> learner = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    >>> ReannotationQuery()(learner, np.array([[-5.0], [0.0], [5.0]]), y_pool=[0, 1, 0])[0]
    array([2])
    """

    label_kind = "given"
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "ambiguity_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, ambiguity_weight=1.0, verbose=0):
        super().__init__(verbose=verbose)
        self.ambiguity_weight = ambiguity_weight

    def _select(self, view, n_instances, *, y_pool=None, label_quality=None):
        if y_pool is None:
            raise TypeError("ReannotationQuery needs the given labels; pass y_pool=, one per row of X_pool.")
        y_pool = np.asarray(y_pool)
        n_rows = view.X_pool.shape[0]
        if y_pool.shape != (n_rows,):
            raise ValueError(f"y_pool has shape {y_pool.shape}; give one label per row of X_pool, ({n_rows},).")
        taken = slice(None) if view.candidates is None else view.candidates
        proba = np.clip(view.map(view.predict_proba).astype(np.float64), 1e-12, 1)
        match = y_pool[taken][:, None] == np.asarray(view.estimator.classes_)
        given = np.where(match.any(axis=1), (proba * match).sum(axis=1), 1 / proba.shape[1])
        if label_quality is not None:
            quality = np.asarray(label_quality, dtype=np.float64)
            if quality.shape != (n_rows,) or not ((quality >= 0) & (quality <= 1)).all():
                raise ValueError(f"label_quality must be {n_rows} numbers in [0, 1], one per row of X_pool.")
            given = quality[taken]
        entropy = -(proba * np.log(proba)).sum(axis=1)
        scores = -np.log(np.maximum(given, 1e-12)) - self.ambiguity_weight * entropy
        picks = top_k(scores, n_instances)
        return picks, scores[picks]
