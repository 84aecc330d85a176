"""Early-learning regularisation (arXiv:2007.00151)."""

from numbers import Real

from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import RowMemory
from skweak.losses.regularizers import balance_divergence
from skweak.losses.robust import memory_penalty
from skweak.noisy import presets
from skweak.utils import label_prior


class ELRClassifier(WeakClassifier):
    """Network that is held to the predictions it made before it began to memorise wrong labels.

    Networks learn the clean pattern first. A moving average of each row's predictions keeps that early belief, and a
    penalty pulls later predictions towards it. It is one network, costs little more than plain training, and is hard
    to beat.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    penalty : float >= 0, default=3.0
        Weight of the penalty (lambda). 0 is cross-entropy; large values trust the network's past predictions, too large
        ones collapse on one class. 7 suits a hundred classes, 1 asymmetric noise.
    decay : float in [0, 1], default=0.7
        Share of the old average kept at each visit of a row (beta); more remembers longer. 0.9 for many epochs.
    balance_weight : float >= 0, default=3.0
        Weight of a penalty on mean predictions that leave the shares of the given labels. Without it, 0 as in the
        paper, small or rare classes are forgotten; large values force the shares on every batch.
    lr : float > 0, default=0.02
        Learning rate; large steps collapse on one class before there is a belief to keep.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        The remembered belief in the given label, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose remembered belief prefers another label.
    transduction_ : ndarray of shape (n,)
        The label with the largest remembered belief; the given one in a tie.

    Notes
    -----
    The loss of a row is ``CE(o, y) + penalty * log(1 - <t, p>)`` with the memory ``t`` updated first; the batch adds
    ``balance_weight * KL(prior, mean p)``, which is no part of the paper.

    References
    ----------
    Liu et al., arXiv:2007.00151. Its settings: ``ELRClassifier.preset("cifar10")``, "cifar10_asymmetric", "cifar100".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = ELRClassifier(max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all())
    True
    """

    _presets = presets.ELR
    _changeable_facts = ("target",)
    _parameter_constraints = {
        "penalty": [Interval(Real, 0, None, closed="left")],
        "decay": [Interval(Real, 0, 1, closed="both")],
        "balance_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, module="auto", *, penalty=3.0, decay=0.7, balance_weight=3.0, lr=0.02, **training):
        super().__init__(module, lr=lr, **training)
        self.penalty = penalty
        self.decay = decay
        self.balance_weight = balance_weight

    def _start(self, run):
        if "targets" not in vars(run.state):
            run.state.targets = RowMemory(len(run.data), run.n_outputs, dtype=run.dtype, device=run.device)
        run.check_rows(run.state.targets.values)
        run.scratch.prior = label_prior(run.data.target, run.n_outputs, weight=run.class_weight).to(run.dtype)

    def _loss(self, run, batch):
        logits = run.module_(batch.X)
        proba = logits.detach().softmax(1).clamp(1e-4, 1 - 1e-4)
        targets = run.state.targets.update(batch.index, proba / proba.sum(1, keepdim=True), self.decay)
        losses = F.cross_entropy(logits, batch.y, reduction="none")
        # `early_learning_penalty` and `class_balance_penalty` without their checks, which would look at every batch.
        losses = losses + self.penalty * memory_penalty(logits, targets)
        if not self.balance_weight:
            return losses
        return losses + self.balance_weight * balance_divergence(logits.softmax(1), run.scratch.prior)

    def _finish(self, run):
        belief, given = run.state.targets.values, run.data.target
        quality = belief.gather(1, given[:, None])[:, 0]
        largest, settled = belief.max(1)
        # An empty memory prefers nothing, so a tie leaves the label as it is.
        mask = largest > quality
        return {
            "label_quality_": quality.float().cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": settled.where(mask, given).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        # Small steps and a weak penalty: the overlapping classes of generated checks are no wrong labels.
        return super()._test_params() | {"penalty": 1.0, "lr": 0.005}
