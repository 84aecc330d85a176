"""DivideMix (arXiv:2002.07394)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.fit import refuse_facts
from skweak.losses import class_balance_penalty, confidence_penalty
from skweak.noisy import presets
from skweak.noisy.codivide import (
    CoDivideBatches,
    guess_and_mix,
    mean_by_class,
    mixture_separation,
    split_rows,
    weights_of_labels,
)
from skweak.utils import label_prior, linear_ramp, min_max, mixture_posterior, warmup_length


class DivideMixClassifier(WeakClassifier):
    """Two networks that split the rows for each other and treat suspects as unlabeled.

    A mixture of two Gaussians on the losses of one network says which rows are clean; the other network then learns
    from them by semi-supervised mixing, with corrected labels on the clean rows and guessed ones on the rest.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained.
    warmup_epochs : "auto" or int >= 1, default="auto"
        Epochs of cross-entropy before the first split; "auto" is a sixth of them, on small tables up to a
        half. Too few and the losses say nothing, too many and wrong labels are remembered.
    clean_threshold : float in [0, 1), default=0.5
        Posterior above which a row counts as clean (tau); larger keeps fewer, cleaner rows.
    min_separation : float >= 0, default=0.0
        How far apart the two components of the losses must be, in units of their widths, to be taken for right and
        wrong labels; with less there is nothing to repair, and every label counts. 0 always splits. Larger repairs
        less: 2 helps small tables of clean labels, and costs much where many are wrong and losses are close together.
    sharpen_temperature : float > 0, default=0.5
        Temperature of guessed targets (T); smaller is harder, 1 leaves them as they are.
    mixup_alpha : float > 0, default=4.0
        Parameter of the mixing share; larger mixes closer to half and half.
    unlabeled_weight : float >= 0, default=0.0
        Weight of the loss on guessed targets (lambda_u); 25 or more at high noise.
    ramp_epochs : int >= 1, default=16
        Epochs over which that weight grows from 0.
    confidence_penalty : bool, default=False
        Penalise confident predictions in the warm-up; on for asymmetric and human noise.
    augment : None, "weak", callable or pair of callables, default="weak"
        Views that are averaged and mixed.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; ``batch_size`` is that of the warm-up, later steps mix two views of half as many labelled
        and unlabelled rows. See `skweak.base.WeakClassifier`.

    Attributes
    ----------
    clean_proba_ : ndarray of shape (n, 2)
        Posterior of being clean, by each network.
    label_quality_ : ndarray of shape (n,)
        Their mean.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose quality is at most ``clean_threshold``.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one where it is suspected to be wrong.

    References
    ----------
    Li, Socher and Hoi, arXiv:2002.07394. Its settings: ``DivideMixClassifier.preset("cifar10")``,
    "cifar10_asymmetric", "cifar100".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DivideMixClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> clf.clean_proba_.shape
    (150, 2)
    """

    _class_weighting = "loss"
    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"clean_proba_": float("nan")}
    _presets = presets.DIVIDEMIX
    _parameter_constraints = {
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "clean_threshold": [Interval(Real, 0, 1, closed="left")],
        "min_separation": [Interval(Real, 0, None, closed="left")],
        "sharpen_temperature": [Interval(Real, 0, None, closed="neither")],
        "mixup_alpha": [Interval(Real, 0, None, closed="neither")],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
        "confidence_penalty": ["boolean"],
    }

    def __init__(
        self, module="auto", *, warmup_epochs="auto", clean_threshold=0.5, min_separation=0.0, sharpen_temperature=0.5,
        mixup_alpha=4.0, unlabeled_weight=0.0, ramp_epochs=16, confidence_penalty=False, augment="weak", lr=0.02,
        **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.warmup_epochs = warmup_epochs
        self.clean_threshold = clean_threshold
        self.min_separation = min_separation
        self.sharpen_temperature = sharpen_temperature
        self.mixup_alpha = mixup_alpha
        self.unlabeled_weight = unlabeled_weight
        self.ramp_epochs = ramp_epochs
        self.confidence_penalty = confidence_penalty

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
        return {"module": make(), "peer": make()}

    def _clean_posterior(self, run, network):
        """Return the posterior of being clean, and the rows taken as labelled."""
        losses = F.cross_entropy(run.outputs(network), run.data.target, reduction="none")
        scaled = min_max(losses, constant=0.0)
        posterior = mixture_posterior(scaled, component="smallest", random_state=run.numpy_random.randint(2**31))
        if scaled.max() == 0:
            posterior[:] = 1.0
        posterior = torch.as_tensor(posterior, dtype=run.dtype, device=losses.device)
        if self.min_separation and mixture_separation(scaled, posterior) < self.min_separation:
            # Nothing to repair: every label counts, and the order stays.
            posterior = 1 - 0.1 * (1 - self.clean_threshold) * (1 - posterior)
        trusted = run.data.trusted
        posterior = posterior if trusted is None else posterior.masked_fill(trusted, 1.0)
        belief = (-losses).exp()
        return posterior, split_rows(posterior, self.clean_threshold, -scaled, trusted, run.data.target, belief)

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        prior = label_prior(run.data.target, run.n_outputs, power=0.5, weight=run.class_weight)
        run.scratch.prior = prior.to(run.dtype)

    def _batches(self, run, batches):
        if run.epoch < run.state.warmup:
            return batches
        # Each network gets the posterior of the other one, both computed before either is trained.
        (first, first_split), (second, second_split) = (
            self._clean_posterior(run, network) for network in (run.module_, run.peer_)
        )
        run.state.clean_proba = {
            "module": weights_of_labels(second, second_split, self.clean_threshold),
            "peer": weights_of_labels(first, first_split, self.clean_threshold),
        }
        return CoDivideBatches(run, batches, {"module": second_split, "peer": first_split}, drop_last=False)

    def _loss(self, run, batch):
        if run.epoch < run.state.warmup:
            losses = sum(
                self._warmup_loss(network, run.views.weak(batch.X), batch.y) for network in (run.module_, run.peer_)
            )
            return mean_by_class(losses, batch.y, run.class_weight)
        mixed = guess_and_mix(
            run, batch, run.state.clean_proba[batch.name], lambda logits: logits.softmax(1),
            temperature=self.sharpen_temperature, alpha=self.mixup_alpha,
        )  # fmt: skip
        logits = getattr(run, f"{batch.name}_")(mixed.X)
        target = torch.lerp(mixed.partners, mixed.targets, mixed.share)
        n, proba = mixed.n_labeled, logits.softmax(1)
        weight = run.class_weight
        # Of a mixed target each class has its own weight: a light one does not borrow that of its partner.
        losses = F.cross_entropy(logits[:n], target[:n], weight=weight, reduction="none")
        loss = losses.mean() if weight is None else losses.sum() / (target[:n] @ weight).sum()
        loss = loss + class_balance_penalty(proba, prior=run.scratch.prior)
        if self.unlabeled_weight and len(logits) > n:
            ramp = linear_ramp(run.fractional_epoch, start=run.state.warmup, length=self.ramp_epochs)
            loss = loss + self.unlabeled_weight * ramp * F.mse_loss(proba[n:], target[n:])
        return loss

    def _warmup_loss(self, network, X, y):
        logits = network(X)
        losses = F.cross_entropy(logits, y, reduction="none")
        return losses + confidence_penalty(logits.softmax(1)) if self.confidence_penalty else losses

    def _logits(self, run, X):
        return (run.module_(X) + run.peer_(X)) / 2

    def _finish(self, run):
        clean_proba = torch.stack([self._clean_posterior(run, net)[0] for net in (run.module_, run.peer_)], 1)
        quality, given = clean_proba.mean(1), run.data.target
        mask = quality <= self.clean_threshold
        predicted = run.evaluate(run.data, lambda X: self._logits(run, X)).argmax(1)
        return {
            "clean_proba_": clean_proba.float().cpu().numpy(),
            "label_quality_": quality.float().cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": predicted.where(mask, given).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 10}
