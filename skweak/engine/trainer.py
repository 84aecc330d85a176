"""The training loop: a skorch net whose networks, batches and losses come from a method."""

import inspect
from contextlib import nullcontext
from types import SimpleNamespace

import torch
from skorch import NeuralNet
from skorch.callbacks import EpochTimer

from skweak.engine.checkpoint import NoCheckpoint
from skweak.engine.data import TensorBatches, evaluation_batches, join, unlabeled_data
from skweak.engine.divergence import RaiseDivergence
from skweak.engine.economy import full_precision_logits
from skweak.engine.errors import DivergenceError, explain, first_not_finite
from skweak.engine.facts import Facts, weighted_mean
from skweak.engine.listeners import check_monitors, notify_begin, someone_listens, stopped_early, without_shapes
from skweak.engine.optimizers import clear_gradients, make_optimizer, step, wants_closure
from skweak.engine.progress import progress_bar, show_epoch
from skweak.engine.recording import StepValues, record_epoch, record_held_out_loss
from skweak.engine.repeat import StepClosure
from skweak.engine.seeding import Seeding
from skweak.engine.sparse_rows import lay_out_columns, sparse_batches
from skweak.engine.state import load_training_state, training_state


class Trainer(NeuralNet):
    """Trains the networks of a method and keeps them for prediction.

    A method is any object with the hooks ``_networks``, ``_batches``, ``_loss``, ``_start``, ``_start_epoch``,
    ``_end_step``, ``_end_epoch``, ``_optimizers``, ``_train_step`` and ``_logits``; `skweak.base.WeakClassifier` has
    defaults for all of them. In the hooks this object is called ``run``.

    Attributes
    ----------
    module_, ... : torch.nn.Module
        The networks, under the names the method gave them with an underscore.
    optimizer_ : torch.optim.Optimizer
    history : skorch.history.History
        One row per epoch.
    state : types.SimpleNamespace
        What a method keeps between steps: tensors, memories, averages, plain numbers. Part of `state_dict`.
    scratch : types.SimpleNamespace
        What a method needs during this fit only. No part of `state_dict`.
    data, facts : TensorData, skweak.engine.facts.Facts
        Training set, and the door to what is known of its rows; only during a fit.
    generator, numpy_random : torch.Generator, numpy.random.RandomState
        Random numbers of this fit.
    epoch : int
        Epochs finished.
    checkpoint, divergence, seeding : object
        Parts of the `skweak.fit.Fit` at work: who keeps the state, what is not finite, and how many threads.
    """

    def __init__(self, *, optimizer, lr, max_epochs, batch_size, device, callbacks=None, verbose=0, compile=False,
                 dtype=torch.float32, autocast=None, **kwargs):  # fmt: skip
        super().__init__(
            module=None, criterion=None, optimizer=optimizer, lr=lr, max_epochs=max_epochs, batch_size=batch_size,
            train_split=None, callbacks=callbacks, verbose=verbose, device=device, compile=compile,
            use_caching=False, dataset=None, **kwargs,
        )  # fmt: skip
        self.dtype, self.autocast = dtype, autocast
        self.cuda_dependent_attributes_ = [*self.cuda_dependent_attributes_, "state"]
        self.method = self.data = self.facts = self.resume_from = self.class_weight = None
        self.checkpoint, self.divergence, self.seeding = NoCheckpoint(), RaiseDivergence(), Seeding()
        self.state, self.scratch, self.epoch, self.batch, self.n_batches = SimpleNamespace(), SimpleNamespace(), 0, 0, 0

    def get_default_callbacks(self):
        """Return the one callback of every fit."""
        return [("epoch_timer", EpochTimer())]

    def initialize_criterion(self):
        """Set an empty criterion, since Checkpoint saves one: the loss belongs to the method."""
        self.criterion_ = torch.nn.Module()
        return self

    def initialize_module(self):
        """Set the networks that the method names."""
        for name, network in self.networks.items():
            setattr(self, f"{name}_", self.lay_out(network))
        self.networks = None
        return self

    def lay_out(self, network):
        """Return a network in the type of this fit and in the memory layout that suits its inputs."""
        layout = torch.channels_last if len(self.input_shape) == 3 else torch.preserve_format
        network = network.to(dtype=self.dtype, memory_format=layout)
        return lay_out_columns(network, self.input_shape[0]) if sparse_batches(self.data) else network

    def torch_compile(self, module, name):
        """Compile in place, so that class, parameter names and pickles stay those of the network."""
        if self.compile:
            module.compile(mode=None if self.compile is True else self.compile)
        return module

    def initialize_optimizer(self, triggered_directly=None):
        """Set the optimizers that the method names."""
        for name, optimizer in self.method._optimizers(self).items():
            setattr(self, f"{name}_", optimizer)
        return self

    def default_optimizer(self, parameters=None):
        """Return the user's optimizer over ``(name, parameter)`` pairs, by default every trainable one."""
        named = [(n, p) for n, p in parameters or self.get_all_learnable_params() if p.requires_grad]
        args, kwargs = self.get_params_for_optimizer("optimizer", named)
        return make_optimizer(self.optimizer, args, kwargs)

    def _get_param_names(self):
        # What skorch asks for, and the spellings: the data and the method are no parameters of the net.
        known = inspect.signature(NeuralNet.__init__).parameters
        return [name for name in vars(self) if name in known or "__" in name]

    def set_params(self, **kwargs):
        """Set parameters, apart from a shape that the networks know already."""
        return super().set_params(**without_shapes(self, kwargs))

    def train(self, method, make, data, held_out=None):
        """Train ``method`` for ``max_epochs`` on ``data``; on ``held_out`` record ``valid_loss``.

        ``make`` builds one network and is handed to the method.
        """
        self.method, self.data, self.facts = method, data, Facts(data, method, self.n_outputs)
        self.epoch = self.batch = 0
        if not self.initialized_:
            self.networks = method._networks(make)
            self.initialize()
        elif any(getattr(self, f"{name}_") is None for name in self._optimizers):
            # Nothing but networks was kept, so the method starts with a state of its own.
            self._initialize_optimizer()
            self.state = SimpleNamespace()
        self.seeding.use_threads(self)
        batches = TensorBatches(data, self.batch_size, generator=self.generator)
        check_monitors(self, held_out)
        method._start(self)
        notify_begin(self)
        if self.resume_from is not None:
            load_training_state(self, self.resume_from)
            self.resume_from = None
        finished = self.checkpoint.resume(self)
        self.divergence.begin(self)
        hooks = full_precision_logits(self)
        try:
            if not finished:
                self.fit_loop(batches, held_out)
        except Exception as error:
            told = explain(self, error)
            if told is None:
                raise
            if not isinstance(told, DivergenceError):
                raise told from error
            self.divergence.recover(self, told)
        except KeyboardInterrupt:
            if not stopped_early(self):
                self.checkpoint.interrupt()
                raise
        finally:
            for hook in hooks:
                hook.remove()
        self.checkpoint.finish(self)
        self.notify("on_train_end", X=None, y=None)
        broken = first_not_finite(self)
        if broken is not None:
            self.divergence.recover(self, DivergenceError.at(self, None, broken))
        return self

    def fit_loop(self, X, y=None, epochs=None, **_):
        """Run the epochs over the batches ``X``; ``y`` is the held-out `TensorData` or None."""
        batches, held_out = X, y
        data_sets = {"dataset_train": self.data, "dataset_valid": held_out}
        self.notifies_gradients = someone_listens(self, "on_grad_computed")
        self.evaluates_itself = any(wants_closure(type(getattr(self, f"{name}_"))) for name in self._optimizers)
        notifies_batches = someone_listens(self, "on_batch_begin") or someone_listens(self, "on_batch_end")
        with progress_bar(self) as bar:
            while self.epoch < self.max_epochs:
                self.notify("on_epoch_begin", **data_sets)
                self.batch = 0
                self.method._start_epoch(self)
                self.run_single_epoch(self.method._batches(self, batches), True, "train", notifies_batches)
                self.method._end_epoch(self)
                self.epoch, self.batch = self.epoch + 1, 0
                if held_out is not None:
                    record_held_out_loss(self, held_out)
                self.divergence.end_epoch(self)
                self.notify("on_epoch_end", **data_sets)
                self.checkpoint.end_epoch(self)
                if bar is not None:
                    show_epoch(bar, self)
        return self

    def run_single_epoch(self, iterator, training, prefix, step_fn, **_):
        """Train on every batch of ``iterator``; ``step_fn`` tells whether somebody listens to single batches."""
        if iterator is None or not training:
            return
        notifies, method = step_fn, self.method
        self.parts, losses, counts = {}, StepValues(), []
        self.n_batches = len(iterator)
        self.set_training(True)
        for batch in iterator:
            if notifies:
                self.notify("on_batch_begin", batch=batch, training=True)
            loss = method._train_step(self, batch)
            losses.append(loss)
            if notifies:
                self.history.record_batch("train_loss", loss.item())
                self.notify("on_batch_end", batch=batch, training=True, loss=loss, y_pred=None)
            counts.append(len(batch.index) if hasattr(batch, "index") and hasattr(batch, "y") else 1)
            self.batch += 1
        if not counts:
            raise RuntimeError(
                f"{type(method).__name__} made no batch in epoch {self.epoch + 1}; its batches are empty."
            )
        record_epoch(self, prefix, losses, counts)

    def train_step(self, batch, **_):
        """Take one optimizer step on the method's loss of ``batch`` and return the detached mean loss."""
        if self.evaluates_itself:
            closure = StepClosure(self, batch)
            self.take_step(batch, closure)
            return closure.loss
        loss = self.backward(batch)
        self.take_step(batch)
        return loss

    def backward(self, batch):
        """Compute the gradients of the method's loss of ``batch`` and return its detached mean."""
        with self.autocast_context():
            losses = self.method._loss(self, batch)
            if self.data.weight is not None:
                losses = weighted_mean(losses, self.data.weight.index_select(0, batch.index))
        # The gradient of the mean, to the same bits: its own operations cost a tenth of a small step.
        torch.autograd.backward(losses, torch.full_like(losses, 1 / losses.numel()) if losses.dim() else None)
        loss = losses.detach()
        return loss.mean() if loss.dim() else loss

    def take_step(self, batch, closure=None):
        """Let the optimizers act on the gradients of ``batch``, which are there already or come from ``closure``."""
        if closure is None:
            self.notify_gradients(batch)
        for name in self._optimizers:
            optimizer = getattr(self, f"{name}_")
            if not wants_closure(type(optimizer)):
                step(optimizer)
            elif closure is not None:
                optimizer.step(closure)
            else:
                raise ValueError(
                    f"{type(self.method).__name__} makes its gradients itself and cannot use {type(optimizer).__name__}"
                    ", which evaluates the loss several times; give another optimizer."
                )
            clear_gradients(optimizer)
        self.method._end_step(self)

    def notify_gradients(self, batch):
        """Tell the callbacks that act on gradients."""
        if self.notifies_gradients:
            self.notify("on_grad_computed", named_parameters=list(self.get_all_learnable_params()), batch=batch)

    def record(self, name, value):
        """Keep the mean of a tensor for the history row of this epoch."""
        if name not in self.parts:
            self.parts[name] = StepValues()
        self.parts[name].append(value.detach().mean())

    def check_rows(self, memory):
        """Raise unless a memory kept from an earlier fit has one entry per training row."""
        if len(memory) != len(self.data):
            raise ValueError(
                f"warm_start keeps what was learned about each of {len(memory)} rows, but X has {len(self.data)} rows "
                "to train on; fit on the same rows or set warm_start=False."
            )

    @property
    def fractional_epoch(self):
        """Epochs of this fit that are done, the current one in part."""
        return self.epoch + self.batch / max(1, self.n_batches)

    @property
    def progress(self):
        """Share of this fit's steps that are done, in [0, 1]."""
        return self.fractional_epoch / max(1, self.max_epochs)

    def autocast_context(self):
        """Return the mixed-precision context of a training step."""
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=self.autocast)

    def set_training(self, mode):
        """Put every network into training or evaluation mode."""
        for name in self._modules:
            getattr(self, f"{name}_").train(mode)

    @torch.no_grad()
    def outputs(self, network, index=None, *, function=None):
        """Return ``network`` applied to training rows in evaluation mode, in row order.

        ``index`` selects rows (all by default, and then what is not finite raises `DivergenceError`); ``function``
        replaces the network's call.
        """
        was_training = network.training
        network.eval()
        call = network if function is None else function
        batches = evaluation_batches(self.data, self.batch_size, index)
        result = join(map(call, batches.inputs()), batches.n_rows)
        network.train(was_training)
        if index is None and not torch.isfinite(result).all():
            step = self.batch if self.epoch < self.max_epochs else None
            raise DivergenceError.at(self, step, first_not_finite(self) or "an output of a network over all rows")
        return result

    @torch.no_grad()
    def evaluate(self, data, function):
        """Return ``function(rows)`` over all rows of ``data``, networks in evaluation mode."""
        return join(map(function, evaluation_batches(data, self.batch_size).inputs()), len(data))

    @torch.no_grad()
    def evaluate_batches(self, data, function):
        """Return ``function(batch)`` over all rows of ``data``, for results smaller than the networks' outputs."""
        return join(map(function, evaluation_batches(data, self.batch_size)), len(data))

    @torch.no_grad()
    def predict_proba(self, X):
        """Return probabilities for checked inputs; scoring callbacks call this during training."""
        training = self.module_.training
        self.set_training(False)
        proba = self.evaluate(unlabeled_data(self, X), lambda rows: self.method._row_proba(self, rows))
        self.set_training(training)
        return proba.float().cpu().numpy()

    def predict(self, X):
        """Return the encoded predicted classes of checked inputs."""
        return self.predict_proba(X).argmax(1)

    def state_dict(self):
        """Return a copy of everything the rest of the fit depends on; see `skweak.engine.Resume`."""
        return training_state(self)

    def release(self, *, keep_state=False):
        """Drop the data, the method and what only training needs; networks are put into evaluation mode."""
        self.set_training(False)
        self.method = self.data = self.generator = self.numpy_random = self.resume_from = None
        self.checkpoint = self.divergence = self.seeding = self.facts = self.class_weight = None
        self.parts, self.scratch = {}, SimpleNamespace()
        if not keep_state:
            kept = {name: value for name, value in vars(self.state).items() if isinstance(value, torch.nn.Module)}
            self.state = SimpleNamespace(**kept)
            for name in self._optimizers:
                setattr(self, f"{name}_", None)
