"""The estimator behind every method: it checks, encodes, trains and predicts; methods add their idea."""

from functools import cache, partial

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skweak.engine.data import unlabeled_data
from skweak.fit import (
    TRAINING_CONSTRAINTS,
    Fit,
    Request,
    check_inputs,
    check_spelled,
    find_preset,
    is_spelling,
    merge_parameters,
    refuse_facts,
    take_spelled,
    unchanged_on_failure,
)
from skweak.fit.frames import Framed
from skweak.fit.side import show_facts
from skweak.fit.stream import Streamed
from skweak.labels import UNLABELED, find_kind
from skweak.nn import MLP
from skweak.nn.build import features_and_logits
from skweak.storage.versions import read_stamped, stamp


class WeakClassifier(Streamed, Framed, ClassifierMixin, BaseEstimator):
    """Base of all estimators: a torch network trained on imperfect labels behind the scikit-learn interface.

    Every estimator has the parameters below and the spellings ``module__x`` (argument of the network), ``optimizer__x``
    (of the optimizer) and ``callbacks__name__x`` (attribute of a callback).

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network. "auto" is `skweak.nn.MLP` for tables and `skweak.nn.ResNet` for images (n, C, H, W). The MLP begins
        with a fixed layer that scales the columns robustly (`skweak.nn.InputScaling`), so that units and outliers do
        not matter; ``module__scale_inputs=False`` leaves it out. A class or factory is called with those of
        ``n_features``, ``n_channels`` and ``n_outputs`` that its signature names; an instance is copied at every fit.
    optimizer : "auto" or torch.optim class, default="auto"
        "auto" is SGD with momentum 0.9 and weight decay 5e-4.
    lr : float > 0, default=0.05
        Learning rate. Too large diverges (`skweak.engine.DivergenceError`), too small does not learn in time.
    max_epochs : int >= 1, default=60
        Passes over the data. Plain losses remember wrong labels when there are many.
    batch_size : int >= 1, default=64
        Rows per step; larger batches give fewer and smoother steps.
    device : str, default="auto"
        "auto" is a CUDA device where there is one.
    dtype : {"float32", "float64"}, default="float32"
        Floating point type of inputs, networks and predictions.
    augment : None, "weak", "strong", callable or pair of callables, default depends on the method
        Random views of each training batch: see `skweak.augment`.
    validation_fraction : float in [0, 1), default=0.0
        Share of the rows held out to record ``valid_loss`` each epoch, which EarlyStopping and Checkpoint need.
    classes : sequence or None, default=None
        All classes (or names of the columns of ``y``); by default those found in ``y``.
    class_weight : None, "balanced" or dict, default=None
        Weights of the given classes in the loss, as in scikit-learn; only where rows have one class.
    callbacks : list or None, default=None
        skorch callbacks, instances or ``(name, instance)`` pairs.
    warm_start : bool, default=False
        Continue with the networks of the previous fit.
    amp : {"auto"} or bool, default="auto"
        Train in bfloat16 mixed precision; "auto" does so on CUDA devices only.
    compile : bool or {"reduce-overhead", "max-autotune"}, default=False
        Compile the networks with ``torch.compile``; a string is its mode: "reduce-overhead" helps small networks most.
    on_divergence : {"raise", "best"}, default="raise"
        When a loss or weight is not finite, raise `skweak.engine.DivergenceError`, or end training with a warning and
        the weights of the last epoch whose numbers were finite.
    checkpoint : path or None, default=None
        File that keeps the state of training. A fit that was killed goes on from it, with the same arguments to the
        same bits; a finished one is done at once, another one is refused.
    checkpoint_seconds : float >= 0, default=60
        Least time between two writings of it; 0 writes after every epoch.
    n_threads : int or None, default=None
        CPU threads; None takes one for small networks on tables and else the caller's. The last bits depend on it.
    random_state : int, RandomState or None, default=None
        The only source of randomness.
    verbose : int, default=0
        1 shows a progress bar, with the cross-entropy of up to 500 training rows from time to time.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    n_features_in_ : int
    net_ : skweak.engine.Trainer
        The skorch net; ``net_.history`` is skorch's.
    history_ : list of dict
        One entry per epoch.
    """

    _label_kind = "noisy"
    # Methods that draw their own views switch the base's augmentation off.
    _augments = True
    # Who weighs the classes: the weights of "rows", the "loss" by ``run.class_weight``, or None: nobody.
    _class_weighting, class_weight = "rows", None
    # Facts about rows that fit takes besides y, by name; see `skweak.fit.side`.
    _side_facts = {}
    # What callbacks may change, "target" and "weight", and whether targets may become probabilities; see
    # `skweak.engine.facts.Facts`.
    _changeable_facts, _takes_soft_targets = (), False
    # Fitted attributes with one entry per training row, and what a row held out for validation gets.
    _row_attributes = {"label_quality_": None, "noise_mask_": False, "transduction_": None, "candidate_weights_": None}

    _presets = {}
    _parameter_constraints = TRAINING_CONSTRAINTS

    def __init_subclass__(cls, **kwargs):
        # Before scikit-learn reads the signatures.
        show_facts(cls)
        super().__init_subclass__(**kwargs)
        merge_parameters(cls)

    def __init__(
        self, module="auto", *, optimizer="auto", lr=0.05, max_epochs=60, batch_size=64, device="auto",
        dtype="float32", augment=None, validation_fraction=0.0, classes=None, class_weight=None,
        callbacks=None, warm_start=False, amp="auto", compile=False, on_divergence="raise", checkpoint=None,
        checkpoint_seconds=60, n_threads=None, random_state=None, verbose=0, **spelled,
    ):  # fmt: skip
        self.module = module
        self.optimizer = optimizer
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.augment = augment
        self.validation_fraction = validation_fraction
        self.classes = classes
        if class_weight is not None or "class_weight" in self._get_param_names():
            self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.amp = amp
        self.compile = compile
        self.on_divergence = on_divergence
        self.checkpoint = checkpoint
        self.checkpoint_seconds = checkpoint_seconds
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose
        vars(self).update(check_spelled(self, spelled))

    @classmethod
    @cache
    def _get_param_names(cls):
        # Read from the signature once per class: constructors, clones and fits ask again and again.
        return super()._get_param_names()

    def get_params(self, deep=True):
        """Return the parameters, spellings such as ``module__hidden`` included."""
        return super().get_params(deep) | {name: value for name, value in vars(self).items() if is_spelling(name)}

    def set_params(self, **params):
        """Set parameters; an unknown name raises and names the parameter that was meant."""
        vars(self).update(take_spelled(self, params))
        return super().set_params(**params)

    def __getstate__(self):
        return stamp(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(read_stamped(self, state))

    def fit(self, X, y, **facts):
        """Train on ``X`` and its labels ``y``.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n, d), or images of shape (n, H, W) or (n, C, H, W)
            Floats, or unsigned bytes for images, scaled on the device. A memory map, or any object with a length and
            slices, of more than 256 MiB (`skweak.engine.streaming.BUFFER_BYTES`) is never copied whole: its rows are
            read in blocks and shuffled within half such a buffer, so write sorted rows in random order.
        y : array-like
            Labels in the format of this estimator; see `skweak.labels`.

        Returns
        -------
        self
        """
        return self._fit(X, y, **refuse_facts(self, facts))

    def _fit(self, X, y, **request):
        with unchanged_on_failure(self):
            return Fit(self, X, y, Request(**request)).run()

    def _encode(self, y, n_rows, classes=None):
        return self._kind.encode(
            y, n_rows=n_rows, classes=self.classes if classes is None else classes,
            owner=f"This {type(self).__name__}", markers=self._markers(),
        )  # fmt: skip

    @property
    def _kind(self):
        """The object that knows what ``y`` means."""
        return find_kind(self._label_kind)

    def _markers(self):
        names = {"unlabeled": None, "unknown_label": None, "missing": UNLABELED}
        return {name: getattr(self, name, default) for name, default in names.items()}

    def _final_proba(self, run, data):
        return run.evaluate(data, lambda rows: self._row_proba(run, rows))

    def _evaluate(self, X, function):
        check_is_fitted(self)
        X = check_inputs(self, X, dtype=self.dtype, reset=False)
        net = self.net_
        if tuple(X.shape[1:]) != tuple(net.input_shape):
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {type(self).__name__} was fitted on {net.input_shape}."
            )
        data = unlabeled_data(net, X)
        result = net.evaluate(data, function).cpu().numpy()
        if not np.isfinite(result).all():
            row = int(np.flatnonzero(~np.isfinite(result).reshape(len(result), -1).all(axis=1))[0])
            raise ValueError(
                f"X gives outputs that are not finite, first in row {row}: its values are too large for this network "
                f"({data.describe_scale()}); scale X as for fit."
            )
        return result

    def predict_proba(self, X):
        """Return probabilities (n, C), columns in the order of ``classes_``; of multi-label data (n, L)."""
        proba = self._evaluate(X, lambda rows: self._row_proba(self.net_, rows))
        return self._kind.shown_proba(proba, self._flat_y)

    def predict_log_proba(self, X):
        """Return the natural logarithm of `predict_proba`; minus infinity of a probability that is zero."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Return the predicted labels (n,), or (n, L) of 0 and 1 by ``thresholds_``."""
        proba, thresholds = self.predict_proba(X), getattr(self, "thresholds_", 0.5)
        return self._kind.predict(proba, self.classes_, self._flat_y, thresholds)

    def embed(self, X):
        """Return the embedding (n, d): the input of the network's last linear layer."""
        return self._evaluate(X, lambda rows: features_and_logits(self.net_.module_, rows)[0])

    def score(self, X, y, sample_weight=None):
        """Return the share of correct predictions that ``y`` can judge; see `skweak.labels.score_labels`."""
        return self._kind.score(
            y, self.predict(X), classes=self.classes_, markers=self._markers(), sample_weight=sample_weight
        )

    def _check_labels(self, labels, trusted):
        """Raise where parameters and labels do not fit together."""

    def _networks(self, make):
        """Return the networks by name; the first is called ``module``."""
        return {"module": make()}

    def _rebuild_networks(self, make, shapes):
        """Return the networks of a saved fit without its data; ``shapes`` are those of the saved tensors by name."""
        return self._networks(make)

    def _optimizers(self, run):
        """Return the optimizers by name; the first is called ``optimizer``."""
        return {"optimizer": run.default_optimizer()}

    def _start(self, run):
        """Prepare ``run.state`` before the first epoch."""

    def _start_epoch(self, run):
        """Prepare an epoch: splits, weights."""

    def _batches(self, run, batches):
        """Return an iterable with a length that yields what ``_loss`` understands."""
        return batches

    def _loss(self, run, batch):
        """Return per-example losses (n,), or one scalar."""
        raise NotImplementedError

    def _train_step(self, run, batch):
        """Take one step and return the detached loss."""
        if self._augments and self.augment is not None:
            batch = batch._replace(X=run.views.weak(batch.X))
        return run.train_step(batch)

    def _end_step(self, run):
        """Act after every optimizer step."""

    def _end_epoch(self, run):
        """Act after the last step of an epoch."""

    def _logits(self, run, X):
        """Return the logits that predictions are made of."""
        return run.module_(X)

    def _proba(self, logits):
        """Return the probabilities that belong to logits."""
        return self._kind.proba(logits)

    def _row_proba(self, run, X):
        # In double precision, so that a row's result does not depend on its place in the batch.
        return self._proba(self._logits(run, X).double()).to(run.dtype)

    def _finish(self, run):
        """Return the fitted attributes of the method."""
        if not self._kind.judges_given:
            return {}

        def judge(batch):
            # Batch by batch: the probabilities of all rows are several times what is kept of them.
            proba = self._row_proba(run, batch.X)
            return torch.from_numpy(self._kind.judge_rows(proba, batch.y)["label_quality_"])

        return {"label_quality_": run.evaluate_batches(run.data, judge).numpy()}

    def _held_out_loss(self, proba, target, **weights):
        """Return the mean negative log-probability of what the held-out labels say."""
        return self._kind.held_out_loss(proba, target, **weights)

    @classmethod
    def preset(cls, name):
        """Return the parameters of a published table as a dictionary, for ``cls(**cls.preset(name))``.

        Our defaults suit tables of any scaling; these are the settings of the paper's images.
        """
        return find_preset(cls, name)

    @classmethod
    def _test_params(cls):
        """Return constructor arguments of a small, fast instance for generated checks."""
        small = {"module": partial(MLP, hidden=(16,)), "max_epochs": 20, "batch_size": 16}
        # Weights equal repeated rows only without mini-batches and rounding.
        exact = {"batch_size": 1000, "dtype": "float64", "max_epochs": 60}
        return small | exact if has_fit_parameter(cls, "sample_weight") else small

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        self._kind.set_tags(tags)
        return tags


merge_parameters(WeakClassifier)
