"""Scores of logits and of Dirichlet concentrations."""

import math

import numpy as np
from scipy.special import digamma, logsumexp, rel_entr, xlogy

from skweak.losses._checks import check_interval
from skweak.utils._checks import as_array, as_proba, check_count
from skweak.utils.statistics import mixture_posterior


def dirichlet_uncertainty(concentration):
    """Split the uncertainty of a Dirichlet distribution into two parts.

    Evidence for several classes and lack of evidence look alike in a softmax. The first is data uncertainty,
    which a label resolves; the second is knowledge uncertainty, typical of rows from unknown classes.

    Parameters
    ----------
    concentration : array of shape (n, n_classes)
        Concentrations, above 0. Their sum is the amount of evidence; as it grows, the knowledge uncertainty
        vanishes.

    Returns
    -------
    data : array of shape (n,)
        Expected entropy of the class under the Dirichlet.
    knowledge : array of shape (n,)
        Mutual information between class and Dirichlet draw, the entropy of the mean minus ``data``; at least
        0.

    Notes
    -----
    With concentrations α, sum S and mean ``p = α / S``: ``data = Σ p (ψ(S + 1) - ψ(α + 1))``.

    References
    ----------
    arXiv:2409.17607

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import dirichlet_uncertainty
    >>> data, knowledge = dirichlet_uncertainty(np.array([[1.0, 1.0], [1e6, 1e6]]))
    >>> data.round(3), knowledge.round(3)
    (array([0.5  , 0.693]), array([0.193, 0.   ]))
    """
    concentration = as_array(concentration, "concentration", 2, min_columns=2)
    if concentration.min() <= 0:
        raise ValueError(f"concentration contains {concentration.min()}, accepted are numbers above 0.")
    total = concentration.sum(axis=1, keepdims=True)
    mean = concentration / total
    data = (mean * (digamma(total + 1) - digamma(concentration + 1))).sum(axis=1)
    # The difference of two nearly equal numbers: rounding would make it negative for large concentrations.
    return data, np.maximum(-xlogy(mean, mean).sum(axis=1) - data, 0)


def max_activation_posterior(logits, *, random_state=0):
    """Probability that a row is of the known class it is predicted to be, from the size of its largest logit.

    Rows of unknown classes activate the output they are mistaken for less than rows that belong there. Within
    each predicted class a mixture of two Gaussians tells the two apart.

    Parameters
    ----------
    logits : array of shape (n, n_known + 1)
        Outputs of the detector, the last column is the unknown class.
    random_state : int, RandomState or None, default=0
        Seed of the mixtures.

    Returns
    -------
    array of shape (n,)
        Posterior in [0, 1] of the component with the larger mean; 0 for rows predicted unknown and for
        classes with a single row. It depends on the other rows given.

    References
    ----------
    arXiv:2201.06758

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import max_activation_posterior
    >>> logits = np.array([[9.0, 0, 0], [8.9, 0, 0], [2.0, 0, 0], [2.1, 0, 0], [0, 0, 5.0]])
    >>> max_activation_posterior(logits).round(3)
    array([1., 1., 0., 0., 0.])
    """
    logits = as_array(logits, "logits", 2, min_columns=2, floating=True)
    predicted, largest = logits.argmax(axis=1), logits.max(axis=1)
    posterior = np.zeros(len(logits))
    for label in range(logits.shape[1] - 1):
        rows = np.flatnonzero(predicted == label)
        if len(rows) >= 2:
            posterior[rows] = mixture_posterior(largest[rows], random_state=random_state)
    return posterior


def aleatoric_uncertainty(logits):
    """Logarithm of the probability that the predicted class is wrong.

    Spreads out the confident rows that ``1 - max p`` squeezes together near 0.

    Parameters
    ----------
    logits : array of shape (n, n_classes)
        Unnormalised log-probabilities.

    Returns
    -------
    array of shape (n,)
        ``log(1 - p_max)``, from -60, where it is cut off, to ``log(1 - 1 / n_classes)``.

    References
    ----------
    arXiv:2502.19691

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import aleatoric_uncertainty
    >>> aleatoric_uncertainty(np.array([[0.0, 0.0], [500.0, 0.0]])).round(3)
    array([ -0.693, -60.   ])
    """
    logits = as_array(logits, "logits", 2, min_columns=2, floating=True)
    others = np.exp(logits - logits.max(axis=1, keepdims=True))
    others[np.arange(len(logits)), logits.argmax(axis=1)] = 0
    odds = others.sum(axis=1)
    # The odds against the largest class need no subtraction from 1 and so lose no digits.
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(odds) - np.log1p(odds), -60.0)


