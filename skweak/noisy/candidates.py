"""What `AutoNoisyClassifier` tries where the user names nothing."""

import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.extmath import row_norms

from skweak.noisy.bldr import BLDRClassifier
from skweak.noisy.coteaching import CoTeachingClassifier
from skweak.noisy.cross_entropy import CrossEntropyClassifier
from skweak.noisy.dividemix import DivideMixClassifier
from skweak.noisy.dpc import DPCClassifier
from skweak.noisy.elr import ELRClassifier
from skweak.noisy.gce import GCEClassifier
from skweak.noisy.label_issue_filter import LabelIssueFilter

# Texts and embeddings have hundreds of columns, and there a linear head is often all it takes.
MANY_COLUMNS = 200
# The networks from cheap to dear.
NETWORKS = {
    "CE": CrossEntropyClassifier,
    "GCE": GCEClassifier,
    "ELR": ELRClassifier,
    "Co-teaching": CoTeachingClassifier,
    "BLDR": BLDRClassifier,
    "DivideMix": DivideMixClassifier,
    "DPC": DPCClassifier,
}
LINEAR_HEADS = ("GCE", "ELR")


def default_candidates(X, random_state=None):
    """Return the classifiers that suit the rows, as pairs of name and estimator, cheap ones first.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, d), or ndarray of images (n, C, H, W)
        Rows. Images get networks alone; sparse rows no boosted trees; many columns linear heads, and logistic
        regression on rows scaled to length 1 besides, unless they have it, as TF-IDF has; rows with gaps (nan) trees,
        and the others behind an imputer.
    random_state : int or None, default=None
        Seed of every candidate.

    Returns
    -------
    list of (str, estimator)
    """
    seeded = {"random_state": random_state}
    networks = [(name, cls(**seeded)) for name, cls in NETWORKS.items()]
    if np.ndim(X) > 2:
        return networks
    is_sparse = sparse.issparse(X)
    scaled = make_pipeline(StandardScaler(with_mean=not is_sparse), LogisticRegression(max_iter=500))
    linear = scaled if X.shape[1] < MANY_COLUMNS else LogisticRegression(max_iter=500)
    plain = [("logistic regression", linear)]
    if X.shape[1] >= MANY_COLUMNS and not _has_unit_rows(X):
        # The penalty of long rows of many columns is next to none, so that a linear model remembers wrong labels too.
        shrunk = make_pipeline(Normalizer(), LogisticRegression(max_iter=500))
        plain.append(("logistic regression, rows of length 1", shrunk))
    plain += [
        ("random forest", RandomForestClassifier(**seeded)),
        ("random forest, leaves of 10", RandomForestClassifier(min_samples_leaf=10, **seeded)),
    ]
    if not is_sparse:
        # Half of scikit-learn's rounds: the folds of the filter make ten fits of each.
        plain.append(("boosted trees", HistGradientBoostingClassifier(max_iter=50, **seeded)))
    behind = [(f"{name} behind the filter", LabelIssueFilter(model, cv=3, **seeded)) for name, model in plain]
    heads = []
    if X.shape[1] >= MANY_COLUMNS:
        heads = [(f"{name}, linear head", NETWORKS[name](module__hidden=(), **seeded)) for name in LINEAR_HEADS]
    chosen = plain + behind + heads + networks
    if _has_gaps(X):
        chosen = [
            (name, make_pipeline(SimpleImputer(keep_empty_features=True), estimator))
            if "trees" not in name and "forest" not in name
            else (name, estimator)
            for name, estimator in chosen
        ]
    return chosen


def _has_unit_rows(X):
    squares = row_norms(X, squared=True)
    # A text without a known word has length 0.
    return np.allclose(squares[squares != 0], 1, atol=1e-3)


def _has_gaps(X):
    values = X.data if sparse.issparse(X) else X
    return values.dtype.kind == "f" and bool(np.isnan(values).any())
