"""Co-teaching (arXiv:1804.06872)."""

import math
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.fit import refuse_facts
from skweak.noisy.codivide import weigh_by_class
from skweak.utils import warmup_length

# A label is plausible while the most probable class is at most so many times as probable.
_PLAUSIBLE = 3


class CoTeachingClassifier(WeakClassifier):
    """Two networks that choose small-loss rows for each other.

    Rows with a small loss are probably clean. Each network learns from those that the other one finds small, so that
    their mistakes do not confirm themselves. Needs an idea of the share of wrong labels.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained.
    forget_rate : "auto" or float in [0, 1), default="auto"
        Share of each batch left out in the end (tau): the share of wrong labels. Too small lets noise in, too large
        wastes clean rows. "auto" leaves out the rows for which the other network finds another class more than three
        times as probable.
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
    Han et al., arXiv:1804.06872.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CoTeachingClassifier(forget_rate=0.1, max_epochs=30, random_state=0).fit(X, y)
    >>> int(clf.noise_mask_.sum())
    15
    """

    _class_weighting = "loss"
    _parameter_constraints = {
        "forget_rate": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(self, module="auto", *, forget_rate="auto", ramp_epochs="auto", lr=0.02, **training):
        super().__init__(module, lr=lr, **training)
        self.forget_rate = forget_rate
        self.ramp_epochs = ramp_epochs

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified are never left out."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _networks(self, make):
        return {"module": make(), "peer": make()}

    def _start(self, run):
        run.state.ramp = warmup_length(self.ramp_epochs, run)

    def _start_epoch(self, run):
        # The rate reaches its end in the last epoch of the ramp, as an evenly spaced sequence does.
        run.state.progress = min(1.0, run.epoch / max(1, run.state.ramp - 1))

    def _loss(self, run, batch):
        logits = [network(batch.X) for network in (run.module_, run.peer_)]
        losses = [F.cross_entropy(given, batch.y, reduction="none") for given in logits]
        both = (torch.stack([part.detach() for part in parts]) for parts in (logits, losses))
        first, second = (weigh_by_class(kept, batch.y, run.class_weight) for kept in self._kept(run, batch, *both))
        # Each loss touches one network only, so their sum trains both on the other's choice.
        return (losses[0] * second).sum() / second.sum() + (losses[1] * first).sum() / first.sum()

    @torch.no_grad()
    def _kept(self, run, batch, logits, losses):
        """Return 1 for rows that networks with these logits (..., n, C) and losses (..., n) keep, and 0 for others."""
        auto, n = self.forget_rate == "auto", len(batch.y)
        n_kept = n if auto else max(1, int((1 - self.forget_rate * run.state.progress) * n))
        if n_kept == n and (not auto or run.state.progress < 1):
            # Before the networks have learnt, they believe nothing.
            return torch.ones_like(losses)
        given = batch.y.expand(losses.shape)
        if auto:
            # Of logits, the difference of their log-probabilities.
            small = logits.amax(-1) - logits.gather(-1, given[..., None])[..., 0] <= math.log(_PLAUSIBLE)
        if run.data.trusted is not None:
            losses = losses.masked_fill(run.data.trusted.index_select(0, batch.index), -1.0)
        if not auto:
            small = losses <= losses.kthvalue(n_kept, keepdim=True).values
        best = losses.new_full((*losses.shape[:-1], run.n_outputs), torch.inf).scatter_reduce(-1, given, losses, "amin")
        return (small | (losses == best.gather(-1, given)) | (losses < 0)).to(losses.dtype)

    def _logits(self, run, X):
        # The logarithm of the mean probability: its softmax is the mean of both networks.
        return (run.module_(X).double().softmax(1) + run.peer_(X).double().softmax(1)).div(2).log()

    def _finish(self, run):
        proba = run.evaluate(run.data, lambda X: self._logits(run, X)).softmax(1)
        given = run.data.target
        quality = proba.gather(1, given[:, None])[:, 0]
        verified = torch.zeros_like(given, dtype=torch.bool) if run.data.trusted is None else run.data.trusted
        if self.forget_rate == "auto":
            mask = (quality < 0.5) & ~verified
        else:
            n_suspects = min(int(self.forget_rate * len(given)), int((~verified).sum()))
            suspects = quality.masked_fill(verified, torch.inf).argsort()[:n_suspects]
            mask = torch.zeros_like(verified).index_fill(0, suspects, True)
        return {
            "label_quality_": quality.float().cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": proba.argmax(1).where(mask, given).cpu().numpy(),
        }
