"""BUAL: bidirectional uncertainty-based active learning (arXiv:2402.15198)."""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.active.open_set import DetectorStrategy, OpenSetClassifier, Stage
from skweak.active.rows import stack_rows
from skweak.active.scores import bidirectional_uncertainty, confidence_score, predicted_known, top_k
from skweak.active.scores.confidence import KINDS
from skweak.fit.inputs import check_inputs
from skweak.losses import complementary_loss
from skweak.nn.heads import LinearPair
from skweak.utils import draw_complementary_labels

# Evaluations in a row without a change after which early_stop ends negative learning, and the share it watches.
_PATIENCE, _WATCHED = 5, 0.1


class BUALClassifier(OpenSetClassifier):
    """Classifier with a positive head, a negative head that learns from the pool, and a network that knows junk.

    The positive head is an ordinary classifier of the known classes; it makes the predictions. The negative head
    learns only what rows are *not*, from labels drawn at random, on labeled and pool rows alike: on rows of unknown
    classes these contradict each other everywhere, on known ones they do not. An auxiliary network with one more class
    separates known from unknown rows as soon as some were bought.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; three are trained.
    known_classes : sequence or None, default=None
        The known classes, by default those found in ``y``.
    unknown_label : scalar or None, default=-1
        Label of rows that belong to no known class.
    unlabeled : scalar or None, default=None
        Label of pool rows given to ``fit``. Without any the negative head is not trained; the strategy `BUAL` trains it
        on the pool it is given.
    positive_epochs, negative_epochs, auxiliary_epochs : int >= 1, default=100
        Epochs of the three parts.
    eval_every : int >= 1, default=5
        Epochs between two evaluations of the negative head, whose probabilities are averaged (m).
    subset_size : int >= 1, default=5000
        Pool rows drawn for negative learning (s); 10,000 for two hundred classes.
    filter_subset : bool, default=True
        Draw them from the rows that the auxiliary network takes for known.
    auxiliary_batch_size : int >= 1, default=100
        Rows per step of the auxiliary network.
    floor : float in (0, 1), default=1e-5
        Smallest ``1 - p`` in the negative loss; a row below it gives no gradient.
    early_stop : bool, default=False
        End negative learning when the tenth of the pool rows with the least confident average stays the same over 5
        evaluations.
    max_epochs : int or None, default=None
        One number in place of the epochs of all three parts.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    n_unknown_ : int
        Labeled rows of unknown classes.
    negative_proba_ : ndarray of shape (n, C)
        Average probabilities of the negative head, nan for rows that it was not evaluated on. Only after a fit with
        pool rows.
    known_rate_ : float
        Share of known rows in the last batch told to `update`; 0 at first.

    References
    ----------
    Zong et al., arXiv:2402.15198. Its image settings: ``lr=0.01, batch_size=128, optimizer__weight_decay=1e-4``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = BUALClassifier(random_state=0).fit(X, np.where(y == 2, -1, y))
    >>> clf.classes_, bool(clf.score_samples(X[:100]).mean() > clf.score_samples(X[100:]).mean())
    (array([0, 1]), True)
    """

    _feedback_name, _feedback_start = "known_rate_", 0.0
    _row_attributes = OpenSetClassifier._row_attributes | {"negative_proba_": float("nan")}
    # None trains all parts; the strategy goes on with the negative one alone.
    _parts = None
    _parameter_constraints = {
        "positive_epochs": [Interval(Integral, 1, None, closed="left")],
        "negative_epochs": [Interval(Integral, 1, None, closed="left")],
        "auxiliary_epochs": [Interval(Integral, 1, None, closed="left")],
        "eval_every": [Interval(Integral, 1, None, closed="left")],
        "subset_size": [Interval(Integral, 1, None, closed="left")],
        "filter_subset": ["boolean"],
        "auxiliary_batch_size": [Interval(Integral, 1, None, closed="left")],
        "floor": [Interval(Real, 0, 1, closed="neither")],
        "early_stop": ["boolean"],
        "max_epochs": [None, Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, positive_epochs=100, negative_epochs=100, auxiliary_epochs=100, eval_every=5,
        subset_size=5000, filter_subset=True, auxiliary_batch_size=100, floor=1e-5, early_stop=False, max_epochs=None,
        **training,
    ):  # fmt: skip
        super().__init__(module, max_epochs=max_epochs, **training)
        self.positive_epochs = positive_epochs
        self.negative_epochs = negative_epochs
        self.auxiliary_epochs = auxiliary_epochs
        self.eval_every = eval_every
        self.subset_size = subset_size
        self.filter_subset = filter_subset
        self.auxiliary_batch_size = auxiliary_batch_size
        self.floor = floor
        self.early_stop = early_stop

    def negative_proba(self, X, y, X_pool, *, random_state=0):
        """Train the negative head on labeled rows and a pool, and return its average probabilities on the pool.

        Starts from the fitted positive network; the estimator stays as it is.

        Parameters
        ----------
        X, y : array-like
            The labeled rows.
        X_pool : array-like of shape (n, ...)
        random_state : int, default=0

        Returns
        -------
        ndarray of shape (n, C)
            nan for the rows that the auxiliary network takes for unknown.
        """
        X, X_pool = (check_inputs(self, rows, dtype=self.dtype, reset=False) for rows in (X, X_pool))
        codes, n_classes = self.encode_answers(y), len(self.classes_)
        probe = copy.copy(self)
        probe.set_params(
            known_classes=np.arange(n_classes), classes=None, unknown_label=n_classes, unlabeled=-1, warm_start=False,
            validation_fraction=0.0, random_state=random_state, verbose=0,
        )  # fmt: skip
        probe._parts = ("negative",)
        probe._fit(stack_rows(X, X_pool), np.append(codes, np.full(X_pool.shape[0], -1)), previous=self.net_)
        return probe.negative_proba_[len(codes) :]

    def _adapt(self, state, precision):
        return precision

    def _networks(self, make):
        pair = {name: LinearPair(make()) for name in ("module", "negative")}
        return pair | {"auxiliary": make(make.n_outputs + 1)}

    def _stages(self, run):
        scratch, subset = run.scratch, getattr(run.state, "subset", run.scratch.pool)
        epochs = {
            part: getattr(self, f"{part}_epochs") if self.max_epochs is None else self.max_epochs
            for part in ("auxiliary", "positive", "negative")
        }
        stages = {"positive": Stage(epochs["positive"], scratch.known, self._target_loss)}
        if len(scratch.unknown):
            stages["auxiliary"] = Stage(
                epochs["auxiliary"], scratch.labeled, self._auxiliary_loss, self.auxiliary_batch_size
            )
        if len(scratch.pool):
            stages["negative"] = Stage(
                epochs["negative"], torch.cat([scratch.known, subset]), self._negative_loss
            )
        return [stages[part] for part in epochs if part in stages and (self._parts is None or part in self._parts)]

    def _start_epoch(self, run):
        if not len(run.scratch.pool):
            return
        before = sum(stage.epochs for stage in self._stages(run)[:-1])
        if run.epoch == before:
            self._prepare_negative(run)
        if run.epoch >= before and (run.epoch - before) % self.eval_every == 0:
            self._evaluate_negative(run)

    def _prepare_negative(self, run):
        """Choose the pool rows to evaluate and to train on, and start from the positive network."""
        state, pool = run.state, run.scratch.pool
        state.kept = pool
        if len(run.scratch.unknown):
            known = run.outputs(run.auxiliary_, pool).argmax(1) < run.n_outputs
            state.kept = pool[known] if known.any() else pool
        source = state.kept if self.filter_subset else pool
        chosen = torch.randperm(len(source), generator=run.generator)[: self.subset_size]
        state.subset = source[chosen.to(source.device)]
        run.negative_.load_state_dict(run.module_.state_dict())
        state.total, state.n_evaluations, state.watched, state.n_stable = 0.0, 0, None, 0

    def _evaluate_negative(self, run):
        state = run.state
        proba = run.outputs(run.negative_, state.kept, function=lambda X: run.negative_.both(X)[1].softmax(1))
        state.total, state.n_evaluations = state.total + proba.double(), state.n_evaluations + 1
        if not self.early_stop:
            return
        leading = (state.total / state.n_evaluations).topk(2, dim=1).values
        n_watched = max(1, int(_WATCHED * len(proba)))
        watched = (leading[:, 0] - leading[:, 1]).argsort(stable=True)[:n_watched].sort().values
        same = state.watched is not None and torch.equal(watched, state.watched)
        state.watched, state.n_stable = watched, state.n_stable + 1 if same else 0
        if state.n_stable >= _PATIENCE:
            run.max_epochs = run.epoch + 1

    def _auxiliary_loss(self, run, batch):
        return F.cross_entropy(run.auxiliary_(batch.X), batch.y, reduction="none")

    def _negative_loss(self, run, batch):
        complement = draw_complementary_labels(batch.y, n_classes=run.n_outputs, generator=run.generator)
        return complementary_loss(run.negative_.both(batch.X)[1], complement, floor=self.floor)

    def _unknown_proba(self, run, X):
        if self.n_unknown_ == 0:
            return 1 - self._row_proba(run, X).amax(1)
        return run.auxiliary_(X).double().softmax(1)[:, -1].to(run.dtype)

    def _known_score(self, run, X):
        # Summed, not subtracted from 1: a small share of known keeps its digits.
        if self.n_unknown_ == 0:
            return self._row_proba(run, X).amax(1)
        return run.auxiliary_(X).double().softmax(1)[:, :-1].sum(1).to(run.dtype)

    def _finish(self, run):
        fitted = super()._finish(run) | {"n_unknown_": len(run.scratch.unknown)}
        if len(run.scratch.pool):
            stopped = self.early_stop and run.state.n_stable >= _PATIENCE
            if not stopped and self._stages(run)[-1].epochs % self.eval_every == 0:
                self._evaluate_negative(run)
            shape = (len(run.data), run.n_outputs)
            proba = torch.full(shape, float("nan"), dtype=torch.float64, device=run.data.target.device)
            proba[run.state.kept] = run.state.total / run.state.n_evaluations
            fitted["negative_proba_"] = proba.cpu().numpy()
        return fitted


class BUAL(DetectorStrategy):
    """Rows that both a positive and a negative head find uncertain: known and hard.

    Plain uncertainty chooses useless rows, since rows of unknown classes are uncertain as well. A head trained on what
    rows are not is sure of those, and the share of known rows in the last batch decides how far the positive head is
    trusted. It has the best accuracy of the open-set strategies here, and trains one network on the pool at every call.

    Parameters
    ----------
    kind : {"margin", "least_confidence", "entropy"}, default="margin"
        Uncertainty of both heads.
    form : {"scaled", "raw"}, default="scaled"
        How they are combined: scaled over the pool and added as penalties, as in the published experiments, or as
        they are, as in the text of the paper.
    detector : BUALClassifier or None, default=None
        Fitted anew on the labeled rows when the learner's own estimator is no `BUALClassifier`.
    random_state : int or None, default=0
        Seed of the negative stage. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    With ``a`` the probability of unknown, ``u`` the uncertainties and ``r`` the share of known rows in the last batch
    (0 before the first): raw is ``a u_negative + r (1 - a) u_positive``; scaled is minus the same sum with confidences,
    each scaled to [0, 1]. While no unknown row is labeled ``u_negative + r u_positive``. Only rows that the auxiliary
    network takes for known are chosen while there are enough; then the least unknown ones follow. The call keyword
    ``detector=`` takes a fitted classifier in place of the learner's own.

    References
    ----------
    Zong et al., arXiv:2402.15198.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y = np.where(y == 2, -1, y)
    >>> learner = BUALClassifier(random_state=0).fit(X[:100:10], y[:100:10])
    >>> indices, scores = BUAL()(learner, X, n_instances=5, labeled=(X[:100:10], y[:100:10]))
    >>> indices.shape, bool((np.diff(scores) <= 0).all())
    ((5,), True)
    """

    _detector_class = BUALClassifier
    _parameter_constraints = DetectorStrategy._parameter_constraints | {
        "kind": [StrOptions(set(KINDS))],
        "form": [StrOptions({"scaled", "raw"})],
    }

    def __init__(self, *, kind="margin", form="scaled", detector=None, random_state=0, verbose=0):
        super().__init__(detector=detector, random_state=random_state, verbose=verbose)
        self.kind = kind
        self.form = form

    def _select(self, view, n_instances, *, detector=None):
        detector = self._find_detector(view, detector)
        X, y = view.require_labeled()
        negative = detector.negative_proba(X, y, view.pool(), random_state=view.seed(self.random_state))
        kept = np.flatnonzero(np.isfinite(negative[:, 0]))
        positive = view.map(detector.predict_proba)
        unknown = view.map(detector.predict_unknown_proba) if detector.n_unknown_ else None
        utility = self._utility(
            negative[kept], positive[kept], None if unknown is None else unknown[kept], self._feedback(view, detector)
        )
        order = top_k(utility, n_instances)
        picks, scores = kept[order], utility[order]
        if len(picks) < n_instances:
            both = np.column_stack([1 - unknown, unknown])
            rest = np.setdiff1d(predicted_known(both, n_instances=len(unknown)), picks)
            rest = rest[np.argsort(unknown[rest], kind="stable")][: n_instances - len(picks)]
            picks = np.append(picks, rest)
            scores = np.append(scores, np.full(len(rest), utility.min()))
        return picks, scores

    def _utility(self, negative, positive, unknown, known_rate):
        if self.form == "scaled":
            return bidirectional_uncertainty(negative, positive, unknown, known_rate=known_rate, kind=self.kind)
        most = 0.0 if self.kind == "entropy" else 1.0
        negative, positive = (most - confidence_score(proba, kind=self.kind) for proba in (negative, positive))
        if unknown is None:
            return negative + known_rate * positive
        return unknown * negative + known_rate * (1 - unknown) * positive
