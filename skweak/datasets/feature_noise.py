"""Label noise that depends on the features: random projections, the margin of a classifier, and likeness to a class.

The generators return ``(y_noisy, mask, transition_matrix)`` as those of class-conditional noise do.
"""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import ndtr, ndtri, softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ._checks import check_generator, check_option, check_rate, check_rows, encode_labels


def make_instance_dependent_noise(
    X, y, *, rate, variant="per_class", scale=1.0, n_classes=None, random_state=None
):
    """Flip labels with probabilities that depend on the features.

    Which rows are mislabeled, and as what, is a random linear function of the input, so that the noise has
    structure that a network can learn. Neither a transition matrix nor a vote over similar rows describes it
    fully.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Numeric inputs; further dimensions are flattened.
    y : array-like of shape (n,)
        Class labels of any type.
    rate : float in [0, 1]
        Mean of the flip probabilities before they are cut to [0, 1]; near 0 and 1 the cut moves the realised
        rate inwards (0.1 gives about 0.13). Exactly 0 changes nothing.
    variant : {"per_class", "shared"}, default="per_class"
        One random projection per true class, or the same for all classes.
    scale : float, default=1.0
        Factor on `X`. The larger the inputs, the more the features alone decide the wrong class; with raw
        pixels it is nearly determined, small values make it uniform.
    n_classes : int, default=None
        With integer labels, the number of classes where some may be absent from `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_noisy, mask, transition_matrix
        The labels with noise (n,), True where they changed (n,), and the (C, C) probabilities of the new
        class given the true one; the matrix holds the mean of the rows' probabilities in each class.

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1], the lengths of `X` and `y` differ, or `X` is not finite.

    Notes
    -----
    Row i flips with probability q_i, a normal variable of mean `rate` and deviation 0.1 truncated to [0, 1].
    The new class is drawn from the softmax of ``x_i W`` without the true class, W standard normal.

    References
    ----------
    arXiv:2006.07836

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.datasets import make_instance_dependent_noise
    >>> X, y = np.random.RandomState(0).randn(1000, 5), np.arange(1000) % 4
    >>> y_noisy, mask, T = make_instance_dependent_noise(X, y, rate=0.3, random_state=0)
    >>> round(mask.mean(), 1), bool((mask == (y_noisy != y)).all())
    (np.float64(0.3), True)
    """
    rate = check_rate(rate)
    check_option(variant, "variant", ("per_class", "shared"))
    codes, classes = encode_labels(y, n_classes=n_classes)
    features = check_rows(X, codes.size).reshape(codes.size, -1)
    generator = check_generator(random_state)
    low, high = ndtr(-rate / 0.1), ndtr((1 - rate) / 0.1)
    flip = np.clip(rate + 0.1 * ndtri(low + generator.random_sample(codes.size) * (high - low)), 0, 1)
    if rate == 0:
        # The truncated normal keeps a mean of 0.08 here, but no noise must mean no noise.
        flip[:] = 0
    uniform = generator.random_sample(codes.size)
    noisy, transition = codes.copy(), np.eye(classes.size)
    for k in range(classes.size):
        if k == 0 or variant == "per_class":
            projection = scale * generator.standard_normal((features.shape[1], classes.size))
        rows = np.flatnonzero(codes == k)
        if rows.size == 0:
            continue
        activation = features[rows].astype(np.float64) @ projection
        if not np.isfinite(activation).all():
            raise ValueError(
                "X must be finite and small enough to be multiplied, got NaN, infinite or huge values."
            )
        activation[:, k] = -np.inf
        proba = flip[rows, None] * softmax(activation, axis=1)
        proba[:, k] += 1 - flip[rows]
        transition[k] = proba.mean(axis=0)
        cumulative = proba.cumsum(axis=1)
        noisy[rows] = (cumulative / cumulative[:, -1:] <= uniform[rows, None]).sum(axis=1)
    return classes[noisy], noisy != codes, transition


