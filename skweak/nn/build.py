"""From the parameter ``module`` to networks."""

import copy
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from difflib import get_close_matches

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from skweak.nn.mlp import MLP
from skweak.nn.resnet import ResNet

# In single precision 4 GiB, four times as much with the gradients and two moments of an optimizer.
_MOST_NUMBERS = 2**30
_CREATORS = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)


class _SizeGuard(TorchFunctionMode):
    """Raises before a network under construction takes memory for too many numbers."""

    total = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _CREATORS:
            size = {"size": kwargs["size"]} if "size" in kwargs else {}
            self.total += torch.empty(*args, **size, device="meta").numel()
            if self.total > _MOST_NUMBERS:
                raise ValueError(f"it takes more than {_MOST_NUMBERS:,} numbers; pass an instance if that is intended.")
        return func(*args, **kwargs)


def build(module, parameters, *, input_shape, n_outputs):
    """Return a network for rows of ``input_shape`` with ``n_outputs`` logits.

    One that returns a dictionary or object with ``logits``, as models of transformers do, returns those from now on.

    Parameters
    ----------
    module : "auto", torch.nn.Module instance, class or callable
        "auto" is `MLP` that scales its inputs for tables and `ResNet` for images. A class or factory is called with
        those of ``n_features``, ``n_channels`` and ``n_outputs`` that its signature names, and may take about a billion
        numbers. An instance is copied.
    parameters : dict
        Further keyword arguments of a class or factory.
    input_shape : tuple of int
        Shape of one row: (d,) or (channels, height, width).
    n_outputs : int
        Number of logits.
    """
    network = _build(module, parameters, input_shape, n_outputs)
    if not type(network).__module__.startswith("skweak.") and _logits_of not in network._forward_hooks.values():
        network.register_forward_hook(_logits_of)
    return network


def _build(module, parameters, input_shape, n_outputs):
    if isinstance(module, nn.Module):
        if parameters:
            names = ", ".join(f"module__{name}" for name in sorted(parameters))
            raise ValueError(f"{names} cannot be set because module is an instance; pass its class instead.")
        return copy.deepcopy(module)
    usual = {}
    if isinstance(module, str) and module == "auto":
        module = MLP if len(input_shape) == 1 else ResNet
        usual = {"scale_inputs": True} if module is MLP else {}
    if not callable(module):
        raise TypeError(f"module must be 'auto', a torch.nn.Module, its class or a factory, got {module!r}.")
    known = {"n_features": int(torch.Size(input_shape).numel()), "n_channels": input_shape[0], "n_outputs": n_outputs}
    try:
        accepted = inspect.signature(module).parameters
    except ValueError as error:
        raise TypeError(f"module must be a torch.nn.Module, its class or a factory, got {module!r}.") from error
    takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    unknown = [name for name in parameters if name not in accepted and not takes_any]
    if unknown:
        names, owner = sorted(set(accepted) - set(known)), getattr(module, "__name__", "module")
        like = get_close_matches(unknown[0], names, n=1, cutoff=0.7)
        meant = f", did you mean 'module__{like[0]}'?" if like else ""
        raise ValueError(f"module__{unknown[0]} is not a parameter of {owner}{meant}; it accepts {names}.")
    arguments = {name: value for name, value in known.items() if name in accepted}
    try:
        # Our own grow with X alone, and need no guard as long as rows are short.
        short = module in (MLP, ResNet) and not parameters and known["n_features"] < 2**16
        with nullcontext() if short else _SizeGuard():
            network = module(**arguments | usual | parameters)
    except Exception as error:
        given = ", ".join(f"module__{name}={value!r}" for name, value in parameters.items()) or "its defaults"
        raise ValueError(f"module could not be built with {given}: {error}") from error
    if not isinstance(network, nn.Module):
        raise TypeError(f"module must build a torch.nn.Module, got {type(network).__name__}.")
    return network


def _logits_of(module, inputs, output):
    """Take the logits out of what a network of the user returns; a hook."""
    if isinstance(output, Mapping):
        return output.get("logits")
    # None leaves the output as it is.
    return getattr(output, "logits", None)


def reinitialise(network):
    """Draw the parameters of every layer that can do so anew."""
    # torch's attention and transformers hide the method.
    resets = [
        getattr(layer, name)
        for layer in network.modules()
        for name in ("reset_parameters", "_reset_parameters")
        if hasattr(layer, name)
    ]
    if not resets:
        raise ValueError(
            f"module is a {type(network).__name__} without layers that have reset_parameters(), so that a second "
            "network would equal the first; pass its class or a factory."
        )
    for reset in resets:
        reset()
    return network


def last_linear(network):
    """Return the network's last ``Linear`` layer, whose input is the embedding."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise ValueError(
            f"module {type(network).__name__} has no Linear layer and no features(X); give it one of them."
        )
    return layers[-1]


def resize_output(network, n_outputs):
    """Give a network's last ``Linear`` layer another number of outputs, drawn anew."""
    layer = last_linear(network)
    fresh = nn.Linear(layer.in_features, n_outputs, bias=layer.bias is not None)
    layer.weight, layer.bias, layer.out_features = fresh.weight, fresh.bias, n_outputs
    return network


def embedding_width(network):
    """Return the width of the network's embedding."""
    return last_linear(network).in_features


def features_and_logits(network, X):
    """Return the embedding (n, d) and the logits (n, C) of one forward pass.

    Networks with ``features`` and ``head`` are asked for both; of any other network the embedding is the input of its
    last ``Linear`` layer.
    """
    if hasattr(network, "features") and hasattr(network, "head"):
        z = network.features(X)
        return z, network.head(z)
    seen = []
    hook = last_linear(network).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        logits = network(X)
    finally:
        hook.remove()
    if not seen:
        raise ValueError(
            f"module {type(network).__name__} does not call its last Linear layer; give it features(X) and head(z)."
        )
    return seen[-1], logits


def check_network(network, input_shape, n_outputs, dtype):
    """Raise unless the network turns rows of ``input_shape`` into ``n_outputs`` logits."""
    was_training = network.training
    try:
        with torch.no_grad():
            device = next((p.device for p in network.parameters()), "cpu")
            logits = network.eval()(torch.zeros((2, *input_shape), dtype=dtype, device=device))
    except Exception as error:
        raise ValueError(f"module cannot process rows of X of shape {tuple(input_shape)}: {error}") from error
    finally:
        network.train(was_training)
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else f"{type(logits).__name__} without logits"
    if shape != (2, n_outputs):
        raise ValueError(
            f"module must return logits of shape (n, {n_outputs}), one column per class, got {shape} for 2 rows; "
            "let it take n_outputs."
        )
