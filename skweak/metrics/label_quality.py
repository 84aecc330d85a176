"""How far class probabilities support the labels given, and what they say of the noise: confident learning.

The probabilities must come from a model that has not seen the row (out of fold): a model agrees with what it
was trained on. Columns are in the order of ``classes``, by default the sorted labels of ``y``.
"""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

QUALITY_KINDS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def label_quality(y, proba, *, kind="self_confidence", classes=None):
    """Quality in [0, 1] of each given label; low is suspicious.

    Sorting by it gives the rows to look at first, without a decision how many are wrong.

    Parameters
    ----------
    y : array-like of shape (n,)
        Given labels.
    proba : array-like of shape (n, C)
        Class probabilities from a model that has not seen the row.
    kind : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}, default="self_confidence"
        The probability of the given label; its lead over the best other class, scaled to [0, 1]; or an entropy
        that counts more where the given label is improbable.
    classes : array-like of shape (C,) or None, default=None
        The class of each column; None is the sorted labels of `y`.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If rows of `proba` do not sum to 1, shapes differ, or a label has no column.

    Notes
    -----
    The last kind is ``log(1 + s) / s`` with ``s = (H / log C) / p_y``, where H is the entropy of the row.

    References
    ----------
    arXiv:1911.00068

    Examples
    --------
    >>> from skweak.metrics import label_quality
    >>> label_quality([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    array([0.75, 0.25])
    >>> label_quality([0, 1], [[0.75, 0.25], [0.75, 0.25]], kind="normalized_margin")
    array([0.75, 0.25])
    """
    if kind not in QUALITY_KINDS:
        raise ValueError(f"kind must be one of {', '.join(QUALITY_KINDS)}, got {kind!r}.")
    codes, proba, _ = check_labels_and_proba(y, proba, classes)
    rows = np.arange(len(codes))
    given = proba[rows, codes]
    if kind == "self_confidence":
        return given.clip(0, 1)
    if kind == "normalized_margin":
        others = proba.copy()
        others[rows, codes] = -np.inf
        return ((given - others.max(axis=1) + 1) / 2).clip(0, 1)
    entropy = -(proba * np.log(proba.clip(1e-300))).sum(axis=1) / np.log(proba.shape[1])
    # An entropy of 0 is the limit 1 for a certain given label, and 0 for one that is ruled out.
    scaled = entropy / given.clip(1e-12)
    weighted = np.log1p(scaled) / scaled.clip(1e-12)
    return np.where(scaled > 1e-12, weighted, (given > 0.5).astype(float)).clip(0, 1)


def confident_joint(y, proba, *, calibrate=True, classes=None):
    """Count the rows of each given label (row) that are confidently of each true class (column).

    A row is confident for a class whose probability reaches the mean probability of that class among the rows
    given it, so that classes the model is shy of need less. With several such classes the most probable counts,
    with none the row is left out.

    Parameters
    ----------
    y : array-like of shape (n,)
        Given labels.
    proba : array-like of shape (n, C)
        Class probabilities from a model that has not seen the row.
    calibrate : bool, default=True
        Scale each row of the matrix to the number of rows given that label, rounded to whole rows; False returns
        the bare counts.
    classes : array-like of shape (C,) or None, default=None
        The class of each column; None is the sorted labels of `y`.

    Returns
    -------
    ndarray of int of shape (C, C)
        The sum of its off-diagonal entries estimates how many labels are wrong.

    References
    ----------
    arXiv:1911.00068

    Examples
    --------
    >>> from skweak.metrics import confident_joint
    >>> y = [0, 0, 0, 1, 1]
    >>> proba = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]
    >>> confident_joint(y, proba)                       # thresholds 2/3 and 4/5; one row given 0 is of class 1
    array([[2, 1],
           [0, 2]])
    """
    codes, proba, _ = check_labels_and_proba(y, proba, classes)
    counts = _confident_counts(codes, proba)
    return _round_rows(_scale_rows(counts, codes), codes) if calibrate else counts


