"""Symmetric cross-entropy (arXiv:1908.06112)."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skweak.base import WeakClassifier
from skweak.fit.weighted import WeightedRows
from skweak.losses import symmetric_cross_entropy
from skweak.noisy import presets


class SCEClassifier(WeightedRows, WeakClassifier):
    """Network trained by cross-entropy plus its reverse, in which the prediction judges the label.

    The reverse term is bounded and robust, the ordinary one learns fast; their weights set the balance.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    alpha : float >= 0, default=0.1
        Weight of the cross-entropy; more learns faster and remembers more wrong labels. 6 suits a hundred classes.
    beta : float >= 0, default=1.0
        Weight of the reverse cross-entropy; more is more robust. 0.1 suits a hundred classes.
    log_zero : float < 0, default=-4.0
        What stands for log 0 in the reverse term (A); it scales that term.
    lr : float > 0, default=0.01
        Learning rate; larger steps collapse on one class.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.

    References
    ----------
    Wang et al., arXiv:1908.06112. Its settings: ``SCEClassifier.preset("cifar10")``, "cifar100".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> clf = SCEClassifier(max_epochs=100, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _supports_partial_fit = True
    _presets = presets.SCE
    _parameter_constraints = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "log_zero": [Interval(Real, None, 0, closed="neither")],
    }

    def __init__(self, module="auto", *, alpha=0.1, beta=1.0, log_zero=-4.0, lr=0.01, **training):
        super().__init__(module, lr=lr, **training)
        self.alpha = alpha
        self.beta = beta
        self.log_zero = log_zero

    def _loss(self, run, batch):
        logits = run.module_(batch.X)
        return symmetric_cross_entropy(logits, batch.y, alpha=self.alpha, beta=self.beta, log_zero=self.log_zero)
