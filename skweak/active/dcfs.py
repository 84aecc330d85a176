"""DCFS: Dirichlet-based coarse-to-fine selection, a reconstruction from the abstract (arXiv:2409.17607)."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.active.open_set import DetectorStrategy, OpenSetClassifier, Stage
from skweak.active.scores import coarse_to_fine, dirichlet_uncertainty
from skweak.active.view import as_uncertainty
from skweak.engine import Batch, PairedBatches
from skweak.losses import calibrated_softmax, evidential_kl, evidential_loss, head_discrepancy
from skweak.nn.heads import LinearPair
from skweak.utils import min_max, mixture_posterior

_LOGIT_BOUND, _DETECTOR_BATCH = 10.0, 32
# Bounds and step of the candidate factor, and the precisions that move it.
_FACTOR_LOW, _FACTOR_HIGH, _FACTOR_STEP, _LOW_PRECISION, _HIGH_PRECISION = 0.5, 3.0, 1.2, 0.4, 0.8


class DCFSClassifier(OpenSetClassifier):
    """Classifier with a detector of two evidential heads that agree on known and disagree on unknown rows.

    A softmax does not change when all logits do, which hides how little a network knows about a row. The detector
    counts evidence instead; its two heads are pulled together on known and apart on labeled unknown rows. Predictions
    come from an ordinary network beside it.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network of the target and of the detector.
    known_classes : sequence or None, default=None
        The known classes, by default those found in ``y``.
    unknown_label : scalar or None, default=-1
        Label of rows that belong to no known class.
    evidence : {"exp", "softplus", "relu"}, default="exp"
        From a logit to evidence. The last two find too few candidates and are worse.
    offset : float > 0, default=1.0
        Concentration without evidence.
    kl_weight : float >= 0, default=0.1
        Weight of the penalty on evidence for other classes of known rows.
    unknown_kl_weight : float >= 0, default=3.0
        Weight of the penalty on any evidence of unknown rows; 10 leaves too few candidates.
    kl_ramp : float in [0, 1], default=1/6
        Share of the steps over which both grow from 0.
    agreement_weight, disagreement_weight : float >= 0, default=0.5, 1.0
        Weights of the heads' discrepancy on known rows, which is made small, and on unknown ones, which is made large.
    discrepancy_cap : float > 0 or None, default=None
        Discrepancy beyond which nothing more is gained; None is 1 / C.
    separate_target : bool, default=True
        Predict with a network of its own; False predicts with the mean of the two heads and trains no other.
    detector_steps : int >= 1, default=500
        Least number of steps of the detector; an undertrained one is the method's one weak point.
    detector_lr : float > 0, default=0.02
        Its first learning rate, which falls to 0.
    max_grad_norm : float > 0, default=5.0
        Norm to which its gradients are cut.
    **training
        Shared parameters, ``unlabeled`` included; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    candidate_factor_ : float
        Feedback of the batches told to `update`; 1 at first.

    Notes
    -----
    The text of the paper could not be had. Its abstract names evidential learning, data and distribution uncertainty, a
    discrepancy of two heads and two stages of selection; everything else here is reconstructed. On digits
    with four or seven known classes it beats random selection and LfOSA, and stays below BUAL.

    References
    ----------
    Wang et al., arXiv:2409.17607.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DCFSClassifier(random_state=0).fit(X, np.where(y == 2, -1, y))
    >>> bool(clf.score_samples(X[:100]).mean() > clf.score_samples(X[100:]).mean())
    True
    """

    _feedback_name, _feedback_start = "candidate_factor_", 1.0
    _parameter_constraints = {
        "evidence": [StrOptions({"exp", "softplus", "relu"})],
        "offset": [Interval(Real, 0, None, closed="neither")],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "unknown_kl_weight": [Interval(Real, 0, None, closed="left")],
        "kl_ramp": [Interval(Real, 0, 1, closed="both")],
        "agreement_weight": [Interval(Real, 0, None, closed="left")],
        "disagreement_weight": [Interval(Real, 0, None, closed="left")],
        "discrepancy_cap": [None, Interval(Real, 0, None, closed="neither")],
        "separate_target": ["boolean"],
        "detector_steps": [Interval(Integral, 1, None, closed="left")],
        "detector_lr": [Interval(Real, 0, None, closed="neither")],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, module="auto", *, evidence="exp", offset=1.0, kl_weight=0.1, unknown_kl_weight=3.0, kl_ramp=1 / 6,
        agreement_weight=0.5, disagreement_weight=1.0, discrepancy_cap=None, separate_target=True, detector_steps=500,
        detector_lr=0.02, max_grad_norm=5.0, **training,
    ):  # fmt: skip
        super().__init__(module, **training)
        self.evidence = evidence
        self.offset = offset
        self.kl_weight = kl_weight
        self.unknown_kl_weight = unknown_kl_weight
        self.kl_ramp = kl_ramp
        self.agreement_weight = agreement_weight
        self.disagreement_weight = disagreement_weight
        self.discrepancy_cap = discrepancy_cap
        self.separate_target = separate_target
        self.detector_steps = detector_steps
        self.detector_lr = detector_lr
        self.max_grad_norm = max_grad_norm

    def predict_concentrations(self, X):
        """Return the Dirichlet concentrations (n, 2, C) of the two heads."""
        return self._evaluate(X, lambda rows: self._concentrations(self.net_, rows).to(self.net_.dtype))

    def _adapt(self, state, precision):
        if precision > _HIGH_PRECISION:
            return min(_FACTOR_STEP * state, _FACTOR_HIGH)
        return max(state / _FACTOR_STEP, _FACTOR_LOW) if precision < _LOW_PRECISION else state

    def _networks(self, make):
        if not self.separate_target:
            return {"module": LinearPair(make())}
        return {"module": make(), "detector": LinearPair(make())}

    def _detector(self, run):
        return run.detector_ if self.separate_target else run.module_

    def _optimizers(self, run):
        detector = run.default_optimizer(list(self._detector(run).named_parameters()))
        if not self.separate_target:
            return {"optimizer": detector}
        target = run.default_optimizer(list(run.module_.named_parameters()))
        return {"optimizer": target, "detector_optimizer": detector}

    def _stages(self, run):
        known = run.scratch.known
        # Whole batches only; a shorter one counts as long as it is the only one.
        per_epoch = max(1, len(known) // _DETECTOR_BATCH)
        epochs = max(self.max_epochs, math.ceil(self.detector_steps / per_epoch))
        detector = Stage(epochs, known, None, _DETECTOR_BATCH)
        target = Stage(self.max_epochs, known, self._target_loss)
        return [target, detector] if self.separate_target else [detector]

    def _batches(self, run, batches):
        stage = self._stage(run)
        if stage.batch_size is None:
            return batches.restrict(stage.rows)
        settings = {"batch_size": stage.batch_size, "drop_last": True}
        known = batches.restrict(stage.rows, **settings)
        return PairedBatches(known, batches.restrict(run.scratch.unknown, **settings))

    def _train_step(self, run, batch):
        if isinstance(batch, Batch):
            return super()._train_step(run, batch)
        *before, detector = self._stages(run)
        done = run.epoch - sum(stage.epochs for stage in before)
        progress = (done + run.batch / run.n_batches) / detector.epochs
        optimizer = run.detector_optimizer_ if self.separate_target else run.optimizer_
        for group in optimizer.param_groups:
            group["lr"] = self.detector_lr * (1 - progress)
        if self.augment is not None:
            batch = tuple(part and part._replace(X=run.views.weak(part.X)) for part in batch)
        with run.autocast_context():
            loss = self._detector_loss(run, *batch, progress)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._detector(run).parameters(), self.max_grad_norm)
        run.take_step(batch)
        return loss.detach()

    def _detector_loss(self, run, known, unknown, progress):
        n_known, n_classes = len(known.y), run.n_outputs
        ramp = 1.0 if self.kl_ramp == 0 else min(1.0, progress / self.kl_ramp)
        X = known.X if unknown is None else torch.cat([known.X, unknown.X])
        heads = [self._to_log_evidence(head) for head in self._detector(run).both(X)]
        discrepancy = head_discrepancy(*(calibrated_softmax(head, offset=self.offset) for head in heads))
        # Both heads in one call: the mean over twice the rows is half the sum of the means.
        likelihood = evidential_loss(
            torch.cat([head[:n_known] for head in heads]), known.y.repeat(2), kl_weight=self.kl_weight * ramp,
            offset=self.offset,
        )  # fmt: skip
        loss = 2 * likelihood.mean() + self.agreement_weight * discrepancy[:n_known].mean()
        if unknown is None:
            return loss
        cap = 1 / n_classes if self.discrepancy_cap is None else self.discrepancy_cap
        penalty = 2 * evidential_kl(torch.cat([head[n_known:] for head in heads]), offset=self.offset).mean()
        loss = loss + ramp * self.unknown_kl_weight / n_classes * penalty
        return loss - self.disagreement_weight * discrepancy[n_known:].clamp(max=cap).mean()

    def _to_log_evidence(self, logits):
        if self.evidence == "exp":
            return logits.clamp(-_LOGIT_BOUND, _LOGIT_BOUND)
        evidence = F.softplus(logits) if self.evidence == "softplus" else F.relu(logits)
        return evidence.clamp(math.exp(-_LOGIT_BOUND), math.exp(_LOGIT_BOUND)).log()

    def _concentrations(self, run, X):
        heads = [head.double() for head in self._detector(run).both(X)]
        return torch.stack([self._to_log_evidence(head).exp() + self.offset for head in heads], 1)

    def _logits(self, run, X):
        if self.separate_target:
            return run.module_(X)
        alpha = self._concentrations(run, X)
        # The logarithm of the mean probability: its softmax is the mean of both heads.
        return (alpha / alpha.sum(2, keepdim=True)).mean(1).log()

    def _unknown_proba(self, run, X):
        # The share of the total concentration that is there without any evidence.
        alpha = self._concentrations(run, X)
        return (self.offset * alpha.shape[2] / alpha.sum(2)).mean(1).to(run.dtype)

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"detector_steps": 20}


class DCFS(DetectorStrategy):
    """Rows that are probably known, and of these the hard ones: a coarse and a fine stage on Dirichlet uncertainties.

    The coarse stage keeps the rows of small uncertainty and discrepancy, as many as a mixture of two populations says
    are known; the fine stage takes those of them with evidence for more than one class. Two networks, none of them
    trained on the pool.

    Parameters
    ----------
    coarse : {"all", "data+distribution"}, default="all"
        What the coarse stage adds up; the second leaves the discrepancy out.
    fine : {"combined", "discrepancy", "margin"}, default="combined"
        What the fine stage ranks by; the second is the discrepancy alone, the third the margin of the predictions,
        smallest first, which together with ``adapt=False`` is the choice to try next.
    discrepancy_weight : float >= 0, default=0.5
        Weight of the discrepancy in the combined fine score.
    posterior_threshold : float in (0, 1), default=0.5
        Posterior of the smaller component above which a row counts as a candidate.
    log_floor : float > 0, default=1e-3
        Added before the logarithm that the mixture is fitted to.
    adapt : bool, default=True
        Widen the candidates after a batch of more than 80 % known rows, narrow them after one of less than 40 %.
    detector : DCFSClassifier or None, default=None
        Fitted anew on the labeled rows when the learner's own estimator is no `DCFSClassifier`.
    random_state : int or None, default=0
        Seed of the mixture and of a detector fitted in the call.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    With every term scaled to [0, 1] over the rows concerned, the coarse score is ``data + distribution + discrepancy``
    over the pool, smallest first, and the fine score ``w discrepancy + data - distribution`` over the candidates. A
    reconstruction, see `DCFSClassifier`. The call keyword ``detector=`` takes a fitted classifier.

    References
    ----------
    Wang et al., arXiv:2409.17607.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y = np.where(y == 2, -1, y)
    >>> learner = DCFSClassifier(random_state=0).fit(X[::10], y[::10])
    >>> indices, scores = DCFS()(learner, X, n_instances=5, labeled=(X[::10], y[::10]))
    >>> bool((y[indices] >= 0).mean() > 0.5)
    True
    """

    _detector_class = DCFSClassifier
    _parameter_constraints = DetectorStrategy._parameter_constraints | {
        "coarse": [StrOptions({"all", "data+distribution"})],
        "fine": [StrOptions({"combined", "discrepancy", "margin"})],
        "discrepancy_weight": [Interval(Real, 0, None, closed="left")],
        "posterior_threshold": [Interval(Real, 0, 1, closed="neither")],
        "log_floor": [Interval(Real, 0, None, closed="neither")],
        "adapt": ["boolean"],
    }

    def __init__(
        self, *, coarse="all", fine="combined", discrepancy_weight=0.5, posterior_threshold=0.5, log_floor=1e-3,
        adapt=True, detector=None, random_state=0, verbose=0,
    ):  # fmt: skip
        super().__init__(detector=detector, random_state=random_state, verbose=verbose)
        self.coarse = coarse
        self.fine = fine
        self.discrepancy_weight = discrepancy_weight
        self.posterior_threshold = posterior_threshold
        self.log_floor = log_floor
        self.adapt = adapt

    def _select(self, view, n_instances, *, detector=None):
        detector = self._find_detector(view, detector)
        terms = view.map(lambda rows: _uncertainties(detector.predict_concentrations(rows)))
        factor = self._feedback(view, detector) if self.adapt else 1.0
        unknownness = sum(min_max(term) for term in terms.T[: 3 if self.coarse == "all" else 2])
        n_candidates = self._count_candidates(unknownness, n_instances, factor, view.seed(self.random_state))
        candidates = coarse_to_fine(-unknownness, np.zeros(view.n_pool), n_candidates=n_candidates, n_picks=view.n_pool)
        utility = np.zeros(view.n_pool)
        if self.fine == "margin":
            rows = view.narrowed(candidates)
            utility[candidates] = rows.map(lambda part: as_uncertainty(detector.predict_proba(part), "margin"))
        else:
            utility[candidates] = self._utility(*terms[candidates].T)
        picks = coarse_to_fine(-unknownness, utility, n_candidates=n_candidates, n_picks=n_instances)
        return picks, utility[picks]

    def _count_candidates(self, unknownness, n_instances, factor, seed):
        if len(np.unique(unknownness)) < 2:
            return len(unknownness)
        known = mixture_posterior(np.log(unknownness + self.log_floor), component="smallest", random_state=seed)
        estimate = math.floor(factor * np.count_nonzero(known > self.posterior_threshold))
        return min(len(unknownness), max(n_instances, estimate))

    def _utility(self, data, distribution, discrepancy):
        if self.fine == "discrepancy":
            return min_max(discrepancy)
        return self.discrepancy_weight * min_max(discrepancy) + min_max(data) - min_max(distribution)


def _uncertainties(concentrations):
    """Return data and distribution uncertainty, each the mean of both heads, and the discrepancy, as columns."""
    alpha = concentrations.astype(np.float64)
    parts = [dirichlet_uncertainty(alpha[:, head]) for head in (0, 1)]
    proba = alpha / alpha.sum(axis=2, keepdims=True)
    return np.column_stack([*np.mean(parts, axis=0), head_discrepancy(proba[:, 0], proba[:, 1])])