def estimate_transition_matrix(y, proba, *, classes=None):
    """Estimate by confident learning with which probability each true class (row) was given each label (column).

    What `noise_corrected_scorer` and `ForwardCorrectionClassifier` need, where nobody knows the noise.

    Parameters
    ----------
    y : array-like of shape (n,)
        Given labels.
    proba : array-like of shape (n, C)
        Class probabilities from a model that has not seen the row.
    classes : array-like of shape (C,) or None, default=None
        The class of each column; None is the sorted labels of `y`.

    Returns
    -------
    ndarray of shape (C, C)
        Rows sum to 1. A class that no row seems to belong to keeps its label.

    References
    ----------
    arXiv:1911.00068

    Examples
    --------
    >>> from skweak.metrics import estimate_transition_matrix
    >>> y = [0, 0, 0, 1, 1]
    >>> proba = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]
    >>> estimate_transition_matrix(y, proba).round(2)   # of three rows that are of class 1 one was given 0
    array([[1.  , 0.  ],
           [0.33, 0.67]])
    """
    codes, proba, _ = check_labels_and_proba(y, proba, classes)
    joint = _scale_rows(_confident_counts(codes, proba), codes)
    matrix, mass = joint.T.copy(), joint.sum(axis=0)
    matrix[mass == 0] = np.eye(len(joint))[mass == 0]
    return matrix / matrix.sum(axis=1, keepdims=True)


def check_labels_and_proba(y, proba, classes=None):
    """Return label codes (n,), probabilities (n, C) and the classes, or raise where they do not fit together."""
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    proba = check_array(proba, dtype=np.float64, input_name="proba")
    classes = np.unique(y) if classes is None else np.asarray(classes)
    if len(y) != len(proba):
        raise ValueError(f"y has {len(y)} labels but proba has {len(proba)} rows; give one row of proba per label.")
    if proba.shape[1] != len(classes) or len(classes) < 2:
        raise ValueError(
            f"proba has {proba.shape[1]} columns for the {len(classes)} classes {classes.tolist()}; give one column "
            "for each of at least two classes, and name them in classes where y lacks some."
        )
    order = np.argsort(classes)
    place = np.searchsorted(classes, y, sorter=order).clip(max=len(classes) - 1)
    codes = order[place]
    missing = classes[codes] != y
    if missing.any():
        first = y[missing].tolist()[0]
        raise ValueError(f"y holds {first!r}, which is not among classes {classes.tolist()}; add its column.")
    wrong = (np.abs(proba.sum(axis=1) - 1) > 1e-3) | (proba < 0).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"proba must hold probabilities; row {row} is {proba[row].tolist()}; apply a softmax.")
    return codes, proba, classes


def confident_classes(codes, proba):
    """Return the class that each row is confidently of, -1 for none."""
    given = np.eye(proba.shape[1])[codes]
    sizes = given.sum(axis=0)
    thresholds = np.maximum(2e-6, (given * proba).sum(axis=0) / sizes.clip(1))
    # Nobody was given the class, so nothing tells how sure is sure.
    thresholds[sizes == 0] = np.inf
    confident = np.where(proba >= thresholds - 1e-6, proba, -1.0)
    best = confident.max(axis=1)
    # In a tie nothing speaks against the label as it is.
    chosen = np.where(confident[np.arange(len(codes)), codes] == best, codes, confident.argmax(axis=1))
    return np.where(best >= 0, chosen, -1)


def _confident_counts(codes, proba):
    n_classes = proba.shape[1]
    confident = confident_classes(codes, proba)
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (codes[confident >= 0], confident[confident >= 0]), 1)
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
    return counts


def _scale_rows(counts, codes):
    sizes = np.bincount(codes, minlength=len(counts))
    return counts * (sizes / counts.sum(axis=1))[:, None]


def _round_rows(joint, codes):
    """Round down, and give what is left of each row to its largest remainders."""
    whole = np.floor(joint + 1e-9).astype(np.int64)
    left = np.bincount(codes, minlength=len(joint)) - whole.sum(axis=1)
    rank = np.argsort(np.argsort(whole - joint, axis=1, kind="stable"), axis=1)
    return whole + (rank < left[:, None])
