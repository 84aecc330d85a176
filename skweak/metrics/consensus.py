"""How labels were flipped, from how often those of a row and of its two nearest neighbours agree."""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from skweak.metrics.neighbors import check_features_and_labels

_STEPS, _LEARNING_RATE = 400, 0.1


def neighbor_transition_matrix(X, y, *, classes=None):
    """Estimate with which probability each true class (row) was given each label (column), by neighbours alone.

    If a row and its two nearest ones are of one true class, how often their three labels agree or differ tells how
    often labels are wrong. No model is trained on the labels; where neighbours are often of different
    classes, labels look worse than they are. `estimate_transition_matrix` does the same from probabilities.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d), or array of more dimensions, which is flattened
        Features in which neighbours are alike, by cosine similarity.
    y : array-like of shape (n,)
        Given labels.
    classes : array-like of shape (C,) or None, default=None
        The class of each row and column; None is the sorted labels of `y`.

    Returns
    -------
    ndarray of shape (C, C)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If there are fewer than 4 rows, or a label is not among `classes`.

    Notes
    -----
    With the probabilities ``p`` of the true classes and the matrix ``T``, a label ``a`` has the probability
    ``sum_i p_i T_ia``, a pair ``sum_i p_i T_ia T_ib`` and a triple ``sum_i p_i T_ia T_ib T_ic``. The sum of the three
    distances to the frequencies is minimised by Adam, from a matrix that keeps most labels; memory grows with C cubed.

    References
    ----------
    arXiv:2102.05291

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.metrics import neighbor_transition_matrix
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, _, T = make_noisy_labels(y, "pairflip:0.3", random_state=0)
    >>> bool(abs(neighbor_transition_matrix(X, y_noisy) - T).max() < 0.1)
    True
    """
    return _fit(X, y, classes)[0]


def clean_shares(X, y, classes):
    """Return for each class the estimated share of its labels that are right (C,), by `neighbor_transition_matrix`."""
    matrix, prior, given = _fit(X, y, classes)
    return (matrix.diagonal() * prior / given.clip(1e-12)).clip(0, 1)


def label_frequencies(X, y, classes=None):
    """Return how often labels, pairs and triples of labels of neighbours occur: (C,), (C, C) and (C, C, C)."""
    X, codes, classes = check_features_and_labels(X, y, classes)
    if len(codes) < 4:
        raise ValueError(f"X must have at least 4 rows, each with two neighbours to compare it with, got {len(codes)}.")
    neighbor = NearestNeighbors(n_neighbors=2, metric="cosine").fit(X).kneighbors(return_distance=False)
    counts = np.zeros((len(classes),) * 3)
    np.add.at(counts, (codes, codes[neighbor[:, 0]], codes[neighbor[:, 1]]), 1 / len(codes))
    return counts.sum(axis=(1, 2)), counts.sum(axis=2), counts


def _fit(X, y, classes):
    """Return transition matrix, probabilities of the true classes and frequencies of the given ones."""
    frequencies = label_frequencies(X, y, classes)
    one, two, three = (torch.as_tensor(table) for table in frequencies)
    n_classes = len(one)
    logits = (5 * torch.eye(n_classes, dtype=torch.float64) - 1).requires_grad_()
    prior_logits = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits, prior_logits], lr=_LEARNING_RATE)
    best, found = np.inf, None
    with torch.enable_grad():
        for _ in range(_STEPS):
            matrix, prior = logits.softmax(dim=1), prior_logits.softmax(dim=0)
            weighted = prior[:, None] * matrix
            pairs = matrix[:, :, None] * matrix[:, None, :]
            triples = (weighted.T @ pairs.flatten(1)).reshape(three.shape)
            loss = (prior @ matrix - one).norm() + (weighted.T @ matrix - two).norm() + (triples - three).norm()
            if loss.item() < best:
                best, found = loss.item(), (matrix.detach().numpy(), prior.detach().numpy(), frequencies[0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return found
