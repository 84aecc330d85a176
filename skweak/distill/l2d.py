"""Multi-label knowledge distillation with label-wise embeddings (arXiv:2308.06453)."""

import warnings
from functools import partial
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.distill.rkd import relation_losses
from skweak.losses import (
    asymmetric_loss,
    binary_kl,
    class_aware_embedding_loss,
    instance_aware_embedding_loss,
    kernel_matching_loss,
)
from skweak.multilabel import MultiLabelClassifier
from skweak.nn import MLP, LabelwiseNetwork


class L2DClassifier(DistilledClassifier):
    """Multi-label network that imitates its teacher's probabilities and how it arranges the labels.

    Every label has an embedding of its own. Beside the probability of each label, the student follows the distances
    between rows that share a label, and between the labels of a row, as the teacher sees them.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's backbone, on which a `skweak.nn.LabelwiseNetwork` is built.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated; see `skweak.distill.base.DistilledClassifier`. For the embedding terms its network must be a
        `skweak.nn.LabelwiseNetwork`, as in ``MultiLabelClassifier(module=LabelwiseNetwork)`` or another L2DClassifier.
        The logits alone of any other teacher are imitated, and a warning says so.
    logit_weight : float >= 0, default=100.0
        Weight of the divergence of the label probabilities, a mean over the rows.
    class_embedding_weight : float >= 0, default=0.1
        Weight of the distances between rows that share a label, a sum over labels. Select it on validation data,
        between 0 and 1: large values destroy small students.
    instance_embedding_weight : float >= 0, default=0.1
        The same between labels of a row, a sum over rows.
    eps : float in (0, 0.5), default=1e-8
        Where probabilities are clamped.
    feature_loss : {None, "rkd", "pkt"}, default=None
        Further term on the embeddings of all labels side by side: distances and angles (relational distillation), or
        similarities (probabilistic transfer).
    feature_weight : float >= 0, default=10.0
        Its weight.
    head : {"attention", "projection"}, default="attention"
        How embeddings are made; the second is cheaper.
    embedding_dim, n_heads, feedforward_dim, n_tokens : int, default=32, 4, 64, 8
        Sizes of the attention; see `skweak.nn.LabelwiseNetwork`. The teacher's may differ.
    head_dropout : float in [0, 1), default=0.1
        Dropout of the attention.
    reduction : {"sum", "mean"}, default="sum"
        "mean" divides the whole loss by rows times labels, which optimizers without adaptive steps want.
    optimizer : "auto" or torch.optim class, default=torch.optim.Adam
        The size of the loss grows with the batch, which Adam does not feel.
    lr : float > 0, default=0.002
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Notes
    -----
    The loss is the binary cross-entropy, summed over rows and labels, plus the weighted terms. Unknown entries (-1)
    have no cross-entropy and count as absent in the distances. Sets of two have no relation to compare: a label needs
    three rows in a batch, and a row three labels.

    References
    ----------
    Yang et al., arXiv:2308.06453. Its weights, for large pretrained backbones, are
    ``L2DClassifier(teacher=..., **L2DClassifier.paper_weights)``, all its settings ``L2DClassifier.preset("coco")``.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(n_samples=200, random_state=0)
    >>> teacher = MultiLabelClassifier(LabelwiseNetwork, random_state=0).fit(X, Y)
    >>> student = L2DClassifier(teacher=teacher, module__hidden=(8,), random_state=0).fit(X, Y)
    >>> student.predict_proba(X).shape, bool(student.score(X, Y) > 0.7)
    ((200, 5), True)
    """

    paper_weights = {"logit_weight": 10.0, "class_embedding_weight": 100.0, "instance_embedding_weight": 1000.0}

    _label_kind = "multilabel"
    _imitates_logits = True
    _presets = presets.L2D
    _parameter_constraints = {
        "logit_weight": [Interval(Real, 0, None, closed="left")],
        "class_embedding_weight": [Interval(Real, 0, None, closed="left")],
        "instance_embedding_weight": [Interval(Real, 0, None, closed="left")],
        "eps": [Interval(Real, 0, 0.5, closed="neither")],
        "feature_loss": [None, StrOptions({"rkd", "pkt"})],
        "feature_weight": [Interval(Real, 0, None, closed="left")],
        "head": [StrOptions({"attention", "projection"})],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "feedforward_dim": [Interval(Integral, 1, None, closed="left")],
        "n_tokens": [Interval(Integral, 1, None, closed="left")],
        "head_dropout": [Interval(Real, 0, 1, closed="left")],
        "reduction": [StrOptions({"sum", "mean"})],
    }

    def __init__(
        self, module="auto", *, teacher=None, logit_weight=100.0, class_embedding_weight=0.1,
        instance_embedding_weight=0.1, eps=1e-8, feature_loss=None, feature_weight=10.0, head="attention",
        embedding_dim=32, n_heads=4, feedforward_dim=64, n_tokens=8, head_dropout=0.1, reduction="sum",
        optimizer=torch.optim.Adam, lr=0.002, **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, optimizer=optimizer, lr=lr, **training)
        self.logit_weight = logit_weight
        self.class_embedding_weight = class_embedding_weight
        self.instance_embedding_weight = instance_embedding_weight
        self.eps = eps
        self.feature_loss = feature_loss
        self.feature_weight = feature_weight
        self.head = head
        self.embedding_dim = embedding_dim
        self.n_heads = n_heads
        self.feedforward_dim = feedforward_dim
        self.n_tokens = n_tokens
        self.head_dropout = head_dropout
        self.reduction = reduction

    def _wanted(self):
        if self.class_embedding_weight or self.instance_embedding_weight:
            return "label_embeddings"
        return self._accepted()

    def _accepted(self):
        return "features" if self.feature_loss else "logits"

    def _check_labels(self, labels, trusted):
        if self.teacher is None and self._wanted() != "logits":
            raise ValueError(
                "teacher is None, but the embedding terms need one; give a teacher, or set class_embedding_weight=0, "
                "instance_embedding_weight=0 and feature_loss=None."
            )

    def _networks(self, make):
        backbone = make()
        if hasattr(backbone, "label_embeddings"):
            return {"module": backbone}
        sizes = {name: getattr(self, name) for name in ("embedding_dim", "n_heads", "feedforward_dim", "n_tokens")}
        network = LabelwiseNetwork(
            make.n_outputs, backbone=backbone, head=self.head, head_dropout=self.head_dropout, **sizes
        )
        return {"module": network}

    def _start(self, run):
        super()._start(run)
        if self._wanted() != "label_embeddings":
            return
        if run.scratch.teacher.wanted != "label_embeddings":
            warnings.warn(
                f"teacher {type(self.teacher).__name__} has no label_embeddings(X), so there are no embedding terms. "
                "Build it on skweak.nn.LabelwiseNetwork to have them, or set class_embedding_weight=0 and "
                "instance_embedding_weight=0.", UserWarning, stacklevel=6,
            )  # fmt: skip
            return
        positive = run.data.target == 1
        share = min(1.0, run.batch_size / len(positive))
        related = ((positive.sum(0) * share >= 3).float().mean(), (positive.sum(1) >= 3).float().mean())
        if max(related) < 0.05:
            warnings.warn(
                "Hardly a label has three rows in a batch, and hardly a row three labels: the embedding terms have "
                "nothing to compare. A larger batch_size helps.", UserWarning, stacklevel=6,
            )  # fmt: skip

    def _loss(self, run, batch):
        net, lesson = run.module_, self._lesson(run, batch)
        embeddings = net.label_embeddings(batch.X)
        features = embeddings.flatten(1)
        logits = net.head(features).to(run.dtype)
        supervised = asymmetric_loss(logits, batch.y, gamma_negative=0, gamma_positive=0, clip=0, eps=self.eps).sum()
        loss = supervised + self.logit_weight * binary_kl(logits, lesson.logits, eps=self.eps).mean()
        if lesson.label_embeddings is not None:
            pair = embeddings, lesson.label_embeddings, batch.y
            related = (
                self.class_embedding_weight * class_aware_embedding_loss(*pair).sum()
                + self.instance_embedding_weight * instance_aware_embedding_loss(*pair).sum()
            )
            self._watch(run, related.detach() / supervised.detach())
            loss = loss + related
        if self.feature_loss:
            pair = features, lesson.features
            further = kernel_matching_loss(*pair) if self.feature_loss == "pkt" else sum(relation_losses(*pair))
            loss = loss + self.feature_weight * further
        return loss / batch.y.numel() if self.reduction == "mean" else loss

    @staticmethod
    def _watch(run, share):
        """Record how much the embedding terms weigh against the labels; one look at the first step is worth a sync."""
        run.record("embedding_share", share)
        if run.epoch == 0 and run.batch == 0 and share > 0.5:
            warnings.warn(
                f"The embedding terms start at {float(share):.2g} times the binary cross-entropy, which destroys small "
                "students; lower class_embedding_weight and instance_embedding_weight until it is below 0.05.",
                UserWarning, stacklevel=9,
            )  # fmt: skip

    @classmethod
    def _test_params(cls):
        sizes = {"embedding_dim": 4, "n_heads": 2, "feedforward_dim": 4, "n_tokens": 2}
        network = partial(LabelwiseNetwork, backbone=partial(MLP, hidden=(8,)), head="projection", embedding_dim=4)
        small = super()._test_params() | sizes | {"lr": 0.03, "max_epochs": 12, "batch_size": 32}
        return small | {"teacher": MultiLabelClassifier(network, max_epochs=5, batch_size=16)}
