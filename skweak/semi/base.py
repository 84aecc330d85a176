"""What the methods for unlabeled rows share: pairs of batches, views, and the average that predicts."""

from numbers import Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import MovingAverage, SemiBatches
from skweak.utils import warmup_decay


class SemiSupervisedClassifier(WeakClassifier):
    """Base of classifiers that learn from labeled and unlabeled rows side by side.

    A step takes ``batch_size`` rows, labeled and unlabeled ones in a fixed ratio; an epoch shows every row at least
    once. The moving average of the network over the steps predicts.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    unlabeled : scalar or None, default=-1
        Marker of rows without a label in ``y``, of any type: in a list or an array of objects -1 or nan may stand among
        strings; nan marks None and pandas' NA as well. None says that every row has a label, or is None itself.
    unlabeled_weight : float >= 0, default=1.0
        Weight of the loss of unlabeled rows; 0 learns from labeled rows only, in as many steps and with the same views.
    unlabeled_ratio : float > 0, default=3.0
        Unlabeled rows of a step per labeled row. More makes an epoch shorter and uses unlabeled rows better.
    average_decay : float in [0, 1), default=0.999
        Largest share of the old weights in the average over steps; 0 predicts with the network itself.
    augment : None, "weak", "strong", callable or pair of callables, default="strong"
        The weak and the strong view; see `skweak.augment`.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.
    """

    _label_kind = "semi"
    _class_weighting = "loss"
    _augments = False
    _parameter_constraints = {
        "unlabeled": [None, Real, str],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "unlabeled_ratio": [Interval(Real, 0, None, closed="neither")],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, unlabeled=-1, unlabeled_weight=1.0, unlabeled_ratio=3.0, average_decay=0.999,
        augment="strong", **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, **training)
        self.unlabeled = unlabeled
        self.unlabeled_weight = unlabeled_weight
        self.unlabeled_ratio = unlabeled_ratio
        self.average_decay = average_decay

    def _encode(self, y, n_rows, classes=None):
        return check_marker(super()._encode(y, n_rows, classes), self.unlabeled)

    def _check_labels(self, labels, trusted):
        check_every_class(labels)

    def _start(self, run):
        state, target = run.state, run.data.target
        state.labeled, state.unlabeled = (target >= 0).nonzero()[:, 0], (target < 0).nonzero()[:, 0]
        if not len(state.labeled):
            raise ValueError(
                f"validation_fraction={self.validation_fraction} leaves no labeled row to train on; lower it or label "
                "more rows."
            )
        run.scratch.held = run.data.hold(state.labeled)
        if "average" not in vars(state):
            state.average, state.steps = MovingAverage(run.module_, use_buffers=True), 0

    def _batches(self, run, batches):
        state = run.state
        return SemiBatches(batches, state.labeled, state.unlabeled, ratio=self.unlabeled_ratio, held=run.scratch.held)

    def _end_step(self, run):
        # A decay that grows with the steps: an average over the last tenth of them, at most the last thousand.
        decay = warmup_decay(run.state.steps, maximum=self.average_decay)
        run.state.average.update_parameters(run.module_, decay)
        run.state.steps += 1

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        predicted = run.evaluate(run.data, lambda X: self._row_proba(run, X).argmax(1))
        return {"transduction_": torch.where(run.data.target < 0, predicted, run.data.target).cpu().numpy()}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"unlabeled": None}


def supervised_loss(run, logits, batch):
    """Return the mean cross-entropy of the labeled rows (scalar), weighed by their classes."""
    return F.cross_entropy(logits.to(run.dtype), batch.labeled.y, weight=run.class_weight)


def logits_of_views(run, batch):
    """Return the logits of labeled rows, and of the weak and the strong view of unlabeled ones (None without any).

    All pass through the network at once, so that BatchNorm sees one mixture of them.
    """
    views, X = run.views, batch.labeled.X
    if batch.unlabeled is None:
        return run.module_(views.weak(X)).to(run.dtype), None, None
    n, m = len(X), len(batch.unlabeled.X)
    weak = views.weak(torch.cat([X, batch.unlabeled.X]))
    logits = run.module_(torch.cat([weak, views.strong(batch.unlabeled.X)]))
    return logits.to(run.dtype).split([n, m, m])


def sure_loss(run, logits, confidence, predicted, threshold):
    """Return the mean over rows of the cross-entropy with what is predicted, 0 where confidence (n,) is too low.

    The rows above the threshold are recorded as used. It is `skweak.losses.pseudo_label_loss` without its checks, which
    read values at every step.
    """
    used = (confidence >= threshold).to(run.dtype)
    run.record("used", used)
    return (F.cross_entropy(logits, predicted, reduction="none") * used).mean()


def join_rows(batch):
    """Return the inputs of labeled and unlabeled rows, the labeled ones first."""
    return batch.labeled.X if batch.unlabeled is None else torch.cat([batch.labeled.X, batch.unlabeled.X])


def check_marker(labels, unlabeled):
    """Return `Labels`, or raise where the marker is of another type than the labels."""
    strings = labels.classes.dtype.kind in "OUS"
    # A marker that was found, or nan, may be of any type.
    found = (labels.target < 0).any() or unlabeled is None or unlabeled != unlabeled
    if not found and isinstance(unlabeled, str) != strings:
        kinds = ("a number", "strings") if strings else ("a string", "numbers")
        raise TypeError(
            f"unlabeled={unlabeled!r} is {kinds[0]}, but y holds {kinds[1]}; give the marker that stands among them, "
            "or unlabeled=None if every row has a label."
        )
    return labels


def check_every_class(labels):
    """Raise unless every class has a labeled row."""
    counts = np.bincount(labels.target[labels.target >= 0], minlength=len(labels.classes))
    if counts.all():
        return
    if counts.sum() < len(counts):
        raise ValueError(
            f"y has {counts.sum()} labeled rows for {len(counts)} classes; label at least one row of each class."
        )
    missing = labels.classes[counts == 0].tolist()
    raise ValueError(f"y has no labeled row of classes {missing!r}; label one of each or leave them out of classes=.")
