"""A layer of annotators behind the network (arXiv:1709.01779)."""

from numbers import Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.nn import functional as F

from skweak.crowd.base import ANSWER_WEIGHTS, CrowdClassifier


class AnnotatorLayer(nn.Module):
    """One matrix per annotator that turns class probabilities into logits of answers; the identity at first."""

    def __init__(self, n_annotators, n_classes):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(n_classes).repeat(n_annotators, 1, 1))

    def forward(self, proba):
        """Return logits (n, A, C) of probabilities (n, C)."""
        return torch.einsum("acd,nd->nac", self.weight, proba)


def answer_losses(logits, answers, reduction="observed", weight=None):
    """Return the cross-entropy (n,) of answers (n, A), -1 where missing, with logits (n, A, C).

    The mean over rows is the mean over the answers, weighted by ``weight`` (n, A), or over all cells of the batch with
    ``reduction="cells"``.
    """
    losses = F.cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=-1, reduction="none")
    counted = answers >= 0 if weight is None else weight.to(logits.dtype) * (answers >= 0)
    losses = (losses.view(answers.shape) * counted).sum(1)
    if reduction == "cells":
        return losses / answers.shape[1]
    return losses * (len(answers) / counted.sum().clamp_min(1e-12))


def vote_shares(answers, n_classes, weight=None):
    """Return the shares of the votes (n, C) in a tensor of answers (n, A), -1 where missing; zeros without answers.

    With ``weight`` (n, A) an answer counts as often as its weight says.
    """
    counts = torch.zeros(len(answers), n_classes + 1, device=answers.device)
    # The marker is the first column, which is left out.
    cast = torch.ones_like(answers, dtype=counts.dtype) if weight is None else weight.to(counts.dtype)
    counts.scatter_add_(1, answers + 1, cast)
    counts = counts[:, 1:]
    return counts / counts.sum(1, keepdim=True).clamp_min(1e-12)


def layer_loss(run, batch, answers, warmup_fraction, reduction, weight=None):
    """Return the losses of a batch: with the vote in the first epochs, with every annotator's answers afterwards."""
    logits = run.module_(batch.X)
    if run.epoch < int(warmup_fraction * run.max_epochs):
        return -(vote_shares(answers, run.n_outputs, weight).to(logits.dtype) * logits.log_softmax(1)).sum(1)
    return answer_losses(run.annotators_(logits.softmax(1)), answers, reduction, weight)


class CrowdLayerClassifier(CrowdClassifier):
    """Network with a layer of annotators behind its class probabilities, trained on all answers end to end.

    The layer learns how each annotator answers, the network what is asked of all of them. It helps where annotators
    have habits and gave many answers each; with a handful each, `VoteClassifier` is as good.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    warmup_fraction : float in [0, 1], default=0.3
        Share of the epochs in which the network learns the vote before the layer comes in. Without any, it may take
        some other order of the classes when they are many; 1 is soft voting.
    reduction : {"observed", "cells"}, default="observed"
        Mean of the loss over the answers, or over all cells of the batch, which is smaller by the density and learns
        slower.
    missing : scalar, default=-1
        Marker where somebody was not asked; a string among strings.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    confusion_ : ndarray of shape (A, C, C)
        Entry [a, k, l]: probability that a says l to a row that is surely k, by the layer.
    annotator_quality_ : ndarray of shape (A,)
        In [0, 1], as in `crowd_label_quality`; nan of an annotator without answers.
    label_quality_, transduction_ : ndarray of shape (n,)
        The label that answers and network settle on, and how sure it is.

    Notes
    -----
    ``cell_weight`` (n, A) of ``fit`` weighs the answers, by how sure somebody was for example.

    With class probabilities ``p`` the answer of ``a`` has the logits ``W_a p``, ``W_a`` starting at the identity.
    Predictions leave the layer out. The paper trains with Adam at 0.001 for 50 epochs, without a warm-up.

    References
    ----------
    Rodrigues and Pereira, arXiv:1709.01779.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_crowd_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> answers, _ = make_crowd_labels(y, n_annotators=5, density=0.6, random_state=0)
    >>> clf = CrowdLayerClassifier(random_state=0).fit(X, answers)
    >>> bool(clf.score(X, y) > 0.9), clf.annotator_proba(X).shape
    (True, (150, 5, 3))
    """

    _side_facts = ANSWER_WEIGHTS
    _parameter_constraints = {
        "warmup_fraction": [Interval(Real, 0, 1, closed="both")],
        "reduction": [StrOptions({"observed", "cells"})],
    }

    def __init__(self, module="auto", *, warmup_fraction=0.3, reduction="observed", missing=-1, **training):
        super().__init__(module, missing=missing, **training)
        self.warmup_fraction = warmup_fraction
        self.reduction = reduction

    def _networks(self, make):
        return {"module": make(), "annotators": AnnotatorLayer(make.run.data.target.shape[1], make.n_outputs)}

    def _rebuild_networks(self, make, shapes):
        return {"module": make(), "annotators": AnnotatorLayer(*shapes["annotators"]["weight"][:2])}

    def _loss(self, run, batch):
        weight = run.facts.read("cell_weight", batch.index)
        return layer_loss(run, batch, batch.y, self.warmup_fraction, self.reduction, weight)

    def _finish(self, run):
        return super()._finish(run) | {"confusion_": layer_confusion(run)}

    def annotator_proba(self, X):
        """Return what each annotator would say to the rows of ``X``: probabilities (n, A, C)."""
        return self._evaluate(X, lambda rows: layer_proba(self.net_, self._logits(self.net_, rows)))


def layer_confusion(run):
    """Return the probabilities of answers (A, C, C) to rows that are surely of one class."""
    return run.annotators_.weight.detach().swapaxes(1, 2).softmax(2).cpu().numpy().astype(np.float64)


def layer_proba(run, logits):
    """Return the probabilities of answers (n, A, C) that follow from logits (n, C)."""
    return run.annotators_(logits.softmax(1)).softmax(2)
