"""Scores of predictions by labels of which some are wrong, and the scorers made of them."""

from functools import partial

import numpy as np
from sklearn.metrics import make_scorer
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d


def noise_corrected_accuracy(y_true, y_pred, *, transition_matrix, classes=None, sample_weight=None):
    """Accuracy on the true labels, estimated from wrong ones by a known transition matrix.

    Unbiased: its mean over the noise is the accuracy on clean labels, even where the noise favours one class. The
    price is spread, which grows as the matrix nears a singular one; it may leave [0, 1] on few rows.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Given labels.
    y_pred : array-like of shape (n,)
        Predicted labels.
    transition_matrix : array-like of shape (C, C)
        Probability of the given label (column) on a row of the true class (row); rows sum to 1. See
        `estimate_transition_matrix`.
    classes : array-like of shape (C,) or None, default=None
        The class of each row and column; None is the sorted labels of `y_true` and `y_pred`.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        Larger is better.

    Raises
    ------
    ValueError
        If the matrix has the wrong shape, rows that do not sum to 1, or cannot be inverted.

    Notes
    -----
    A row scores the entry (given, predicted) of the inverse matrix.

    References
    ----------
    Backward correction of arXiv:1609.03683, applied to the zero-one loss.

    Examples
    --------
    >>> from skweak.metrics import noise_corrected_accuracy
    >>> noise = [[0.75, 0.25], [0.25, 0.75]]
    >>> y_noisy, y_pred = [0, 0, 0, 1], [0, 0, 0, 0]     # of class 0, one label in four flipped
    >>> noise_corrected_accuracy(y_noisy, y_pred, transition_matrix=noise, classes=[0, 1])
    1.0
    """
    y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
    classes = np.union1d(y_true, y_pred) if classes is None else np.asarray(classes)
    inverse = np.linalg.inv(_check_matrix(transition_matrix, len(classes), invertible=True))
    given, predicted = _codes(y_true, classes, "y_true"), _codes(y_pred, classes, "y_pred")
    return float(np.average(inverse[given, predicted], weights=sample_weight))


def noise_corrected_log_loss(
    y_true, proba, *, transition_matrix, correction="backward", classes=None, sample_weight=None
):
    """Log-loss on the true labels, estimated from wrong ones by a known transition matrix.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Given labels.
    proba : array-like of shape (n, C), or (n,) for two classes
        Probabilities of the true class.
    transition_matrix : array-like of shape (C, C)
        Probability of the given label (column) on a row of the true class (row); rows sum to 1.
    correction : {"backward", "forward"}, default="backward"
        "backward" is an unbiased estimate of the clean log-loss, of large spread where models are sure of themselves.
        "forward" is the log-loss of the given labels under probabilities passed through the matrix: another
        quantity, steadier, and smallest for the same model.
    classes : array-like of shape (C,) or None, default=None
        The class of each column; None is the sorted labels of `y_true`.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    float
        Smaller is better.

    References
    ----------
    arXiv:1609.03683

    Examples
    --------
    >>> from skweak.metrics import noise_corrected_log_loss
    >>> noise = [[0.75, 0.25], [0.25, 0.75]]
    >>> round(noise_corrected_log_loss([0, 1], [[0.5, 0.5], [0.5, 0.5]], transition_matrix=noise), 4)    # log 2
    0.6931
    """
    if correction not in ("backward", "forward"):
        raise ValueError(f"correction must be 'backward' or 'forward', got {correction!r}.")
    y_true = column_or_1d(y_true)
    classes = np.unique(y_true) if classes is None else np.asarray(classes)
    proba = check_array(proba, dtype=np.float64, ensure_2d=False, input_name="proba")
    proba = np.column_stack([1 - proba, proba]) if proba.ndim == 1 else proba
    if proba.shape != (len(y_true), len(classes)):
        raise ValueError(
            f"proba has shape {proba.shape}, expected is ({len(y_true)}, {len(classes)}): a row per label and a column "
            "per class."
        )
    matrix = _check_matrix(transition_matrix, len(classes), invertible=correction == "backward")
    given = _codes(y_true, classes, "y_true")
    # A probability of 0 costs 36, not infinity, like scikit-learn's log_loss in double precision.
    floor = np.finfo(np.float64).eps
    if correction == "forward":
        losses = -np.log((proba @ matrix).clip(floor, 1))[np.arange(len(given)), given]
    else:
        losses = (np.linalg.inv(matrix)[given] * -np.log(proba.clip(floor, 1))).sum(axis=1)
    return float(np.average(losses, weights=sample_weight))


