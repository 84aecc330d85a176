"""Representation calibration for wrong labels with a long tail of classes, RCAL (arXiv:2211.10955)."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import KeyQueue, MovingAverage
from skweak.engine.mixing import draw_mixing
from skweak.losses import supervised_contrastive_loss
from skweak.nn.build import features_and_logits
from skweak.nn.heads import Projected
from skweak.noisy.class_gaussians import class_gaussians, class_inliers, lean_on_large
from skweak.noisy.codivide import mean_class_weight

# Directions of the embedding in which classes have a spread.
_DIRECTIONS = 128


class RCALClassifier(WeakClassifier):
    """Network for wrong labels where some classes have few rows.

    It first learns without labels which rows look alike, so that no wrong label bends its embedding. There each class
    is taken for a Gaussian, without its outliers and, if it is small, with some of the shape of large classes nearby.
    Points drawn from these Gaussians make up for the rows that small classes lack when the classes are learnt, and the
    embedding is held where it was.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; it gets a projection of its embedding.
    pretraining : float in [0, 1), default=1/3
        Share of the epochs without labels. More gives a better embedding and less time for the classes.
    anchor_weight : float >= 0, default=0.3
        Weight of the squared distance of an embedding from where it was after pretraining, in units of the spread of
        all rows. 0 lets it go, large ones freeze it and need a smaller ``lr``.
    sampled_weight : float >= 0, default=0.5
        Weight of the loss on drawn points; more finds small classes oftener, 0 draws none.
    mixup_alpha : float >= 0, default=1.0
        Parameter of the mixing share of rows; larger mixes closer to half and half, 0 mixes nothing.
    n_neighbors : int >= 1, default=20
        Rows of the same class among which outliers are looked for; at most all others.
    outlier_share : "auto" or float in [0, 0.5], default="auto"
        Share of each class that its Gaussian is made without. "auto" is the share of its rows whose nearest rows vote
        for another class, at most a half.
    n_lenders : int >= 1, default=3
        Large classes that lend a small one their shape, the nearest. Small classes have fewer rows than the median.
    mean_share, covariance_share : float in [0, 1], default=0.9, 0.5
        Share of its own mean and covariance that a small class keeps; 1 borrows nothing.
    widening : float >= 0, default=0.1
        Added to the variances of small classes, in units of their mean.
    temperature : float > 0, default=0.1
        Temperature of the similarities without labels; smaller looks at the most similar rows only.
    key_decay : float in [0, 1), default=0.99
        Share of the old network in the average that looks at the second view. 0.999 suits long training.
    queue_size : int >= 1, default=512
        Past views to compare with.
    projection_width : int >= 1, default=64
        Dimension of the sphere on which rows are compared without labels.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view that is learnt and, without labels, the strong one it is compared with.
    lr : float > 0, default=0.02
        Learning rate; larger steps remember wrong labels.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows that lay outside their class after pretraining.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one of a row outside its class.

    Notes
    -----
    A step draws as many points as bring every class to the size of the largest one over an epoch; classes of the same
    size draw none. Gaussians are those of the 128 largest principal components at most. Outliers are found once, by
    scikit-learn's local outlier factor within each class, after a comparison of all rows for the automatic share.

    References
    ----------
    arXiv:2211.10955, with both weights 1. The units of the distance and the automatic share of outliers are ours.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:110], y[:110]                         # ten rows of the last class
    >>> clf = RCALClassifier(random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _class_weighting = "loss"
    _augments = False
    _parameter_constraints = {
        "pretraining": [Interval(Real, 0, 1, closed="left")],
        "anchor_weight": [Interval(Real, 0, None, closed="left")],
        "sampled_weight": [Interval(Real, 0, None, closed="left")],
        "mixup_alpha": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "outlier_share": [Interval(Real, 0, 0.5, closed="both"), StrOptions({"auto"})],
        "n_lenders": [Interval(Integral, 1, None, closed="left")],
        "mean_share": [Interval(Real, 0, 1, closed="both")],
        "covariance_share": [Interval(Real, 0, 1, closed="both")],
        "widening": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "key_decay": [Interval(Real, 0, 1, closed="left")],
        "queue_size": [Interval(Integral, 1, None, closed="left")],
        "projection_width": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, pretraining=1 / 3, anchor_weight=0.3, sampled_weight=0.5, mixup_alpha=1.0,
        n_neighbors=20, outlier_share="auto", n_lenders=3, mean_share=0.9, covariance_share=0.5, widening=0.1,
        temperature=0.1, key_decay=0.99, queue_size=512, projection_width=64, augment="weak", lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.pretraining = pretraining
        self.anchor_weight = anchor_weight
        self.sampled_weight = sampled_weight
        self.mixup_alpha = mixup_alpha
        self.n_neighbors = n_neighbors
        self.outlier_share = outlier_share
        self.n_lenders = n_lenders
        self.mean_share = mean_share
        self.covariance_share = covariance_share
        self.widening = widening
        self.temperature = temperature
        self.key_decay = key_decay
        self.queue_size = queue_size
        self.projection_width = projection_width

    def _networks(self, make):
        return {"module": Projected(make(), self.projection_width)}

    def _start(self, run):
        state, like = run.state, {"dtype": run.dtype, "device": run.device}
        if "queue" not in vars(state):
            state.queue = KeyQueue(self.queue_size, self.projection_width, **like)
            state.keys = MovingAverage(run.module_, self.key_decay)
        # A queue of another fit holds other rows.
        state.queue.labels.fill_(-1)
        state.anchors = state.gaussians = state.inlier = None
        run.scratch.start = math.floor(self.pretraining * run.max_epochs)
        run.scratch.mean_weight, run.scratch.spread = mean_class_weight(run), None

    def _start_epoch(self, run):
        if run.epoch == run.scratch.start:
            self._calibrate(run)

    def _calibrate(self, run):
        """Keep the embedding of every row, and the Gaussian of every class with how often it is drawn from."""
        state, target = run.state, run.data.y
        state.anchors = run.outputs(run.module_, function=lambda X: run.module_.features(X).flatten(1)).to(run.dtype)
        features = state.anchors.double().cpu().numpy()
        centre = features.mean(axis=0)
        away = features - centre
        # Ascending: the last ones are the principal components.
        directions = np.linalg.eigh(away.T @ away)[1][:, -_DIRECTIONS:].T
        part = away @ directions.T
        inlier = class_inliers(
            features, target, run.n_outputs, n_neighbors=self.n_neighbors, outlier_share=self.outlier_share
        )
        mean, covariance = class_gaussians(part[inlier], target[inlier], run.n_outputs)
        counts = np.bincount(target, minlength=run.n_outputs)
        mean, covariance = lean_on_large(
            mean, covariance, counts, n_lenders=self.n_lenders, mean_share=self.mean_share,
            covariance_share=self.covariance_share, widening=self.widening,
        )  # fmt: skip
        variances, axes = np.linalg.eigh(covariance)
        factor = axes * np.sqrt(variances.clip(min=0))[:, None]
        # Of a class that no row has there is nothing to draw.
        missing = np.where(counts > 0, counts.max() - counts, 0)
        as_tensor = {"dtype": run.dtype, "device": run.device}
        state.gaussians = {
            "mean": torch.as_tensor(mean, **as_tensor),
            "factor": torch.as_tensor(factor, **as_tensor),
            "directions": torch.as_tensor(directions.copy(), **as_tensor),
            "centre": torch.as_tensor(centre, **as_tensor),
            "missing": missing.tolist(),
        }
        state.inlier = torch.as_tensor(inlier, device=run.device)

    def _draw(self, run, n_rows):
        """Return points (m, d) and their classes (m,) that belong to a batch of ``n_rows``."""
        mean, factor, directions, centre, missing = run.state.gaussians.values()
        n_points = math.ceil(n_rows * sum(missing) / len(run.data))
        if not n_points:
            return directions[:0], torch.zeros(0, dtype=torch.int64, device=centre.device)
        shares = torch.tensor(missing, dtype=torch.float64)
        label = torch.multinomial(shares, n_points, replacement=True, generator=run.generator).to(centre.device)
        noise = torch.randn(n_points, factor.shape[2], 1, dtype=mean.dtype, device=mean.device)
        points = mean.index_select(0, label) + (factor.index_select(0, label) @ noise)[:, :, 0]
        return points @ directions + centre, label

    def _loss(self, run, batch):
        if run.epoch < run.scratch.start:
            return self._contrast(run, batch)
        anchors = run.state.anchors
        if run.scratch.spread is None:
            run.scratch.spread = anchors.var(0, correction=0).sum().clamp_min(torch.finfo(run.dtype).tiny)
        n = len(batch.y)
        share, order = draw_mixing(run, self.mixup_alpha, n)
        view, given = run.views.weak(batch.X), F.one_hot(batch.y, run.n_outputs).to(run.dtype)
        X, labels = (torch.lerp(part[order], part, share) for part in (view, given))
        # Mixed rows and the rows themselves in one pass.
        z, logits = features_and_logits(run.module_, torch.cat([X, view]) if self.mixup_alpha else X)
        z, logits = z[-n:].flatten(1).to(run.dtype), logits[:n].to(run.dtype)
        losses = F.cross_entropy(logits, labels, weight=run.class_weight, reduction="none") / run.scratch.mean_weight
        away = (z - anchors.index_select(0, batch.index)).square().sum(1) / run.scratch.spread
        run.record("distance", away)
        losses = losses + self.anchor_weight * away
        if not self.sampled_weight:
            return losses.mean()
        points, drawn = self._draw(run, n)
        if not len(points):
            return losses.mean()
        sampled = F.cross_entropy(
            run.module_.head(points).to(run.dtype), drawn, weight=run.class_weight, reduction="none"
        )
        return losses.mean() + self.sampled_weight * sampled.mean() / run.scratch.mean_weight

    def _contrast(self, run, batch):
        queries = run.module_.both(run.views.weak(batch.X))[1].to(run.dtype)
        queue = run.state.queue
        with torch.no_grad():
            keys = run.state.keys.module.both(run.views.strong(batch.X))[1].to(run.dtype)
        # Every row is a class of its own.
        own = torch.arange(len(keys), device=keys.device)
        others, labels = torch.cat([keys, queue.keys]), torch.cat([own, torch.full_like(queue.labels, -1)])
        losses = supervised_contrastive_loss(queries, own, others, labels, temperature=self.temperature)
        queue.push(keys, torch.zeros_like(own))
        return losses

    def _end_step(self, run):
        if run.epoch < run.scratch.start:
            run.state.keys.update_parameters(run.module_)

    def _finish(self, run):
        given, outside = run.data.target, ~run.state.inlier
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        if not self.warm_start:
            # Not needed to predict, and as large as the network.
            del run.state.keys
        return {
            "label_quality_": proba.gather(1, given[:, None])[:, 0].float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": outside.cpu().numpy(),
            "transduction_": proba.argmax(1).where(outside, given).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"batch_size": 64, "queue_size": 64, "projection_width": 16}
