"""Mean teacher (arXiv:1703.01780)."""

import math
from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from skweak.semi.base import SemiSupervisedClassifier, join_rows, supervised_loss


class MeanTeacherClassifier(SemiSupervisedClassifier):
    """Network that agrees, on another view of every row, with the moving average of itself.

    No label is ever guessed, so no threshold is needed; it gains less than FixMatch where strong views are good, and
    loses less where they are not.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    unlabeled_weight : float >= 0, default=3.0
        Final weight of the squared difference of probabilities, summed over the classes of a row. Large values freeze
        the network in an early state.
    ramp : float in (0, 1], default=0.4
        Share of the training over which that weight grows.
    augment : None, "weak", "strong", callable or pair of callables, default="weak"
        The weak view is drawn twice: for the network and for its average.
    **training
        See `SemiSupervisedClassifier`, and `skweak.base.WeakClassifier` for what all estimators share.

    Attributes
    ----------
    transduction_ : ndarray of shape (n,)
        The given labels, and for unlabeled rows the predicted ones.

    Notes
    -----
    The weight at the share t of the training is ``unlabeled_weight * exp(-5 (1 - t / ramp)²)`` until ``ramp``.

    References
    ----------
    Tarvainen and Valpola, arXiv:1703.01780.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_unlabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y_few = make_unlabeled(y, 5, per_class=True, random_state=0)
    >>> clf = MeanTeacherClassifier(max_epochs=20, random_state=0).fit(X, y_few)
    >>> bool((clf.transduction_ == y).mean() > 0.85)
    True
    """

    _parameter_constraints = {"ramp": [Interval(Real, 0, 1, closed="right")]}

    def __init__(self, module="auto", *, unlabeled_weight=3.0, ramp=0.4, augment="weak", **training):
        super().__init__(module, unlabeled_weight=unlabeled_weight, augment=augment, **training)
        self.ramp = ramp

    def _loss(self, run, batch):
        X = join_rows(batch)
        logits = run.module_(run.views.weak(X)).to(run.dtype)
        with torch.no_grad():
            taught = run.state.average(run.views.weak(X)).to(run.dtype).softmax(1)
        consistency = (logits.softmax(1) - taught).square().sum(1).mean()
        ramp = math.exp(-5 * (1 - min(1.0, run.progress / self.ramp)) ** 2)
        loss = supervised_loss(run, logits[: len(batch.labeled.X)], batch)
        return loss + self.unlabeled_weight * ramp * consistency
