"""Dirichlet-based prediction calibration (arXiv:2401.07062)."""

from numbers import Integral, Real

import torch
from scipy.stats import kurtosis
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.fit import refuse_facts
from skweak.losses import (
    calibrated_softmax,
    class_balance_penalty,
    confidence_penalty,
    distillation_kl,
    evidential_loss,
)
from skweak.nn.heads import TwoHead
from skweak.noisy import presets
from skweak.noisy.codivide import (
    CoDivideBatches,
    guess_and_mix,
    mean_by_class,
    networks_of,
    split_rows,
    weights_of_labels,
)
from skweak.utils import label_margin, label_prior, linear_ramp, min_max, mixture_posterior, warmup_length


class DPCClassifier(WeakClassifier):
    """Two networks with calibrated probabilities that split the rows for each other by large margins.

    A softmax is over-confident on wrong labels. Here probabilities come from a Dirichlet with an offset, and a penalty
    keeps evidence for other classes small; the margin of the given label then separates clean rows from wrong ones,
    and suspects are treated as unlabelled. A strong general choice, at about eight times the cost of plain training.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained, each with a second head.
    total_offset : float > 0, default=10.0
        Offset of the calibrated softmax times the number of classes (gamma C); larger predicts closer to uniform.
    kl_weight : float >= 0, default=0.5
        Weight of the penalty on evidence for other classes (beta); 0 leaves the likelihood.
    clean_threshold : float in [0, 1), default=0.5
        Posterior above which a row counts as clean (tau); larger keeps fewer, cleaner rows.
    sharpen_temperature : float > 0, default=0.5
        Temperature of guessed targets (T); smaller is harder, 1 leaves them as they are.
    mixup_alpha : float > 0, default=1.0
        Parameter of the mixing share; larger mixes closer to half and half. The paper's 4 washes small or rare classes
        of tables out.
    unlabeled_weight : float >= 0, default=0.0
        Weight of the second head's loss on guessed targets (lambda_u); 25 or 150 at high noise.
    ramp_epochs : int >= 1, default=16
        Epochs over which that weight grows from 0.
    warmup_epochs : "auto" or int >= 1, default="auto"
        Epochs on all rows before the first split; "auto" is a sixth of them, on small tables up to a half.
    selection : {"gmm", "minmax", "auto"}, default="gmm"
        How margins become clean probabilities: a mixture of two Gaussians, the scaled margin itself, or the mixture
        only where the excess kurtosis is at most 1.2.
    confidence_penalty : bool, default=False
        Penalise confident predictions in the warm-up; on for asymmetric and human noise.
    consistency_weight : float >= 0, default=0.0
        Weight of the agreement with strong views (the DPC* variant: 1).
    head_dropout : float in [0, 1), default=0.5
        Dropout of the second head.
    augment : None, "weak", callable or pair of callables, default="weak"
        Views that are averaged and mixed; a pair names the weak and the strong one.
    **training
        Shared parameters; ``batch_size`` is that of the warm-up, later steps mix two views of half as many labelled
        and unlabelled rows. See `skweak.base.WeakClassifier`.

    Attributes
    ----------
    clean_proba_ : ndarray of shape (n, 2)
        Posterior of being clean, by each network.
    margin_ : ndarray of shape (n,)
        Logit of the given label minus the largest other one, mean of both networks.
    label_quality_ : ndarray of shape (n,)
        Mean of ``clean_proba_``.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose quality is at most ``clean_threshold``.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one where it is suspected to be wrong.

    Notes
    -----
    Two departures of the authors' code from the text are followed: the unlabelled loss is a mean over rows *and*
    classes, and the labelled loss takes the arg-max of the mixed partners' refined targets.

    References
    ----------
    arXiv:2401.07062. Its settings: ``DPCClassifier.preset("cifar10")``, "cifar10_asymmetric", "cifar100",
    "cifar10n_worst", "cifar10n_aggre".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DPCClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> clf.clean_proba_.shape, clf.margin_.shape
    ((150, 2), (150,))
    """

    _class_weighting = "loss"
    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"clean_proba_": float("nan"), "margin_": float("nan")}
    _presets = presets.DPC
    _parameter_constraints = {
        "total_offset": [Interval(Real, 0, None, closed="neither")],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "clean_threshold": [Interval(Real, 0, 1, closed="left")],
        "sharpen_temperature": [Interval(Real, 0, None, closed="neither")],
        "mixup_alpha": [Interval(Real, 0, None, closed="neither")],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "selection": [StrOptions({"gmm", "minmax", "auto"})],
        "confidence_penalty": ["boolean"],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "head_dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, total_offset=10.0, kl_weight=0.5, clean_threshold=0.5, sharpen_temperature=0.5,
        mixup_alpha=1.0, unlabeled_weight=0.0, ramp_epochs=16, warmup_epochs="auto", selection="gmm",
        confidence_penalty=False, consistency_weight=0.0, head_dropout=0.5, augment="weak", **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, **training)
        self.total_offset = total_offset
        self.kl_weight = kl_weight
        self.clean_threshold = clean_threshold
        self.sharpen_temperature = sharpen_temperature
        self.mixup_alpha = mixup_alpha
        self.unlabeled_weight = unlabeled_weight
        self.ramp_epochs = ramp_epochs
        self.warmup_epochs = warmup_epochs
        self.selection = selection
        self.confidence_penalty = confidence_penalty
        self.consistency_weight = consistency_weight
        self.head_dropout = head_dropout

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified always count as clean."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _check_labels(self, labels, trusted):
        if self.warmup_epochs != "auto" and self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be smaller than max_epochs={self.max_epochs}, or the rows "
                "are never split."
            )

    def _networks(self, make):
        return {name: TwoHead(make(), self.head_dropout) for name in ("module", "peer")}

    def _proba(self, logits):
        return calibrated_softmax(logits, offset=self.total_offset / logits.shape[1])

    def _evidential(self, logits, target):
        return evidential_loss(logits, target, kl_weight=self.kl_weight, offset=self.total_offset / logits.shape[1])

    def _warmup_loss(self, network, X, y):
        logits = network(X)
        losses = self._evidential(logits, y)
        return losses + confidence_penalty(self._proba(logits)) if self.confidence_penalty else losses

    def _large_margin(self, run, network):
        """Return margins, clean probabilities and the rows taken as labelled."""
        logits, given = run.outputs(network), run.data.target
        margin = label_margin(logits, given)
        scaled = min_max(margin, constant=1.0)
        gmm = self.selection == "gmm" or (self.selection == "auto" and kurtosis(scaled.cpu().numpy()) <= 1.2)
        clean = scaled
        if gmm and scaled.min() < 1:
            clean = mixture_posterior(scaled, component="largest", random_state=run.numpy_random.randint(2**31))
        clean = torch.as_tensor(clean, dtype=run.dtype, device=margin.device)
        trusted = run.data.trusted
        clean = clean if trusted is None else clean.masked_fill(trusted, 1.0)
        belief = self._proba(logits).gather(1, given[:, None])[:, 0]
        return margin, clean, split_rows(clean, self.clean_threshold, margin, trusted, given, belief)

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        prior = label_prior(run.data.target, run.n_outputs, power=0.5, weight=run.class_weight)
        run.scratch.prior = prior.to(run.dtype)

    def _batches(self, run, batches):
        if run.epoch < run.state.warmup:
            return batches
        # Co-divide: each network gets the split of the other one, both made before either is trained.
        (_, first, first_split), (_, second, second_split) = (
            self._large_margin(run, network) for network in (run.module_, run.peer_)
        )
        run.state.clean_proba = {
            "module": weights_of_labels(second, second_split, self.clean_threshold),
            "peer": weights_of_labels(first, first_split, self.clean_threshold),
        }
        return CoDivideBatches(run, batches, {"module": second_split, "peer": first_split}, drop_last=True)

    def _loss(self, run, batch):
        if run.epoch < run.state.warmup:
            losses = sum(self._warmup_loss(net, run.views.weak(batch.X), batch.y) for net in (run.module_, run.peer_))
            return mean_by_class(losses, batch.y, run.class_weight)
        mixed = guess_and_mix(
            run, batch, run.state.clean_proba[batch.name], self._proba,
            temperature=self.sharpen_temperature, alpha=self.mixup_alpha,
        )  # fmt: skip
        network = networks_of(run, batch.name)[0]
        logits, unsupervised = network.both(mixed.X) if self.unlabeled_weight else (network(mixed.X), None)
        n, share, proba = mixed.n_labeled, mixed.share, self._proba(logits)
        own, partner = mixed.targets[:n].argmax(1), mixed.partners[:n].argmax(1)
        # Of a mixed row each of the two labels has the weight of its class.
        first, second = (mean_by_class(self._evidential(logits[:n], y), y, run.class_weight) for y in (own, partner))
        loss = share * first + (1 - share) * second + class_balance_penalty(proba, prior=run.scratch.prior)
        if self.unlabeled_weight and len(logits) > n:
            ramp = linear_ramp(run.fractional_epoch, start=run.state.warmup, length=self.ramp_epochs)
            target = torch.lerp(mixed.partners[n:], mixed.targets[n:], share)
            loss = loss + self.unlabeled_weight * ramp * F.mse_loss(self._proba(unsupervised[n:]), target)
        if self.consistency_weight:
            loss = loss + self.consistency_weight * self._consistency(run, network, batch, mixed, proba)
        return loss

    def _consistency(self, run, network, batch, mixed, proba):
        rows = [batch.labeled.X, batch.labeled.X]
        rows += [] if batch.unlabeled is None else [batch.unlabeled.X, batch.unlabeled.X]
        strong = torch.cat([run.views.strong(X) for X in rows])
        strong_proba = self._proba(network(torch.lerp(strong[mixed.order], strong, mixed.share)))
        # The softmax of log-probabilities is the probability itself.
        return distillation_kl(strong_proba.log(), proba.log(), temperature=1.0).mean()

    def _logits(self, run, X):
        return (run.module_(X) + run.peer_(X)) / 2

    def _finish(self, run):
        margins, clean, _ = zip(*(self._large_margin(run, net) for net in (run.module_, run.peer_)), strict=True)
        clean_proba, given = torch.stack(clean, 1), run.data.target
        quality = clean_proba.mean(1)
        mask = quality <= self.clean_threshold
        predicted = run.evaluate(run.data, lambda X: self._logits(run, X)).argmax(1)
        return {
            "clean_proba_": clean_proba.float().cpu().numpy(),
            "margin_": (sum(margins) / 2).float().cpu().numpy(),
            "label_quality_": quality.float().cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": predicted.where(mask, given).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        # With few steps, less offset: it slows the evidence down.
        return super()._test_params() | {"warmup_epochs": 10, "total_offset": 1.0}
