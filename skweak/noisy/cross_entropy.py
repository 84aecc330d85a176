"""Cross-entropy on the labels as given: the yardstick of every method."""

from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.fit.weighted import WeightedRows


class CrossEntropyClassifier(WeightedRows, WeakClassifier):
    """Network trained by cross-entropy, as if every label were right.

    With enough epochs it remembers wrong labels. Use it as the baseline, as a teacher, or on clean data.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _supports_partial_fit = True

    def __init__(self, module="auto", **training):
        super().__init__(module, **training)

    def _loss(self, run, batch):
        return F.cross_entropy(run.module_(batch.X), batch.y, reduction="none")
