"""One head per annotator (arXiv:1703.08774)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.nn import functional as F

from skweak.crowd.base import ANSWER_WEIGHTS, CrowdClassifier
from skweak.crowd.crowd_layer import answer_losses
from skweak.nn.build import embedding_width, features_and_logits


class Doctors(nn.Module):
    """One linear head per annotator on a shared embedding, and their weights.

    Heads of annotators without answers (``active`` False) take no part in the average. A head is its own to the degree
    ``share`` (A,) and the mean of all heads beyond it.
    """

    def __init__(self, width, n_annotators, n_classes):
        super().__init__()
        self.heads = nn.Linear(width, n_annotators * n_classes)
        self.weigh = nn.Linear(width, n_annotators)
        nn.init.zeros_(self.weigh.weight)
        nn.init.zeros_(self.weigh.bias)
        self.register_buffer("active", torch.ones(n_annotators, dtype=torch.bool))
        self.register_buffer("share", torch.ones(n_annotators))

    def forward(self, z):
        """Return the logits (n, A, C) of all heads."""
        n_annotators, share = len(self.active), self.share[:, None]
        counted = self.active.to(share.dtype)[:, None] / self.active.sum().clamp_min(1)
        parts = []
        for part in (self.heads.weight, self.heads.bias):
            own = part.view(n_annotators, -1)
            common = (counted * own).sum(0)
            parts.append((common + share * (own - common)).view_as(part))
        return F.linear(z, *parts).view(len(z), n_annotators, -1)

    def log_weights(self, z):
        """Return the logarithms of the weights (n, A) of the heads."""
        return self.weigh(z).masked_fill(~self.active, -torch.inf).log_softmax(1)


class DoctorNetClassifier(CrowdClassifier):
    """Network that imitates every annotator with a head of its own and predicts by their average.

    What the heads share is learned from all answers, and the average evens out habits that differ. A few dozen answers
    per annotator are enough; with a handful each it is no better than voting, and mostly worse. It cannot tell good
    annotators from bad ones unless they are weighted.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; the heads stand on its embedding.
    averaging : {"uniform", "weighted"}, default="uniform"
        Average the heads alike, or with weights that depend on the row, learned last from how well the other heads
        predict an answer. Weights need many answers, and annotators who copy each other attract them.
    weighting_fraction : float in [0, 1], default=0.25
        Share of the epochs, the last ones, that learn the weights while all else stands still.
    shrinkage : float >= 0, default=30.0
        Answers of an annotator at which its head is half its own and half the mean of all heads; with fewer it is
        nearly the mean. Larger trusts habits less; 0 leaves every head alone, as the paper does.
    missing : scalar, default=-1
        Marker where somebody was not asked; a string among strings.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    confusion_ : ndarray of shape (A, C, C)
        Entry [a, k, l]: probability that a says l when k is settled on; uniform without answers.
    annotator_quality_ : ndarray of shape (A,)
        In [0, 1], as in `crowd_label_quality`; nan of an annotator without answers.
    label_quality_, transduction_ : ndarray of shape (n,)
        The label that answers and network settle on, and how sure it is.

    Notes
    -----
    ``cell_weight`` (n, A) of ``fit`` weighs the answers, by how sure somebody was for example.

    With ``n`` answers the own share of a head is ``n^2 / (n^2 + shrinkage^2)``.

    References
    ----------
    Guan et al., arXiv:1703.08774.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_crowd_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> answers, _ = make_crowd_labels(y, n_annotators=5, density=0.6, random_state=0)
    >>> clf = DoctorNetClassifier(random_state=0).fit(X, answers)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _side_facts = ANSWER_WEIGHTS
    _parameter_constraints = {
        "averaging": [StrOptions({"uniform", "weighted"})],
        "weighting_fraction": [Interval(Real, 0, 1, closed="both")],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, averaging="uniform", weighting_fraction=0.25, shrinkage=30.0, missing=-1, **training
    ):
        super().__init__(module, missing=missing, **training)
        self.averaging = averaging
        self.weighting_fraction = weighting_fraction
        self.shrinkage = shrinkage

    def _networks(self, make):
        network = make()
        n_annotators = make.run.data.target.shape[1]
        return {"module": network, "doctors": Doctors(embedding_width(network), n_annotators, make.n_outputs)}

    def _rebuild_networks(self, make, shapes):
        network, n_annotators = make(), shapes["doctors"]["active"][0]
        return {"module": network, "doctors": Doctors(embedding_width(network), n_annotators, make.n_outputs)}

    def _start(self, run):
        super()._start(run)
        squares, doctors = (run.data.target >= 0).sum(0).to(run.dtype).square(), run.doctors_
        share = squares / (squares + self.shrinkage**2).clamp_min(1e-12)
        if self.warm_start and hasattr(self, "net_"):
            # Heads that learned before stay.
            share = torch.maximum(share, doctors.share * doctors.active)
        doctors.active.copy_(share > 0)
        doctors.share.copy_(share)

    def _loss(self, run, batch):
        z, weight = features_and_logits(run.module_, batch.X)[0], run.facts.read("cell_weight", batch.index)
        first = run.max_epochs - int(self.weighting_fraction * run.max_epochs)
        if self.averaging == "uniform" or run.epoch < first:
            return answer_losses(run.doctors_(z), batch.y, weight=weight)
        z = z.detach()
        log_weight = run.doctors_.log_weights(z)
        joint = log_weight.exp()[..., None] * run.doctors_(z).detach().softmax(2)
        # What all heads but the annotator's own say to the row.
        others = joint.sum(1, keepdim=True) - joint
        others = (others / others.sum(2, keepdim=True).clamp_min(1e-6)).clamp_min(1e-6)
        return answer_losses(others.log(), batch.y, weight=weight)

    def _logits(self, run, X):
        z = features_and_logits(run.module_, X)[0]
        doctors = run.doctors_
        if self.averaging == "weighted":
            log_weight = doctors.log_weights(z)
        else:
            log_weight = torch.zeros_like(doctors.weigh(z)).masked_fill(~doctors.active, -torch.inf).log_softmax(1)
        return (doctors(z).log_softmax(2) + log_weight[..., None]).logsumexp(1)

    def annotator_proba(self, X):
        """Return what each annotator would say to the rows of ``X``: probabilities (n, A, C)."""
        net_of = features_and_logits
        return self._evaluate(X, lambda rows: self.net_.doctors_(net_of(self.net_.module_, rows)[0]).softmax(2))
