"""From the parameters of an estimator to its networks and its trainer."""

import copy
import inspect

import torch

from skweak.engine import Trainer
from skweak.engine.optimizers import wants_closure
from skweak.engine.scale import measure_columns
from skweak.fit.parameters import nearest, spellings
from skweak.nn.build import build, check_network, reinitialise, resize_output
from skweak.nn.scaling import InputScaling

# What optimizer="auto" stands for.
_DEFAULT_SETTINGS = {"momentum": 0.9, "weight_decay": 5e-4}


def make_trainer(method, device, input_shape, n_outputs, max_epochs):
    """Return a `Trainer` with the training parameters of ``method``, its networks not built yet."""
    automatic = isinstance(method.optimizer, str)
    settings = dict(_DEFAULT_SETTINGS) if automatic else {}
    spelled = spellings(method, "optimizer__")
    settings |= spelled
    optimizer = torch.optim.SGD if automatic else method.optimizer
    if spelled or not automatic:
        _try_optimizer(optimizer, method.lr, settings, device)
    mixed_precision = device.type == "cuda" if method.amp == "auto" else method.amp
    net = Trainer(
        optimizer=optimizer,
        lr=method.lr,
        max_epochs=max_epochs,
        batch_size=method.batch_size,
        device=str(device),
        callbacks=[_fresh(callback) for callback in method.callbacks or []],
        verbose=method.verbose,
        compile=method.compile,
        dtype=getattr(torch, method.dtype),
        autocast=torch.bfloat16 if mixed_precision else None,
        **{f"optimizer__{name}": value for name, value in settings.items()},
        **{f"callbacks__{name}": value for name, value in spellings(method, "callbacks__").items()},
    )
    net.input_shape, net.n_outputs, net.takes_sparse = tuple(input_shape), n_outputs, takes_sparse(method)
    return net


def continue_trainer(method, previous, input_shape, n_outputs, max_epochs):
    """Return a copy of the trainer of an earlier fit, ready for ``max_epochs`` more; the earlier one stays as it is."""
    if previous.input_shape != tuple(input_shape):
        raise ValueError(f"X has rows of shape {tuple(input_shape)}, but the last fit had {previous.input_shape}.")
    if previous.n_outputs != n_outputs:
        raise ValueError(f"warm_start needs the {previous.n_outputs} outputs of the last fit, got {n_outputs}.")
    net = copy.deepcopy(previous)
    net.max_epochs, net.verbose = max_epochs, method.verbose
    return net


def takes_sparse(method):
    """Return whether the networks are ours, which may get `SparseRows`; others get dense rows."""
    module = getattr(method.module, "func", method.module)
    ours = isinstance(module, str) or str(getattr(module, "__module__", "")).startswith("skweak.")
    return ours and not method.compile


def scales_inputs(method):
    """Return whether the network for tables brings its own scaling."""
    return isinstance(method.module, str) and spellings(method, "module__").get("scale_inputs", True)


def network_maker(method, run, check=True, scaled=True):
    """Return ``make(n_outputs=None)``: each call builds one more network, the second and later drawn anew.

    ``make.input_shape`` and ``make.n_outputs`` are the shape of a row and the number of classes or labels, ``make.run``
    is the trainer with its data. With ``check`` the first network is tried on two rows. ``scaled=False`` builds the
    default network of files that were saved before it scaled its inputs.
    """
    made, columns = [], []
    parameters = spellings(method, "module__")
    if not scaled and isinstance(method.module, str) and len(run.input_shape) == 1:
        parameters["scale_inputs"] = False

    def make(n_outputs=None):
        width = run.n_outputs if n_outputs is None else n_outputs
        network = build(method.module, parameters, input_shape=run.input_shape, n_outputs=width)
        if width != run.n_outputs and isinstance(method.module, torch.nn.Module):
            resize_output(network, width)
        network = network.to(run.dtype)
        if not made and check:
            check_network(network, run.input_shape, width, run.dtype)
        elif made and isinstance(method.module, torch.nn.Module):
            reinitialise(network)
        scalings = [layer for layer in network.modules() if isinstance(layer, InputScaling)]
        if scalings and run.data is not None:
            columns.extend([] if columns else measure_columns(run.data))
            for layer in scalings:
                layer.set_columns(*columns)
        made.append(network)
        return network

    make.input_shape, make.n_outputs, make.run = run.input_shape, run.n_outputs, run
    return make


def _try_optimizer(optimizer, lr, settings, device):
    """Take a step on a single weight, so that what the optimizer refuses is named before training."""
    weight = torch.zeros((1, 1), device=device, requires_grad=True)
    weight.grad = torch.zeros_like(weight)
    # skorch reads this setting and divides the weights by it.
    settings = {name: value for name, value in settings.items() if name != "param_groups"}
    try:
        made = optimizer([weight], **{"lr": lr, **settings})
        made.step(lambda: weight.sum()) if wants_closure(optimizer) else made.step()
    except Exception as error:
        given = ", ".join(f"optimizer__{name}={value!r}" for name, value in settings.items()) or "its defaults"
        accepted = inspect.signature(optimizer).parameters
        unknown = [name for name in settings if name not in accepted]
        meant = nearest(unknown[0], accepted, "optimizer__{}") if unknown else ""
        raise ValueError(
            f"The 'optimizer' parameter {optimizer.__name__} fails with {given}: {error}{meant}"
        ) from error


def _fresh(callback):
    """Return a callback whose state can change without touching the parameter it came from."""
    if isinstance(callback, tuple):
        return (callback[0], _fresh(callback[1]))
    return callback if isinstance(callback, type) else copy.copy(callback)
