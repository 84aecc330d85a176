"""Dual decoupling with metric-adaptive thresholds (arXiv:2407.18624)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from skweak.base import WeakClassifier
from skweak.multilabel.pooling import pool_patches
from skweak.multilabel.stages import (
    SemiBatches,
    check_warmup,
    complete_target,
    follow,
    in_warmup,
    row_loss,
    start_stages,
    weak_proba,
)
from skweak.multilabel.thresholds import metric_adaptive_thresholds
from skweak.nn.build import embedding_width, features_and_logits, last_linear
from skweak.nn.patches import Patches
from skweak.utils import warmup_length


class DecoupledNetwork(nn.Module):
    """A backbone with two pairs of heads, each pair with one head for whole rows and one for their parts.

    The first pair makes pseudo-labels and predicts, the second one learns from pseudo-labels.

    Parameters
    ----------
    backbone : torch.nn.Module
        Any network; its last linear layer is the head of the first pair for whole rows.
    input_shape : tuple of int
        Shape of one row.
    n_patches : int
        Number of parts of `skweak.nn.patches.Patches`.
    """

    def __init__(self, backbone, input_shape, n_patches=4):
        super().__init__()
        width, n_outputs = embedding_width(backbone), last_linear(backbone).out_features
        self.backbone = backbone
        self.patches = Patches(input_shape, n_patches)
        self.part_head, self.whole_user, self.part_user = (nn.Linear(width, n_outputs) for _ in range(3))

    def features(self, X):
        """Return the backbone's embedding of whole rows."""
        return features_and_logits(self.backbone, X)[0]

    def head(self, z):
        """Return the logits of the first head for whole rows."""
        return last_linear(self.backbone)(z)

    def embeddings(self, X, parts=None):
        """Return the embeddings of rows (n, d) and of their parts (n, P, d), perhaps of another view."""
        parts = self.features(self.patches(X if parts is None else parts))
        return self.features(X), parts.view(X.shape[0], self.patches.n_patches, -1)

    def generate(self, whole, parts):
        """Return the two logits (n, L) of the pair that makes pseudo-labels."""
        return self.head(whole), pool_patches(self.part_head(parts))

    def use(self, whole, parts):
        """Return the two logits (n, L) of the pair that learns from pseudo-labels."""
        return self.whole_user(whole), pool_patches(self.part_user(parts))

    def forward(self, X):
        """Return the mean of the first pair's logits, which predicts."""
        whole, parts = self.generate(*self.embeddings(X))
        return (whole + parts) / 2

    def copy_heads(self):
        """Start the second pair from the first one."""
        self.whole_user.load_state_dict(last_linear(self.backbone).state_dict())
        self.part_user.load_state_dict(self.part_head.state_dict())


