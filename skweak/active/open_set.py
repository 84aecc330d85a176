"""What the classifiers of open-set active learning share: networks trained one after the other, and feedback."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted
from torch.nn import functional as F

from skweak.active.answers import NO_MARKER, is_marked
from skweak.active.base import SEED, QueryStrategy
from skweak.base import WeakClassifier
from skweak.labels import encode_labels
from skweak.labels.markers import read_labels

_MARKER = [None, Real, str]


class Stage(NamedTuple):
    """Epochs on some of the rows with a loss of their own."""

    epochs: int
    rows: object
    loss: callable
    batch_size: int | None = None


class OpenSetClassifier(WeakClassifier):
    """Base of the classifiers that learn known classes and tell rows of other classes from them.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network of each part.
    known_classes : sequence or None, default=None
        The known classes, by default those found in ``y``; needed when a class may have no labeled row yet.
    unknown_label : scalar or None, default=-1
        Label of rows that were looked at and belong to no known class.
    unlabeled : scalar or None, default=None
        Label of rows that were not looked at, such as those of the pool; None when there are none.
    max_epochs : int >= 1, default=100
        Passes of each network over its rows.
    batch_size : int >= 1, default=32
        Rows per step.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.
    """

    _label_kind = "open"
    _feedback_name = None
    _feedback_start = None
    _parameter_constraints = {
        "known_classes": [None, "array-like"],
        "unknown_label": _MARKER,
        "unlabeled": _MARKER,
    }

    def __init__(
        self, module="auto", *, known_classes=None, unknown_label=-1, unlabeled=None, max_epochs=100, batch_size=32,
        **training,
    ):  # fmt: skip
        super().__init__(module, max_epochs=max_epochs, batch_size=batch_size, **training)
        self.known_classes = known_classes
        self.unknown_label = unknown_label
        self.unlabeled = unlabeled

    def predict_unknown_proba(self, X):
        """Return the probability (n,) that each row belongs to none of the known classes."""
        return self._evaluate(X, lambda rows: self._unknown_proba(self.net_, rows))

    def score_samples(self, X):
        """Return the evidence (n,) that each row belongs to a known class; larger = more clearly known."""
        return self._evaluate(X, lambda rows: self._known_score(self.net_, rows))

    def update(self, y):
        """Take the answers ``y`` of the batch that was bought last into account; return the estimator.

        Only needed outside of an active learner, which remembers its batches.
        """
        check_is_fitted(self)
        if self._feedback_name is not None:
            state = self.feedback([read_labels(y)], getattr(self, self._feedback_name))
            setattr(self, self._feedback_name, state)
        return self

    def feedback(self, batches, state=None):
        """Return the feedback after several batches of answers, from ``state`` or from the start."""
        state = self._feedback_start if state is None else state
        for answers in batches:
            state = self._adapt(state, float(np.mean(~is_marked(read_labels(answers), self.unknown_label))))
        return state

    def encode_answers(self, y):
        """Return the code of every label: that of a known class, C for unknown, -1 for unlabeled."""
        y = read_labels(y)
        codes = np.full(len(y), -1)
        seen = ~is_marked(y, NO_MARKER if self.unlabeled is None else self.unlabeled)
        codes[seen] = encode_labels(
            y[seen], "open", classes=self.classes_, unknown_label=self.unknown_label, owner=type(self).__name__
        ).target
        return codes

    def _adapt(self, state, precision):
        """Return the feedback after a batch with this share of known rows."""
        return state

    def _encode(self, y, n_rows, classes=None):
        if self.known_classes is not None and self.classes is not None:
            raise ValueError("known_classes and classes both name the known classes; give one of them.")
        named = self.known_classes if self.classes is None else self.classes
        return super()._encode(y, n_rows, named if classes is None else classes)

    def _stages(self, run):
        """Return the stages of a fit in their order."""
        raise NotImplementedError

    def _stage(self, run):
        done = run.epoch
        for stage in self._stages(run):
            if done < stage.epochs:
                return stage
            done -= stage.epochs
        return stage

    def _start(self, run):
        target, scratch = run.data.target, run.scratch
        scratch.known = ((target >= 0) & (target < run.n_outputs)).nonzero()[:, 0]
        scratch.unknown = (target == run.n_outputs).nonzero()[:, 0]
        scratch.labeled = (target >= 0).nonzero()[:, 0]
        scratch.pool = (target < 0).nonzero()[:, 0]
        run.max_epochs = sum(stage.epochs for stage in self._stages(run))

    def _batches(self, run, batches):
        stage = self._stage(run)
        return batches.restrict(stage.rows, **({} if stage.batch_size is None else {"batch_size": stage.batch_size}))

    def _loss(self, run, batch):
        return self._stage(run).loss(run, batch)

    def _target_loss(self, run, batch):
        return F.cross_entropy(run.module_(batch.X), batch.y, reduction="none")

    def _unknown_proba(self, run, X):
        raise NotImplementedError

    def _known_score(self, run, X):
        return 1 - self._unknown_proba(run, X)

    def _finish(self, run):
        return {} if self._feedback_name is None else {self._feedback_name: self._feedback_start}

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"unknown_label": None}


class DetectorStrategy(QueryStrategy):
    """Base of the strategies that need a classifier of a certain kind.

    They take the learner's own estimator when it is of that kind. Otherwise they fit a clone of ``detector`` on the
    labeled rows, inside the call.
    """

    _detector_class = OpenSetClassifier
    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "detector": [None, HasMethods(["fit"])],
        "random_state": SEED,
    }

    def __init__(self, *, detector=None, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.detector = detector
        self.random_state = random_state

    def _find_detector(self, view, given):
        wanted = self._detector_class
        for detector in (given, self.detector):
            if detector is not None and not isinstance(detector, wanted):
                raise TypeError(
                    f"{view.owner} needs a {wanted.__name__} as detector, got {type(detector).__name__}."
                )
        if given is not None:
            check_is_fitted(given)
            return given
        if isinstance(view.estimator, wanted):
            check_is_fitted(view.estimator)
            return view.estimator
        detector = wanted() if self.detector is None else clone(self.detector)
        return detector.set_params(random_state=view.seed(self.random_state)).fit(*view.require_labeled())

    def _feedback(self, view, detector):
        """Return the feedback of the batches bought so far, else what the detector was told."""
        bought = view.bought
        return getattr(detector, detector._feedback_name) if bought is None else detector.feedback(bought)

    @classmethod
    def _test_params(cls):
        return {"detector": cls._detector_class(**cls._detector_class._test_params() | {"unknown_label": -1})}
