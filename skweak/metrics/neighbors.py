"""What the neighbours of a row say about its label; no model is trained on the labels."""

from numbers import Integral

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_array, column_or_1d


def neighbor_votes(X, y, *, n_neighbors=10, classes=None):
    """Share of each class among the labels of a row and its nearest neighbours, by cosine similarity.

    Wrong labels that strike at random seldom agree with their neighbourhood. It needs features in which
    neighbours are alike: pixels of digits, the embedding of a network, standardised columns of a table.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d), or array of more dimensions, which is flattened
        Features.
    y : array-like of shape (n,)
        Given labels.
    n_neighbors : int >= 3, default=10
        Rows that vote, the row itself among them. More are steadier and blur small classes.
    classes : array-like of shape (C,) or None, default=None
        The class of each column; None is the sorted labels of `y`.

    Returns
    -------
    ndarray of shape (n, C)
        Rows sum to 1. A neighbour weighs its similarity, at least 0; the row itself what the two nearest ones
        extrapolate to, so that it does not outvote them.

    Raises
    ------
    ValueError
        If there are not more than `n_neighbors` rows, or a label is not among `classes`.

    References
    ----------
    arXiv:2110.06283

    Examples
    --------
    >>> from skweak.metrics import neighbor_votes
    >>> X = [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]
    >>> neighbor_votes(X, [0, 0, 1, 1, 1, 1], n_neighbors=3).round(2)[[0, 2, 3]]
    array([[0.67, 0.33],
           [0.67, 0.33],
           [0.  , 1.  ]])
    """
    X, codes, classes = check_features_and_labels(X, y, classes)
    if not isinstance(n_neighbors, Integral) or n_neighbors < 3:
        raise ValueError(f"n_neighbors must be an integer of at least 3, got {n_neighbors!r}.")
    if len(codes) <= n_neighbors:
        raise ValueError(f"n_neighbors={n_neighbors} needs more than {n_neighbors} rows, got {len(codes)}; lower it.")
    given = np.eye(len(classes))[codes]
    distance, neighbor = NearestNeighbors(n_neighbors=n_neighbors - 1, metric="cosine").fit(X).kneighbors()
    own = 2 * distance[:, 0] - distance[:, 1]
    votes = given * (1 - own).clip(0, 1)[:, None]
    similarity = (1 - distance).clip(0)
    for place in range(n_neighbors - 1):
        votes += similarity[:, place, None] * given[neighbor[:, place]]
    alone = votes.sum(axis=1) <= 0
    votes[alone] = given[alone]
    return votes / votes.sum(axis=1, keepdims=True)


def check_features_and_labels(X, y, classes=None):
    """Return features (n, d), label codes (n,) and the classes, or raise where they do not fit together."""
    X = X if hasattr(X, "tocsr") else np.asarray(X)
    X = X.reshape(len(X), -1) if isinstance(X, np.ndarray) and X.ndim > 2 else X
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    y = column_or_1d(y, warn=True)
    if len(y) != X.shape[0]:
        raise ValueError(f"y has {len(y)} labels but X has {X.shape[0]} rows; give one label per row.")
    classes = np.unique(y) if classes is None else np.asarray(classes)
    given = y[:, None] == classes
    if not given.any(axis=1).all():
        other = y[~given.any(axis=1)].tolist()[0]
        raise ValueError(f"y holds {other!r}, which is not among classes {classes.tolist()}.")
    return X, given.argmax(axis=1), classes


def neighbor_agreement(X, y, y_pred, *, n_neighbors=10):
    """Share of rows whose predicted class is the one most of their neighbours were given.

    A score for data without a single verified label: the vote of the neighbours averages random mistakes out, so
    a model that repeats them falls behind. It rewards smooth predictions, right or wrong.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d), or array of more dimensions, which is flattened
        Features in which neighbours are alike.
    y : array-like of shape (n,)
        Given labels, some of them wrong.
    y_pred : array-like of shape (n,)
        Predicted labels.
    n_neighbors : int >= 3, default=10
        Rows that vote, the row itself among them.

    Returns
    -------
    float
        In [0, 1]; larger is better.

    Examples
    --------
    >>> from skweak.metrics import neighbor_agreement
    >>> X, y = [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], [0, 0, 1, 1, 1, 1]
    >>> neighbor_agreement(X, y, [0, 0, 0, 1, 1, 1], n_neighbors=3)
    1.0
    """
    y, y_pred = column_or_1d(y), column_or_1d(y_pred)
    if len(y) != len(y_pred):
        raise ValueError(f"y_pred has {len(y_pred)} labels but y has {len(y)}; give one prediction per row.")
    classes = np.unique(y)
    votes = neighbor_votes(X, y, n_neighbors=n_neighbors, classes=classes)
    return float(np.mean(classes[votes.argmax(axis=1)] == y_pred))


def neighbor_agreement_scorer(estimator, X, y):
    """Score an estimator by `neighbor_agreement` of its predictions among the rows that it is scored on.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.metrics import neighbor_agreement_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = LogisticRegression(max_iter=500).fit(X[:1000] / 16, y[:1000])
    >>> neighbor_agreement_scorer(clf, X[1000:] / 16, y[1000:]) > 0.8
    True
    """
    return neighbor_agreement(X, y, estimator.predict(X))
