"""mixup (arXiv:1710.09412)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine.mixing import draw_mixing
from skweak.noisy import presets
from skweak.noisy.codivide import mean_class_weight


class MixupClassifier(WeakClassifier):
    """Network that is trained on mixtures of two rows and of their labels.

    Between any two rows the network learns to change its mind evenly, so that a wrong label has no place of its own to
    be remembered. Any network and any kind of numbers can be mixed; categories and counts cannot.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    alpha : float >= 0, default=1.0
        Both parameters of the Beta distribution that a batch draws its mixing share from. 0 mixes nothing, 1 draws
        every share alike, more mixes closer to half and half: the paper takes 8 and 32 for wrong labels.
    lr : float > 0, default=0.02
        Learning rate; larger steps remember wrong labels in spite of the mixing.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.

    Notes
    -----
    With the share ``l`` of a batch, a row becomes ``l x + (1 - l) x'`` with another row x' of the batch, and its loss
    is ``l CE(o, y) + (1 - l) CE(o, y')``. Probabilities are less certain than those of plain training.

    References
    ----------
    Zhang et al., arXiv:1710.09412. Its settings: ``MixupClassifier.preset("cifar10")``, "cifar10_noisy".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MixupClassifier(random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _class_weighting = "loss"
    _supports_partial_fit = True
    _presets = presets.MIXUP
    _parameter_constraints = {"alpha": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, module="auto", *, alpha=1.0, lr=0.02, **training):
        super().__init__(module, lr=lr, **training)
        self.alpha = alpha

    def _start(self, run):
        run.scratch.mean_weight = mean_class_weight(run)

    def _loss(self, run, batch):
        share, order = draw_mixing(run, self.alpha, len(batch.y))
        given = F.one_hot(batch.y, run.n_outputs).to(run.dtype)
        X, labels = (torch.lerp(part[order], part, share) for part in (batch.X, given))
        # Of a mixed label each class has its own weight.
        losses = F.cross_entropy(run.module_(X), labels, weight=run.class_weight, reduction="none")
        return losses / run.scratch.mean_weight