class D2LClassifier(WeakClassifier):
    """Pseudo-labels made by heads that never learn from them, for whole rows and parts, by fitted thresholds.

    A network that learns its own pseudo-labels confirms itself; here two heads make them and two others learn
    them, above one backbone. One head of each pair sees whole rows, with what usually occurs together, the
    other one parts of a row only. The threshold of each label maximises a metric on the labeled rows. Costs
    ``n_patches + 1`` passes.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The backbone.
    warmup_epochs : int >= 1 or "auto", default="auto"
        "auto" is a sixth of the epochs, or as many as make 100 steps if half of the epochs allow it.
        Epochs on labeled rows only; an epoch has as many steps as a pass over all rows.
    n_patches : int >= 1, default=4
        Parts of a row: cells of a square grid of an image, or random disjoint groups of features of a table.
        More parts show less each; 1 leaves the row whole.
    metric : {"precision", "recall", "f1", "fbeta"}, default="fbeta"
        What the thresholds maximise.
    beta : float >= 0, default=0.5
        Weight of recall against precision in "fbeta"; larger makes more positive pseudo-labels.
    unlabeled_weight : float >= 0, default=1.0
        Weight of the loss on pseudo-labels; 0 is labeled-only training.
    unlabeled_ratio : float > 0, default=1.0
        Unlabeled rows of a step per labeled row; 7 in the paper.
    gamma_negative, gamma_positive : float >= 0, default=4.0, 0.0
        Powers of `skweak.losses.asymmetric_loss`: the larger, the less easy entries count. The larger the
        first one, the higher probabilities lie above frequencies; 0 and ``clip=0`` are binary cross-entropy.
    clip : float in [0, 1), default=0.05
        Probability up to which a negative costs nothing.
    average_decay : float in [0, 1), default=0.99
        Largest share of the old weights in the average over steps that makes pseudo-labels and predicts.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view, from which pseudo-labels are made, and the strong one, which is learned.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    thresholds_ : ndarray of shape (L,)
        Thresholds that the final network has on the labeled rows, 1.01 for a label without a known positive;
        0.5 for a one-dimensional ``y``.
    transduction_ : ndarray of shape (n, L)
        The known entries of ``y``, the others decided by ``thresholds_``.

    Notes
    -----
    Rows with some known entries count as labeled. The thresholds are fitted on rows that were trained on,
    which makes them optimistic. F-beta has ``beta²`` in both places; the authors' code has ``beta`` in the
    denominator.

    References
    ----------
    Xiao et al., arXiv:2407.18624.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(200, random_state=0)
    >>> Y[60:] = -1
    >>> clf = D2LClassifier(warmup_epochs="auto", max_epochs=20, random_state=0).fit(X, Y)
    >>> clf.thresholds_.shape, clf.transduction_.shape
    ((5,), (200, 5))
    """

    _label_kind = "multilabel"
    _augments = False
    _parameter_constraints = {
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_patches": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"precision", "recall", "f1", "fbeta"})],
        "beta": [Interval(Real, 0, None, closed="left")],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "unlabeled_ratio": [Interval(Real, 0, None, closed="neither")],
        "gamma_negative": [Interval(Real, 0, None, closed="left")],
        "gamma_positive": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, 1, closed="left")],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, warmup_epochs="auto", n_patches=4, metric="fbeta", beta=0.5, unlabeled_weight=1.0,
        unlabeled_ratio=1.0, gamma_negative=4.0, gamma_positive=0.0, clip=0.05, average_decay=0.99,
        augment="weak", lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.warmup_epochs = warmup_epochs
        self.n_patches = n_patches
        self.metric = metric
        self.beta = beta
        self.unlabeled_weight = unlabeled_weight
        self.unlabeled_ratio = unlabeled_ratio
        self.gamma_negative = gamma_negative
        self.gamma_positive = gamma_positive
        self.clip = clip
        self.average_decay = average_decay

    def _check_labels(self, labels, trusted):
        check_warmup(self)

    def _networks(self, make):
        return {"module": DecoupledNetwork(make(), make.input_shape, self.n_patches)}

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        patches = run.module_.patches
        if hasattr(patches, "fill"):
            patches.fill.copy_(run.data.moments()[0])
        start_stages(run)

    def _start_epoch(self, run):
        if run.epoch == run.state.warmup:
            run.module_.copy_heads()
            run.state.average.module.copy_heads()
        if not in_warmup(run):
            run.state.thresholds = self._fit_thresholds(run, weak_proba(run, run.state.labeled))

    def _batches(self, run, batches):
        return SemiBatches(run, batches, warmup=in_warmup(run))

    def _loss(self, run, batch):
        network, views, (X, target, _) = run.module_, run.views, batch.labeled
        n = len(X)
        if batch.unlabeled is not None:
            X = torch.cat([X, batch.unlabeled.X])
            with torch.no_grad():
                proba = self._proba(run.state.average(views.weak(batch.unlabeled.X)).double())
            pseudo = (proba >= run.state.thresholds).to(target.dtype)
        whole, parts = network.embeddings(views.strong(X), views.strong(X))
        loss = sum(row_loss(self, logits, target).sum() for logits in network.generate(whole[:n], parts[:n]))
        if batch.unlabeled is not None:
            learned = network.use(whole[n:], parts[n:])
            learned = sum(row_loss(self, logits, pseudo).sum() for logits in learned)
            loss = loss + self.unlabeled_weight * learned
        return loss / n

    def _fit_thresholds(self, run, proba):
        target = run.data.target[run.state.labeled]
        return metric_adaptive_thresholds(proba, target, metric=self.metric, beta=self.beta)[0]

    def _end_step(self, run):
        follow(run, self.average_decay)

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X)).double()
        thresholds = torch.full((1,), 0.5)
        if run.n_outputs > 1:
            thresholds = self._fit_thresholds(run, proba[run.state.labeled])
        return {
            "thresholds_": thresholds.double().cpu().numpy(),
            "transduction_": complete_target(run.data.target, proba, thresholds),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 5, "lr": 0.3, "max_epochs": 60}
