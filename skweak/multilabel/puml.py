"""Positive-unlabeled multi-label classification (arXiv:2306.16016)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine.mixing import draw_mixing
from skweak.losses import variational_pu_loss
from skweak.multilabel.stages import (
    check_prior,
    complete_target,
    find_prior,
    follow,
    prior_thresholds,
    start_average,
)


class PUMLClassifier(WeakClassifier):
    """Network that believes only the positive entries and takes every other one as unlabeled.

    For annotators who name some of what they see and never what is absent. A variational objective compares
    the positives of each label with all rows, which needs no prior, and mixed rows keep it from fitting the
    few positives. It ranks; for good decisions give ``class_prior``.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    gamma : float >= 0, default=0.55
        Power of a label's mean prediction that multiplies the term of all rows; larger spares rare labels.
    alpha : float > 0, default=1.0
        Logits are divided by ``alpha`` times their deviation in the batch, at most 1; smaller is sharper.
    mixup_alpha : float > 0, default=0.3
        Parameter of the Beta distribution of the mixing share; larger mixes closer to half and half.
    mixup_weight : float >= 0, default=1.0
        Weight of the agreement on mixed rows.
    class_prior : float or array-like of shape (L,), default=None
        Share of rows that truly have each label, in [0, 1]; sets the thresholds. None decides at 0.5.
    average_decay : float in [0, 1), default=0.99
        Largest share of the old weights in the average over steps, which predicts.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; batches must be large enough to hold positives. See `skweak.base.WeakClassifier`.

    Attributes
    ----------
    class_prior_ : ndarray of shape (L,)
        ``class_prior``, or the share of rows that the thresholds make positive.
    thresholds_ : ndarray of shape (L,)
        0.5, or with ``class_prior`` and several labels those that reach it on the training rows; 1.01 where
        it is 0.
    transduction_ : ndarray of shape (n, L)
        The positives of ``y``, every other entry decided by ``thresholds_``.

    Notes
    -----
    0 and -1 mean the same. A label without any positive is learned to be absent, by cross-entropy. The targets
    of the mixing are constants, where the authors' code lets a gradient through.

    References
    ----------
    Yuan et al., arXiv:2306.16016.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skweak.datasets import make_positive_only
    >>> X, Y = make_multilabel_classification(300, random_state=0)
    >>> some = make_positive_only(Y, rate=0.5, random_state=0)
    >>> clf = PUMLClassifier(max_epochs=30, random_state=0).fit(X, some)
    >>> clf.predict_proba(X).shape
    (300, 5)
    """

    _label_kind = "multilabel"
    _parameter_constraints = {
        "gamma": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "mixup_alpha": [Interval(Real, 0, None, closed="neither")],
        "mixup_weight": [Interval(Real, 0, None, closed="left")],
        "class_prior": [None, Interval(Real, 0, 1, closed="both"), "array-like"],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, gamma=0.55, alpha=1.0, mixup_alpha=0.3, mixup_weight=1.0, class_prior=None,
        average_decay=0.99, lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.gamma = gamma
        self.alpha = alpha
        self.mixup_alpha = mixup_alpha
        self.mixup_weight = mixup_weight
        self.class_prior = class_prior
        self.average_decay = average_decay

    def _check_labels(self, labels, trusted):
        check_prior(self.class_prior, labels.n_outputs)
        if not (labels.target == 1).any():
            raise ValueError("y holds no positive entry (1), and this method learns from nothing else.")

    def _start(self, run):
        start_average(run)
        run.state.absent = ~(run.data.target == 1).any(0)

    def _loss(self, run, batch):
        logits = run.module_(batch.X)
        losses = variational_pu_loss(logits, batch.y, gamma=self.gamma, alpha=self.alpha)
        # Without positives the objective has no slope where all rows are predicted positive.
        loss = torch.where(run.state.absent, F.softplus(logits).mean(0), losses).sum()
        half = len(batch.X) // 2
        if half and self.mixup_weight:
            guess = torch.where(batch.y == 1, 1.0, logits.detach().sigmoid())
            share, order = draw_mixing(run, self.mixup_alpha, half)
            X, target = (torch.lerp(t[half : 2 * half], t[:half][order], share) for t in (batch.X, guess))
            proba = run.module_(X).sigmoid()
            difference = (target + 1e-10).log() - (proba + 1e-10).log()
            loss = loss + self.mixup_weight * difference.square().sum(1).mean()
        return loss

    def _end_step(self, run):
        follow(run, self.average_decay)

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        target = run.data.target
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        if self.class_prior is None:
            thresholds = torch.full((run.n_outputs,), 0.5, dtype=torch.float64).numpy()
            prior = (proba >= 0.5).double().mean(0)
        else:
            prior = find_prior(self.class_prior, target)
            thresholds = prior_thresholds(proba, prior)
        return {
            "class_prior_": prior.cpu().numpy(),
            "thresholds_": thresholds,
            "transduction_": complete_target(target.masked_fill(target == 0, -1), proba, thresholds),
        }
