"""FlexMatch (arXiv:2110.08263)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from skweak.losses import curriculum_thresholds
from skweak.semi import presets
from skweak.semi.base import SemiSupervisedClassifier, logits_of_views, supervised_loss, sure_loss
from skweak.utils import linear_ramp


class FlexMatchClassifier(SemiSupervisedClassifier):
    """FixMatch whose threshold is lower for classes that the network is not sure of yet.

    It uses unlabeled rows sooner and does not leave hard classes behind, so it learns in fewer steps than FixMatch.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    threshold : float in [0, 1], default=0.95
        Least probability of a pseudo-label of the class that is learned best; other classes get less.
    ramp : float in (0, 1], default=0.3
        Share of the training over which the weight of unlabeled rows grows from 0. At first all thresholds are near 0,
        and a short training would never recover from what a fresh network believes.
    **training
        See `SemiSupervisedClassifier`, and `skweak.base.WeakClassifier` for what all estimators share.

    Attributes
    ----------
    transduction_ : ndarray of shape (n,)
        The given labels, and for unlabeled rows the predicted ones.

    Notes
    -----
    Each unlabeled row remembers the last class that it was sure of; the counts of these classes, divided by how
    frequent the class is among the labels, set the thresholds (`skweak.losses.curriculum_thresholds`). The paper
    assumes classes of one size, for which nothing is divided, and has no ramp. ``history_`` has the share of rows above
    their threshold under ``used``.

    References
    ----------
    Zhang et al., arXiv:2110.08263.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_unlabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y_few = make_unlabeled(y, 5, per_class=True, random_state=0)
    >>> clf = FlexMatchClassifier(max_epochs=20, random_state=0).fit(X, y_few)
    >>> bool((clf.transduction_ == y).mean() > 0.85)
    True
    """

    _presets = presets.FLEXMATCH
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "ramp": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, module="auto", *, threshold=0.95, ramp=0.3, **training):
        super().__init__(module, **training)
        self.threshold = threshold
        self.ramp = ramp

    def _start(self, run):
        super()._start(run)
        state, device = run.state, run.device
        if "learned" not in vars(state):
            # The last confident class of every row, C for none, and how many rows have each.
            state.learned = torch.full((len(run.data),), run.n_outputs, device=device)
            state.counts = torch.zeros(run.n_outputs + 1, dtype=torch.int64, device=device)
            state.counts[-1] = len(state.unlabeled)
        run.check_rows(state.learned)
        # How frequent each class is among the labels; 1 where all are alike.
        labels = torch.bincount(run.data.target[state.labeled], minlength=run.n_outputs)
        run.scratch.frequency = labels * run.n_outputs / len(state.labeled)

    def _loss(self, run, batch):
        labeled, weak, strong = logits_of_views(run, batch)
        loss = supervised_loss(run, labeled, batch)
        if weak is None:
            return loss
        state = run.state
        confidence, predicted = weak.detach().softmax(1).max(1)
        # A rare class is not one that is hard: it has fewer rows to be sure of.
        counts = state.counts[:-1] / run.scratch.frequency
        thresholds = curriculum_thresholds(counts, state.counts[-1], threshold=self.threshold).to(run.dtype)
        before = state.learned.index_select(0, batch.unlabeled.index)
        after = torch.where(confidence >= self.threshold, predicted, before)
        # Counted by what changes, not anew: a step costs the rows of a batch, not all of them.
        state.counts.index_add_(0, before, -torch.ones_like(before)).index_add_(0, after, torch.ones_like(after))
        state.learned.index_copy_(0, batch.unlabeled.index, after)
        weight = self.unlabeled_weight * linear_ramp(run.progress, length=self.ramp)
        return loss + weight * sure_loss(run, strong, confidence, predicted, thresholds.index_select(0, predicted))
