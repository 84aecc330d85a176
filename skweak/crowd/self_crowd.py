"""Self-training over answers nobody gave, balanced over the classes (arXiv:2107.05039)."""

import math
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.crowd.base import CrowdClassifier
from skweak.crowd.crowd_layer import AnnotatorLayer, layer_confusion, layer_loss, layer_proba

# Numbers of a block of predicted answers.
_BLOCK = 2**22


class SelfCrowdClassifier(CrowdClassifier):
    """Network with a layer of annotators that also learns from answers it would expect, rare classes first.

    Few answers on imbalanced classes hardly show the rare ones. In rounds, the surest of the answers that nobody gave
    are added, more of the classes that have few, so that the classes become more even than they were.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    n_rounds : int >= 0, default=10
        Rounds of new answers (K), evenly spaced over the later epochs; 0 is `CrowdLayerClassifier`.
    initial_fraction : float in [0, 1], default=1/3
        Share of the epochs before the first round; too few, and the network believes its first guesses.
    budget : float >= 0, default=0.1
        New answers of a round, as a share of those given (rho); with "balanced" times one minus the ratio of the
        smallest class to the largest, so that even classes get none.
    balance : float >= 0, default=1.0
        How strongly rare classes are preferred (gamma): quotas go with ``(N_max + 1)/(N_c + 1)`` to this power. 0 gives
        every class the same.
    threshold : float in [0, 1], default=0.0
        Least confidence of a new answer (tau): one minus its entropy as a share of the largest one. The layer makes few
        answers sure, so that 0.5 often adds nothing; 0 leaves it to the quotas.
    strategy : {"balanced", "confidence", "random"}, default="balanced"
        Quotas by class, the surest answers whatever their class, or any.
    per_row : int >= 1, default=1
        Most new answers to one row in one round.
    cumulative : bool, default=False
        Whether an answer once added keeps its class; otherwise it is predicted anew in every round.
    warmup_fraction : float in [0, 1], default=0.3
        As in `CrowdLayerClassifier`.
    missing : scalar, default=-1
        Marker where somebody was not asked; a string among strings.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    confusion_ : ndarray of shape (A, C, C)
        As in `CrowdLayerClassifier`.
    annotator_quality_ : ndarray of shape (A,)
    label_quality_, transduction_ : ndarray of shape (n,)
        From the answers that were given.
    n_added_ : int
        Answers that were added.

    Notes
    -----
    Quotas that a class cannot fill lapse. Annotators without answers get none. The published abstract fixes the idea;
    scores and constants are ours.

    References
    ----------
    arXiv:2107.05039.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_crowd_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> answers, _ = make_crowd_labels(y, n_annotators=9, accuracy=0.8, density=0.3, random_state=0)
    >>> clf = SelfCrowdClassifier(random_state=0).fit(X, answers)
    >>> bool(clf.score(X, y) > 0.9), clf.n_added_ > 0
    (True, True)
    """

    _parameter_constraints = {
        "n_rounds": [Interval(Integral, 0, None, closed="left")],
        "initial_fraction": [Interval(Real, 0, 1, closed="both")],
        "budget": [Interval(Real, 0, None, closed="left")],
        "balance": [Interval(Real, 0, None, closed="left")],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "strategy": [StrOptions({"balanced", "confidence", "random"})],
        "per_row": [Interval(Integral, 1, None, closed="left")],
        "cumulative": ["boolean"],
        "warmup_fraction": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, module="auto", *, n_rounds=10, initial_fraction=1 / 3, budget=0.1, balance=1.0, threshold=0.0,
        strategy="balanced", per_row=1, cumulative=False, warmup_fraction=0.3, missing=-1, **training,
    ):  # fmt: skip
        super().__init__(module, missing=missing, **training)
        self.n_rounds = n_rounds
        self.initial_fraction = initial_fraction
        self.budget = budget
        self.balance = balance
        self.threshold = threshold
        self.strategy = strategy
        self.per_row = per_row
        self.cumulative = cumulative
        self.warmup_fraction = warmup_fraction

    def _networks(self, make):
        return {"module": make(), "annotators": AnnotatorLayer(make.run.data.target.shape[1], make.n_outputs)}

    def _rebuild_networks(self, make, shapes):
        return {"module": make(), "annotators": AnnotatorLayer(*shapes["annotators"]["weight"][:2])}

    def _start(self, run):
        super()._start(run)
        if "answers" not in vars(run.state):
            run.state.answers = run.data.target.clone()
        run.check_rows(run.state.answers)
        # A row that only the network answers trains as well.
        run.scratch.given = run.data.target >= 0

    def _batches(self, run, batches):
        rows = (run.state.answers >= 0).any(1).nonzero()[:, 0]
        return batches if len(rows) == len(run.data) else batches.restrict(rows)

    def _start_epoch(self, run):
        if run.epoch in self._round_epochs(run.max_epochs):
            self._add_answers(run)

    def _round_epochs(self, max_epochs):
        """Return the epochs before which answers are added."""
        first = max(1, math.ceil(self.initial_fraction * max_epochs))
        count = min(self.n_rounds, max_epochs - first)
        return {first + (max_epochs - first) * k // count for k in range(count)} if count > 0 else set()

    def _add_answers(self, run):
        given, answers = run.scratch.given, run.state.answers
        logits = run.outputs(run.module_)
        asked = given.any(0)
        step = max(1, _BLOCK // (answers.shape[1] * run.n_outputs))
        confidence, code = torch.empty(answers.shape, device=run.device), torch.empty_like(answers)
        with torch.no_grad():
            for start in range(0, len(logits), step):
                proba = layer_proba(run, logits[start : start + step])
                entropy = -(proba * proba.clamp_min(1e-12).log()).sum(2)
                confidence[start : start + step] = 1 - entropy / math.log(run.n_outputs)
                code[start : start + step] = proba.argmax(2)
        added = (answers >= 0) & ~given
        if not self.cumulative:
            answers[added] = code[added]
        free = (answers < 0) & asked & (confidence >= self.threshold)
        if self.strategy == "random":
            drawn = torch.rand(confidence.shape, generator=run.generator)
            confidence = drawn.to(run.device)
        counts = torch.bincount(answers[answers >= 0], minlength=run.n_outputs)
        budget = self.budget * int(given.sum())
        if self.strategy == "balanced":
            # Even classes need no help, and answers added to them only repeat what the network believes.
            budget *= 1 - int(counts.min()) / int(counts.max())
        row, column = choose_answers(
            confidence, code, free, counts, int(budget), per_row=self.per_row,
            balance=self.balance if self.strategy == "balanced" else None,
        )  # fmt: skip
        answers[row, column] = code[row, column]

    def _loss(self, run, batch):
        answers = run.state.answers.index_select(0, batch.index)
        return layer_loss(run, batch, answers, self.warmup_fraction, "observed")

    def _finish(self, run):
        added = int((run.state.answers >= 0).sum() - run.scratch.given.sum())
        return super()._finish(run) | {"confusion_": layer_confusion(run), "n_added_": added}

    def annotator_proba(self, X):
        """Return what each annotator would say to the rows of ``X``: probabilities (n, A, C)."""
        return self._evaluate(X, lambda rows: layer_proba(self.net_, self._logits(self.net_, rows)))


def choose_answers(confidence, code, free, counts, budget, *, per_row=1, balance=1.0):
    """Return rows and columns of the new answers of a round.

    Parameters
    ----------
    confidence : tensor of shape (n, A)
    code : int64 tensor of shape (n, A)
        Predicted answers.
    free : bool tensor of shape (n, A)
        Cells that may be filled.
    counts : int64 tensor of shape (C,)
        Answers of each class so far.
    budget : int
        Most new answers.
    per_row : int
        Most new answers to a row.
    balance : float or None
        Power of the quotas; None ignores classes.

    Returns
    -------
    row, column : int64 tensors of shape (m,)
    """
    favour = ((counts.max() + 1) / (counts + 1)).pow(balance or 0.0)
    score = (confidence * favour[code]).masked_fill(~free, -1)
    # The best cells of each row: one row does not fill a quota.
    best, column = score.topk(min(per_row, score.shape[1]), dim=1)
    row = torch.arange(len(score), device=score.device)[:, None].expand_as(column)
    chosen = best >= 0
    row, column = row[chosen], column[chosen]
    sure, said = confidence[row, column], code[row, column]
    order = sure.argsort(descending=True, stable=True)
    row, column, said = row[order], column[order], said[order]
    if balance is None:
        return row[:budget], column[:budget]
    there = torch.bincount(said, minlength=len(counts)) > 0
    share = favour * there
    exact = budget * share / share.sum().clamp_min(1e-12)
    quota = exact.floor().long()
    # Largest remainders get what rounding left.
    rest = torch.argsort(exact - quota, descending=True, stable=True)
    quota[rest[: budget - int(quota.sum())]] += there[rest[: budget - int(quota.sum())]].long()
    # Which of its class each candidate is, the surest first.
    one_hot = torch.nn.functional.one_hot(said, len(counts))
    rank = (one_hot.cumsum(0) * one_hot).sum(1) - 1
    keep = rank < quota[said]
    return row[keep], column[keep]
