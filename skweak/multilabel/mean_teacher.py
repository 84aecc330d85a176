"""Mean teacher for several labels per row (arXiv:1703.01780)."""

import math
from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from skweak.base import WeakClassifier
from skweak.multilabel.stages import (
    SemiBatches,
    complete_target,
    follow,
    row_loss,
    start_stages,
)


class MultiLabelMeanTeacherClassifier(WeakClassifier):
    """Network that agrees, on another view of every row, with the moving average of itself.

    No pseudo-label is ever fixed, so nothing has to be thresholded; what it gains depends on views that
    change the inputs but not the labels. A baseline for unlabeled rows, without a warm-up.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    consistency_weight : float >= 0, default=1.0
        Final weight of the squared difference of probabilities, a sum over the labels of a row; 0 is
        labeled-only training, large values freeze the network in an early state.
    ramp : float in (0, 1], default=0.2
        Share of the training over which that weight grows.
    unlabeled_ratio : float > 0, default=1.0
        Unlabeled rows of a step per labeled row.
    gamma_negative, gamma_positive : float >= 0, default=0.0
        Powers of `skweak.losses.asymmetric_loss`; 0 is binary cross-entropy.
    clip : float in [0, 1), default=0.0
        Probability up to which a negative costs nothing.
    average_decay : float in [0, 1), default=0.99
        Largest share of the old weights in the average over steps: the teacher, which predicts.
    augment : None, "weak", callable or pair of callables, default="weak"
        The view of the teacher, and the strong one of the network.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    transduction_ : ndarray of shape (n, L)
        The known entries of ``y``, the others decided at 0.5.

    Notes
    -----
    The weight at the share t of the training is ``consistency_weight * exp(-5 (1 - t / ramp)²)`` until
    ``ramp``.

    References
    ----------
    Tarvainen and Valpola, arXiv:1703.01780.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(300, random_state=0)
    >>> Y[60:] = -1
    >>> clf = MultiLabelMeanTeacherClassifier(max_epochs=30, random_state=0).fit(X, Y)
    >>> clf.predict_proba(X).shape
    (300, 5)
    """

    _label_kind = "multilabel"
    _augments = False
    _parameter_constraints = {
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "ramp": [Interval(Real, 0, 1, closed="right")],
        "unlabeled_ratio": [Interval(Real, 0, None, closed="neither")],
        "gamma_negative": [Interval(Real, 0, None, closed="left")],
        "gamma_positive": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, 1, closed="left")],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, consistency_weight=1.0, ramp=0.2, unlabeled_ratio=1.0, gamma_negative=0.0,
        gamma_positive=0.0, clip=0.0, average_decay=0.99, augment="weak", lr=0.01,
        **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.consistency_weight = consistency_weight
        self.ramp = ramp
        self.unlabeled_ratio = unlabeled_ratio
        self.gamma_negative = gamma_negative
        self.gamma_positive = gamma_positive
        self.clip = clip
        self.average_decay = average_decay

    def _start(self, run):
        start_stages(run)

    def _batches(self, run, batches):
        return SemiBatches(run, batches, warmup=not len(run.state.unlabeled))

    def _loss(self, run, batch):
        X, target, _ = batch.labeled
        n_labeled = len(X)
        if batch.unlabeled is not None:
            X = torch.cat([X, batch.unlabeled.X])
        logits = run.module_(run.views.strong(X))
        with torch.no_grad():
            taught = run.state.average(run.views.weak(X)).sigmoid()
        given = row_loss(self, logits[:n_labeled], target)
        ramp = math.exp(-5 * (1 - min(1.0, run.progress / self.ramp)) ** 2)
        consistency = (logits.sigmoid() - taught).square().sum(1)
        return given.mean() + self.consistency_weight * ramp * consistency.mean()

    def _end_step(self, run):
        follow(run, self.average_decay)

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        return {"transduction_": complete_target(run.data.target, proba, 0.5)}