def noise_corrected_scorer(metric="accuracy", *, transition_matrix, **kwargs):
    """Make a scorer that judges by wrong labels as if they were right ones.

    Parameters
    ----------
    metric : {"accuracy", "log_loss"}, default="accuracy"
        What is estimated; the log-loss is returned negated.
    transition_matrix : array-like of shape (C, C)
        Probability of the given label (column) on a row of the true class (row), classes in the order of the
        estimator's ``classes_``.
    **kwargs
        For `noise_corrected_log_loss`: ``correction``.

    Returns
    -------
    callable
        For ``scoring=`` of `GridSearchCV` and `cross_validate`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.metrics import noise_corrected_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, _, T = make_noisy_labels(y, "symmetric_exclusive:0.3", random_state=0)
    >>> scorer = noise_corrected_scorer("accuracy", transition_matrix=T)
    >>> scores = cross_val_score(LogisticRegression(C=1e-3, max_iter=500), X / 16, y_noisy, cv=3, scoring=scorer)
    >>> bool(scores.mean() > 0.75)                       # given labels agree in half of the rows only
    True
    """
    if metric not in ("accuracy", "log_loss"):
        raise ValueError(f"metric must be 'accuracy' or 'log_loss', got {metric!r}.")
    transition_matrix = np.array(transition_matrix, dtype=np.float64)
    _check_matrix(transition_matrix, len(transition_matrix), invertible=kwargs.get("correction") != "forward")
    return partial(_corrected_score, metric=metric, transition_matrix=transition_matrix, options=kwargs)


def _corrected_score(estimator, X, y, sample_weight=None, *, metric, transition_matrix, options):
    facts = {"transition_matrix": transition_matrix, "classes": estimator.classes_, "sample_weight": sample_weight}
    if metric == "accuracy":
        return noise_corrected_accuracy(y, estimator.predict(X), **facts, **options)
    return -noise_corrected_log_loss(y, estimator.predict_proba(X), **facts, **options)


def peer_accuracy(y_true, y_pred):
    """Agreement with the given labels beyond what shuffled labels would give.

    Needs neither verified rows nor the noise. With symmetric noise it orders models as the clean version does, and
    unlike plain agreement it does not reward predicting a class that the noise made frequent.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Given labels.
    y_pred : array-like of shape (n,)
        Predicted labels.

    Returns
    -------
    float
        At most 1; 0 for predictions that know nothing of the labels.

    References
    ----------
    Peer prediction of labels, arXiv:1910.03231.

    Examples
    --------
    >>> from skweak.metrics import peer_accuracy
    >>> peer_accuracy([0, 0, 1, 1], [0, 0, 1, 1]), peer_accuracy([0, 0, 1, 1], [0, 0, 0, 0])
    (0.5, 0.0)
    """
    joint = _joint(y_true, y_pred, None)
    return float(np.trace(joint) - joint.sum(axis=1) @ joint.sum(axis=0))


