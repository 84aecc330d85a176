"""Meta-objective guided disambiguation (arXiv:2208.12459)."""

import warnings
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.func import functional_call
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.fit import refuse_facts
from skweak.labels import disambiguation
from skweak.losses import candidate_posterior, risk_consistent_loss
from skweak.nn.build import features_and_logits, last_linear
from skweak.partial.confidence import start_confidence
from skweak.utils import warmup_length


class MoGDClassifier(WeakClassifier):
    """Network whose candidate weights are moved so that one step on them would help on a few verified rows.

    Before each step the method asks, for every candidate of the batch, whether more weight on it would lower
    the loss on the rows marked ``trusted``, and shifts the weights accordingly. Worth its price where the
    network's own belief is led astray by candidates that go together systematically.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    base : {"model", "history"}, default="model"
        What the meta gradient corrects: the network's present probabilities among the candidates, or the
        row's weights of its last visit.
    meta_lr : float >= 0, default=0.05
        How far a correction moves the weights (eta); 0 leaves them as ``base`` has them.
    normalize_gradient : bool, default=True
        Divide the meta gradient by its mean size in the batch, so that ``meta_lr`` is the mean move. The raw
        gradient is of the size of ``lr / batch_size`` and asks for a ``meta_lr`` well above 1.
    layers : {"last", "all"}, default="all"
        Parameters that the trial step moves. "all" is the exact meta gradient and costs about two more steps;
        the network has to be differentiable twice. "last" takes the embedding as given: cheaper, and for any
        network.
    warmup_epochs : int >= 0 or "auto", default="auto"
        "auto" is a twelfth of the epochs, or as many as make 100 steps if half of the epochs allow it.
        Epochs of progressive identification (`PRODENClassifier`) before the first correction.
    meta_batch_size : int >= 1, default=128
        Verified rows drawn for each correction; all of them if there are no more.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`. ``y`` is a 0/1 matrix (n, C), ``classes`` names
        its columns.

    Attributes
    ----------
    candidate_weights_ : ndarray of shape (n, C)
        The last weight of each candidate; rows sum to 1.
    label_quality_ : ndarray of shape (n,)
        The weight of the label settled on; low means undecided.
    transduction_ : ndarray of shape (n,)
        The label settled on: the candidate of the largest weight.
    n_verified_ : int
        Rows that made up the meta objective.

    Notes
    -----
    The weights are corrected by ``w <- w - meta_lr * G`` with ``G = dJ / dw``, clipped at 0 and normalised,
    where ``J`` is the cross-entropy of the verified rows after one plain gradient step of size ``lr`` on the
    weighted loss. The network is in evaluation mode for it: statistics of BatchNorm stay, dropout is off.

    With no row marked ``trusted``, rows with a single candidate take their place, whose label is known, if
    every class is among them: verified rows that lack a class turn the weights against it. Otherwise a warning
    is given and the weights follow the network alone. Verified rows train like all others; their classes
    should be balanced.

    References
    ----------
    Zou, Xie and Huang, arXiv:2208.12459.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_uniform_candidates
    >>> X, y = load_iris(return_X_y=True)
    >>> candidates = make_uniform_candidates(y, rate=0.4, random_state=0)
    >>> trusted = np.arange(150) % 10 == 0                     # five rows of each class are verified
    >>> candidates[trusted] = np.eye(3, dtype=int)[y[trusted]]
    >>> clf = MoGDClassifier(max_epochs=40, random_state=0).fit(X, candidates, trusted=trusted)
    >>> clf.n_verified_, bool((clf.transduction_ == y).mean() > 0.9)
    (15, True)
    """

    _label_kind = "partial"
    _parameter_constraints = {
        "base": [StrOptions({"model", "history"})],
        "meta_lr": [Interval(Real, 0, None, closed="left")],
        "normalize_gradient": ["boolean"],
        "layers": [StrOptions({"last", "all"})],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "meta_batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, base="model", meta_lr=0.05, normalize_gradient=True, layers="all",
        warmup_epochs="auto", meta_batch_size=128, **training,
    ):  # fmt: skip
        super().__init__(module, **training)
        self.base = base
        self.meta_lr = meta_lr
        self.normalize_gradient = normalize_gradient
        self.layers = layers
        self.warmup_epochs = warmup_epochs
        self.meta_batch_size = meta_batch_size

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; the mask ``trusted`` (n,) marks verified rows, each of one candidate."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _check_labels(self, labels, trusted):
        if self.warmup_epochs != "auto" and self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be smaller than max_epochs={self.max_epochs}, or "
                "no weight is ever corrected."
            )
        single = labels.target.sum(1) == 1
        if trusted is not None and (trusted & ~single).any():
            row = int((trusted & ~single).argmax())
            raise ValueError(
                f"trusted marks row {row} as verified, but it has {labels.target[row].sum()} candidates; "
                "leave it only its true label, or do not mark it."
            )
        if not find_verified(labels.target, trusted).any():
            warnings.warn(
                "No row is marked trusted, and rows of a single candidate do not cover every class: there is no "
                "meta objective, and the weights follow the network's own predictions.",
                UserWarning,
                stacklevel=5,
            )

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run, share=1 / 12)
        start_confidence(run)
        run.state.verified = find_verified(run.data.target, run.data.trusted).nonzero()[:, 0]

    def _train_step(self, run, batch):
        if self._corrects(run):
            self._correct_weights(run, batch)
        return super()._train_step(run, batch)

    def _corrects(self, run):
        return run.epoch >= run.state.warmup and len(run.state.verified) > 0

    def _correct_weights(self, run, batch):
        network, verified = run.module_.eval(), run.state.verified
        if len(verified) > self.meta_batch_size:
            drawn = run.numpy_random.choice(len(verified), self.meta_batch_size, replace=False)
            verified = verified[torch.from_numpy(drawn).to(verified.device)]
        clean = run.data.take(verified)
        inputs, clean_inputs = batch.X, clean.X
        with torch.no_grad():
            embedding, logits = features_and_logits(network, batch.X)
            if self.layers == "last":
                inputs, clean_inputs = embedding, features_and_logits(network, clean.X)[0]
                network = _behind_embedding(network)
        weight = run.state.confidence.index_select(0, batch.index)
        if self.base == "model":
            weight = candidate_posterior(logits, batch.y)
        step = run.optimizer_.param_groups[0]["lr"]
        gradient = meta_gradient(network, inputs, weight, clean_inputs, clean.y.argmax(1), step=step)
        run.module_.train()
        if self.normalize_gradient:
            mean_size = (gradient.abs() * batch.y).sum() / batch.y.sum()
            gradient = gradient / mean_size.clamp_min(torch.finfo(run.dtype).tiny)
        moved = move_weights(weight, -self.meta_lr * gradient, batch.y)
        run.state.confidence.index_copy_(0, batch.index, moved)

    def _loss(self, run, batch):
        logits, confidence = run.module_(batch.X).to(run.dtype), run.state.confidence
        losses = risk_consistent_loss(logits, confidence.index_select(0, batch.index))
        if not self._corrects(run):
            confidence.index_copy_(0, batch.index, candidate_posterior(logits, batch.y))
        return losses

    def _finish(self, run):
        return disambiguation(run.state.confidence) | {"n_verified_": len(run.state.verified)}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"batch_size": 64, "warmup_epochs": 2}


