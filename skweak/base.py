"""The estimator behind every method: checks, encodes, trains, predicts. A method adds its networks, batches and loss."""

import copy
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, has_fit_parameter
from torch.nn import functional as F

from skweak.augment import make_views
from skweak.engine import TensorData, Trainer
from skweak.engine.seeding import draw_seed, seeded
from skweak.inputs import check_inputs, check_trusted
from skweak.labels import encode_labels, score_labels
from skweak.nn import MLP
from skweak.nn.build import build, check_network, features_and_logits, reinitialise
from skweak.params import is_spelling, merge_signatures, refuse_booleans, spellings


class WeakClassifier(ClassifierMixin, BaseEstimator):
    """Base of all estimators: a torch network trained on imperfect labels behind the scikit-learn interface.

    The parameters below are shared by every estimator of the package, as are the spellings ``module__x`` (argument of
    the network), ``optimizer__x`` (argument of the optimizer) and ``callbacks__name__x`` (attribute of a callback).

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network. "auto" is `skweak.nn.MLP` for tables and `skweak.nn.ResNet` for images (n, C, H, W). A class or
        factory is called with those of ``n_features``, ``n_channels`` and ``n_outputs`` that its signature names; an
        instance is copied at every fit.
    optimizer : "auto" or torch.optim.Optimizer class, default="auto"
        "auto" is SGD with momentum 0.9 and weight decay 5e-4.
    lr : float > 0, default=0.05
        Learning rate. Too large diverges (`skweak.engine.DivergenceError`), too small does not learn in time.
    max_epochs : int >= 1, default=60
        Passes over the data. Plain losses remember wrong labels when there are many.
    batch_size : int >= 1, default=64
        Rows per step; larger batches give fewer and smoother steps.
    device : str, default="auto"
        "auto" is a CUDA device if there is one, else the CPU.
    dtype : {"float32", "float64"}, default="float32"
        Floating point type of inputs, networks and predictions.
    augment : None, "weak", callable or pair of callables, default depends on the method
        Random views of each training batch: see `skweak.augment`.
    validation_fraction : float in [0, 1), default=0.0
        Share of the rows held out to record ``valid_loss`` each epoch, which EarlyStopping and Checkpoint need.
    classes : sequence or None, default=None
        All classes (or names of the columns of ``y``); by default those found in ``y``.
    callbacks : list or None, default=None
        skorch callbacks, instances or ``(name, instance)`` pairs.
    warm_start : bool, default=False
        Continue with the networks of the previous fit.
    amp : {"auto"} or bool, default="auto"
        Train in bfloat16 mixed precision; "auto" does so on CUDA devices only.
    compile : bool, default=False
        Compile the networks with ``torch.compile``.
    n_threads : int or None, default=None
        CPU threads of the training; None takes one for small networks on tables and the caller's number otherwise. The
        last bits of the result depend on it.
    random_state : int, RandomState or None, default=None
        The only source of randomness.
    verbose : int, default=0
        1 shows one progress bar.

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
    _supports_partial_fit = False
    # Fitted attributes with one entry per training row, and what a row held out for validation gets.
    _row_attributes = {"label_quality_": None, "noise_mask_": False, "transduction_": None}

    _parameter_constraints = {
        "module": [StrOptions({"auto"}), callable],
        "optimizer": [StrOptions({"auto"}), type],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "dtype": [StrOptions({"float32", "float64"})],
        "augment": [None, StrOptions({"weak"}), callable, tuple],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "classes": [None, "array-like"],
        "callbacks": [None, list],
        "warm_start": ["boolean"],
        "amp": [StrOptions({"auto"}), "boolean"],
        "compile": ["boolean"],
        "n_threads": [None, Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        merge_signatures(cls)
        cls._parameter_constraints = {
            name: rule
            for base in reversed(cls.__mro__)
            for name, rule in vars(base).get("_parameter_constraints", {}).items()
        }

    def __init__(
        self, module="auto", *, optimizer="auto", lr=0.05, max_epochs=60, batch_size=64, device="auto", dtype="float32",
        augment=None, validation_fraction=0.0, classes=None, callbacks=None, warm_start=False, amp="auto", compile=False,
        n_threads=None, random_state=None, verbose=0, **spelled,
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
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.amp = amp
        self.compile = compile
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose
        for name in spelled:
            if not is_spelling(name):
                raise TypeError(f"{type(self).__name__} got an unexpected parameter {name!r}; see get_params().")
        vars(self).update(spelled)

    # Parameters ----------------------------------------------------------------------------------------------------

    def get_params(self, deep=True):
        """Return the parameters, spellings such as ``module__hidden`` included."""
        return super().get_params(deep) | {name: value for name, value in vars(self).items() if is_spelling(name)}

    def set_params(self, **params):
        """Set parameters; an unknown name raises."""
        vars(self).update({name: params.pop(name) for name in list(params) if is_spelling(name)})
        return super().set_params(**params)

    def _check_parameters(self):
        self._validate_params()
        refuse_booleans(self, self._parameter_constraints)
        if not isinstance(self.optimizer, str) and not issubclass(self.optimizer, torch.optim.Optimizer):
            raise ValueError(
                f"The 'optimizer' parameter must be 'auto' or a torch.optim class, got {self.optimizer!r}."
            )
        if isinstance(self.random_state, Integral) and not 0 <= self.random_state < 2**32:
            raise ValueError(f"The 'random_state' parameter must be in [0, 2**32), got {self.random_state!r}.")

    def _find_device(self):
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            device = torch.device(self.device)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ValueError(f"The 'device' parameter is {self.device!r}, which is not there: {error}") from error
        return device

    # Fitting -------------------------------------------------------------------------------------------------------

    def fit(self, X, y):
        """Train on ``X`` and its labels ``y``.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n, d), or images of shape (n, H, W) or (n, C, H, W)
            Floats, or unsigned bytes for images, which are scaled on the device.
        y : array-like
            Labels in the format of this estimator; see `skweak.labels`.

        Returns
        -------
        self
        """
        return self._fit(X, y)

    @available_if(lambda self: self._supports_partial_fit)
    def partial_fit(self, X, y, classes=None):
        """Train one more pass over the rows given; the first call names all ``classes`` or finds them in ``y``."""
        fitted = hasattr(self, "net_")
        known = self.classes_ if fitted else (self.classes if classes is None else classes)
        if fitted and classes is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(f"classes={list(classes)!r} differs from the first call's {self.classes_.tolist()!r}.")
        return self._fit(X, y, classes=known, epochs=1, previous=self.net_ if fitted else None, keep=True)

    def _fit(
        self, X, y, *, sample_weight=None, trusted=None, side=None, classes=None, epochs=None, previous=None, keep=None
    ):
        before = dict(vars(self))
        try:
            return self._fit_checked(X, y, sample_weight, trusted, side, classes, epochs, previous, keep)
        except BaseException:
            # A failed fit leaves the estimator as it was.
            vars(self).clear()
            vars(self).update(before)
            raise

    def _fit_checked(self, X, y, sample_weight, trusted, side, classes, epochs, previous, keep):
        self._check_parameters()
        device = self._find_device()
        if self.warm_start and hasattr(self, "net_"):
            previous, keep = self.net_, True
        X = check_inputs(self, X, dtype=self.dtype, reset=previous is None)
        labels = self._encode(y, len(X) if isinstance(X, np.ndarray) else X.shape[0], classes)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        trusted = check_trusted(trusted, X.shape[0])
        self._check_labels(labels, trusted)
        net = self._make_net(device, X, labels, epochs, previous)
        with seeded(draw_seed(self.random_state), device) as (net.generator, net.numpy_random):
            rows, held_out = self._split_rows(labels, sample_weight, net)
            data = self._tensor_data(X, labels, rows, device, sample_weight, trusted, side)
            valid = None if held_out is None else self._tensor_data(X, labels, held_out, device, None, None, None)
            net.views = make_views(self.augment, data)
            try:
                net.train(self, data, valid)
                net.set_training(False)
                fitted = self._complete_rows(net, self._finish(net), X, labels, rows)
            finally:
                net.views = None
                net.release(keep_state=self.warm_start or bool(keep))
        history = [{k: v for k, v in row.items() if k != "batches"} for row in net.history]
        fitted |= {"classes_": labels.classes, "net_": net, "history_": history, "_flat_y": labels.flat}
        vars(self).update(fitted)
        return self

    def _encode(self, y, n_rows, classes=None):
        return encode_labels(
            y, self._label_kind, n_rows=n_rows, classes=self.classes if classes is None else classes,
            owner=f"This {type(self).__name__}", **self._markers(),
        )  # fmt: skip

    def _markers(self):
        return {name: getattr(self, name) for name in ("unlabeled", "unknown_label", "missing") if hasattr(self, name)}

    def _make_net(self, device, X, labels, epochs, previous):
        amp = device.type == "cuda" if self.amp == "auto" else self.amp
        epochs = self.max_epochs if epochs is None else epochs
        if previous is not None:
            if previous.n_outputs != labels.n_outputs:
                raise ValueError(
                    f"warm start needs the {previous.n_outputs} outputs of the last fit, got {labels.n_outputs}."
                )
            net = copy.deepcopy(previous)
            net.max_epochs, net.verbose = epochs, self.verbose
            return net
        if self.optimizer == "auto":
            optimizer, settings = torch.optim.SGD, {"optimizer__momentum": 0.9, "optimizer__weight_decay": 5e-4}
        else:
            optimizer, settings = self.optimizer, {}
        settings |= {f"optimizer__{name}": value for name, value in spellings(self, "optimizer__").items()}
        settings |= {f"callbacks__{name}": value for name, value in spellings(self, "callbacks__").items()}
        net = Trainer(
            optimizer=optimizer, lr=self.lr, max_epochs=epochs, batch_size=self.batch_size, device=str(device),
            callbacks=[_fresh_callback(callback) for callback in self.callbacks or []], verbose=self.verbose,
            compile=self.compile, dtype=getattr(torch, self.dtype), autocast=torch.bfloat16 if amp else None,
            n_threads=self.n_threads, **settings,
        )  # fmt: skip
        net.input_shape, net.n_outputs = X.shape[1:], labels.n_outputs
        return net

    def _network_maker(self, run):
        """Return ``make(n_outputs=None)``: each call builds one more network, the second and later drawn anew."""
        made = []

        # A method that measures its backbone needs the shape of a row.
        def make(n_outputs=None):
            width = run.n_outputs if n_outputs is None else n_outputs
            network = build(self.module, spellings(self, "module__"), input_shape=run.input_shape, n_outputs=width)
            network = network.to(run.dtype)
            if not made:
                check_network(network, run.input_shape, width, run.dtype)
            elif isinstance(self.module, torch.nn.Module):
                reinitialise(network)
            made.append(network)
            return network

        make.input_shape = run.input_shape
        return make

    def _split_rows(self, labels, sample_weight, run):
        """Return the positions of the training rows and of the held-out rows (None without a split)."""
        n_rows = len(labels.target)
        rows = np.arange(n_rows) if sample_weight is None else np.flatnonzero(sample_weight > 0)
        if not len(rows):
            raise ValueError("sample_weight is zero for every row; give at least one row a positive weight.")
        if not self.validation_fraction:
            return rows, None
        order = run.numpy_random.permutation(rows)
        n_held_out = max(1, round(self.validation_fraction * len(order)))
        if n_held_out >= len(order):
            raise ValueError(
                f"validation_fraction={self.validation_fraction} leaves no row of {len(order)} to train on."
            )
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

    def _tensor_data(self, X, labels, rows, device, sample_weight, trusted, side):
        # Fancy indexing copies, so the whole set is taken as it is.
        pick = (lambda a: a) if len(rows) == X.shape[0] else (lambda a: None if a is None else a[rows])
        return TensorData(
            pick(X), pick(labels.target), weight=pick(sample_weight), trusted=pick(trusted),
            side={name: pick(value) for name, value in (side or {}).items()},
            dtype=getattr(torch, self.dtype), device=device,
        )  # fmt: skip

    def _complete_rows(self, run, fitted, X, labels, rows):
        """Give the rows that did not train their entry in every per-row attribute."""
        if "transduction_" in fitted:
            fitted["transduction_"] = labels.classes[fitted["transduction_"]]
        n_rows = len(labels.target)
        if len(rows) == n_rows:
            return fitted
        everything = self._tensor_data(X, labels, np.arange(n_rows), run.data.device, None, None, None)
        for name in self._row_attributes:
            if name not in fitted or len(fitted[name]) != len(rows):
                continue
            if name == "label_quality_":
                full = self._given_proba(run, everything)
            elif name == "transduction_":
                full = labels.classes[labels.target]
            else:
                full = np.full(n_rows, self._row_attributes[name])
            full[rows] = fitted[name]
            fitted[name] = full
        return fitted

    def _given_proba(self, run, data):
        """Return the final probability of each row's given label."""
        proba = run.evaluate(data, lambda rows: self._row_proba(run, rows))
        return proba.gather(1, data.target[:, None])[:, 0].float().cpu().numpy()

    # Predicting ----------------------------------------------------------------------------------------------------

    def _evaluate(self, X, function):
        check_is_fitted(self)
        X = check_inputs(self, X, dtype=self.dtype, reset=False)
        net = self.net_
        if tuple(X.shape[1:]) != tuple(net.input_shape):
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {type(self).__name__} was fitted on {net.input_shape}."
            )
        data = TensorData(X, np.zeros(X.shape[0]), dtype=net.dtype, device=net.device)
        return net.evaluate(data, function).cpu().numpy()

    def predict_proba(self, X):
        """Return class probabilities (n, C), columns in the order of ``classes_``."""
        return self._evaluate(X, lambda rows: self._row_proba(self.net_, rows))

    def predict(self, X):
        """Return the predicted labels (n,)."""
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def embed(self, X):
        """Return the embedding (n, d): the input of the network's last linear layer."""
        return self._evaluate(X, lambda rows: features_and_logits(self.net_.module_, rows)[0])

    def score(self, X, y, sample_weight=None):
        """Return the share of correct predictions that ``y`` can judge; see `skweak.labels.score_labels`."""
        return score_labels(
            y, self.predict(X), self._label_kind, classes=self.classes_, sample_weight=sample_weight, **self._markers()
        )

    # Hooks of a method ---------------------------------------------------------------------------------------------

    def _check_labels(self, labels, trusted):
        """Raise where parameters and labels do not fit together."""

    def _networks(self, make):
        """Return the networks by name; the first is called ``module``."""
        return {"module": make()}

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
        return logits.softmax(1)

    def _row_proba(self, run, X):
        # In double precision, so that a row's result does not depend on its place in the batch.
        return self._proba(self._logits(run, X).double()).to(run.dtype)

    def _finish(self, run):
        """Return the fitted attributes of the method."""
        return {"label_quality_": self._given_proba(run, run.data)}

    def _held_out_loss(self, proba, target):
        """Return the mean negative log-probability of what the held-out labels say."""
        return F.nll_loss(proba.clamp_min(torch.finfo(proba.dtype).tiny).log(), target)

    @classmethod
    def _test_params(cls):
        """Return constructor arguments of a small, fast instance for generated checks."""
        small = {"module": partial(MLP, hidden=(16,)), "max_epochs": 20, "batch_size": 16}
        # Weights equal repeated rows only without mini-batches and rounding.
        exact = (
            {"batch_size": 1000, "dtype": "float64", "max_epochs": 60}
            if has_fit_parameter(cls, "sample_weight")
            else {}
        )
        return small | exact

    # scikit-learn --------------------------------------------------------------------------------------------------

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.non_deterministic = False
        return tags


def _fresh_callback(callback):
    """Return a callback whose state can change without touching the parameter it came from."""
    if isinstance(callback, tuple):
        return (callback[0], _fresh_callback(callback[1]))
    return callback if isinstance(callback, type) else copy.copy(callback)