def determinant_score(y_true, y_pred, *, classes=None):
    """Size of the determinant of the joint distribution of given and predicted labels.

    Under noise that depends on the true class alone the determinant is that of the clean version times a constant, so
    the order of models is the clean one whatever the noise. It says nothing of which class is called what, and is 0
    when a class is never predicted.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Given labels.
    y_pred : array-like of shape (n,)
        Predicted labels.
    classes : array-like of shape (C,) or None, default=None
        All classes; None is the labels of `y_true` and `y_pred`.

    Returns
    -------
    float
        ``C |det|^(1/C)`` in [0, 1]; 1 for right predictions of balanced classes without noise.

    References
    ----------
    arXiv:1909.03388

    Examples
    --------
    >>> from skweak.metrics import determinant_score
    >>> determinant_score([0, 0, 1, 1], [0, 0, 1, 1]), determinant_score([0, 0, 1, 1], [0, 1, 0, 1])
    (1.0, 0.0)
    """
    joint = _joint(y_true, y_pred, classes)
    sign, logarithm = np.linalg.slogdet(joint)
    return 0.0 if sign == 0 else float(len(joint) * np.exp(logarithm / len(joint)))


def make_clean_scorer(score_func, *, response_method="predict", greater_is_better=True, **kwargs):
    """Make a scorer that reads verified labels from the metadata ``clean_y`` instead of the labels trained on.

    For cross-validation where the true label of every row is known, as in a study: each fold trains on ``y`` and is
    judged by ``clean_y``. With verified rows only, use `skweak.model_selection.TrustedKFold`.

    Parameters
    ----------
    score_func : callable
        As of `sklearn.metrics.make_scorer`.
    response_method : str, default="predict"
        As there.
    greater_is_better : bool, default=True
        As there.
    **kwargs
        Handed to `score_func`.

    Returns
    -------
    callable
        A scorer that requests ``clean_y``.

    Examples
    --------
    >>> import numpy as np, sklearn
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import accuracy_score
    >>> from sklearn.model_selection import cross_validate
    >>> from skweak.metrics import make_clean_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> y_noisy = np.where(np.arange(150) % 5 == 0, (y + 1) % 3, y)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     scorer = make_clean_scorer(accuracy_score)
    ...     scores = cross_validate(LogisticRegression(max_iter=500), X, y_noisy, scoring=scorer, params={"clean_y": y})
    >>> bool(scores["test_score"].mean() > 0.9)
    True
    """
    scorer = make_scorer(
        partial(_score_clean, score_func), response_method=response_method, greater_is_better=greater_is_better,
        **kwargs,
    )  # fmt: skip
    return scorer.set_score_request(clean_y=True)


def _score_clean(score_func, y_true, y_pred, *, clean_y=None, **kwargs):
    if clean_y is None:
        raise ValueError("clean_y is missing; pass the verified labels as metadata, params={'clean_y': labels}.")
    return score_func(clean_y, y_pred, **kwargs)


def _joint(y_true, y_pred, classes):
    y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(y_true, y_pred)
    classes = np.union1d(y_true, y_pred) if classes is None else np.asarray(classes)
    joint = np.zeros((len(classes), len(classes)))
    np.add.at(joint, (_codes(y_true, classes, "y_true"), _codes(y_pred, classes, "y_pred")), 1 / len(y_true))
    return joint


def _check_matrix(transition_matrix, n_classes, *, invertible):
    matrix = check_array(transition_matrix, dtype=np.float64, input_name="transition_matrix")
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"transition_matrix has shape {matrix.shape} for {n_classes} classes; give a row and a column per class, "
            "and name the classes in classes where labels lack some."
        )
    if (matrix < 0).any() or np.abs(matrix.sum(axis=1) - 1).max() > 1e-6:
        raise ValueError("transition_matrix must hold probabilities whose rows sum to 1; divide each row by its sum.")
    if invertible and np.linalg.cond(matrix) > 1e8:
        raise ValueError("transition_matrix cannot be inverted; merge the classes that the noise makes alike.")
    return matrix


def _codes(labels, classes, name):
    order = np.argsort(classes)
    codes = order[np.searchsorted(classes, labels, sorter=order).clip(max=len(classes) - 1)]
    missing = classes[codes] != labels
    if missing.any():
        first = labels[missing].tolist()[0]
        raise ValueError(f"{name} holds {first!r}, which is not among classes {classes.tolist()}.")
    return codes


peer_accuracy_scorer = make_scorer(peer_accuracy)
determinant_scorer = make_scorer(determinant_score)
