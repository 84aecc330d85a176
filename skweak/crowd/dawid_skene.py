"""Maximum likelihood from answers of unequal quality."""

import math
import warnings

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning

from skweak.crowd.votes import vote_proportions
from skweak.losses._checks import check_interval
from skweak.utils._checks import check_count


def dawid_skene(labels, *, n_classes, smoothing=0.01, max_iter=1000, tol=1e-8):
    """Estimate the true classes and the confusion matrix of every annotator together.

    Annotators differ in skill and confuse different classes. Expectation-maximisation weighs their answers by
    what their agreement with each other reveals. It needs many answers per annotator: with about ten labels
    each, :func:`vote_proportions` is often the better estimate.

    Parameters
    ----------
    labels : array of shape (n, n_annotators)
        Integer class given by each annotator, -1 where there is none.
    n_classes : int
        Number of classes, at least 2.
    smoothing : float, default=0.01
        Pseudo-count added to every class and every cell of the confusion matrices. Larger values pull the
        estimates towards uniform, which steadies them when answers are few; 0 is the classical estimator.
    max_iter : int, default=1000
        Largest number of iterations; a warning is given when it is reached.
    tol : float, default=1e-8
        Stop when no posterior changes by this much or more.

    Returns
    -------
    posterior : array of shape (n, n_classes)
        Probability of each class being the true one; rows sum to 1.
    prior : array of shape (n_classes,)
        Class frequencies that produced ``posterior``.
    confusion : array of shape (n_annotators, n_classes, n_classes)
        ``confusion[a, k, l]`` is the probability that annotator ``a`` says ``l`` when the truth is ``k``;
        these, too, produced ``posterior``. Rows without any mass are uniform.
    log_likelihood : float
        Of the answers under ``prior`` and ``confusion``, smoothing left out.
    n_iter : int
        Iterations run.

    Notes
    -----
    The posterior starts from the votes. Each iteration estimates prior and confusion from the posterior, then
    ``posterior[i, k] ∝ prior[k] * product over annotators a of confusion[a, k, labels[i, a]]``. The votes
    decide which class is which, so a crowd that is wrong most of the time exchanges them.

    References
    ----------
    Dawid and Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.crowd import dawid_skene
    >>> truth = np.array([0, 0, 0, 1, 1, 1])
    >>> labels = np.stack([truth, truth, 1 - truth], axis=1)
    >>> posterior, prior, confusion, _, _ = dawid_skene(labels, n_classes=2)
    >>> posterior.argmax(axis=1)
    array([0, 0, 0, 1, 1, 1])
    >>> confusion[2].round(2)
    array([[0., 1.],
           [1., 0.]])
    """
    posterior = vote_proportions(labels, n_classes=n_classes)
    check_interval(smoothing, "smoothing", 0, math.inf, include_high=False)
    check_count(max_iter, "max_iter", 1)
    check_interval(tol, "tol", 0, math.inf, include_high=False)
    labels = np.asarray(labels, dtype=np.int64)
    n_annotators = labels.shape[1]
    # One column per annotator and answer turns both steps into products with a sparse matrix.
    row, annotator = np.nonzero(labels >= 0)
    said = sparse.csr_matrix(
        (np.ones(len(row)), (row, annotator * n_classes + labels[row, annotator])),
        shape=(len(labels), n_annotators * n_classes),
    )
    said_transposed = said.T.tocsr()
    n_iter, change = 0, math.inf
    while change >= tol and n_iter < max_iter:
        prior = _normalise(posterior.sum(axis=0) + smoothing)
        joint = (said_transposed @ posterior).reshape(n_annotators, n_classes, n_classes).swapaxes(1, 2)
        confusion = _normalise(joint + smoothing)
        # An impossible answer has the log -inf; every row keeps a class that makes all its answers possible.
        with np.errstate(divide="ignore"):
            log_said = np.log(confusion).swapaxes(1, 2).reshape(-1, n_classes)
            log_joint = np.log(prior) + said @ log_said
        log_evidence = logsumexp(log_joint, axis=1, keepdims=True)
        previous, posterior = posterior, np.exp(log_joint - log_evidence)
        change = np.abs(posterior - previous).max()
        n_iter += 1
    if change >= tol:
        warnings.warn(
            f"dawid_skene stopped at max_iter={max_iter} while posteriors moved by {change:.3g}, "
            f"at least tol={tol}; raise max_iter or tol.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return posterior, prior, confusion, float(log_evidence.sum()), n_iter


def _normalise(mass):
    total = mass.sum(axis=-1, keepdims=True)
    return np.where(total > 0, mass / np.where(total > 0, total, 1), 1 / mass.shape[-1])
