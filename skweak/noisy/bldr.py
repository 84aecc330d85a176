"""Noise-robust bidirectional learning with dynamic sample reweighting (arXiv:2209.01334)."""

import warnings
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.base import WeakClassifier
from skweak.engine import MovingAverage
from skweak.fit import refuse_facts
from skweak.losses import distillation_kl, feature_imitation_loss, negative_branch_loss, positive_branch_loss
from skweak.nn.heads import Branched
from skweak.noisy import presets
from skweak.noisy.codivide import weigh_by_class
from skweak.utils import confidence_weight, given_label_proba, label_prior, warmup_decay, warmup_length


class BLDRClassifier(WeakClassifier):
    """One network that learns what a row is and what it is not, and trusts each row as far as both agree.

    A positive head learns from labels corrected by two small vectors of parameters per row, a negative head from
    everything but the given and the predicted class; the negative head's belief in the given label becomes the row's
    weight. Side branches on earlier layers learn along. Its mask of wrong labels is its strong point.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The backbone. Networks with ``stages(X)`` get side branches.
    reweight_start : "auto" or int >= 0, default="auto"
        Epochs with weight 1 for every row (E_w), "auto" being a third of them; from ``max_epochs`` on the weights stay
        uniform, with a warning.
    consistency_weight, balance_weight, residual_weight : float >= 0, default=0.9, 1.0, 50.0
        Weights of the agreement of both views, of the penalty on mean predictions that leave the
        shares of the given labels, and of the residual between
        label and corrected prediction (kappa).
    u_lr, v_lr : float > 0, default=10.0
        Learning rates of the per-row parameters for the given and for the other labels; too large corrects right ones.
    init_scale : float > 0, default=1e-8
        Standard deviation of their start; they grow by multiplication.
    noise_rate : float in [0, 1], default=0.1
        First guess of the share of wrong labels; scales the residual by its square until it is estimated.
    noise_threshold : float in [0, 1], default=0.3
        Belief below which a row counts as wrong in that estimate.
    detection_threshold : float in [0, 1], default=0.05
        Final belief below which ``noise_mask_`` is set; larger flags more rows.
    distill_weight, distill_temperature : float, default=0.1, 3.0
        Weight and temperature of the side branches' imitation of the heads.
    feature_weight : float >= 0, default=1e-6
        Weight of their imitation of the embedding; a sum over all features.
    head_agreement_weight : float >= 0, default=10.0
        Weight of the divergence of the positive from the negative head, without which (0) the negative one may
        collapse on one class where the network learns slowly.
    side_branches : bool, default=True
        Whether earlier stages get branches.
    average_decay : float in [0, 1), default=0.9
        Largest share of the old weights in the average over epochs that predicts.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view and, of a pair, the strong one.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    sample_weight_ : ndarray of shape (n,)
        Last weight of each row, in [0, 1].
    noise_rate_ : float
        Last estimate of the share of wrong labels.
    label_quality_ : ndarray of shape (n,)
        The averaged negative head's probability of the given label.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose quality is below ``detection_threshold``, verified ones excepted.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one where it is suspected to be wrong.

    Notes
    -----
    Detection uses averaged weights and un-augmented rows; the authors' script uses live weights and weak views.

    References
    ----------
    arXiv:2209.01334. Its settings: ``BLDRClassifier.preset("cifar10n")``, "cifar100n"; their rates of the row
    parameters belong to batches of 256.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = BLDRClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> clf.sample_weight_.shape, bool(0 <= clf.noise_rate_ <= 1)
    ((150,), True)
    """

    _class_weighting = "loss"
    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"sample_weight_": float("nan")}
    _presets = presets.BLDR
    _parameter_constraints = {
        "reweight_start": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "balance_weight": [Interval(Real, 0, None, closed="left")],
        "residual_weight": [Interval(Real, 0, None, closed="left")],
        "u_lr": [Interval(Real, 0, None, closed="neither")],
        "v_lr": [Interval(Real, 0, None, closed="neither")],
        "init_scale": [Interval(Real, 0, None, closed="neither")],
        "noise_rate": [Interval(Real, 0, 1, closed="both")],
        "noise_threshold": [Interval(Real, 0, 1, closed="both")],
        "detection_threshold": [Interval(Real, 0, 1, closed="both")],
        "distill_weight": [Interval(Real, 0, None, closed="left")],
        "distill_temperature": [Interval(Real, 0, None, closed="neither")],
        "feature_weight": [Interval(Real, 0, None, closed="left")],
        "head_agreement_weight": [Interval(Real, 0, None, closed="left")],
        "side_branches": ["boolean"],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, reweight_start="auto", consistency_weight=0.9, balance_weight=1.0, residual_weight=50.0,
        u_lr=10.0, v_lr=10.0, init_scale=1e-8, noise_rate=0.1, noise_threshold=0.3, detection_threshold=0.05,
        distill_weight=0.1, distill_temperature=3.0, feature_weight=1e-6, head_agreement_weight=10.0,
        side_branches=True, average_decay=0.9, augment="weak", lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.reweight_start = reweight_start
        self.consistency_weight = consistency_weight
        self.balance_weight = balance_weight
        self.residual_weight = residual_weight
        self.u_lr = u_lr
        self.v_lr = v_lr
        self.init_scale = init_scale
        self.noise_rate = noise_rate
        self.noise_threshold = noise_threshold
        self.detection_threshold = detection_threshold
        self.distill_weight = distill_weight
        self.distill_temperature = distill_temperature
        self.feature_weight = feature_weight
        self.head_agreement_weight = head_agreement_weight
        self.side_branches = side_branches
        self.average_decay = average_decay

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified keep weight and label."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _check_labels(self, labels, trusted):
        if self.reweight_start != "auto" and self.reweight_start >= self.max_epochs:
            warnings.warn(
                f"reweight_start={self.reweight_start} is not below max_epochs={self.max_epochs}: every row keeps "
                "weight 1 throughout.", UserWarning, stacklevel=5,
            )  # fmt: skip
        if len(labels.classes) == 2:
            warnings.warn("With two classes the negative head has little to learn from; results are weak.",
                          UserWarning, stacklevel=5)  # fmt: skip

    def _networks(self, make):
        return {"module": Branched(make(), make.input_shape, n_branches=3 if self.side_branches else 0)}

    def _start(self, run):
        n, state = len(run.data), run.state
        if "weight" not in vars(state):
            draw = {"dtype": run.dtype, "device": run.device}
            state.u, state.v = (self.init_scale * torch.randn(n, run.n_outputs, **draw) for _ in range(2))
            state.weight, state.belief = torch.ones(n, **draw), torch.ones(n, **draw)
            state.noise_rate = self.noise_rate
            state.average = MovingAverage(run.module_)
        run.check_rows(state.weight)
        state.start = warmup_length(self.reweight_start, run, share=1 / 3)
        run.scratch.prior = label_prior(run.data.target, run.n_outputs, weight=run.class_weight).to(run.dtype)

    def _loss(self, run, batch):
        net, state = run.module_, run.state
        weak, strong = run.views.weak(batch.X), run.views.strong(batch.X)
        positive, negative, _, _, sides = net.branches(torch.cat([weak, strong]))
        alone = net.branches(weak)
        weight = weigh_by_class(state.weight.index_select(0, batch.index), batch.y, run.class_weight)
        state.belief.index_copy_(0, batch.index, given_label_proba(alone[1].detach(), batch.y).to(run.dtype))
        rows = [table.index_select(0, batch.index).requires_grad_() for table in (state.u, state.v)]
        run.parts_of_rows = (batch.index, rows)
        shared = {"balance_weight": self.balance_weight, "consistency_weight": self.consistency_weight}
        shared["prior"] = run.scratch.prior
        loss = negative_branch_loss(*negative.chunk(2), batch.y, alone[1].detach().argmax(1), weight=weight, **shared)
        for logits in (positive, *sides):
            loss = loss + positive_branch_loss(
                *logits.chunk(2), batch.y, *rows, weight=weight, noise_rate=state.noise_rate,
                residual_weight=self.residual_weight, **shared,
            )  # fmt: skip
        loss = loss + self._self_distillation(*alone)
        if self.head_agreement_weight:
            agreement = torch.nn.functional.kl_div(
                negative.log_softmax(1), positive.log_softmax(1), reduction="none", log_target=True
            )
            # The mean over rows and classes, as in the authors' code, not the sum over classes.
            loss = loss + self.head_agreement_weight * agreement.mean()
        return loss

    def _self_distillation(self, positive, negative, features, side_features, side_logits):
        teacher = ((positive + negative) / 2).detach()
        loss = positive.new_zeros(())
        for side, logits in zip(side_features, side_logits, strict=True):
            distilled = distillation_kl(logits, teacher, temperature=self.distill_temperature).mean()
            imitation = feature_imitation_loss(side, features).sum()
            loss = loss + self.distill_weight * distilled + self.feature_weight * imitation
        return loss

    def _end_step(self, run):
        # Plain gradient steps on the rows of the batch only: a momentum would move rows that are absent.
        index, (u, v) = run.parts_of_rows
        run.state.u.index_add_(0, index, u.grad, alpha=-self.u_lr)
        run.state.v.index_add_(0, index, v.grad, alpha=-self.v_lr)
        run.parts_of_rows = None

    def _end_epoch(self, run):
        state = run.state
        if run.epoch >= state.start:
            state.weight, state.noise_rate = confidence_weight(state.belief, threshold=self.noise_threshold)
            if run.data.trusted is not None:
                state.weight = state.weight.masked_fill(run.data.trusted, 1.0)
        state.average.decay = warmup_decay(run.epoch, maximum=self.average_decay)
        state.average.update_parameters(run.module_)

    def _logits(self, run, X):
        positive, negative = run.state.average.module.both(X)
        # The logarithm of the mean probability: its softmax is the mean of both heads.
        return (positive.double().softmax(1) + negative.double().softmax(1)).div(2).log()

    def _finish(self, run):
        given, average = run.data.target, run.state.average.module
        negative = run.outputs(average, function=lambda X: average.both(X)[1])
        quality = given_label_proba(negative, given)
        mask = quality < self.detection_threshold
        if run.data.trusted is not None:
            mask = mask & ~run.data.trusted
        predicted = run.evaluate(run.data, lambda X: self._logits(run, X)).argmax(1)
        return {
            "sample_weight_": run.state.weight.float().cpu().numpy(),
            "noise_rate_": float(run.state.noise_rate),
            "label_quality_": quality.float().cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": predicted.where(mask, given).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"reweight_start": 5}
