"""Generalised cross-entropy (arXiv:1805.07836)."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skweak.base import WeakClassifier
from skweak.fit.weighted import WeightedRows
from skweak.losses import generalized_cross_entropy
from skweak.noisy import presets


class GCEClassifier(WeightedRows, WeakClassifier):
    """Network trained by the generalised cross-entropy, which stops listening to rows it cannot explain.

    The simplest robust method: one bounded loss, no state, no schedule. Try it first when labels are wrong at random.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    q : float in [0, 1], default=0.7
        0 is cross-entropy, 1 the mean absolute error. Robustness grows with q, and so does the training time.
    lr : float > 0, default=0.02
        Learning rate; larger steps collapse on one class.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.

    References
    ----------
    Zhang and Sabuncu, arXiv:1805.07836. Its settings: ``GCEClassifier.preset("cifar10")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> clf = GCEClassifier(max_epochs=100, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _supports_partial_fit = True
    _presets = presets.GCE
    _parameter_constraints = {"q": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, module="auto", *, q=0.7, lr=0.02, **training):
        super().__init__(module, lr=lr, **training)
        self.q = q

    def _loss(self, run, batch):
        return generalized_cross_entropy(run.module_(batch.X), batch.y, q=self.q)
