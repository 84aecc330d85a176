"""Cross-entropy on the labels as given, the yardstick of every method, and its relatives by other losses."""

import inspect
import math
from numbers import Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine.data import TensorBatches
from skweak.fit.weighted import WeightedRows
from skweak.losses import (
    bootstrap_cross_entropy,
    class_balanced_weight,
    focal_loss,
    ldam_loss,
    logit_adjusted_cross_entropy,
    peer_loss,
    smoothed_cross_entropy,
)
from skweak.nn.build import features_and_logits, last_linear

LOSSES = {
    "bootstrap": bootstrap_cross_entropy,
    "focal": focal_loss,
    "label_smoothing": smoothed_cross_entropy,
    "ldam": ldam_loss,
    "logit_adjusted": logit_adjusted_cross_entropy,
    "peer": peer_loss,
}
# They get the sizes of the classes as a third argument.
_COUNTING = ("ldam", "logit_adjusted", "peer")
# The factor of the cosines that `ldam_loss` has by default.
_SCALE = 30.0


class CrossEntropyClassifier(WeightedRows, WeakClassifier):
    """Network trained by cross-entropy, as if every label were right.

    With enough epochs it remembers wrong labels. Use it as the baseline, as a teacher, or on clean data. Where some
    classes are rare, ``loss="logit_adjusted"`` aims at the balanced accuracy at no cost.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    loss : str, default="cross_entropy"
        With wrong labels: "label_smoothing" asks for less certainty (`smoothed_cross_entropy`), "bootstrap" lets the
        network's belief speak besides the label (`bootstrap_cross_entropy`), "peer" pays nothing for agreement by
        chance (`peer_loss`). For rare classes: "focal" looks at hard rows (`focal_loss`), "ldam" asks for larger
        margins of rarer classes and classifies by cosines (`ldam_loss`), "logit_adjusted" learns as if all classes were
        equally frequent (`logit_adjusted_cross_entropy`).
    loss_params : dict or None, default=None
        Keyword arguments of that function in `skweak.losses`, such as ``{"smoothing": 0.2}``; None is its defaults.
    schedule : {None, "reweight", "drw", "crt"}, default=None
        What else is done for rare classes: class-balanced weights from the start; the same late ("drw"); or a new last
        layer, late, on batches with as many rows of each class ("crt"), the layers before it kept.
    schedule_start : float in [0, 1), default=0.8
        Share of the training after which "drw" and "crt" begin. Earlier gives rare classes more and the features less.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.

    Notes
    -----
    Class sizes are those of the rows (or their weights) given to ``fit``; ``partial_fit`` adds up what it has seen.

    References
    ----------
    Label smoothing arXiv:2003.02819, bootstrapping arXiv:1412.6596, peer loss arXiv:1910.03231, focal loss
    arXiv:1708.02002, LDAM and DRW arXiv:1906.07413, logit adjustment arXiv:2007.07314, class-balanced weights
    arXiv:1901.05555, cRT arXiv:1910.09217.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _supports_partial_fit = True
    _parameter_constraints = {
        "loss": [StrOptions({"cross_entropy", *LOSSES})],
        "loss_params": [None, dict],
        "schedule": [None, StrOptions({"reweight", "drw", "crt"})],
        "schedule_start": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, loss="cross_entropy", loss_params=None, schedule=None, schedule_start=0.8, **training
    ):
        super().__init__(module, **training)
        self.loss = loss
        self.loss_params = loss_params
        self.schedule = schedule
        self.schedule_start = schedule_start

    @property
    def _takes_soft_targets(self):
        return self.loss == "cross_entropy" and self.schedule is None

    def _check_labels(self, labels, trusted):
        check_loss_params(self.loss, self.loss_params)

    def _start(self, run):
        if self.loss in _COUNTING or self.schedule is not None:
            weight = torch.ones(len(run.data), dtype=run.dtype, device=run.device)
            weight = weight if run.data.weight is None else run.data.weight
            counts = torch.zeros(run.n_outputs, dtype=run.dtype, device=run.device)
            counts.index_add_(0, run.data.target, weight)
            # A pass of partial_fit goes on counting; a second fit on the same rows does not.
            partly = not self.warm_start
            run.state.counts = counts + getattr(run.state, "counts", 0) if partly else counts

    def _late(self, run):
        return run.epoch >= math.floor(self.schedule_start * run.max_epochs)

    def _start_epoch(self, run):
        if self.schedule == "crt" and run.epoch == math.floor(self.schedule_start * run.max_epochs):
            last_linear(run.module_).reset_parameters()

    def _batches(self, run, batches):
        if self.schedule == "crt" and self._late(run):
            return TensorBatches(
                run.data, batches.batch_size, generator=run.generator, rows=balanced_rows(run.data.target, run)
            )
        return batches

    def _class_logits(self, run, X):
        """Return the logits, of LDAM the cosines between embedding and class weights."""
        head = last_linear(run.module_) if self.loss == "ldam" or self.schedule == "crt" else None
        retrained = self.schedule == "crt" and run.method is not None and self._late(run)
        if head is None or not (retrained or self.loss == "ldam"):
            return run.module_(X)
        z = features_and_logits(run.module_, X)[0]
        z = z.detach() if retrained else z
        return F.linear(F.normalize(z), F.normalize(head.weight)) if self.loss == "ldam" else head(z)

    def _logits(self, run, X):
        logits = self._class_logits(run, X)
        return logits * (self.loss_params or {}).get("scale", _SCALE) if self.loss == "ldam" else logits

    def _loss(self, run, batch):
        logits, counts = self._class_logits(run, batch.X), getattr(run.state, "counts", None)
        if self.loss == "cross_entropy":
            losses = F.cross_entropy(logits, batch.y, reduction="none")
        else:
            sizes = (counts,) if self.loss in _COUNTING else ()
            losses = LOSSES[self.loss](logits, batch.y, *sizes, **(self.loss_params or {}))
        if self.schedule == "reweight" or (self.schedule == "drw" and self._late(run)):
            losses = losses * class_balanced_weight(counts).index_select(0, batch.y).to(losses.dtype)
        return losses


def check_loss_params(loss, params):
    """Raise unless ``params`` are keyword arguments of the loss with this name, of values that it takes."""
    if not params:
        return
    if loss == "cross_entropy":
        raise ValueError(f"loss_params={params!r}, but loss='cross_entropy' takes none; name another loss.")
    accepted = [p.name for p in inspect.signature(LOSSES[loss]).parameters.values() if p.kind is p.KEYWORD_ONLY]
    unknown = [name for name in params if name not in accepted]
    if unknown:
        raise ValueError(f"loss_params has {unknown[0]!r}, but loss={loss!r} takes {accepted}; rename or remove it.")
    # A row of two classes tells whether the values are right before anything trains.
    sizes = (torch.ones(2),) if loss in _COUNTING else ()
    LOSSES[loss](torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), *sizes, **params)


def balanced_rows(target, run):
    """Return as many positions as there are rows, drawn with replacement, every class that occurs equally often."""
    counts = torch.bincount(target.cpu(), minlength=run.n_outputs).double()
    weight = (1 / counts.clamp_min(1)).index_select(0, target.cpu())
    rows = torch.multinomial(weight, len(target), replacement=True, generator=run.generator)
    return rows.to(target.device)
