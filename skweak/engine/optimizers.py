"""Optimizers as a fit makes and clears them: fused where they can be, and without what only costs time."""

import inspect
from functools import cache

import torch


@cache
def _takes_fused(optimizer):
    return "fused" in inspect.signature(optimizer).parameters


@cache
def wants_closure(optimizer):
    """Return whether steps of an optimizer class evaluate the loss themselves, once or several times."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def make_optimizer(optimizer, args, kwargs):
    """Return ``optimizer(*args, **kwargs)``, the fused one unless ``kwargs`` says otherwise."""
    if _takes_fused(optimizer):
        kwargs.setdefault("fused", True)
    made = optimizer(*args, **kwargs)
    if isinstance(made, torch.optim.SGD) and kwargs.get("momentum") and not kwargs.get("dampening"):
        # The fused step needs every buffer or none, but a head may get its first gradient later than the others.
        parameters = [parameter for group in made.param_groups for parameter in group["params"]]
        made.state.update({p: {"momentum_buffer": torch.zeros_like(p)} for p in parameters})
    return made


def clear_gradients(optimizer):
    """Drop the gradients as ``zero_grad`` does, without its record for the profiler, which small steps feel."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
