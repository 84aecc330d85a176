"""Self-training for rare classes (arXiv:2006.07529)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import PairedBatches, TensorBatches
from skweak.losses import focal_loss, logit_adjusted_cross_entropy
from skweak.nn.build import embedding_width, features_and_logits
from skweak.semi.base import check_every_class, check_marker

# Share of the training for the pretext task, where one is asked for.
_PRETEXT = 0.2


class ImbalancedSelfTrainingClassifier(WeakClassifier):
    """A network labels the unlabeled rows, and a second one learns from them and the labeled rows together.

    Unlabeled rows help most where classes are rare: the tail gets rows that nobody could label. The loss knows the
    sizes of the classes, or pseudo-labels would go to the frequent ones.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    unlabeled : scalar or None, default=-1
        Marker of rows without a label in ``y``, of any type; None says that every row has one, or is None itself.
    loss : {"logit_adjusted", "cross_entropy", "focal"}, default="logit_adjusted"
        Of both networks. "logit_adjusted" aims at the balanced accuracy; class sizes include pseudo-labels.
    unlabeled_weight : float >= 0, default=1.0
        Weight (omega) of rows with a pseudo-label; 0 learns from labeled rows only.
    keep : float in (0, 1], default=0.8
        Share of the rows of each predicted class that get their pseudo-label, the most probable ones; 1 as in the
        paper. It is a share of each class, so that unsure rare classes are not left out.
    pretext : {None, "auto"} or callable, default=None
        Self-supervised start, for a fifth of the epochs: "auto" tells by how many right angles an image is turned, or
        fills in hidden features of a table. A callable takes a batch and returns ``(inputs, target)``: class indices
        below 4, or float values shaped like the flattened inputs.
    augment : None, "weak", "strong", callable or pair of callables, default="weak"
        Views; the weak one is used.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`. Half of the epochs train the first network.

    Attributes
    ----------
    transduction_ : ndarray of shape (n,)
        The given labels, and for unlabeled rows the predicted ones.

    References
    ----------
    Yang and Xu, arXiv:2006.07529; class-aware selection as in arXiv:2102.09559.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_unlabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y_few = make_unlabeled(y, 5, per_class=True, random_state=0)
    >>> clf = ImbalancedSelfTrainingClassifier(max_epochs=40, random_state=0).fit(X, y_few)
    >>> bool((clf.transduction_ == y).mean() > 0.8)
    True
    """

    _label_kind = "semi"
    _class_weighting = "loss"
    _augments = False
    _parameter_constraints = {
        "unlabeled": [None, Real, str],
        "loss": [StrOptions({"logit_adjusted", "cross_entropy", "focal"})],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "keep": [Interval(Real, 0, 1, closed="right")],
        "pretext": [None, StrOptions({"auto"}), callable],
    }

    def __init__(
        self, module="auto", *, unlabeled=-1, loss="logit_adjusted", unlabeled_weight=1.0, keep=0.8, pretext=None,
        augment="weak", **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, **training)
        self.unlabeled = unlabeled
        self.loss = loss
        self.unlabeled_weight = unlabeled_weight
        self.keep = keep
        self.pretext = pretext

    def _encode(self, y, n_rows, classes=None):
        return check_marker(super()._encode(y, n_rows, classes), self.unlabeled)

    def _check_labels(self, labels, trusted):
        check_every_class(labels)

    def _networks(self, make):
        networks = {"module": make(), "teacher": make()}
        if self.pretext is not None:
            shape = make.input_shape
            width = 4 if len(shape) > 1 else shape[0]
            networks["pretext_head"] = nn.Linear(embedding_width(networks["module"]), width)
        return networks

    def _stage(self, run):
        """Return 0 in the pretext task, 1 while the first network learns and 2 while the second one does."""
        first = int(_PRETEXT * run.max_epochs) if self.pretext is not None else 0
        second = first + (run.max_epochs - first) // 2
        return int(run.epoch >= first) + int(run.epoch >= second), run.epoch in (first, second)

    def _start(self, run):
        state, target = run.state, run.data.target
        state.labeled, state.unlabeled = (target >= 0).nonzero()[:, 0], (target < 0).nonzero()[:, 0]
        if not len(state.labeled):
            raise ValueError(
                f"validation_fraction={self.validation_fraction} leaves no labeled row to train on; lower it or label "
                "more rows."
            )
        state.target, state.rows = target.clone(), state.labeled
        self._count(run)
        run.scratch.held = run.data.hold(state.labeled)

    def _count(self, run):
        counts = torch.zeros(run.n_outputs, dtype=run.dtype, device=run.device)
        given = run.state.target.index_select(0, run.state.rows)
        run.state.counts = counts.index_add_(0, given, torch.ones_like(given, dtype=run.dtype))

    def _start_epoch(self, run):
        stage, begins = self._stage(run)
        if begins and self.pretext is not None and stage == 1:
            run.teacher_.load_state_dict(run.module_.state_dict())
        if begins and stage == 2 and run.epoch and len(run.state.unlabeled) and self.unlabeled_weight > 0:
            self._label_rows(run)

    def _label_rows(self, run):
        """Give pseudo-labels to the rows of each predicted class that the first network is most sure of."""
        state = run.state
        proba = run.outputs(run.teacher_, state.unlabeled).float().softmax(1)
        confidence, predicted = proba.max(1)
        # Places of the rows among those of their predicted class, the most confident first.
        order = confidence.argsort(descending=True, stable=True)
        order = order[predicted[order].argsort(stable=True)]
        sizes = F.one_hot(predicted, run.n_outputs).sum(0)
        place = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[predicted[order]]
        kept = order[place < (self.keep * sizes).ceil()[predicted[order]]].sort().values
        state.target.index_copy_(0, state.unlabeled[kept], predicted[kept])
        state.rows = torch.cat([state.labeled, state.unlabeled[kept]])
        self._count(run)

    def _batches(self, run, batches):
        stage, _ = self._stage(run)
        if stage == 0:
            return batches
        if stage == 2 and len(run.state.rows) > len(run.state.labeled):
            return batches.restrict(run.state.rows)
        # As many steps as a pass over all rows has, however few rows are labeled.
        labeled = TensorBatches(run.scratch.held, batches.batch_size, generator=run.generator)
        return PairedBatches(range(len(batches)), labeled)

    def _loss(self, run, batch):
        stage, _ = self._stage(run)
        if stage == 0:
            return self._pretext_loss(run, batch.X)
        given = None if hasattr(batch, "y") else batch[1].y
        X, index = (batch.X, batch.index) if given is None else (batch[1].X, None)
        target = run.state.target.index_select(0, index) if given is None else given
        logits = (run.teacher_ if stage == 1 else run.module_)(run.views.weak(X)).to(run.dtype)
        if self.loss == "logit_adjusted":
            losses = logit_adjusted_cross_entropy(logits, target, run.state.counts)
        elif self.loss == "focal":
            losses = focal_loss(logits, target)
        else:
            losses = F.cross_entropy(logits, target, reduction="none")
        if run.class_weight is not None:
            losses = losses * run.class_weight.index_select(0, target)
        if index is None:
            return losses
        guessed = run.data.target.index_select(0, index) < 0
        return losses * torch.where(guessed, self.unlabeled_weight, 1.0).to(run.dtype)

    def _pretext_loss(self, run, X):
        task = self.pretext if callable(self.pretext) else (turned if X.dim() == 4 else hidden)
        X, target = task(X)
        output = run.pretext_head_(features_and_logits(run.module_, X)[0]).to(run.dtype)
        if target.is_floating_point():
            return (output - target.flatten(1)).square().mean(1)
        return F.cross_entropy(output, target, reduction="none")

    def _finish(self, run):
        predicted = run.evaluate(run.data, lambda X: self._row_proba(run, X).argmax(1))
        return {"transduction_": torch.where(run.data.target < 0, predicted, run.data.target).cpu().numpy()}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"unlabeled": None}


def turned(X):
    """Return images turned by a random number of right angles, and these numbers; oblong ones by half turns only."""
    turns = torch.randint(0, 4, (len(X),), device=X.device)
    if X.shape[2] != X.shape[3]:
        turns = turns // 2 * 2
    result = X
    for number in (1, 2, 3):
        if X.shape[2] == X.shape[3] or number == 2:
            result = torch.where((turns == number)[:, None, None, None], X.rot90(number, (2, 3)), result)
    return result, turns


def hidden(X, share=0.3):
    """Return rows with a share of the features replaced by zeros, and the rows as they were."""
    return X.masked_fill(torch.rand_like(X) < share, 0.0), X
