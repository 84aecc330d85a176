"""An ensemble for streams in which classes come again (arXiv:2405.04101)."""

import copy
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.losses import distillation_kl
from skweak.nn.build import features_and_logits, last_linear


class RepetitionEnsembleClassifier(WeakClassifier):
    """Several networks that share a stream, each of them trained on classes that go together, and an ensemble of all.

    One network that learns batch after batch forgets the classes that are absent. Here each ``partial_fit``, called an
    experience, trains one network only, so that the others keep what they know; no row is stored.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    n_modules : int in [1, 1024], default=5
        Networks. More forget less and take more memory; 1 is a single network with distillation.
    sharpness : float > 0, default=0.5
        Temperature (tau) of the weights: smaller listens to the network that is surest of a row.
    distillation_weight : float >= 0, default=1.0
        Weight of staying near the network's old answers on classes that an experience lacks.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`. ``partial_fit`` takes ``max_epochs`` passes over its rows.

    Attributes
    ----------
    seen_ : ndarray of bool of shape (n_modules, C)
        Classes that each network was trained on.

    Notes
    -----
    An experience goes to a new network while there is one, then to the one whose classes overlap most (Jaccard). The
    weight of a network for a row is ``exp(-entropy / sharpness)`` times its share of the classes; the score of a class
    is the weighted mean of its probabilities over the networks that know it. ``fit`` is one experience. A network that
    has seen a single class is sure of it everywhere: give experiences two classes or more.

    References
    ----------
    Hemati et al., arXiv:2405.04101, of which this is a reconstruction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = RepetitionEnsembleClassifier(max_epochs=20, random_state=0)
    >>> for present in ([0, 1], [1, 2]):
    ...     rows = np.isin(y, present)
    ...     clf = clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    >>> bool((clf.predict(X)[y == 0] == 0).mean() > 0.8)                      # not forgotten
    True
    """

    _supports_partial_fit = True
    _parameter_constraints = {
        "n_modules": [Interval(Integral, 1, 1024, closed="both")],
        "sharpness": [Interval(Real, 0, None, closed="neither")],
        "distillation_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, module="auto", *, n_modules=5, sharpness=0.5, distillation_weight=1.0, **training):
        super().__init__(module, **training)
        self.n_modules = n_modules
        self.sharpness = sharpness
        self.distillation_weight = distillation_weight

    def _passes(self):
        return self.max_epochs

    def _networks(self, make):
        return {"module": Modules([make() for _ in range(self.n_modules)], make.n_outputs, self.sharpness)}

    def _start(self, run):
        seen, scratch = run.module_.seen, run.scratch
        scratch.now = torch.zeros(run.n_outputs, dtype=torch.bool, device=seen.device)
        scratch.now[run.data.target.unique()] = True
        used = seen.any(1)
        if used.all():
            overlap = (seen & scratch.now).sum(1) / (seen | scratch.now).sum(1)
            scratch.current = int(overlap.argmax())
        else:
            scratch.current = int(used.long().argmin())
        network = run.module_.networks[scratch.current]
        # What it knew and is not shown now; fewer than two classes have no proportions to keep.
        absent = (seen[scratch.current] & ~scratch.now).nonzero()[:, 0]
        scratch.absent = absent if len(absent) > 1 and self.distillation_weight > 0 else None
        scratch.old = None if scratch.absent is None else copy.deepcopy(network).eval().requires_grad_(False)
        seen[scratch.current] |= scratch.now

    def _loss(self, run, batch):
        scratch = run.scratch
        logits = run.module_.networks[scratch.current](batch.X).to(run.dtype)
        losses = F.cross_entropy(logits.masked_fill(~scratch.now, -torch.inf), batch.y, reduction="none")
        if scratch.absent is not None:
            with torch.no_grad():
                old = scratch.old(batch.X).to(run.dtype)
            old, new = (values.index_select(1, scratch.absent) for values in (old, logits))
            losses = losses + self.distillation_weight * distillation_kl(new, old, temperature=2.0)
        return losses

    def _finish(self, run):
        return super()._finish(run) | {"seen_": run.module_.seen.cpu().numpy()}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"n_modules": 2}


class Modules(nn.Module):
    """Networks, the classes that each has seen, and their common answer.

    Parameters
    ----------
    networks : list of torch.nn.Module
    n_outputs : int
    sharpness : float
        Temperature of the weights.
    """

    def __init__(self, networks, n_outputs, sharpness):
        super().__init__()
        self.networks, self.sharpness = nn.ModuleList(networks), sharpness
        self.register_buffer("seen", torch.zeros((len(networks), n_outputs), dtype=torch.bool))

    def combine(self, logits):
        """Return log-probabilities (n, C) from the logits (M, n, C) of the networks; never-seen classes get -inf."""
        seen = self.seen[:, None]
        # A network without classes takes no part; zeros keep it finite.
        known = torch.where(self.seen.any(1)[:, None, None], seen, True)
        log_proba = logits.masked_fill(~known, -torch.inf).log_softmax(-1)
        proba = log_proba.exp()
        entropy = -(proba * log_proba.masked_fill(~known, 0.0)).sum(-1, keepdim=True)
        weight = (-entropy / self.sharpness).exp() * self.seen.to(proba.dtype).mean(1)[:, None, None]
        score = (weight * proba * seen).sum(0) / (weight * seen).sum(0).clamp_min(1e-12)
        if not self.training and logits.device.type == "cpu" and not self.seen.any():
            return logits[0]
        return score.clamp_min(1e-30).log().masked_fill(~self.seen.any(0), -torch.inf)

    def features(self, X):
        """Return the embeddings of all networks side by side."""
        return torch.cat([features_and_logits(network, X)[0] for network in self.networks], dim=1)

    def head(self, z):
        """Return the common answer to the embeddings."""
        heads = [last_linear(network) for network in self.networks]
        parts = z.split([head.in_features for head in heads], dim=1)
        return self.combine(torch.stack([head(part) for head, part in zip(heads, parts, strict=True)]))

    def forward(self, X):
        """Return the common answer to rows."""
        return self.combine(torch.stack([network(X) for network in self.networks]))
