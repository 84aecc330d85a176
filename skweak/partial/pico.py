"""Contrastive label disambiguation (arXiv:2201.08984)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import KeyQueue, MovingAverage
from skweak.engine.prototypes import move_prototypes
from skweak.labels import disambiguation
from skweak.losses import candidate_posterior, risk_consistent_loss, supervised_contrastive_loss
from skweak.nn.heads import Projected
from skweak.partial import presets
from skweak.partial.confidence import start_confidence


class PiCOClassifier(WeakClassifier):
    """Network that learns where the classes lie and settles each row on the candidate of the nearest centre.

    Rows that look alike are drawn together on the unit sphere, each class keeps a prototype there, and the
    weights of a row move slowly towards the candidate whose prototype it is closest to. Made for images with
    many classes, where good views exist; on small tables the plainer methods are as good and faster.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; it gets a projection of its embedding.
    contrast_weight : float >= 0, default=0.1
        Weight of the contrastive loss; larger separates the classes sooner, and wrongly guessed rows with
        them. 0.5 suits images.
    temperature : float > 0, default=0.3
        Temperature of the similarities (tau); smaller looks at the hardest rows only. 0.07 suits images.
    prototype_decay : float in [0, 1), default=0.99
        Share of a prototype kept when a row is added to it (gamma); larger is steadier.
    target_decay : pair of floats in [0, 1], default=(0.99, 0.95)
        Share of a row's weights kept at each visit (phi), in the first and in the last epoch; larger changes
        its mind more slowly. (0.95, 0.8) suits hundreds of epochs.
    prototype_start : int >= 0 or None, default=None
        Epochs in which a row is only drawn to its other view and all candidates weigh the same; too few, and
        rows settle on what an untrained network guessed. None is a third of ``max_epochs``.
    key_decay : float in [0, 1), default=0.99
        Share of the old network in the average that looks at the second view. 0.999 suits long training.
    queue_size : int >= 1, default=512
        Past views to compare with. 8192 suits large image sets.
    projection_width : int >= 1, default=64
        Dimension of the sphere.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view that is classified and, of a pair, the strong one it is compared with.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`. ``y`` is a 0/1 matrix (n, C), ``classes`` names
        its columns.

    Attributes
    ----------
    candidate_weights_ : ndarray of shape (n, C)
        The last weight of each candidate; rows sum to 1.
    label_quality_ : ndarray of shape (n,)
        The weight of the label settled on; low means undecided.
    transduction_ : ndarray of shape (n,)
        The label settled on: the candidate of the largest weight.

    References
    ----------
    Wang et al., arXiv:2201.08984. Its settings for images: ``PiCOClassifier.preset("cifar10")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_uniform_candidates
    >>> X, y = load_iris(return_X_y=True)
    >>> candidates = make_uniform_candidates(y, rate=0.4, random_state=0)
    >>> clf = PiCOClassifier(max_epochs=40, random_state=0).fit(X, candidates)
    >>> bool((clf.transduction_ == y).mean() > 0.9)
    True
    """

    _label_kind = "partial"
    _augments = False
    _presets = presets.PICO
    _parameter_constraints = {
        "contrast_weight": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "prototype_decay": [Interval(Real, 0, 1, closed="left")],
        "target_decay": [tuple, list],
        "prototype_start": [None, Interval(Integral, 0, None, closed="left")],
        "key_decay": [Interval(Real, 0, 1, closed="left")],
        "queue_size": [Interval(Integral, 1, None, closed="left")],
        "projection_width": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, contrast_weight=0.1, temperature=0.3, prototype_decay=0.99,
        target_decay=(0.99, 0.95), prototype_start=None, key_decay=0.99, queue_size=512, projection_width=64,
        augment="weak", **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, **training)
        self.contrast_weight = contrast_weight
        self.temperature = temperature
        self.prototype_decay = prototype_decay
        self.target_decay = target_decay
        self.prototype_start = prototype_start
        self.key_decay = key_decay
        self.queue_size = queue_size
        self.projection_width = projection_width

    def _check_labels(self, labels, trusted):
        decay = self.target_decay
        if len(decay) != 2 or not all(isinstance(v, Real) and 0 <= v <= 1 for v in decay):
            raise ValueError(f"target_decay must be two numbers in [0, 1], first and last, got {decay!r}.")
        if self.prototype_start is not None and self.prototype_start >= self.max_epochs:
            raise ValueError(
                f"prototype_start={self.prototype_start} must be smaller than max_epochs={self.max_epochs}, "
                "or no row ever settles on a candidate."
            )

    def _networks(self, make):
        return {"module": Projected(make(), self.projection_width)}

    def _start(self, run):
        start_confidence(run)
        if "prototypes" not in vars(run.state):
            like = {"dtype": run.dtype, "device": run.device}
            run.state.prototypes = torch.zeros(run.n_outputs, self.projection_width, **like)
            run.state.queue = KeyQueue(self.queue_size, self.projection_width, **like)
            run.state.keys = MovingAverage(run.module_, self.key_decay)

    def _loss(self, run, batch):
        start = self.max_epochs // 3 if self.prototype_start is None else self.prototype_start
        state, from_prototypes = run.state, run.epoch >= start
        logits, queries = run.module_.both(run.views.weak(batch.X))
        with torch.no_grad():
            keys = state.keys.module.both(run.views.strong(batch.X))[1].to(run.dtype)
        # Under mixed precision the networks return half precision, too coarse for beliefs.
        logits, queries = logits.to(run.dtype), queries.to(run.dtype)
        seen = queries.detach()
        confidence = state.confidence.index_select(0, batch.index)
        if from_prototypes:
            # The prototypes of earlier steps: this row's own embedding has not moved them yet.
            nearest = candidate_posterior(seen @ state.prototypes.T, batch.y).argmax(1)
            nearest = F.one_hot(nearest, run.n_outputs).to(run.dtype)
            confidence = torch.lerp(nearest, confidence, self._target_decay(run))
            state.confidence.index_copy_(0, batch.index, confidence)
        predicted = candidate_posterior(logits, batch.y).argmax(1)
        state.prototypes = move_prototypes(state.prototypes, seen, predicted, decay=self.prototype_decay)
        groups, past = predicted, state.queue.labels
        if not from_prototypes:
            groups, past = torch.arange(len(seen), device=seen.device), torch.full_like(past, -1)
        others, labels = torch.cat([keys, state.queue.keys]), torch.cat([groups, past])
        contrast = supervised_contrastive_loss(queries, groups, others, labels, temperature=self.temperature)
        state.queue.push(keys, predicted)
        losses = risk_consistent_loss(logits, confidence)
        run.record("classification", losses)
        run.record("contrast", contrast)
        return losses + self.contrast_weight * contrast

    def _target_decay(self, run):
        first, last = self.target_decay
        return first + (last - first) * run.epoch / max(1, run.max_epochs - 1)

    def _end_step(self, run):
        run.state.keys.update_parameters(run.module_)

    def _finish(self, run):
        if not self.warm_start:
            # Not needed to predict, and as large as the network.
            del run.state.keys
        return disambiguation(run.state.confidence)

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"batch_size": 64, "queue_size": 64, "projection_width": 16}