def epistemic_energy(values, *, n_known):
    """Lack of evidence for every known class.

    Serves detector logits and neighbour counts alike.

    Parameters
    ----------
    values : array of shape (n, n_known) or (n, n_known + 1)
        Evidence for each known class and, if there is another column, for the unknown class.
    n_known : int
        Number of known classes.

    Returns
    -------
    array of shape (n,)
        ``-logsumexp(known columns) + softplus(unknown column)``; larger = more unknown.

    References
    ----------
    arXiv:2502.19691

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import epistemic_energy
    >>> epistemic_energy(np.array([[5.0, 0.0, -9.0], [0.0, 0.0, 5.0]]), n_known=2).round(2)
    array([-5.01,  4.31])
    """
    check_count(n_known, "n_known", 1)
    values = as_array(values, "values", 2)
    if values.shape[1] not in (n_known, n_known + 1):
        raise ValueError(
            f"values has {values.shape[1]} columns, accepted are n_known={n_known} or one more for unknown."
        )
    energy = -logsumexp(values[:, :n_known], axis=1)
    if values.shape[1] > n_known:
        energy += np.logaddexp(0, values[:, n_known])
    return energy


def purity_margin(logits, *, n_known):
    """Largest logit of a known class minus the largest of an unknown one.

    Parameters
    ----------
    logits : array of shape (n, n_outputs)
        Known classes first, then any number of unknown ones.
    n_known : int
        Number of known classes.

    Returns
    -------
    array of shape (n,)
        Larger = more clearly known; the largest known logit when there is no unknown output.

    References
    ----------
    arXiv:2603.07898

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import purity_margin
    >>> purity_margin(np.array([[1.0, 4.0, 2.0, 0.5]]), n_known=2)
    array([2.])
    """
    check_count(n_known, "n_known", 1)
    logits = as_array(logits, "logits", 2, floating=True)
    if logits.shape[1] < n_known:
        raise ValueError(f"logits has {logits.shape[1]} columns, accepted are at least n_known={n_known}.")
    known = logits[:, :n_known].max(axis=1)
    return known - logits[:, n_known:].max(axis=1) if logits.shape[1] > n_known else known


def ambiguity(proba, *, eps=1e-8):
    """How far a prediction is both from certain and from uniform.

    Certain rows teach nothing, uniform ones are mostly outliers; rows torn between a few classes score
    highest.

    Parameters
    ----------
    proba : array of shape (n, n_classes)
        Class probabilities.
    eps : float, default=1e-8
        Added to every probability before renormalising, above 0. It bounds the divergence from a certain
        prediction: smaller values weigh that factor more.

    Returns
    -------
    array of shape (n,)
        Product of the divergences from the one-hot arg-max and from uniform, at least 0.

    Notes
    -----
    The divergence of p and q with midpoint ``m = (p + q) / 2`` is ``KL(m ‖ p) / 2 + KL(m ‖ q) / 2``: the
    midpoint comes first, the reverse of Jensen-Shannon.

    References
    ----------
    arXiv:2603.07898

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.active.scores import ambiguity
    >>> scores = ambiguity(np.array([[0.98, 0.01, 0.01], [0.5, 0.5, 0.0], [0.34, 0.33, 0.33]]))
    >>> scores.argsort()
    array([2, 0, 1])
    """
    check_interval(eps, "eps", 0, math.inf, include_low=False, include_high=False)
    proba = as_proba(proba).astype(np.float64)
    n_classes = proba.shape[1]
    certain = np.eye(n_classes)[proba.argmax(axis=1)]
    uniform = np.full_like(proba, 1 / n_classes)
    return _midpoint_divergence(proba, certain, eps) * _midpoint_divergence(proba, uniform, eps)


def _midpoint_divergence(first, second, eps):
    first = (first + eps) / (first + eps).sum(axis=1, keepdims=True)
    second = (second + eps) / (second + eps).sum(axis=1, keepdims=True)
    middle = (first + second) / 2
    return (rel_entr(middle, first) + rel_entr(middle, second)).sum(axis=1) / 2
