"""Curriculum-based disambiguation of candidate label sets (arXiv:2207.02410)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.multilabel.stages import check_warmup, follow, start_average
from skweak.utils import warmup_length


class CDCRClassifier(WeakClassifier):
    """Network that believes the candidate labels it finds credible, more as it improves, and skips the rest.

    For partial multi-label data: 1 marks a candidate, every true label is among them, 0 is certainly absent.
    After a short warm-up on all candidates, each epoch selects the confident ones; those left out are
    ignored, not taken as absent.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    selection : {"difficulty", "fixed"}, default="difficulty"
        "fixed" selects from ``selection_threshold`` on; "difficulty" lowers the bar for labels whose
        candidates have a low mean confidence, and raises it for easy ones.
    selection_threshold : float in [0, 1], default=0.6
        Confidence from which a candidate is believed (alpha). 0 with "fixed" believes all, larger ones fewer.
    min_selected : float in [0, 1], default=0.05
        Share of a label's candidates that is believed in any case, the most confident ones; 0 may lose a
        label.
    warmup_epochs : int >= 1 or "auto", default="auto"
        "auto" is a sixth of the epochs, or as many as make 100 steps if half of the epochs allow it.
        Epochs on all candidates; too many and wrong candidates are remembered.
    consistency_weight : float >= 0, default=0.0
        Weight of the squared difference between both views' probabilities on candidates left out.
    average_decay : float in [0, 1), default=0.99
        Largest share of the old weights in the average over steps, which predicts.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view, which selects, and the strong one, which is learned.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    transduction_ : ndarray of shape (n, L)
        1 for the candidates that the final network selects, 0 for all others.

    Notes
    -----
    Entries of -1 have no loss and are never selected. ``min_selected`` is ours, as is the skipping of labels
    without candidates.

    References
    ----------
    Xie et al., arXiv:2207.02410.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skweak.datasets import make_partial_multilabel
    >>> X, Y = make_multilabel_classification(300, random_state=0)
    >>> candidates = make_partial_multilabel(Y, rate=0.3, random_state=0)
    >>> clf = CDCRClassifier(max_epochs=30, random_state=0).fit(X, candidates)
    >>> bool((clf.transduction_ <= candidates).all())
    True
    """

    _label_kind = "multilabel"
    _augments = False
    _parameter_constraints = {
        "selection": [StrOptions({"difficulty", "fixed"})],
        "selection_threshold": [Interval(Real, 0, 1, closed="both")],
        "min_selected": [Interval(Real, 0, 1, closed="both")],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "average_decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, module="auto", *, selection="difficulty", selection_threshold=0.6, min_selected=0.05,
        warmup_epochs="auto", consistency_weight=0.0, average_decay=0.99, augment="weak", lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.selection = selection
        self.selection_threshold = selection_threshold
        self.min_selected = min_selected
        self.warmup_epochs = warmup_epochs
        self.consistency_weight = consistency_weight
        self.average_decay = average_decay

    def _check_labels(self, labels, trusted):
        check_warmup(self)
        if not (labels.target == 0).any():
            raise ValueError("y holds no 0: where every label is a candidate there is nothing to learn from.")

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        start_average(run)
        run.state.believed = run.data.target != -1

    def _start_epoch(self, run):
        if run.epoch >= run.state.warmup:
            network = run.module_
            proba = run.outputs(network, function=lambda X: network(run.views.weak(X)).sigmoid())
            chosen = select_candidates(
                proba, run.data.target == 1, threshold=self.selection_threshold,
                by_difficulty=self.selection == "difficulty", min_share=self.min_selected,
            )  # fmt: skip
            run.state.believed = (run.data.target == 0) | chosen

    def _loss(self, run, batch):
        believed = run.state.believed.index_select(0, batch.index)
        logits = run.module_(run.views.strong(batch.X))
        target = (batch.y == 1).to(logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * believed
        if self.consistency_weight:
            with torch.no_grad():
                weak = run.module_(run.views.weak(batch.X)).sigmoid()
            unsure = (batch.y == 1) & ~believed
            loss = loss + self.consistency_weight * (logits.sigmoid() - weak).square() * unsure
        return loss.sum(1)

    def _end_step(self, run):
        follow(run, self.average_decay)

    def _logits(self, run, X):
        return run.state.average(X)

    def _finish(self, run):
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        chosen = select_candidates(
            proba, run.data.target == 1, threshold=self.selection_threshold,
            by_difficulty=self.selection == "difficulty", min_share=self.min_selected,
        )  # fmt: skip
        return {"transduction_": chosen.long().cpu().numpy()}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 5}


def select_candidates(proba, candidates, *, threshold=0.6, by_difficulty=True, min_share=0.05):
    """Return which candidates are credible.

    Parameters
    ----------
    proba : tensor of shape (n, L)
        Confidences.
    candidates : tensor of bool of shape (n, L)
    threshold : float
        Confidence from which a candidate is selected.
    by_difficulty : bool
        Move the threshold of each label by the difference between the mean confidence of its candidates and
        that of all candidates.
    min_share : float in [0, 1]
        Share of the candidates of each label that is selected at least, rounded up.

    Returns
    -------
    tensor of bool of shape (n, L)
        True only at candidates.

    Examples
    --------
    >>> proba = torch.tensor([[0.9, 0.3], [0.7, 0.1]])
    >>> every = torch.ones(2, 2, dtype=torch.bool)
    >>> select_candidates(proba, every, threshold=0.6, by_difficulty=False, min_share=0.0).tolist()
    [[True, False], [True, False]]
    >>> select_candidates(proba, every, threshold=0.6, min_share=0.0).tolist()     # bars at 0.9 and 0.3
    [[True, True], [False, False]]
    """
    score = proba.masked_fill(~candidates, 0.0)
    count = candidates.sum(0)
    bar = torch.full_like(score[0], threshold)
    if by_difficulty:
        bar = bar + score.sum(0) / count.clamp_min(1) - score.sum() / count.sum().clamp_min(1)
    ranks = proba.masked_fill(~candidates, -1.0).argsort(dim=0, descending=True, stable=True).argsort(dim=0)
    return candidates & ((proba >= bar) | (ranks < (min_share * count).ceil()))
