"""FixMatch (arXiv:2001.07685)."""

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skweak.semi import alignment, presets
from skweak.semi.base import SemiSupervisedClassifier, logits_of_views, supervised_loss, sure_loss
from skweak.utils import linear_ramp


class FixMatchClassifier(SemiSupervisedClassifier):
    """Network that learns, on a strong view of a row, what it is sure of on a weak view.

    The simplest of the strong methods for images. What it gains depends on a strong view that is hard but keeps the
    class; on tables, where there is none as good, it gains less.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    threshold : float in [0, 1], default=0.95
        Least probability of a pseudo-label. Lower learns from more rows and more mistakes.
    align : "auto" or bool, default="auto"
        Weigh the predictions that become pseudo-labels so that each class has its share of the given labels; otherwise
        a class that the network happens to prefer takes more and more rows. "auto" does so for tables. Not for labels
        that were chosen in other proportions than the rows have, such as ten of every class.
    ramp : "auto" or float in [0, 1], default="auto"
        Share of the training over which the weight of unlabeled rows grows from 0. "auto" is 0.3 for tables and 0, the
        paper's, for images.
    **training
        See `SemiSupervisedClassifier`, and `skweak.base.WeakClassifier` for what all estimators share.

    Attributes
    ----------
    transduction_ : ndarray of shape (n,)
        The given labels, and for unlabeled rows the predicted ones.

    Notes
    -----
    ``history_`` has the share of unlabeled rows above the threshold under ``used``. The paper's setting is
    ``unlabeled_ratio=7, lr=0.03`` with a million steps.

    References
    ----------
    Sohn et al., arXiv:2001.07685; aligned predictions arXiv:1911.09785.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_unlabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y_few = make_unlabeled(y, 5, per_class=True, random_state=0)
    >>> clf = FixMatchClassifier(max_epochs=20, random_state=0).fit(X, y_few)
    >>> bool((clf.transduction_ == y).mean() > 0.85)
    True
    """

    _presets = presets.FIXMATCH
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "align": alignment.CONSTRAINT,
        "ramp": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
    }

    def __init__(self, module="auto", *, threshold=0.95, align="auto", ramp="auto", **training):
        super().__init__(module, **training)
        self.threshold = threshold
        self.align = align
        self.ramp = ramp

    def _start(self, run):
        super()._start(run)
        alignment.start_alignment(run, self.align)
        run.scratch.ramp = (0.3 if alignment.is_table(run) else 0.0) if self.ramp == "auto" else self.ramp

    def _loss(self, run, batch):
        labeled, weak, strong = logits_of_views(run, batch)
        loss = supervised_loss(run, labeled, batch)
        if weak is None:
            return loss
        confidence, predicted = alignment.align_proba(run, weak.detach().softmax(1)).max(1)
        ramp = run.scratch.ramp
        weight = self.unlabeled_weight * (linear_ramp(run.progress, length=ramp) if ramp else 1.0)
        return loss + weight * sure_loss(run, strong, confidence, predicted, self.threshold)