def make_margin_noise(X, y, *, rate, estimator=None):
    """Flip the labels that a reference classifier finds hardest.

    Annotators fail near class borders. The rows with the smallest margin between their own class and the best
    other class get that other class. There is no chance in it: repeating the call gives the same labels.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Numeric inputs; flattened for the default estimator.
    y : array-like of shape (n,)
        Clean class labels of any type.
    rate : float in [0, 1]
        Share of rows to flip, rounded down to whole rows.
    estimator : classifier with predict_proba, default=None
        Cloned and fitted on the clean labels. None is a logistic regression on standardised features.

    Returns
    -------
    y_noisy, mask, transition_matrix
        The labels with noise (n,), True where they changed (n,), and the (C, C) probabilities of the new
        class given the true one; the matrix holds the realised shares.

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1] or the lengths of `X` and `y` differ.
    TypeError
        If `estimator` has no ``predict_proba``.

    Examples
    --------
    >>> from skweak.datasets import make_margin_noise
    >>> make_margin_noise([[0.0], [1.0], [4.0], [9.0]], [0, 0, 1, 1], rate=0.25)[0].tolist()
    [0, 0, 0, 1]
    """
    rate = check_rate(rate)
    codes, classes = encode_labels(y)
    features = check_rows(X, codes.size)
    if estimator is None:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        features = features.reshape(codes.size, -1)
    elif hasattr(estimator, "predict_proba"):
        model = clone(estimator)
    else:
        raise TypeError(f"estimator must have predict_proba, got {type(estimator).__name__}.")
    others = np.array(model.fit(features, codes).predict_proba(features), dtype=np.float64)
    every_row = np.arange(codes.size)
    own = others[every_row, codes]
    others[every_row, codes] = -np.inf
    rows = np.argsort(own - others.max(axis=1), kind="stable")[: int(rate * codes.size)]
    noisy = codes.copy()
    noisy[rows] = others[rows].argmax(axis=1)
    transition = np.zeros((classes.size, classes.size))
    np.add.at(transition, (codes, noisy), 1)
    return classes[noisy], noisy != codes, transition / transition.sum(axis=1, keepdims=True)


def make_web_noise(X, y, *, rate, relevance=1.0, random_state=None):
    """Give rows the label of another class that they look like, as a search on the web does.

    Whoever collects rows by searching for the name of a class also gets rows of other classes that are like it. So the
    wrong labels lie near class borders and name the class on the other side, but by chance: there are also wrong
    labels far from a border, and right ones at it.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Numeric inputs; further dimensions are flattened. Columns are standardised, so units do not matter.
    y : array-like of shape (n,)
        Class labels of any type.
    rate : float in [0, 1]
        Share of rows with a wrong label, rounded down to whole rows.
    relevance : float >= 0, default=1.0
        How much a row must be like the class that it is taken for. 0 chooses rows and wrong classes uniformly;
        large values flip only the rows that are nearest to the mean of another class, without any chance.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_noisy, mask, transition_matrix
        The labels with noise (n,), True where they changed (n,), and the (C, C) probabilities of the new
        class given the true one; the matrix holds the realised shares.

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1], `relevance` is negative or infinite, the lengths of `X` and `y` differ, or `X` is not
        finite.

    Notes
    -----
    A pair of row i and wrong class j has the score ``relevance * (d_i,y_i - d_i,j) / mean(d_i,y_i)`` with the squared
    distances d to the class means. Rows are drawn without replacement with weights ``sum_j exp(score)``, and the wrong
    class with the softmax of the scores: the largest sums of score and Gumbel noise are such draws (arXiv:1903.06059).

    References
    ----------
    Wrong labels from the web differ from flipped ones: arXiv:1911.09781. The construction is ours.

    Examples
    --------
    >>> from skweak.datasets import make_web_noise
    >>> X, y = [[0.0], [1.0], [4.0], [9.0]], [0, 0, 1, 1]
    >>> make_web_noise(X, y, rate=0.25, relevance=1e6, random_state=0)[0].tolist()
    [0, 0, 0, 1]
    """
    rate = check_rate(rate)
    relevance = check_rate(relevance, "relevance", high=np.inf, open_high=True)
    codes, classes = encode_labels(y)
    features = check_rows(X, codes.size).reshape(codes.size, -1).astype(np.float64)
    if not np.isfinite(features).all():
        raise ValueError("X must be finite, got NaN or infinite values.")
    features = StandardScaler().fit_transform(features)
    means = np.stack([features[codes == k].mean(axis=0) for k in range(classes.size)])
    distance = cdist(features, means, "sqeuclidean")
    every_row = np.arange(codes.size)
    own = distance[every_row, codes]
    score = relevance * (own[:, None] - distance) / (own.mean() or 1.0)
    score = score + check_generator(random_state).gumbel(size=score.shape)
    score[every_row, codes] = -np.inf
    rows = np.argsort(-score.max(axis=1), kind="stable")[: int(rate * codes.size)]
    noisy = codes.copy()
    noisy[rows] = score[rows].argmax(axis=1)
    return classes[noisy], noisy != codes, confusion_matrix(codes, noisy, normalize="true")
