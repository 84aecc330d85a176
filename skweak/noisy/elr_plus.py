"""Early-learning regularisation by two networks (ELR+, arXiv:2007.00151)."""

import math
from numbers import Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import MovingAverage, RowMemory
from skweak.engine.mixing import draw_mixing, mixing_alpha
from skweak.losses.regularizers import balance_divergence
from skweak.losses.robust import memory_penalty
from skweak.noisy import presets
from skweak.utils import label_prior, warmup_decay


class ELRPlusClassifier(WeakClassifier):
    """Two networks that each hold on to what the average of the other one believed early.

    As `ELRClassifier`, with three additions that keep a network's own mistakes from confirming themselves: the early
    belief is the other network's, a moving average of its weights expresses it, and rows are mixed in pairs. Four
    times the time of plain training.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained.
    penalty : float >= 0, default=3.0
        Weight of the penalty (lambda). 0 is cross-entropy on mixed rows; too large ones collapse on one class. 7 suits
        a hundred classes, 1 asymmetric noise.
    decay : float in [0, 1], default=0.7
        Share of the old target kept at each visit of a row (beta); more remembers longer.
    balance_weight : float >= 0, default=3.0
        Weight of a penalty on mean predictions that leave the shares of the given labels; 0 as in the paper.
    mixup_alpha : "auto" or float >= 0, default="auto"
        Parameter of the mixing share; larger mixes closer to half and half, 0 mixes nothing. "auto" is 1, the paper's,
        where training takes 500 steps at least: mixed rows are learnt more slowly.
    average_decay : float in [0, 1), default=0.997
        Largest share of the old weights in the averages (gamma); 0 takes the networks themselves.
    ramp_epochs : float >= 0, default=0.0
        Epochs over which the penalty grows to its weight; 0 has it from the start.
    refine_targets : bool, default=False
        Multiply the mixed labels by the mixed targets, as the paper does with a hundred classes.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        The mean of both remembered beliefs in the given label, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose remembered belief prefers another label.
    transduction_ : ndarray of shape (n,)
        The label with the largest remembered belief; the given one in a tie.

    Notes
    -----
    With the share ``l`` of a row in a mixed one, ``q = l t + (1 - l) t'`` of the targets, ``Y`` likewise of the labels:
    ``CE(o, Y) + penalty * log(1 - <q, p>)``; the batch adds ``balance_weight * KL(prior, mean p)``, which is no part of
    the paper. Both networks learn from the same batches, where the paper's take turns by epoch. The averages predict.

    References
    ----------
    Liu et al., arXiv:2007.00151. Its settings: ``ELRPlusClassifier.preset("cifar10")``, "cifar10_asymmetric",
    "cifar100".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = ELRPlusClassifier(max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all())
    True
    """

    _presets = presets.ELR_PLUS
    _class_weighting = "loss"
    _changeable_facts = ("target",)
    _parameter_constraints = {
        "penalty": [Interval(Real, 0, None, closed="left")],
        "decay": [Interval(Real, 0, 1, closed="both")],
        "balance_weight": [Interval(Real, 0, None, closed="left")],
        "mixup_alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
        "ramp_epochs": [Interval(Real, 0, None, closed="left")],
        "refine_targets": ["boolean"],
    }

    def __init__(
        self, module="auto", *, penalty=3.0, decay=0.7, balance_weight=3.0, mixup_alpha="auto", average_decay=0.997,
        ramp_epochs=0.0, refine_targets=False, lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.penalty = penalty
        self.decay = decay
        self.balance_weight = balance_weight
        self.mixup_alpha = mixup_alpha
        self.average_decay = average_decay
        self.ramp_epochs = ramp_epochs
        self.refine_targets = refine_targets

    def _networks(self, make):
        return {"module": make(), "peer": make()}

    def _start(self, run):
        state = run.state
        if "targets" not in vars(state):
            size = {"dtype": run.dtype, "device": run.device}
            state.targets, state.peer_targets = (RowMemory(len(run.data), run.n_outputs, **size) for _ in range(2))
            state.average, state.peer_average = (
                MovingAverage(network, use_buffers=True) for network in (run.module_, run.peer_)
            )
            state.steps = 0
        run.check_rows(state.targets.values)
        run.scratch.alpha = mixing_alpha(self.mixup_alpha, run)
        run.scratch.prior = label_prior(run.data.target, run.n_outputs, weight=run.class_weight).to(run.dtype)

    def _loss(self, run, batch):
        state = run.state
        # Each loss touches one network only, so their sum trains both.
        return self._network_loss(run, batch, run.module_, state.peer_average, state.targets) + self._network_loss(
            run, batch, run.peer_, state.average, state.peer_targets
        )

    def _network_loss(self, run, batch, network, teacher, memory):
        with torch.no_grad():
            belief = teacher(batch.X).to(run.dtype).softmax(1)
            targets = memory.update(batch.index, belief, self.decay)
        given = F.one_hot(batch.y, run.n_outputs).to(run.dtype)
        share, order = draw_mixing(run, run.scratch.alpha, len(batch.y))
        share = max(share, 1 - share)
        X, targets, labels = (torch.lerp(part[order], part, share) for part in (batch.X, targets, given))
        logits = network(X).to(run.dtype)
        wanted = labels
        if self.refine_targets:
            wanted = labels * targets
            wanted = wanted / wanted.sum(1, keepdim=True).clamp_min(1e-8)
        weight, remembered = run.class_weight, self._ramp(run) * self.penalty * memory_penalty(logits, targets)
        # Of a mixed target each class has its own weight.
        losses = F.cross_entropy(logits, wanted, weight=weight, reduction="none")
        if weight is None:
            loss = (losses + remembered).mean()
        else:
            by_row = labels @ weight
            loss = (losses + by_row * remembered).sum() / by_row.sum()
        if self.balance_weight:
            loss = loss + self.balance_weight * balance_divergence(logits.softmax(1), run.scratch.prior)
        return loss

    def _ramp(self, run):
        done = min(1.0, run.fractional_epoch / self.ramp_epochs) if self.ramp_epochs else 1.0
        return math.exp(-5 * (1 - done) ** 2)

    def _end_step(self, run):
        # A decay that grows with the steps: an average over the last tenth of them.
        decay = warmup_decay(run.state.steps, maximum=self.average_decay)
        run.state.average.update_parameters(run.module_, decay)
        run.state.peer_average.update_parameters(run.peer_, decay)
        run.state.steps += 1

    def _logits(self, run, X):
        # The logarithm of the mean probability: its softmax is the mean of both averages.
        averages = (run.state.average, run.state.peer_average)
        return sum(average(X).double().softmax(1) for average in averages).div(2).log()

    def _finish(self, run):
        belief, given = (run.state.targets.values + run.state.peer_targets.values) / 2, run.data.target
        quality = belief.gather(1, given[:, None])[:, 0]
        largest, settled = belief.max(1)
        # An empty memory prefers nothing, so a tie leaves the label as it is.
        mask = largest > quality
        return {
            "label_quality_": quality.float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": settled.where(mask, given).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        # Small steps and a weak penalty: the overlapping classes of generated checks are no wrong labels.
        return super()._test_params() | {"penalty": 1.0, "lr": 0.005}
