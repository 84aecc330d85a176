"""Maximum likelihood from answers of unequal quality."""

import math
import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skweak.crowd.answers import Answers, normalise, read_answers
from skweak.crowd.consensus import make_consensus
from skweak.crowd.votes import vote_proportions
from skweak.losses._checks import check_interval
from skweak.utils._checks import check_count

# Settled on the eleven crowd sets of `skweak.datasets.load_crowd`: EM that runs to its end is worse on most of them.
_DIAGONAL, _EARLY_STOP = 0.1, 20


def dawid_skene(
    labels, *, n_classes=None, smoothing=0.01, max_iter=1000, tol=1e-8, diagonal="auto", early_stop="auto",
    classes=None, missing=-1,
):  # fmt: skip
    """Estimate the true classes and the confusion matrix of every annotator together.

    Annotators differ in skill and confuse different classes. Expectation-maximisation weighs their answers by
    what their agreement with each other reveals. It needs many answers per annotator: with about ten labels
    each, :func:`majority_vote` or :func:`one_coin` is often the better estimate.

    Parameters
    ----------
    labels : array-like, DataFrame or sparse matrix of shape (n, n_annotators), or DataFrame or mapping of the long form
        Answers as in :func:`majority_vote`; with ``n_classes`` an array of integer classes, -1 where there is none.
    n_classes : int or None, default=None
        Number of classes, at least 2, of answers that are coded already. It selects the five values below and the
        classical settings; None finds the classes and returns a `Consensus`.
    smoothing : float, default=0.01
        Pseudo-count added to every class and every cell of the confusion matrices. Larger values pull the
        estimates towards uniform, which steadies them when answers are few; 0 is the classical estimator.
    max_iter : int, default=1000
        Largest number of iterations; a warning is given when it is reached.
    tol : float, default=1e-8
        Stop when no posterior changes by this much or more.
    diagonal : float >= 0 or "auto", default="auto"
        Pseudo-count added to the diagonal of every confusion matrix: right answers that nobody gave. Larger values
        believe in annotators of few answers, which helps sparse tables. "auto" is 0.1, and 0 with ``n_classes``.
    early_stop : int >= 1, None or "auto", default="auto"
        Iterations after which to end without a warning, before the estimates fit the answers too closely; None goes on
        to ``tol``. "auto" is 20, and None with ``n_classes``.
    classes, missing
        As in :func:`majority_vote`; not with ``n_classes``.

    Returns
    -------
    result : Consensus
        Without ``n_classes``: ``label``, ``posterior``, ``prior``, ``confusion``, ``annotator_quality`` and more.

    With ``n_classes``:

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
    >>> dawid_skene([["a", "a", None], ["b", "b", "a"], ["b", None, "b"]]).label.tolist()
    ['a', 'b', 'b']
    """
    if n_classes is not None:
        # Checks the labels as well.
        posterior = vote_proportions(labels, n_classes=n_classes)
        if classes is not None:
            raise ValueError("classes and n_classes exclude each other; n_classes means labels 0 to n_classes - 1.")
        labels = np.asarray(labels, dtype=np.int64)
        row, annotator = np.nonzero(labels >= 0)
        names = (np.arange(count) for count in (n_classes, *labels.shape))
        answers = Answers(row, annotator, labels[row, annotator], *names)
    check_interval(smoothing, "smoothing", 0, math.inf, include_high=False)
    check_count(max_iter, "max_iter", 1)
    check_interval(tol, "tol", 0, math.inf, include_high=False)
    coded = n_classes is not None
    diagonal = (0.0 if coded else _DIAGONAL) if diagonal == "auto" else diagonal
    check_interval(diagonal, "diagonal", 0, math.inf, include_high=False)
    early_stop = (None if coded else _EARLY_STOP) if early_stop == "auto" else early_stop
    if early_stop is not None:
        check_count(early_stop, "early_stop", 1)
    if coded:
        return _maximise(answers, posterior, smoothing, diagonal, max_iter, tol, early_stop)
    answers = read_answers(labels, classes=classes, missing=missing)
    result = _maximise(answers, answers.proportions(), smoothing, diagonal, max_iter, tol, early_stop)
    posterior, prior, confusion, log_likelihood, n_iter = result
    return make_consensus(
        answers, posterior, prior=prior, confusion=confusion, n_iter=n_iter,
        annotator_quality=np.einsum("akk,k->a", confusion, prior), details={"log_likelihood": log_likelihood},
    )  # fmt: skip


def _maximise(answers, posterior, smoothing, diagonal, max_iter, tol, early_stop):
    n_tasks, n_workers, n_classes = answers.shape
    # One column per annotator and answer turns both steps into products with a sparse matrix.
    said = sparse.csr_matrix(
        (np.ones(len(answers.task)), (answers.task, answers.worker * n_classes + answers.code)),
        shape=(n_tasks, n_workers * n_classes),
    )
    said_transposed = said.T.tocsr()
    pseudo = smoothing + diagonal * np.eye(n_classes)
    n_iter, change, last = 0, math.inf, min(max_iter, early_stop or max_iter)
    while change >= tol and n_iter < last:
        prior = normalise(posterior.sum(axis=0) + smoothing)
        joint = (said_transposed @ posterior).reshape(n_workers, n_classes, n_classes).swapaxes(1, 2)
        confusion = normalise(joint + pseudo)
        # An impossible answer has the log -inf; every row keeps a class that makes all its answers possible.
        with np.errstate(divide="ignore"):
            log_said = np.log(confusion).swapaxes(1, 2).reshape(-1, n_classes)
            # Stored class after class: numpy is slow along rows as short as these.
            log_joint = np.asfortranarray(said @ log_said) + np.log(prior)
        largest = log_joint.max(axis=1, keepdims=True)
        log_joint -= largest
        previous, posterior = posterior, np.exp(log_joint, out=log_joint)
        evidence = posterior.sum(axis=1, keepdims=True)
        posterior /= evidence
        previous -= posterior
        change = np.abs(previous, out=previous).max()
        n_iter += 1
    if change >= tol and n_iter == max_iter:
        warnings.warn(
            f"dawid_skene stopped at max_iter={max_iter} while posteriors moved by {change:.3g}, "
            f"at least tol={tol}; raise max_iter or tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return posterior, prior, confusion, float((largest + np.log(evidence)).sum()), n_iter
