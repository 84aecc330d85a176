"""Nested dropout, then co-teaching: networks that compress what they learn (arXiv:2206.13140)."""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.nn import functional as F

from skweak.engine import Batch
from skweak.nn.build import embedding_width, features_and_logits, last_linear
from skweak.nn.heads import Nested
from skweak.noisy import presets
from skweak.noisy.codivide import rank_in_class, weigh_by_class
from skweak.noisy.coteaching import CoTeachingClassifier
from skweak.utils import warmup_length

# Prefers fewer values among as good ones.
_PRICE_OF_A_VALUE = 1e-5


class NestedCoTeachingClassifier(CoTeachingClassifier):
    """Two networks that learn to decide by few values of their embedding, then choose small-loss rows for each other.

    Each step uses only the first values of the embedding, ever another number of them, so that they come in the order
    of what they are worth; those that serve to remember single rows come last. Rows held out from each network say how
    many values predict, and which epoch co-teaching starts from.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; two are trained, without the bias of their last layer.
    width_scale : "auto" or float > 0, default="auto"
        How many values a step uses: k with a probability proportional to ``exp(-(k / width_scale)^2)``. Small ones
        compress more and lose what tells many classes apart, large ones train the plain network. "auto" is the number
        of classes, at least 10, as in the paper.
    warmup_epochs : "auto" or int >= 0, default="auto"
        Epochs of cross-entropy before co-teaching, the first stage; "auto" is half of them.
    holdout : float in [0, 0.5], default=0.1
        Share of the rows of each class that a network does not train on, others for each network. More judge better
        and teach less; 0, and classes too small for it, judge by all rows.
    forget_rate : "auto" or float in [0, 1), default="auto"
        Share of each batch left out in the second stage (tau): the share of wrong labels. Too small lets noise in, too
        large wastes clean rows. "auto" leaves out the rows for which the other network finds another class more than
        three times as probable.
    ramp_epochs : "auto" or int >= 1, default=1
        Epochs of the second stage over which the share left out grows from 0; 1 begins with all of it. "auto" is a
        sixth of the epochs, on small tables up to a half.
    lr : float > 0, default=0.02
        Learning rate. The paper's is a hundred times smaller in the second stage, which a schedule among the
        ``callbacks`` can do.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    width_ : int
        Number of values of the embedding that predict.
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under both networks together.
    noise_mask_ : ndarray of bool of shape (n,)
        The share ``forget_rate`` of rows with the lowest quality, verified ones excepted; with "auto" those of a
        quality below one half.
    transduction_ : ndarray of shape (n,)
        The given label, or the predicted one where it is suspected to be wrong.

    Notes
    -----
    Of each batch one half is judged by the first network and taught to the second, the other half the other way round.
    In this stage BatchNorm keeps its statistics. Rows marked ``trusted`` are never left out, nor is the best row of a
    class in a batch. Prediction is by the mean of both networks' logits. Both networks train at once and are judged
    together (ours).

    References
    ----------
    Chen et al., arXiv:2206.13140. Its settings: ``NestedCoTeachingClassifier.preset("cifar10")``, "cifar100".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = NestedCoTeachingClassifier(random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all()), clf.width_ < 256
    (True, True)
    """

    _presets = presets.NESTED
    _parameter_constraints = {
        "width_scale": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "holdout": [Interval(Real, 0, 0.5, closed="both")],
    }

    def __init__(
        self, module="auto", *, width_scale="auto", warmup_epochs="auto", holdout=0.1, forget_rate="auto",
        ramp_epochs=1, lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, forget_rate=forget_rate, ramp_epochs=ramp_epochs, lr=lr, **training)
        self.width_scale = width_scale
        self.warmup_epochs = warmup_epochs
        self.holdout = holdout

    def _networks(self, make):
        return {"module": Nested(make()), "peer": Nested(make())}

    def _start(self, run):
        super()._start(run)
        state, given = run.state, run.data.target
        if "held" not in vars(state):
            place, count = rank_in_class(torch.from_numpy(run.numpy_random.rand(len(given))).to(run.device), given)
            quota = (self.holdout * count).floor()[given]
            state.held = torch.stack([place < quota, (place >= quota) & (place < 2 * quota)])
        run.check_rows(state.held[0])
        state.warmup = warmup_length(self.warmup_epochs, run, share=0.5)
        state.best, state.best_accuracy = None, -1.0
        scale = max(10, run.n_outputs) if self.width_scale == "auto" else self.width_scale
        run.scratch.draws = width_probabilities(embedding_width(run.module_.backbone), scale)
        run.scratch.norms = [
            layer for network in (run.module_, run.peer_) for layer in network.modules()
            if isinstance(layer, nn.modules.batchnorm._BatchNorm)
        ]  # fmt: skip

    def _start_epoch(self, run):
        run.state.progress = min(1.0, (run.epoch - run.state.warmup + 1) / max(1, run.state.ramp))

    def _draw_width(self, run):
        return 1 + int(run.numpy_random.choice(len(run.scratch.draws), p=run.scratch.draws))

    def _loss(self, run, batch):
        networks = run.module_, run.peer_
        if run.epoch < run.state.warmup:
            return sum(
                self._mean_loss(run, batch, network, held, self._draw_width(run))
                for network, held in zip(networks, run.state.held, strict=True)
            )
        half = len(batch.y) // 2
        halves = [Batch(*(part[:half] for part in batch)), Batch(*(part[half:] for part in batch))]
        halves = halves if half else [batch, batch]
        kept = self._choices(run, networks, halves)
        width = self._draw_width(run)
        # The first network learns from the half that the second one judged, and the other way round.
        return sum(
            self._mean_loss(run, part, network, held, width, chosen)
            for network, held, part, chosen in zip(networks, run.state.held, halves[::-1], kept[::-1], strict=True)
        )

    @torch.no_grad()
    def _choices(self, run, networks, halves):
        """Return for each network which rows of its half it keeps, 1 or 0."""
        kept = []
        for network, part in zip(networks, halves, strict=True):
            logits = network.eval()(part.X)
            network.train()
            kept.append(self._kept(run, part, logits, F.cross_entropy(logits, part.y, reduction="none")))
        for layer in run.scratch.norms:
            layer.eval()
        return kept

    @staticmethod
    def _mean_loss(run, batch, network, held, width, kept=1.0):
        """Return the mean loss by the first values over the rows that the network may see."""
        losses = F.cross_entropy(network.narrow(batch.X, width), batch.y, reduction="none")
        weight = kept * (~held.index_select(0, batch.index)).to(losses.dtype)
        weight = weigh_by_class(weight, batch.y, run.class_weight)
        return (losses * weight).sum() / weight.sum().clamp_min(torch.finfo(losses.dtype).tiny)

    def _end_epoch(self, run):
        state, networks = run.state, {"module": run.module_, "peer": run.peer_}
        pairs = zip(networks.values(), state.held, strict=True)
        curve = torch.stack([self._accuracy(run, network, held) for network, held in pairs]).mean(0)
        price = _PRICE_OF_A_VALUE * torch.arange(1, len(curve) + 1, device=curve.device)
        width = int((curve - price).argmax())
        for network in networks.values():
            network.width.fill_(width + 1)
        if run.epoch >= state.warmup:
            return
        # Of equally good epochs the later one, which has learnt more.
        if curve[width] >= state.best_accuracy:
            state.best_accuracy = float(curve[width])
            state.best = {name: copy.deepcopy(network.state_dict()) for name, network in networks.items()}
        if run.epoch + 1 == state.warmup:
            for name, network in networks.items():
                network.load_state_dict(state.best[name])
            state.best = None

    @staticmethod
    def _accuracy(run, network, held):
        """Return the accuracy on rows held out, of the first 1, 2, ... values."""
        rows = held.nonzero()[:, 0] if held.any() else torch.arange(len(held), device=held.device)
        z = run.outputs(network, rows, function=lambda X: features_and_logits(network.backbone, X)[0])
        return nested_accuracy(z, last_linear(network).weight.detach(), run.data.target.index_select(0, rows))

    def _logits(self, run, X):
        return (run.module_(X) + run.peer_(X)) / 2

    def _finish(self, run):
        return super()._finish(run) | {"width_": int(run.module_.width)}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 10}


def width_probabilities(n_values, scale):
    """Return the probability (n_values,) of using the first 1, 2, ... values: ``exp(-(k / scale)^2)`` over its sum."""
    # Relative to the first, so that a small scale leaves that one and not nothing.
    k = np.arange(1, n_values + 1)
    with np.errstate(over="ignore"):
        weight = np.exp((1 - k**2) / scale / scale)
    return weight / weight.sum()


def nested_accuracy(z, weight, target):
    """Return the accuracy (d,) of the first 1, 2, ..., d of the values (n, d) under linear weights (C, d)."""
    logits, hits = z.new_zeros(len(z), len(weight)), []
    for values, part in zip(z.T, weight.T, strict=True):
        logits.addr_(values, part.to(z.dtype))
        hits.append((logits.argmax(1) == target).to(torch.float64).mean())
    return torch.stack(hits)
