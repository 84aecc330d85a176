"""Co-teaching (arXiv:1804.06872)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier


class CoTeachingClassifier(WeakClassifier):
    """Two networks that choose small-loss rows for each other.

    Rows with a small loss are probably clean. Each network learns from those that the other one finds small, so that
    their mistakes do not confirm themselves. Needs an idea of the share of wrong labels.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained.
    forget_rate : float in [0, 1), default=0.2
        Share of each batch left out in the end (tau): the share of wrong labels. Too small lets noise in, too large
        wastes clean rows.
    ramp_epochs : int >= 1, default=10
        Epochs over which the share left out grows from 0 (T_k).
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Mean probability of the given label under both networks.
    noise_mask_ : ndarray of bool of shape (n,)
        The share ``forget_rate`` of rows with the lowest quality, verified ones excepted.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one where it is suspected to be wrong.

    Notes
    -----
    Rows marked ``trusted`` are never left out. Prediction is the mean probability of both networks.

    References
    ----------
    Han et al., arXiv:1804.06872.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CoTeachingClassifier(forget_rate=0.1, max_epochs=30, random_state=0).fit(X, y)
    >>> int(clf.noise_mask_.sum())
    15
    """

    _parameter_constraints = {
        "forget_rate": [Interval(Real, 0, 1, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, module="auto", *, forget_rate=0.2, ramp_epochs=10, **training):
        super().__init__(module, **training)
        self.forget_rate = forget_rate
        self.ramp_epochs = ramp_epochs

    def fit(self, X, y, trusted=None):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified are never left out."""
        return self._fit(X, y, trusted=trusted)

    def _networks(self, make):
        return {"module": make(), "peer": make()}

    def _start_epoch(self, run):
        # The rate reaches its end in the last epoch of the ramp, as an evenly spaced sequence does.
        steps = max(1, self.ramp_epochs - 1)
        run.state.forget_rate = self.forget_rate * min(1.0, run.epoch / steps)

    def _loss(self, run, batch):
        losses = [F.cross_entropy(net(batch.X), batch.y, reduction="none") for net in (run.module_, run.peer_)]
        chosen = [self._small(run, batch, loss.detach()) for loss in losses]
        # Each loss touches one network only, so their sum trains both on the other's choice.
        return losses[0][chosen[1]].mean() + losses[1][chosen[0]].mean()

    def _small(self, run, batch, losses):
        n_kept = max(1, int((1 - run.state.forget_rate) * len(losses)))
        if run.data.trusted is not None:
            verified = run.data.trusted.index_select(0, batch.index)
            losses = losses.masked_fill(verified, -1.0)
            n_kept = max(n_kept, int(verified.sum()))
        return losses.topk(n_kept, largest=False).indices

    def _logits(self, run, X):
        # The logarithm of the mean probability: its softmax is the mean of both networks.
        return (run.module_(X).double().softmax(1) + run.peer_(X).double().softmax(1)).div(2).log()

    def _finish(self, run):
        proba = run.evaluate(run.data, lambda X: self._logits(run, X)).softmax(1)
        given = run.data.target
        quality = proba.gather(1, given[:, None])[:, 0]
        n_suspects, ranking = int(self.forget_rate * len(given)), quality
        if run.data.trusted is not None:
            n_suspects = min(n_suspects, int((~run.data.trusted).sum()))
            ranking = quality.masked_fill(run.data.trusted, torch.inf)
        suspects = ranking.argsort()[:n_suspects]
        mask = given.new_zeros(len(given)).bool().index_fill(0, suspects, True)
        return {
            "label_quality_": quality.float().cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": proba.argmax(1).where(mask, given).cpu().numpy(),
        }
