"""CAPro without texts (arXiv:2310.09761)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import KeyQueue, MovingAverage
from skweak.engine.prototypes import move_prototypes
from skweak.fit.messages import refuse_facts
from skweak.nn.build import embedding_width
from skweak.nn.heads import Projected
from skweak.noisy import presets
from skweak.noisy.codivide import mean_class_weight, weigh_by_class
from skweak.noisy.prototypes import (
    class_anchors,
    collective_targets,
    mean_directions,
    prototype_belief,
    settle_labels,
)
from skweak.utils import warmup_length


class CAProClassifier(WeakClassifier):
    """Network that replaces labels which neither it nor the prototypes of the classes believe in.

    Two views of a row are drawn together on the unit sphere, where each class has a prototype made from its most
    typical rows. A label is replaced where another class is probable enough, and its row only keeps its views together
    where the label is less probable than chance. Made for images collected from the web.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; it gets a projection of its embedding.
    threshold : float > 0, default=0.6
        A label is replaced by a class that is at least so probable. Lower values change more labels, right ones too;
        above 1 none is.
    temperature : float > 0, default=0.1
        Of the similarities (tau); smaller looks at the most similar rows only.
    n_anchor : int >= 1, default=50
        Typical rows of a class, at most a fifth of it, that make its prototype and keep their label.
    prototype_start : "auto" or int >= 0, default="auto"
        First epoch that has prototypes; "auto" is after a sixth of them, on small tables up to a half.
    cleaning_start : "auto" or int >= 0, default="auto"
        First epoch in which labels change; "auto" is after a third of them, on small tables up to a half. Later, the
        network remembers wrong labels first.
    bootstrap_weight : float in [0, 1], default=0.1
        Share of what similar past rows are believed to be in the targets of the second head. 0 is the label alone.
    contrast_weight : float >= 0, default=1.0
        Weight of drawing two views of a row together; larger separates rows whatever their label.
    prototype_decay : float in [0, 1), default=0.999
        Share of a prototype kept when a row is added to it; larger is steadier.
    key_decay : float in [0, 1), default=0.99
        Share of the old network in the average that looks at the second view.
    queue_size : int >= 1, default=512
        Past views to compare with. 8192 suits large image sets.
    projection_width : int >= 1, default=64
        Dimension of the sphere.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view that is classified and, of a pair, the strong one it is compared with.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        What network and prototypes believe of the given label, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose label is replaced, and rows that train without one.
    transduction_ : ndarray of shape (n,)
        The labels at last; the given ones of rows that train without one.

    Notes
    -----
    The belief is ``(softmax(f) + softmax(<v, prototype> / tau)) / 2`` with the logits f and the unit vector v. The
    losses: cross-entropy of both heads and of the prototypes, the contrast of two views with past ones, and the squared
    error of the embedding rebuilt from v. The source finds typical rows by the texts beside an image; here they are
    those whose twenty neighbours share their label most often, or the verified ones of a class.

    References
    ----------
    Qin et al., arXiv:2310.09761. Its settings: ``CAProClassifier.preset("webvision")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = CAProClassifier(max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all()), clf.transduction_[:5].tolist()
    (True, [0, 0, 0, 0, 0])
    """

    _class_weighting = "loss"
    _augments = False
    _presets = presets.CAPRO
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, None, closed="neither")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "n_anchor": [Interval(Integral, 1, None, closed="left")],
        "prototype_start": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "cleaning_start": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "bootstrap_weight": [Interval(Real, 0, 1, closed="both")],
        "contrast_weight": [Interval(Real, 0, None, closed="left")],
        "prototype_decay": [Interval(Real, 0, 1, closed="left")],
        "key_decay": [Interval(Real, 0, 1, closed="left")],
        "queue_size": [Interval(Integral, 1, None, closed="left")],
        "projection_width": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, threshold=0.6, temperature=0.1, n_anchor=50, prototype_start="auto",
        cleaning_start="auto", bootstrap_weight=0.1, contrast_weight=1.0, prototype_decay=0.999, key_decay=0.99,
        queue_size=512, projection_width=64, augment="weak", lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.threshold = threshold
        self.temperature = temperature
        self.n_anchor = n_anchor
        self.prototype_start = prototype_start
        self.cleaning_start = cleaning_start
        self.bootstrap_weight = bootstrap_weight
        self.contrast_weight = contrast_weight
        self.prototype_decay = prototype_decay
        self.key_decay = key_decay
        self.queue_size = queue_size
        self.projection_width = projection_width

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified make the prototypes."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _networks(self, make):
        network = Projected(make(), self.projection_width)
        return {
            "module": network,
            "second": nn.Linear(self.projection_width, make.n_outputs),
            "decoder": nn.Linear(self.projection_width, embedding_width(network.backbone)),
        }

    def _start(self, run):
        state = run.state
        if "prototypes" not in vars(state):
            like = {"dtype": run.dtype, "device": run.device}
            state.prototypes = torch.zeros(run.n_outputs, self.projection_width, **like)
            state.anchor = torch.zeros(len(run.data), dtype=torch.bool, device=run.device)
            state.queue = KeyQueue(self.queue_size, self.projection_width, **like)
            state.keys = MovingAverage(run.module_, self.key_decay)
            state.begun = False
        run.check_rows(state.anchor)
        run.scratch.starts = (
            warmup_length(self.prototype_start, run), warmup_length(self.cleaning_start, run, share=1 / 3)
        )  # fmt: skip
        run.scratch.mean_weight = mean_class_weight(run)

    def _start_epoch(self, run):
        state = run.state
        if state.begun or run.epoch < run.scratch.starts[0]:
            return
        average = state.keys.module
        codes = run.outputs(average, function=lambda X: average.both(X)[1]).to(run.dtype)
        given, trusted = run.data.target, run.data.trusted
        anchor = class_anchors(
            codes.cpu().numpy(), given.cpu().numpy(), run.n_outputs, self.n_anchor,
            None if trusted is None else trusted.cpu().numpy(),
        )  # fmt: skip
        state.anchor = torch.from_numpy(anchor).to(run.device)
        state.prototypes = mean_directions(codes[state.anchor], given[state.anchor], run.n_outputs)
        state.begun = True

    def _loss(self, run, batch):
        state, cleaning = run.state, run.state.begun and run.epoch >= run.scratch.starts[1]
        z, logits, codes = (part.to(run.dtype) for part in run.module_.parts(run.views.weak(batch.X)))
        with torch.no_grad():
            keys = state.keys.module.both(run.views.strong(batch.X))[1].to(run.dtype)
        second, seen, past = run.second_(codes).to(run.dtype), codes.detach(), state.queue.keys
        target, kept = batch.y, torch.ones_like(batch.y, dtype=torch.bool)
        if cleaning:
            belief = self._belief(state, logits.detach().softmax(1), seen)
            target, kept = settle_labels(belief, batch.y, state.anchor.index_select(0, batch.index), self.threshold)
        losses = F.cross_entropy(logits, target, reduction="none")
        on_second = F.cross_entropy(second, target, reduction="none")
        if cleaning:
            with torch.no_grad():
                collective = collective_targets(seen, past, self._belief(state, run.second_(past).softmax(1), past))
            on_second = torch.lerp(
                on_second, F.cross_entropy(second, collective, reduction="none"), self.bootstrap_weight
            )
        if state.begun:
            losses = losses + F.cross_entropy(codes @ state.prototypes.T / self.temperature, target, reduction="none")
        labeled = weigh_by_class((losses + on_second) * kept, target, run.class_weight) / run.scratch.mean_weight
        # Once there are prototypes, the rebuilt embedding no longer shapes the sphere.
        rebuilt = run.decoder_(seen if state.begun else codes).to(run.dtype)
        unlabeled = (rebuilt - z.detach()).square().mean(1)
        together = (codes * keys).sum(1, keepdim=True)
        contrast = -(torch.cat([together, codes @ past.T], 1) / self.temperature).log_softmax(1)[:, 0]
        run.seen = keys, seen, target.where(kept, -1)
        return labeled / kept.to(run.dtype).mean().clamp_min(1 / len(kept)) + (
            unlabeled + self.contrast_weight * contrast
        )

    def _belief(self, state, proba, codes):
        return prototype_belief(proba.to(codes.dtype), codes, state.prototypes, temperature=self.temperature)

    def _end_step(self, run):
        # After the step: a loss that is evaluated twice meets the same queue and the same prototypes.
        state, (keys, codes, labels) = run.state, run.seen
        state.queue.push(keys, labels)
        if state.begun:
            state.prototypes = move_prototypes(state.prototypes, codes, labels, decay=self.prototype_decay)
        state.keys.update_parameters(run.module_)
        run.seen = None

    def _finish(self, run):
        network, state, given = run.module_, run.state, run.data.target
        found = run.outputs(network, function=lambda X: torch.cat(network.both(X), 1)).to(run.dtype)
        logits, codes = found[:, : run.n_outputs], found[:, run.n_outputs :]
        belief = self._belief(state, logits.softmax(1), codes)
        target, kept = settle_labels(belief, given, state.anchor, self.threshold)
        if not self.warm_start:
            # Not needed to predict, and as large as the network.
            del state.keys
        return {
            "label_quality_": belief.gather(1, given[:, None])[:, 0].float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": ((target != given) | ~kept).cpu().numpy(),
            "transduction_": target.cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"batch_size": 64, "queue_size": 64, "projection_width": 16}
