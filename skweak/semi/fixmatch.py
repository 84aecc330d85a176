"""FixMatch (arXiv:2001.07685)."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skweak.semi import presets
from skweak.semi.base import SemiSupervisedClassifier, logits_of_views, supervised_loss, sure_loss


class FixMatchClassifier(SemiSupervisedClassifier):
    """Network that learns, on a strong view of a row, what it is sure of on a weak view.

    The simplest of the strong methods for images. What it gains depends on a strong view that is hard but keeps the
    class; on tables, where there is none as good, it is about as good as labeled rows alone, and with one or two labels
    a class it may be worse.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    threshold : float in [0, 1], default=0.95
        Least probability of a pseudo-label. Lower learns from more rows and more mistakes.
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
    Sohn et al., arXiv:2001.07685.

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
    _parameter_constraints = {"threshold": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, module="auto", *, threshold=0.95, **training):
        super().__init__(module, **training)
        self.threshold = threshold

    def _loss(self, run, batch):
        labeled, weak, strong = logits_of_views(run, batch)
        loss = supervised_loss(run, labeled, batch)
        if weak is None:
            return loss
        confidence, predicted = weak.detach().softmax(1).max(1)
        return loss + self.unlabeled_weight * sure_loss(run, strong, confidence, predicted, self.threshold)
