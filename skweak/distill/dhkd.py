"""Dual-head knowledge distillation (arXiv:2411.08937)."""

from numbers import Integral, Real

import torch
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.nn import functional as F

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.losses import binary_kl, binary_kl_norm, project_conflict
from skweak.nn.build import embedding_width, last_linear

_LOSSES = {"binary_kl": binary_kl, "binary_kl_norm": binary_kl_norm}


class DHKDClassifier(DistilledClassifier):
    """Network with one head for the labels and a second one for the teacher's logits.

    Logits hold more than probabilities, but imitating them and learning the labels pull one linear head in opposite
    directions, and it may collapse. With a head for each loss only the backbone feels both; there the distillation
    gradient gives way where the two disagree. The second head is not used for predictions.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network: backbone and main head.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated; see `skweak.distill.base.DistilledClassifier`. Best a network: the size of its logits counts.
    cross_entropy_weight : float >= 0, default=1.0
        Weight of the cross-entropy with the labels (gamma).
    distill_weight : float >= 0, default=1.0
        Weight of the distillation loss (alpha). It is a sum over the classes: with very many of them take less.
    distill_loss : {"binary_kl_norm", "binary_kl"}, default="binary_kl_norm"
        Whether differences of logits count as they are, or only as far as they change each class's probability.
    temperature : float > 0, default=2.0
        Difference of logits beyond which the loss stops to grow quadratically; larger comes closer to least squares.
    eps : float in (0, 0.5) or None, default=1e-8
        Where probabilities are clamped, which switches off the gradient of hopelessly wrong logits. None never does.
    aux_head : {"mlp", "linear", "shared"}, default="mlp"
        The second head: with one hidden layer, or one linear layer, which suits many classes and much data. "shared"
        gives the main head both losses, for comparison.
    aux_hidden : int >= 1, default=200
        Hidden units of the "mlp".
    aux_dropout : float in [0, 1), default=0.1
        Dropout in front of its batch normalisation.
    gradient_alignment : bool, default=True
        Whether the distillation gradient loses its component against the gradient of the labels. Nearly doubles the
        cost of a step.
    alignment_scope : {"all", "backbone"}, default="all"
        Parameters over which the two gradients are compared. "all" includes the main head, as the authors' code does.
    distill_until : int >= 0 or None, default=None
        Number of epochs with distillation, after which the labels teach alone; None is all of them.
    grad_clip : float > 0 or None, default=None
        Largest norm of the merged gradient. Take 10 for students of few hidden units, many classes or very confident
        teachers: single steps of a huge gradient break them otherwise, above all with the "mlp" head.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the student, in [0, 1]; low means suspicious.

    Notes
    -----
    The step is ``g + project_conflict(h, g)`` with the gradients g of the labels and h of the distillation.

    References
    ----------
    Yang et al., arXiv:2411.08937. Its settings: ``DHKDClassifier.preset("cifar100")`` and ``preset("imagenet")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.noisy import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> student = DHKDClassifier(teacher=teacher, module__hidden=(16,), max_epochs=30, random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    _imitates_logits = True
    _presets = presets.DHKD
    _parameter_constraints = {
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
        "distill_weight": [Interval(Real, 0, None, closed="left")],
        "distill_loss": [StrOptions(set(_LOSSES))],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "eps": [None, Interval(Real, 0, 0.5, closed="neither")],
        "aux_head": [StrOptions({"mlp", "linear", "shared"})],
        "aux_hidden": [Interval(Integral, 1, None, closed="left")],
        "aux_dropout": [Interval(Real, 0, 1, closed="left")],
        "gradient_alignment": ["boolean"],
        "alignment_scope": [StrOptions({"all", "backbone"})],
        "distill_until": [None, Interval(Integral, 0, None, closed="left")],
        "grad_clip": [None, Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, module="auto", *, teacher=None, cross_entropy_weight=1.0, distill_weight=1.0,
        distill_loss="binary_kl_norm", temperature=2.0, eps=1e-8, aux_head="mlp", aux_hidden=200, aux_dropout=0.1,
        gradient_alignment=True, alignment_scope="all", distill_until=None, grad_clip=None, lr=0.02,
        **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, lr=lr, **training)
        self.cross_entropy_weight = cross_entropy_weight
        self.distill_weight = distill_weight
        self.distill_loss = distill_loss
        self.temperature = temperature
        self.eps = eps
        self.aux_head = aux_head
        self.aux_hidden = aux_hidden
        self.aux_dropout = aux_dropout
        self.gradient_alignment = gradient_alignment
        self.alignment_scope = alignment_scope
        self.distill_until = distill_until
        self.grad_clip = grad_clip

    def _networks(self, make):
        network = make()
        if self.aux_head == "shared":
            return {"module": network}
        width, n_outputs = embedding_width(network), make.n_outputs
        if self.aux_head == "linear":
            return {"module": network, "auxiliary": nn.Linear(width, n_outputs)}
        layers = [
            nn.Linear(width, self.aux_hidden), nn.Dropout(self.aux_dropout), nn.BatchNorm1d(self.aux_hidden),
            nn.ReLU(), nn.Linear(self.aux_hidden, n_outputs),
        ]  # fmt: skip
        return {"module": network, "auxiliary": nn.Sequential(*layers)}

    def _start_epoch(self, run):
        super()._start_epoch(run)
        # Anew in each epoch, since callbacks freeze and unfreeze parameters.
        head = {id(parameter) for parameter in last_linear(run.module_).parameters()}
        own = [parameter for parameter in run.module_.parameters() if parameter.requires_grad]
        # The head comes last, so that the backbone is the front of the flat gradient.
        own.sort(key=lambda parameter: id(parameter) in head)
        compared = own if self.alignment_scope == "all" else [p for p in own if id(p) not in head]
        run.scratch.own, run.scratch.n_compared = own, sum(parameter.numel() for parameter in compared)
        auxiliary = [] if self.aux_head == "shared" else run.auxiliary_.parameters()
        run.scratch.auxiliary = [parameter for parameter in auxiliary if parameter.requires_grad]

    def _train_step(self, run, batch):
        if self.augment is not None:
            batch = batch._replace(X=run.views.weak(batch.X))
        with run.autocast_context():
            supervised, taught = self._losses(run, batch)
        loss = supervised if taught is None else supervised + taught
        if taught is not None and self.gradient_alignment and run.scratch.own:
            self._align(run, supervised, taught)
        else:
            loss.backward()
        if self.grad_clip is not None:
            nn.utils.clip_grad_norm_([*run.scratch.own, *run.scratch.auxiliary], self.grad_clip)
        run.take_step(batch)
        return loss.detach()

    def _losses(self, run, batch):
        """Return the weighted losses of the labels and of the distillation, None when that is over."""
        z, logits = self._student(run, batch.X)
        supervised = self.cross_entropy_weight * F.cross_entropy(logits, batch.y)
        if self.distill_until is not None and run.epoch >= self.distill_until:
            return supervised, None
        imitation = logits if self.aux_head == "shared" else run.auxiliary_(z).to(run.dtype)
        taught = _LOSSES[self.distill_loss](
            imitation, self._lesson(run, batch).logits, temperature=self.temperature, eps=self.eps
        ).mean()
        run.record("distill_loss", taught)
        return supervised, self.distill_weight * taught

    @staticmethod
    def _align(run, supervised, taught):
        """Write the merged gradient: that of the labels, and that of the distillation where it does not contradict."""
        own, auxiliary, n = run.scratch.own, run.scratch.auxiliary, run.scratch.n_compared
        reference = torch.autograd.grad(supervised, own, retain_graph=True, materialize_grads=True)
        gradients = torch.autograd.grad(taught, [*own, *auxiliary], materialize_grads=True)
        reference = torch.cat([gradient.flatten() for gradient in reference])
        gradient = torch.cat([gradient.flatten() for gradient in gradients[: len(own)]])
        # The auxiliary head is left out: the labels do not reach it, so it adds nothing to product, norm or change.
        merged = reference + torch.cat([project_conflict(gradient[:n], reference[:n]), gradient[n:]])
        for parameter, part in zip(own, merged.split([p.numel() for p in own]), strict=True):
            parameter.grad = part.view_as(parameter)
        for parameter, part in zip(auxiliary, gradients[len(own) :], strict=True):
            parameter.grad = part

    @classmethod
    def _test_params(cls):
        small = {"teacher": DecisionTreeClassifier(max_depth=4), "aux_hidden": 20, "batch_size": 32}
        return super()._test_params() | small
