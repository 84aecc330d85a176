"""Pseudo-labelling by the top labels of a row or by fixed thresholds (arXiv:2001.07685)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.base import WeakClassifier
from skweak.multilabel.stages import (
    SemiBatches,
    check_warmup,
    complete_target,
    follow,
    in_warmup,
    semi_loss,
    start_stages,
    weak_proba,
)
from skweak.utils import warmup_length


class MultiLabelPseudoLabelClassifier(WeakClassifier):
    """Pseudo-labels for unlabeled rows whatever the frequency of each label: the yardstick of better ones.

    A warm-up on the labeled rows; then each epoch a moving average of the network scores the weak view of the
    unlabeled rows, and its sure entries are learned from the strong view.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    selection : {"threshold", "top"}, default="threshold"
        "threshold" takes every entry that is sure to be present or absent. "top" takes the ``n_top`` largest
        of each row as present and leaves the others out.
    n_top : int >= 1 or None, default=None
        Labels taken of each row; 1 is top-1, None is the mean number of labels of the labeled rows, rounded.
    positive_threshold, negative_threshold : float in [0, 1], default=0.95, 0.05
        Probability from which an entry counts as present and up to which it counts as absent; between them it
        is left out. Further apart keeps fewer and surer entries.
    warmup_epochs : int >= 1 or "auto", default="auto"
        "auto" is a sixth of the epochs, or as many as make 100 steps if half of the epochs allow it.
        Epochs on labeled rows only; an epoch has as many steps as a pass over all rows.
    unlabeled_weight : float >= 0, default=1.0
        Weight of the loss on pseudo-labels; 0 is labeled-only training.
    unlabeled_ratio : float > 0, default=1.0
        Unlabeled rows of a step per labeled row.
    gamma_negative, gamma_positive : float >= 0, default=0.0
        Powers of `skweak.losses.asymmetric_loss`; 0 is binary cross-entropy.
    clip : float in [0, 1), default=0.0
        Probability up to which a negative costs nothing.
    average_decay : float in [0, 1), default=0.99
        Largest share of the old weights in the average over steps, which predicts.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view, which is scored, and the strong one, which is learned.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    transduction_ : ndarray of shape (n, L)
        The known entries of ``y``, the others decided at 0.5.

    References
    ----------
    Sohn et al., arXiv:2001.07685 (thresholds and two views, for one label per row).

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(300, random_state=0)
    >>> Y[60:] = -1
    >>> clf = MultiLabelPseudoLabelClassifier(max_epochs=30, random_state=0).fit(X, Y)
    >>> bool((clf.transduction_[:60] == Y[:60]).all())
    True
    """

    _label_kind = "multilabel"
    _augments = False
    _parameter_constraints = {
        "selection": [StrOptions({"threshold", "top"})],
        "n_top": [None, Interval(Integral, 1, None, closed="left")],
        "positive_threshold": [Interval(Real, 0, 1, closed="both")],
        "negative_threshold": [Interval(Real, 0, 1, closed="both")],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "unlabeled_ratio": [Interval(Real, 0, None, closed="neither")],
        "gamma_negative": [Interval(Real, 0, None, closed="left")],
        "gamma_positive": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, 1, closed="left")],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, selection="threshold", n_top=None, positive_threshold=0.95,
        negative_threshold=0.05, warmup_epochs="auto", unlabeled_weight=1.0, unlabeled_ratio=1.0,
        gamma_negative=0.0, gamma_positive=0.0, clip=0.0, average_decay=0.99, augment="weak", lr=0.01,
        **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.selection = selection
        self.n_top = n_top
        self.positive_threshold = positive_threshold
        self.negative_threshold = negative_threshold
        self.warmup_epochs = warmup_epochs
        self.unlabeled_weight = unlabeled_weight
        self.unlabeled_ratio = unlabeled_ratio
        self.gamma_negative = gamma_negative
        self.gamma_positive = gamma_positive
        self.clip = clip
        self.average_decay = average_decay

    def _check_labels(self, labels, trusted):
        check_warmup(self)
        if self.negative_threshold >= self.positive_threshold:
            raise ValueError(
                f"negative_threshold={self.negative_threshold} must be below "
                f"positive_threshold={self.positive_threshold}, or an entry could be both present and absent."
            )
        if self.n_top is not None and self.n_top > labels.n_outputs:
            raise ValueError(f"n_top={self.n_top} exceeds the {labels.n_outputs} labels of y; lower it.")

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        start_stages(run)
        labeled = run.data.target[run.state.labeled]
        mean = float((labeled == 1).sum() / len(labeled))
        run.state.n_top = self.n_top or min(max(1, round(mean)), run.n_outputs)

    def _start_epoch(self, run):
        if not in_warmup(run):
            state = run.state
            sure = self._sure_entries(weak_proba(run, state.unlabeled), state.n_top)
            state.target[state.unlabeled] = sure.to(state.target.dtype)

    def _sure_entries(self, proba, n_top):
        """Return 1 and 0 where the pseudo-label is sure and -1 elsewhere."""
        unknown = torch.full_like(proba, -1)
        if self.selection == "top":
            return unknown.scatter(1, proba.topk(n_top, dim=1).indices, 1.0)
        unknown[proba <= self.negative_threshold] = 0
        unknown[proba >= self.positive_threshold] = 1
        return unknown

    def _batches(self, run, batches):
        return SemiBatches(run, batches, warmup=in_warmup(run))

    def _loss(self, run, batch):
        return semi_loss(run, batch)

    def _end_step(self, run):
        follow(run, self.average_decay)

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        return {"transduction_": complete_target(run.data.target, proba, 0.5)}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 5}
