"""Class-distribution-aware pseudo-labelling (arXiv:2305.02795)."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from skweak.base import WeakClassifier
from skweak.engine import MovingAverage
from skweak.multilabel import presets
from skweak.multilabel.stages import (
    SemiBatches,
    check_prior,
    check_warmup,
    complete_target,
    find_prior,
    follow,
    in_warmup,
    prior_thresholds,
    semi_loss,
    start_stages,
    weak_proba,
)
from skweak.multilabel.thresholds import class_aware_pseudo_labels
from skweak.utils import warmup_length


class CAPClassifier(WeakClassifier):
    """Pseudo-labels for unlabeled rows, as many of each label as the labeled rows have.

    A warm-up on the labeled rows, then every epoch a moving average of the network scores the unlabeled rows,
    and the highest scores of each label become positive until their share is that among the labeled rows.
    Needs a warm-up that already ranks well and labeled rows drawn like the others; then rare labels are not
    starved.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    warmup_epochs : int >= 1 or "auto", default="auto"
        "auto" is a sixth of the epochs, or as many as make 100 steps if half of the epochs allow it.
        Epochs on labeled rows only; an epoch has as many steps as a pass over all rows. Too few and the
        pseudo-labels repeat an unfinished network's mistakes.
    unlabeled_weight : float >= 0, default=1.0
        Weight of the loss on pseudo-labels; 0 is labeled-only training.
    unlabeled_ratio : float > 0, default=1.0
        Unlabeled rows of a step per labeled row; 7 in the paper. Larger lets pseudo-labels dominate.
    positive_fraction, negative_fraction : float in [0, 1], default=1.0
        Share of the pseudo-positives and pseudo-negatives that are trusted, the surest first; the others are
        left out.
    class_prior : float or array-like of shape (L,), default=None
        Share of rows that have each label, in [0, 1]; None takes the share among known entries. 0 forbids
        positive pseudo-labels, 1 makes all positive.
    gamma_negative, gamma_positive : float >= 0, default=4.0, 0.0
        Powers of `skweak.losses.asymmetric_loss`: the larger, the less easy entries count. The larger the
        first one, the higher probabilities lie above frequencies; 0 and ``clip=0`` are binary cross-entropy.
    clip : float in [0, 1), default=0.05
        Probability up to which a negative costs nothing.
    average_decay : float in [0, 1), default=0.99
        Largest share of the old weights in the average over steps; its memory of 1 / (1 - decay) steps must
        be shorter than the training. 0.9997 in the paper.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view, which is scored, and the strong one, which is learned.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; with ``validation_fraction`` the average of the warm-up predicts where it has the
        smaller ``valid_loss``. See `skweak.base.WeakClassifier`.

    Attributes
    ----------
    class_prior_ : ndarray of shape (L,)
        Share of positives that the pseudo-labels of each label have.
    thresholds_ : ndarray of shape (L,)
        Halfway between the scores of the pseudo-labels 1 and 0 that the final network makes; 1.01 where none is
        1, and 0.5 for a one-dimensional ``y``.
    transduction_ : ndarray of shape (n, L)
        The known entries of ``y``, the others decided by ``thresholds_``.

    Notes
    -----
    Rows with some known entries count as labeled, their unknown entries are left out. Departures from the
    authors' code: a label whose expected count is 0 gets no positive instead of only positives, the average
    and the optimizer go on from the warm-up, and a label that is nowhere known counts as never present.

    References
    ----------
    Xie et al., arXiv:2305.02795.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(300, random_state=0)
    >>> Y[60:] = -1
    >>> clf = CAPClassifier(max_epochs=30, random_state=0).fit(X, Y)
    >>> clf.predict(X).shape, clf.thresholds_.shape
    ((300, 5), (5,))
    """

    _label_kind = "multilabel"
    _augments = False
    _presets = presets.CAP
    _parameter_constraints = {
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "unlabeled_ratio": [Interval(Real, 0, None, closed="neither")],
        "positive_fraction": [Interval(Real, 0, 1, closed="both")],
        "negative_fraction": [Interval(Real, 0, 1, closed="both")],
        "class_prior": [None, Interval(Real, 0, 1, closed="both"), "array-like"],
        "gamma_negative": [Interval(Real, 0, None, closed="left")],
        "gamma_positive": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, 1, closed="left")],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, warmup_epochs="auto", unlabeled_weight=1.0, unlabeled_ratio=1.0,
        positive_fraction=1.0, negative_fraction=1.0, class_prior=None, gamma_negative=4.0,
        gamma_positive=0.0, clip=0.05, average_decay=0.99, augment="weak", lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.warmup_epochs = warmup_epochs
        self.unlabeled_weight = unlabeled_weight
        self.unlabeled_ratio = unlabeled_ratio
        self.positive_fraction = positive_fraction
        self.negative_fraction = negative_fraction
        self.class_prior = class_prior
        self.gamma_negative = gamma_negative
        self.gamma_positive = gamma_positive
        self.clip = clip
        self.average_decay = average_decay

    def _check_labels(self, labels, trusted):
        check_warmup(self)
        check_prior(self.class_prior, labels.n_outputs)

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        start_stages(run)
        run.state.prior = find_prior(self.class_prior, run.data.target)
        if self.validation_fraction:
            run.state.warmup_average = MovingAverage(run.module_, use_buffers=True)

    def _start_epoch(self, run):
        if not in_warmup(run):
            state, unlabeled = run.state, run.state.unlabeled
            labels, mask = class_aware_pseudo_labels(
                weak_proba(run, unlabeled), state.prior,
                positive_fraction=self.positive_fraction, negative_fraction=self.negative_fraction,
            )  # fmt: skip
            state.target[unlabeled] = labels.masked_fill(mask == 0, -1).to(state.target.dtype)

    def _batches(self, run, batches):
        return SemiBatches(run, batches, warmup=in_warmup(run))

    def _loss(self, run, batch):
        return semi_loss(run, batch)

    def _end_step(self, run):
        follow(run, self.average_decay)

    def _end_epoch(self, run):
        if self.validation_fraction and run.epoch == run.state.warmup - 1:
            run.state.warmup_average.load_state_dict(run.state.average.state_dict())

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        state = run.state
        if self.validation_fraction:
            warmup_average = vars(state).pop("warmup_average")
            losses = [row["valid_loss"] for row in run.history]
            if run.epoch > run.state.warmup > 0 and losses[run.state.warmup - 1 - run.epoch] < losses[-1]:
                state.average = warmup_average
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        judged = proba[state.unlabeled] if len(state.unlabeled) else proba
        thresholds = prior_thresholds(judged, state.prior)
        return {
            "class_prior_": state.prior.cpu().numpy(),
            "thresholds_": thresholds,
            "transduction_": complete_target(run.data.target, proba, thresholds),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 5, "gamma_negative": 0.0, "clip": 0.0}
