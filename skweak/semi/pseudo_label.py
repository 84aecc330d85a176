"""Pseudo-labels while training (Lee, 2013)."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skweak.semi import alignment
from skweak.semi.base import SemiSupervisedClassifier, join_rows, supervised_loss, sure_loss
from skweak.utils import linear_ramp


class PseudoLabelClassifier(SemiSupervisedClassifier):
    """Network that takes its own confident predictions for labels, on the same view.

    The plain baseline: it pulls the boundary away from dense regions and needs no strong view, but nothing corrects
    its mistakes. Prefer `FixMatchClassifier` on images.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    threshold : float in [0, 1], default=0.95
        Least probability of a pseudo-label; 0 learns from every row, mistakes included.
    align : "auto" or bool, default="auto"
        Weigh the predictions that become pseudo-labels so that each class has its share of the given labels; otherwise
        a class that the network happens to prefer takes more and more rows. "auto" does so for tables. Not for labels
        that were chosen in other proportions than the rows have, such as ten of every class.
    ramp : float in (0, 1], default=0.5
        Share of the training over which the weight of unlabeled rows grows from 0 to ``unlabeled_weight``. Longer waits
        for better predictions.
    augment : None, "weak", "strong", callable or pair of callables, default="weak"
        The weak view is the one that is used.
    **training
        See `SemiSupervisedClassifier`, and `skweak.base.WeakClassifier` for what all estimators share.

    Attributes
    ----------
    transduction_ : ndarray of shape (n,)
        The given labels, and for unlabeled rows the predicted ones.

    Notes
    -----
    The setting of the paper is ``threshold=0, unlabeled_weight=3``.

    References
    ----------
    Lee, Pseudo-Label, ICML 2013 workshop on representation learning.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_unlabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y_few = make_unlabeled(y, 5, per_class=True, random_state=0)
    >>> clf = PseudoLabelClassifier(max_epochs=20, random_state=0).fit(X, y_few)
    >>> bool((clf.transduction_ == y).mean() > 0.85)
    True
    """

    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "align": alignment.CONSTRAINT,
        "ramp": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, module="auto", *, threshold=0.95, align="auto", ramp=0.5, augment="weak", **training):
        super().__init__(module, augment=augment, **training)
        self.threshold = threshold
        self.align = align
        self.ramp = ramp

    def _start(self, run):
        super()._start(run)
        alignment.start_alignment(run, self.align)

    def _loss(self, run, batch):
        logits = run.module_(run.views.weak(join_rows(batch))).to(run.dtype)
        labeled, unlabeled = logits.tensor_split([len(batch.labeled.X)])
        if batch.unlabeled is None:
            return supervised_loss(run, labeled, batch)
        proba = alignment.align_proba(run, unlabeled.detach().softmax(1))
        sure = sure_loss(run, unlabeled, *proba.max(1), self.threshold)
        weight = self.unlabeled_weight * linear_ramp(run.progress, length=self.ramp)
        return supervised_loss(run, labeled, batch) + weight * sure
