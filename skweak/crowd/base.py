"""What all networks that learn from a crowd share: the rows that train, and what is found out about annotators."""

from numbers import Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skweak.base import WeakClassifier
from skweak.crowd.answers import Answers, normalise
from skweak.crowd.quality import crowd_label_quality
from skweak.fit.side import CellWeights

# What methods take whose loss is a sum over the answers.
ANSWER_WEIGHTS = {"cell_weight": CellWeights("weights of the answers, 0 like one that was not given")}


def coded_answers(codes, n_classes):
    """Return class codes (n, A), -1 where nobody was asked, as `Answers`."""
    task, worker = np.nonzero(codes >= 0)
    names = (np.arange(count) for count in (n_classes, *codes.shape))
    return Answers(task, worker, codes[task, worker], *names)


def estimate_confusion(answers, posterior, smoothing=0.01):
    """Return how annotators answer (A, C, C) if the classes have a posterior (n, C); uniform without answers."""
    _, n_workers, n_classes = answers.shape
    joint = np.zeros((n_workers * n_classes, n_classes))
    np.add.at(joint, answers.worker * n_classes + answers.code, posterior[answers.task])
    joint = np.ascontiguousarray(joint.reshape(n_workers, n_classes, n_classes).swapaxes(1, 2))
    return normalise(joint + smoothing)


class CrowdClassifier(WeakClassifier):
    """Base of the networks that learn from answers (n, A); rows that nobody answered take no part in training.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    missing : scalar, default=-1
        Marker where somebody was not asked, of any type; nan, None and pandas' NA always count as not asked.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    annotators_ : ndarray of shape (A,)
        Names of the annotators: those of the columns of a DataFrame, else their numbers.
    """

    _label_kind = "crowd"
    _parameter_constraints = {"missing": [None, Real, str]}

    def __init__(self, module="auto", *, missing=-1, **training):
        super().__init__(module, **training)
        self.missing = missing

    def _start(self, run):
        answered = (run.data.target >= 0).any(1)
        rows = torch.from_numpy(np.flatnonzero(answered.cpu().numpy())).to(run.device)
        if not len(rows):
            raise ValueError(
                "y has no answer on any row to train on; lower validation_fraction or fit on rows with answers."
            )
        run.scratch.answered = None if len(rows) == len(run.data) else rows

    def _batches(self, run, batches):
        rows = run.scratch.answered
        return batches if rows is None else batches.restrict(rows)

    def _finish(self, run):
        proba = self._final_proba(run, run.data).double().cpu().numpy()
        answers = coded_answers(run.data.target.cpu().numpy(), run.n_outputs)
        return self._judge(answers, proba)

    def _judge(self, answers, proba):
        """Return the fitted attributes that follow from the answers and the probabilities (n, C) of the model."""
        broken = ~np.isfinite(proba).all(1)
        if broken.any():
            raise ValueError(
                f"X gives outputs that are not finite, first in row {int(broken.argmax())}; scale its columns, for "
                "example by StandardScaler, or lower lr."
            )
        graded = crowd_label_quality(answers, proba / proba.sum(1, keepdims=True))
        return {
            "label_quality_": graded.quality.clip(0, 1).astype(np.float32),
            "transduction_": graded.posterior.argmax(1),
            "annotator_quality_": graded.annotator_quality,
            "confusion_": estimate_confusion(answers, graded.posterior),
        }

    def annotator_proba(self, X):
        """Return what each annotator would say to the rows of ``X``: probabilities (n, A, C)."""
        check_is_fitted(self)
        return np.einsum("nk,akl->nal", self.predict_proba(X), self.confusion_)