def find_verified(candidates, trusted):
    """Return a mask of the rows that make up the meta objective.

    Parameters
    ----------
    candidates : array or tensor of shape (n, C)
        1 for a candidate and 0 elsewhere.
    trusted : mask of shape (n,) or None
        Where nothing is marked, rows of a single candidate serve, or none if a class is not among them.

    Examples
    --------
    >>> import torch
    >>> find_verified(torch.tensor([[1, 0], [0, 1], [1, 1]]), None).tolist()
    [True, True, False]
    >>> find_verified(torch.tensor([[1, 0], [1, 1], [1, 1]]), None).tolist()
    [False, False, False]
    """
    if trusted is not None and trusted.any():
        return trusted
    single = candidates.sum(1) == 1
    missing = (candidates[single] == 0).all(0) & (candidates != 0).any(0)
    return single & ~missing.any()


def meta_gradient(network, inputs, weight, clean_inputs, clean_target, *, step):
    """Return the derivative of the verified rows' loss after one gradient step by the candidates' weights.

    Parameters
    ----------
    network : torch.nn.Module
        The trial step moves its trainable parameters; it stays as it is.
    inputs : tensor of shape (n, ...)
    weight : tensor of shape (n, C)
        Weights of the candidates in the loss of the step.
    clean_inputs, clean_target : tensors of shape (m, ...) and (m,)
        Verified rows and their classes.
    step : float > 0
        Size of the gradient step (alpha).

    Returns
    -------
    tensor of shape (n, C)
    """
    weight = weight.detach().requires_grad_()
    start = {name: p.detach().requires_grad_() for name, p in network.named_parameters() if p.requires_grad}
    log_proba = functional_call(network, start, (inputs,)).log_softmax(1)
    # The gradient of -sum(weight * log_proba) / n, with a graph that leads back to the weights.
    slopes = torch.autograd.grad(
        log_proba, list(start.values()), -weight / len(inputs), create_graph=True, materialize_grads=True
    )
    moved = {name: p - step * slope for (name, p), slope in zip(start.items(), slopes, strict=True)}
    loss = F.cross_entropy(functional_call(network, moved, (clean_inputs,)), clean_target)
    return torch.autograd.grad(loss, weight)[0]


def move_weights(weight, shift, candidates):
    """Return ``weight + shift`` on the candidates, clipped and normalised; a row left with nothing stays."""
    moved = (weight + shift).clamp_min(0) * (candidates != 0)
    total = moved.sum(1, keepdim=True)
    return torch.where(total > 0, moved / total.clamp_min(torch.finfo(moved.dtype).tiny), weight)


def _behind_embedding(network):
    """Return the part of the network that turns its embedding into logits."""
    is_split = hasattr(network, "features") and isinstance(getattr(network, "head", None), torch.nn.Module)
    return network.head if is_split else last_linear(network)
