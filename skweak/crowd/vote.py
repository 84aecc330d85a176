"""First a consensus, then any classifier."""

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import _num_samples, check_is_fitted, has_fit_parameter, validate_data

from skweak.crowd.base import CrowdClassifier, coded_answers
from skweak.crowd.dawid_skene import dawid_skene
from skweak.crowd.glad import glad
from skweak.crowd.majority import majority_vote
from skweak.fit import refuse_facts, unchanged_on_failure
from skweak.fit.parameters import check_parameters

CONSENSUS = {"majority": majority_vote, "soft": majority_vote, "dawid_skene": dawid_skene, "glad": glad}


class VoteClassifier(CrowdClassifier):
    """Classifier trained on the consensus of the annotators: the first choice for labels of several people.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; not used if there is an ``estimator``.
    consensus : {"majority", "soft", "dawid_skene", "glad"}, default="soft"
        What the classifier learns: the most frequent answer, the shares of the answers, or the posterior of
        `dawid_skene` or `glad`. Shares keep the doubt of the crowd and rarely do harm.
    estimator : classifier or None, default=None
        Any scikit-learn classifier in place of the network; left as it is. It gets each row once for each class of
        positive share, weighted by it, or the most probable class alone if its ``fit`` takes no ``sample_weight``.
    missing : scalar, default=-1
        Marker where somebody was not asked; a string among strings.
    **training
        Shared parameters of the network; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_, transduction_ : ndarray of shape (n,)
        The label that answers and classifier settle on, and how sure it is, as in `crowd_label_quality`.
    annotator_quality_ : ndarray of shape (A,)
        In [0, 1]; nan for an annotator without answers.
    confusion_ : ndarray of shape (A, C, C)
        Entry [a, k, l]: probability that a says l when k is settled on; uniform without answers.
    estimator_ : classifier
        Where an ``estimator`` was given.

    References
    ----------
    Rodrigues and Pereira, arXiv:1709.01779, compare with it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.datasets import make_crowd_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> answers, _ = make_crowd_labels(y, n_annotators=5, accuracy=0.8, density=0.6, random_state=0)
    >>> clf = VoteClassifier(estimator=LogisticRegression(max_iter=500)).fit(X, answers)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "consensus": [StrOptions(set(CONSENSUS))],
        "estimator": [None, HasMethods(["fit", "predict"])],
    }

    def __init__(self, module="auto", *, consensus="soft", estimator=None, missing=-1, **training):
        super().__init__(module, missing=missing, **training)
        self.consensus = consensus
        self.estimator = estimator

    def fit(self, X, y, **facts):
        """Train on ``X`` and the answers ``y`` (n, A)."""
        refuse_facts(self, facts)
        if self.estimator is None:
            vars(self).pop("estimator_", None)
            return self._fit(X, y)
        with unchanged_on_failure(self):
            return self._fit_estimator(X, y)

    def _targets(self, answers):
        """Return what the rows with answers are taught: shares of the classes (n, C)."""
        posterior = CONSENSUS[self.consensus](answers).posterior
        if self.consensus != "majority":
            return posterior
        return np.eye(posterior.shape[1])[posterior.argmax(axis=1)]

    def _start(self, run):
        super()._start(run)
        targets = self._targets(coded_answers(run.data.target.cpu().numpy(), run.n_outputs))
        run.scratch.targets = torch.from_numpy(targets).to(device=run.device, dtype=run.dtype)

    def _loss(self, run, batch):
        target = run.scratch.targets.index_select(0, batch.index)
        return -(target * run.module_(batch.X).log_softmax(1)).sum(1)

    def _fit_estimator(self, X, y):
        check_parameters(self)
        labels = self._encode(y, _num_samples(X))
        validate_data(self, X, skip_check_array=True)
        answers = coded_answers(labels.target, len(labels.classes))
        targets = self._targets(answers)
        asked = answers.n_answers > 0
        fitted = clone(self.estimator)
        if has_fit_parameter(fitted, "sample_weight"):
            row, code = np.nonzero(targets * asked[:, None])
            fitted.fit(_safe_indexing(X, row), labels.classes[code], sample_weight=targets[row, code])
        else:
            row = np.flatnonzero(asked)
            fitted.fit(_safe_indexing(X, row), labels.classes[targets[row].argmax(axis=1)])
        vars(self).pop("net_", None)
        self.estimator_, self.classes_, self._flat_y, self.history_ = fitted, labels.classes, labels.flat, []
        proba = self._estimator_proba(X)
        vars(self).update(self._judge(answers, proba))
        self.transduction_ = labels.decode(self.transduction_)
        return self

    def _estimator_proba(self, X):
        proba = np.zeros((_num_samples(X), len(self.classes_)))
        if hasattr(self.estimator_, "predict_proba"):
            # A class that no row settled on is unknown to it.
            place = [self.classes_.tolist().index(c) for c in self.estimator_.classes_.tolist()]
            proba[:, place] = self.estimator_.predict_proba(X)
        else:
            predicted = self.estimator_.predict(X)
            proba[predicted[:, None] == self.classes_] = 1
        return proba

    def predict_proba(self, X):
        """Return probabilities (n, C); of an estimator without them 1 for the predicted class."""
        if not hasattr(self, "estimator_"):
            return super().predict_proba(X)
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        return self._estimator_proba(X)

    def embed(self, X):
        """Return the embedding (n, d) of the network."""
        if hasattr(self, "estimator_"):
            raise ValueError(f"embed needs a network, but estimator={self.estimator!r} was fitted.")
        return super().embed(X)

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"consensus": "soft"}
