"""The networks of a saved trainer, built anew from checked parameters and filled with the saved weights."""

import copy
from types import SimpleNamespace

import torch
from torch.overrides import TorchFunctionMode

from skweak.engine import MovingAverage
from skweak.engine.seeding import seeded
from skweak.engine.sparse_rows import lay_out_columns
from skweak.fit.networks import make_trainer, network_maker
from skweak.fit.parameters import find_device
from skweak.storage import FileFormatError

_CREATORS = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.tensor)


class _TensorBudget(TorchFunctionMode):
    """Raises when networks under construction have many more tensors than the file: a small one makes no giants."""

    def __init__(self, n_saved):
        super().__init__()
        self.left = 2 * n_saved + 100

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.left -= func in _CREATORS
        if self.left < 0:
            raise FileFormatError("its parameters describe networks with many more weights than it holds")
        return func(*args, **(kwargs or {}))


def take_trainer_apart(net):
    """Return what predictions need of a trainer: shapes, networks and averages of networks."""
    networks = {name: dict(vars(net)[f"{name}_"].state_dict()) for name in net._modules}
    averages = {}
    for name, value in vars(net.state).items():
        if isinstance(value, MovingAverage):
            weights = value.module.state_dict()
            source = next((n for n, saved in networks.items() if saved.keys() == weights.keys()), None)
            if source is None:
                raise TypeError(f"The average {name} is of a network that is not kept; it cannot be saved.")
            averages[name] = {
                "of": source, "decay": float(value.decay), "use_buffers": value.use_buffers,
                "state": dict(value.state_dict()),
            }  # fmt: skip
        elif isinstance(value, torch.nn.Module):
            raise TypeError(f"The network {name} of the fit is a {type(value).__name__}, which cannot be saved.")
    return {
        "input_shape": list(net.input_shape), "n_outputs": net.n_outputs, "epoch": net.epoch, "networks": networks,
        "averages": averages, "by_columns": any(map(by_columns, networks.values())),
    }  # fmt: skip


def by_columns(state):
    """Return whether weights are laid out column by column, as a fit on sparse rows leaves them: it moves last bits."""
    return any(value.dim() == 2 and not value.is_contiguous() and value.t().is_contiguous() for value in state.values())


def put_trainer_together(method, saved, trusted):
    """Return a trainer that predicts with the saved weights.

    The networks are first built without memory for their weights, so that names and shapes are compared before
    anything is allocated.

    Parameters
    ----------
    method : WeakClassifier
        With checked parameters.
    saved : dict
        Result of `take_trainer_apart`.
    trusted : bool
        Whether the user vouches for a class of the file: such a network may need to be built with memory.
    """
    shape, n_outputs = saved["input_shape"], saved["n_outputs"]
    if not shape or any(type(size) is not int or size < 1 for size in [*shape, n_outputs]):
        raise FileFormatError(f"it was fitted on rows of shape {shape} with {n_outputs} outputs, which cannot be")
    try:
        device = find_device(method.device)
    except ValueError:
        # The device of the other machine; only another fit would need it.
        device = torch.device("cpu")
    net = make_trainer(method, device, tuple(shape), n_outputs, method.max_epochs)
    try:
        with torch.device("meta"):
            networks, averages = _build(method, net, saved)
        complete = not any(_on_meta(network) for network in [*networks.values(), *averages.values()])
    except FileFormatError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        if not trusted:
            raise FileFormatError(f"its networks cannot be built from their description: {error}") from error
        complete = False
    if not complete:
        # A network of the user that computes with its weights while it is built, or keeps tensors beside its state.
        networks, averages = _build(method, net, saved)
    # Optimizers belong to training; this one keeps the place, and a warm start makes new ones.
    idle = torch.optim.SGD([torch.zeros(1)], lr=0.0)
    net.networks, net.method = networks, SimpleNamespace(_optimizers=lambda run: {"optimizer": idle})
    net.initialize()
    net.release()
    net.epoch = saved["epoch"]
    vars(net.state).update({name: net.lay_out(average).to(device) for name, average in averages.items()})
    # Files of earlier versions do not say.
    if saved.get("by_columns") is True and len(shape) == 1:
        for network in [*(vars(net)[f"{name}_"] for name in net._modules), *vars(net.state).values()]:
            lay_out_columns(network, shape[0])
    for row in method.history_:
        net.history.append({**row, "batches": []})
    return net


def _build(method, net, saved):
    shapes = {name: {key: tuple(value.shape) for key, value in state.items()}
              for name, state in saved["networks"].items()}  # fmt: skip
    n_saved = sum(map(len, shapes.values()))
    # Drawing the first weights must leave no trace in the caller's generators.
    with seeded(0, "cpu"), _TensorBudget(n_saved):
        scaled = any(key.endswith("scaling.factor") for keys in shapes.values() for key in keys)
        networks = method._rebuild_networks(network_maker(method, net, check=False, scaled=scaled), shapes)
        networks = {name: network.to(net.dtype) for name, network in networks.items()}
        averages = {}
        for name, average in saved["averages"].items():
            if average["of"] not in networks or not 0 <= average["decay"] <= 1:
                raise FileFormatError(f"its average {name!r} is of no network")
            network = copy.deepcopy(networks[average["of"]])
            averages[name] = MovingAverage(network, average["decay"], use_buffers=average["use_buffers"] is True)
    if set(networks) != set(saved["networks"]):
        raise FileFormatError(f"it holds the networks {sorted(saved['networks'])}, expected are {sorted(networks)}")
    states = [(networks[name], state) for name, state in saved["networks"].items()]
    for module, state in [*states, *((averages[n], average["state"]) for n, average in saved["averages"].items())]:
        _fill(module, state)
    return networks, averages


def _fill(module, state):
    """Give a network the saved tensors, which must be exactly its own in name, shape and type."""
    own = module.state_dict()
    if own.keys() != state.keys():
        odd = min(own.keys() ^ state.keys())
        raise FileFormatError(f"its weights are not those of its {type(module).__name__}: only one of them has {odd!r}")
    for name, value in own.items():
        if value.shape != state[name].shape or value.dtype != state[name].dtype:
            raise FileFormatError(
                f"its weight {name!r} is {state[name].dtype} {tuple(state[name].shape)}, but the network has "
                f"{value.dtype} {tuple(value.shape)}"
            )
    needs_gradient = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    module.load_state_dict(state, assign=True)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in needs_gradient)


def _on_meta(network):
    """Return whether a tensor of a network has no memory yet, such as one that is no part of its state."""
    tensors = [t for m in network.modules() for t in [*m._parameters.values(), *m._buffers.values(), *vars(m).values()]]
    return any(isinstance(tensor, torch.Tensor) and tensor.is_meta for tensor in tensors)
