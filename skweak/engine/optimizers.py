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


def step(optimizer):
    """Let an optimizer step; weights that are laid out by columns are shown to a fused one as what is contiguous.

    It would copy them otherwise, which takes several times as long as the step.
    """
    turned = []
    if optimizer.defaults.get("fused"):
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        turned = [p for p in parameters if p.dim() == 2 and not p.is_contiguous() and p.t().is_contiguous()]
    try:
        for parameter in turned:
            _turn(optimizer, parameter, contiguous=True)
        optimizer.step()
    finally:
        for parameter in turned:
            _turn(optimizer, parameter, contiguous=False)


def _turn(optimizer, parameter, contiguous):
    """Turn a parameter, its gradient and what the optimizer keeps of it, unless they are turned already."""
    if parameter.is_contiguous() == contiguous:
        return
    gradient, kept, shape = parameter.grad, optimizer.state[parameter], parameter.shape
    for name, value in kept.items():
        if isinstance(value, torch.Tensor) and value.shape == shape:
            kept[name] = value.t()
    parameter.grad = None
    parameter.data = parameter.data.t()
    parameter.grad = None if gradient is None else gradient.t()
