"""Negative learning (NLNL, arXiv:1908.07387)."""

import math
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import RowMemory
from skweak.losses import complementary_loss
from skweak.noisy import presets
from skweak.noisy.codivide import weigh_by_class

# Epochs that a row's belief is a mean of, as in the paper.
_EPOCHS = 10


class NegativeLearningClassifier(WeakClassifier):
    """Network that first learns which classes a row does not have, and believes a label only later.

    "Not a cat" is right for nearly every row even where many labels are wrong. When the network has learnt from such
    statements, the rows whose labels it finds improbable are left out, and at last it learns from the labels that it
    believes.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    n_complements : "all" or int >= 1, default="all"
        Classes a row does not have that it is told of in each visit, drawn anew; at most all others. Few learn slowly
        where there are many classes. The paper has 1.
    selective_start : float in [0, 1], default=1/3
        Share of the training after which rows teach only whose label is believed more than by chance.
    positive_start : float in [0, 1], default=2/3
        Share of the training after which the network learns from labels by cross-entropy, of those rows whose label it
        believes; not before ``selective_start``. 1 never does, and its probabilities stay flat.
    confidence : float in [0, 1], default=0.5
        Least belief in a label that is learnt by cross-entropy. More leaves fewer wrong labels and fewer hard rows.
    lr : float > 0, default=0.05
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Belief in the given label: its mean probability in the last epochs, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose belief in the given label is below ``confidence`` and prefers another one.
    transduction_ : ndarray of shape (n,)
        The given label, or the one believed most where it is suspected to be wrong.

    Notes
    -----
    The loss of a row is the sum over its complementary classes of ``-log(1 - p)``; with two classes that is the
    cross-entropy. A belief is the mean of the last ten epochs (older ones fade). The paper ends by training another
    network on what is settled here: ``CrossEntropyClassifier().fit(X, clf.transduction_)``.

    References
    ----------
    Kim et al., arXiv:1908.07387. Its settings: ``NegativeLearningClassifier.preset("cifar10")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = NegativeLearningClassifier(random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all())
    True
    """

    _class_weighting = "loss"
    _presets = presets.NLNL
    _parameter_constraints = {
        "n_complements": [Interval(Integral, 1, None, closed="left"), StrOptions({"all"})],
        "selective_start": [Interval(Real, 0, 1, closed="both")],
        "positive_start": [Interval(Real, 0, 1, closed="both")],
        "confidence": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, module="auto", *, n_complements="all", selective_start=1 / 3, positive_start=2 / 3, confidence=0.5,
        lr=0.05, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.n_complements = n_complements
        self.selective_start = selective_start
        self.positive_start = positive_start
        self.confidence = confidence

    def _check_labels(self, labels, trusted):
        if self.positive_start < self.selective_start:
            raise ValueError(
                f"positive_start={self.positive_start} must not be smaller than "
                f"selective_start={self.selective_start}: labels are believed last; raise it or lower the other."
            )
        if self.n_complements != "all" and self.n_complements >= len(labels.classes):
            raise ValueError(
                f"n_complements={self.n_complements}, but a row of {len(labels.classes)} classes has "
                f"{len(labels.classes) - 1} others; give at most so many or 'all'."
            )

    def _start(self, run):
        if "beliefs" not in vars(run.state):
            run.state.beliefs = RowMemory(len(run.data), run.n_outputs, dtype=run.dtype, device=run.device)
            run.state.visits = 0
        run.check_rows(run.state.beliefs.values)

    def _loss(self, run, batch):
        logits = run.module_(batch.X)
        # The plain mean of the first epochs, so that an empty memory does not count.
        visits = run.state.visits
        decay = min(1 - 1 / _EPOCHS, visits / (visits + 1))
        beliefs = run.state.beliefs.update(batch.index, logits.detach().softmax(1), decay)
        belief = beliefs.gather(1, batch.y[:, None])[:, 0]
        if run.epoch >= math.floor(self.positive_start * run.max_epochs):
            losses, least = F.cross_entropy(logits, batch.y, reduction="none"), self.confidence
        else:
            losses = complementary_loss(logits, self._complements(run, batch.y))
            selective = run.epoch >= math.floor(self.selective_start * run.max_epochs)
            least = 1 / run.n_outputs if selective else 0.0
        weight = weigh_by_class((belief >= least).to(losses.dtype), batch.y, run.class_weight)
        return (losses * weight).sum() / weight.sum().clamp_min(torch.finfo(losses.dtype).tiny)

    def _complements(self, run, target):
        """Return a mask (n, C) of classes that the rows do not have: all, or a few drawn at random."""
        others = 1 - F.one_hot(target, run.n_outputs)
        if self.n_complements == "all":
            return others
        ranks = torch.rand(others.shape, generator=run.generator).to(others.device) * others
        return torch.zeros_like(others).scatter_(1, ranks.topk(self.n_complements, dim=1).indices, 1)

    def _end_epoch(self, run):
        run.state.visits += 1

    def _finish(self, run):
        beliefs, given = run.state.beliefs.values, run.data.target
        quality = beliefs.gather(1, given[:, None])[:, 0]
        largest, settled = beliefs.max(1)
        mask = (quality < self.confidence) & (largest > quality)
        return {
            "label_quality_": quality.float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": settled.where(mask, given).cpu().numpy(),
        }
