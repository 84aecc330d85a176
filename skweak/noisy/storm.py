"""Meta-learned weights of losses without clean rows, STORM (arXiv:2412.12955)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import PairedBatches
from skweak.engine.facts import weighted_mean
from skweak.engine.sparse_rows import SparseRows
from skweak.engine.virtual_step import virtual_step
from skweak.nn.build import features_and_logits, last_linear
from skweak.noisy import presets
from skweak.noisy.rescaling import GroupMemory, Rescaler, rescaling_features


class STORMClassifier(WeakClassifier):
    """Network with a second, small one that learns during training how much each row's loss shall count.

    The small network sees how large, how sure and how unsteady the losses of a row are, compared with those of rows
    with the same label. It is good if a step on the weighted rows makes the weighted loss of other rows smaller, which
    is measured one step ahead. No verified rows are needed. Made for linear models on texts and few classes.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    meta_gradient : {"exact", "last_layer"}, default="exact"
        How the step ahead is differentiated: through the whole network, as in the paper, or through its last layer
        only, which is cheap for large networks and all that ``compile`` can do (ours).
    n_passes : int in [1, 100], default=3
        Looks at each row (G), all but one with dropout. More measure unsteadiness better; 1 measures none.
    pass_dropout : float in [0, 1), default=0.1
        Dropout of the embedding in the further passes; of a linear model these are its inputs.
    rescaler_lr : float >= 0, default=0.01
        Learning rate of the weights; 0 keeps them equal, large ones follow every batch.
    lr : float > 0, default=0.05
        Learning rate. Weights are one half on average, so a step is half as long as that of plain training.
    **training
        Shared parameters; the paper's ``optimizer`` is `torch.optim.Adam`. See `skweak.base.WeakClassifier`.

    Attributes
    ----------
    sample_weight_ : ndarray of shape (n,)
        The last weight of each row, in [0, 1]; low means that its loss was little listened to.
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1].

    Notes
    -----
    The step ahead is that of the optimizer, for SGD and Adam with its relatives. A row's weight depends on the rows of
    its class in the batch, so a batch should have several rows of each: with fewer than four, weights are mostly
    chance.

    References
    ----------
    arXiv:2412.12955. Its settings for a linear model on word counts: ``STORMClassifier.preset("tfidf")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = STORMClassifier(max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.score(X[5:], y[5:]) > 0.9), bool(clf.sample_weight_[:5].mean() < clf.sample_weight_[5:].mean())
    (True, True)
    """

    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"sample_weight_": float("nan")}
    _presets = presets.STORM
    _parameter_constraints = {
        "meta_gradient": [StrOptions({"exact", "last_layer"})],
        "n_passes": [Interval(Integral, 1, 100, closed="both")],
        "pass_dropout": [Interval(Real, 0, 1, closed="left")],
        "rescaler_lr": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, meta_gradient="exact", n_passes=3, pass_dropout=0.1, rescaler_lr=0.01, lr=0.05,
        **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.meta_gradient = meta_gradient
        self.n_passes = n_passes
        self.pass_dropout = pass_dropout
        self.rescaler_lr = rescaler_lr

    def _check_labels(self, labels, trusted):
        if self.compile and self.meta_gradient == "exact":
            raise ValueError(
                "meta_gradient='exact' differentiates gradients, which compiled networks cannot do; set "
                "meta_gradient='last_layer' or compile=False."
            )

    def _networks(self, make):
        return {"module": make(), "rescaler": Rescaler(make.n_outputs)}

    def _optimizers(self, run):
        own = run.default_optimizer(list(run.module_.named_parameters()))
        # Decoupled weight decay, as in the paper.
        rescaler = torch.optim.AdamW(run.rescaler_.parameters(), lr=self.rescaler_lr, eps=1e-6)
        return {"optimizer": own, "rescaler_optimizer": rescaler}

    def _start(self, run):
        like = {"dtype": run.dtype, "device": run.device}
        if "weight" not in vars(run.state):
            run.state.weight = torch.full((len(run.data),), 0.5, **like)
            # One row more than a batch: a last batch of one row joins the one before.
            size = min(run.batch_size, len(run.data)) + 1
            run.state.groups = GroupMemory(2 * run.n_outputs, size, 6, **like)
        run.check_rows(run.state.weight)
        run.scratch.part = _Passes(
            run.module_, whole=self.meta_gradient == "exact", n_passes=self.n_passes, dropout=self.pass_dropout
        )

    def _batches(self, run, batches):
        return PairedBatches(batches, batches)

    def _train_step(self, run, batch):
        batch, other = (part._replace(X=self._inputs(run, part.X)) for part in batch)
        part, X, X_other, loss = run.scratch.part, batch.X, other.X, None
        with run.autocast_context():
            if self.meta_gradient == "last_layer":
                z, logits = features_and_logits(run.module_, X)
                with torch.no_grad():
                    X, X_other = z.detach(), features_and_logits(run.module_, X_other)[0]
            ahead, weight = self._weighted_loss(run, batch, *part(X))
            names, own = zip(*((n, p) for n, p in part.named_parameters() if p.requires_grad), strict=True)
            gradients = torch.autograd.grad(ahead, own, create_graph=True, materialize_grads=True)
            after = dict(zip(names, virtual_step(run.optimizer_, own, gradients), strict=True))
            meta_loss, _ = self._weighted_loss(run, other, *functional_call(part, after, (X_other,)))
            if self.meta_gradient == "last_layer":
                loss = self._mean(run, batch, logits, weight.detach())
        rescaler = list(run.rescaler_.parameters())
        for parameter, gradient in zip(rescaler, torch.autograd.grad(meta_loss, rescaler), strict=True):
            parameter.grad = gradient
        if loss is None:
            # The step is the one that was looked at, so its gradients are there already.
            for parameter, gradient in zip(own, gradients, strict=True):
                parameter.grad = gradient.detach()
        else:
            loss.backward()
        run.state.weight.index_copy_(0, batch.index, weight.detach())
        run.record("meta_loss", meta_loss)
        run.take_step(batch)
        return ahead.detach()

    def _inputs(self, run, X):
        # Products with sparse rows cannot be differentiated twice.
        X = X.dense() if isinstance(X, SparseRows) else X
        return X if self.augment is None else run.views.weak(X)

    def _weighted_loss(self, run, batch, logits, passes):
        """Return the mean loss and the weights (n,), which depend on the rescaler alone."""
        weight = run.rescaler_(rescaling_features(passes.to(run.dtype), batch.y, run.state.groups), batch.y)
        weight = weight.to(run.dtype)
        return self._mean(run, batch, logits, weight), weight

    @staticmethod
    def _mean(run, batch, logits, weight):
        losses = weight * F.cross_entropy(logits.to(run.dtype), batch.y, reduction="none")
        given = run.data.weight
        return losses.mean() if given is None else weighted_mean(losses, given.index_select(0, batch.index))

    def _finish(self, run):
        return super()._finish(run) | {"sample_weight_": run.state.weight.float().cpu().numpy()}

    @classmethod
    def _test_params(cls):
        # Weights are measured against the rows of the same class in the batch, of which there must be some.
        return super()._test_params() | {"batch_size": 64}


def _head(network):
    """Return the layers that make logits of an embedding."""
    return network.head if hasattr(network, "features") and hasattr(network, "head") else last_linear(network)


class _Passes(nn.Module):
    """A network, or its last layer alone, that looks at rows several times, all but once with dropout of the embedding.

    Calling it with rows (or embeddings) returns logits (n, C) and those of all passes (passes, n, C), the latter
    without a graph.
    """

    def __init__(self, network, *, whole, n_passes, dropout):
        super().__init__()
        # One of them only: `functional_call` leaves other weights behind in a layer that stands in two places.
        self.part = network if whole else _head(network)
        self.whole, self.n_passes, self.dropout = whole, n_passes, dropout

    def forward(self, X):
        z, logits = features_and_logits(self.part, X) if self.whole else (X, self.part(X))
        head = _head(self.part) if self.whole else self.part
        with torch.no_grad():
            further = [head(F.dropout(z, self.dropout)) for _ in range(self.n_passes - 1)]
            return logits, torch.stack([logits, *further])
