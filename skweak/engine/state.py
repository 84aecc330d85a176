"""Everything the rest of a fit depends on, as one dictionary of copies."""

import copy

import numpy as np
import torch
from skorch.callbacks import Callback

_PLAIN = (int, float, str, bool, type(None), np.number, np.ndarray, torch.Tensor)


def _snapshot(value):
    """Return a deep copy; live tensors would change while training goes on."""
    if hasattr(value, "state_dict"):
        value = value.state_dict()
    return copy.deepcopy(value)


def _is_state(name, value):
    """Return whether an attribute of a callback changes its course: fitted containers do, others are parameters."""
    if hasattr(value, "load_state_dict"):
        return not isinstance(value, type)
    return _is_plain(value) if name.endswith("_") else isinstance(value, _PLAIN)


def _is_plain(value):
    if isinstance(value, dict):
        return all(map(_is_plain, [*value, *value.values()]))
    return all(map(_is_plain, value)) if isinstance(value, (list, tuple)) else isinstance(value, _PLAIN)


def _restore(owner, name, saved, device="cpu"):
    current = getattr(owner, name, None)
    if hasattr(current, "load_state_dict"):
        # A copy: optimizers keep the tensors they are given, and a state may be loaded twice.
        current.load_state_dict(copy.deepcopy(saved))
    else:
        setattr(owner, name, _copy_to(saved, current.device if isinstance(current, torch.Tensor) else device))


def _copy_to(value, device):
    """Return a deep copy with every tensor on ``device``: those that come from a file are on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.to(device, copy=True)
    if isinstance(value, dict):
        return {key: _copy_to(item, device) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy_to(item, device) for item in value)
    return copy.deepcopy(value)


def method_state(run):
    """Return networks and method state of ``run``: what its predictions depend on."""
    changed = run.facts.state_dict()
    return ({"facts": changed} if changed else {}) | {
        "networks": {name: _snapshot(getattr(run, f"{name}_")) for name in run._modules},
        "method": {name: _snapshot(value) for name, value in vars(run.state).items()},
    }


def training_state(run):
    """Return networks, optimizers, method state, callbacks, generators, history and epoch of ``run``."""
    cuda = torch.device(run.device).type == "cuda"
    return method_state(run) | {
        "optimizers": {name: _snapshot(getattr(run, f"{name}_")) for name in run._optimizers},
        "callbacks": {
            name: {key: _snapshot(value) for key, value in vars(callback).items() if _is_state(key, value)}
            for name, callback in run.callbacks_
        },
        "generators": {
            "order": run.generator.get_state(),
            "torch": torch.random.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(run.device) if cuda else None,
            "numpy": run.numpy_random.get_state(),
        },
        "history": copy.deepcopy(run.history.to_list()),
        "epoch": run.epoch,
        # Methods end training early by this number.
        "max_epochs": run.max_epochs,
    }


def load_method_state(run, state):
    """Put networks and method state of ``run`` where they were when ``state`` was taken."""
    _restore_group(run, "networks", state)
    run.facts.load_state_dict(state.get("facts", {}))
    for name, saved in state["method"].items():
        _restore(run.state, name, saved, run.device)


def _restore_group(run, group, state):
    for name, saved in state[group].items():
        if getattr(run, f"{name}_", None) is None:
            raise ValueError(f"The state holds {group} '{name}', which this estimator does not have.")
        _restore(run, f"{name}_", saved)


def load_training_state(run, state):
    """Put ``run`` where the run was from which ``state`` was taken."""
    load_method_state(run, state)
    _restore_group(run, "optimizers", state)
    callbacks = dict(run.callbacks_)
    for name, values in state["callbacks"].items():
        for key, saved in values.items():
            if name in callbacks:
                _restore(callbacks[name], key, saved)
    generators = state["generators"]
    run.generator.set_state(generators["order"])
    torch.random.set_rng_state(generators["torch"])
    if generators["cuda"] is not None:
        torch.cuda.set_rng_state(generators["cuda"], run.device)
    run.numpy_random.set_state(generators["numpy"])
    run.history.clear()
    run.history.extend(copy.deepcopy(state["history"]))
    run.epoch, run.max_epochs = state["epoch"], state["max_epochs"]


class Resume(Callback):
    """Callback that continues a fit from an earlier `Trainer.state_dict`.

    Give it to an estimator with the parameters and data of the fit that was stopped; training goes on after the last
    finished epoch and ends with the same bits as if it had never stopped.

    Parameters
    ----------
    state : dict
        Result of ``net.state_dict()``, for instance taken in a callback's ``on_epoch_end``.
    """

    def __init__(self, state):
        self.state = state

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Hand the state to the net, which loads it when every callback is ready."""
        net.resume_from = self.state
