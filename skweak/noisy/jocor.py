"""JoCoR, two networks that learn what they agree on (arXiv:2003.02752)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from skweak.losses import joint_agreement_loss
from skweak.noisy import presets
from skweak.noisy.codivide import mean_class_weight, weigh_by_class
from skweak.noisy.coteaching import CoTeachingClassifier


class JoCoRClassifier(CoTeachingClassifier):
    """Two networks that are trained together, on the rows of which both find the label plausible and agree.

    Where `CoTeachingClassifier` keeps its networks apart, so that each can correct the other, this one draws them
    together: two networks seldom agree on a wrong label. One choice of rows serves both.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained.
    agreement_weight : float in [0, 1], default=0.1
        Weight of the disagreement, the rest is that of the labels (lambda). 0 trains both by cross-entropy on the same
        rows; large values make the networks one and learn slowly.
    forget_rate : "auto" or float in [0, 1), default="auto"
        Share of each batch left out in the end (tau): the share of wrong labels. Too small lets noise in, too large
        wastes clean rows. "auto" leaves out the rows for which both together find another class more than three times
        as probable.
    ramp_epochs : "auto" or int >= 1, default="auto"
        Epochs over which the share left out grows from 0 (T_k); with an automatic rate nothing is left out before their
        end. "auto" is a sixth of the epochs, on small tables up to a half.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Mean probability of the given label under both networks.
    noise_mask_ : ndarray of bool of shape (n,)
        The share ``forget_rate`` of rows with the lowest quality, verified ones excepted; with "auto" those of a
        quality below one half.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one where it is suspected to be wrong.

    Notes
    -----
    Rows marked ``trusted`` are never left out, nor is the best row of a class in a batch, so that no class is lost.
    Prediction is the mean probability of both networks.

    References
    ----------
    Wei et al., arXiv:2003.02752. Its settings: ``JoCoRClassifier.preset("cifar10")``, "cifar100".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = JoCoRClassifier(forget_rate=0.1, max_epochs=30, random_state=0).fit(X, y)
    >>> int(clf.noise_mask_.sum())
    15
    """

    _presets = presets.JOCOR
    _parameter_constraints = {"agreement_weight": [Interval(Real, 0, 1, closed="both")]}

    def __init__(
        self, module="auto", *, agreement_weight=0.1, forget_rate="auto", ramp_epochs="auto", lr=0.02, **training
    ):
        super().__init__(module, forget_rate=forget_rate, ramp_epochs=ramp_epochs, lr=lr, **training)
        self.agreement_weight = agreement_weight

    def _start(self, run):
        super()._start(run)
        run.scratch.mean_weight = mean_class_weight(run)

    def _loss(self, run, batch):
        first, second = run.module_(batch.X), run.peer_(batch.X)
        losses = joint_agreement_loss(first, second, batch.y, agreement_weight=self.agreement_weight)
        both = torch.logaddexp(first.log_softmax(1), second.log_softmax(1))
        kept = self._kept(run, batch, both, losses)
        return weigh_by_class(losses * kept, batch.y, run.class_weight).sum() / kept.sum() / run.scratch.mean_weight
