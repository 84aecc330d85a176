"""The parameters after an optimizer's next step as functions of the gradient, for methods that look one step ahead."""

import torch


def virtual_step(optimizer, parameters, gradients):
    """Return what an optimizer would make of parameters, differentiable by their gradients.

    Neither the parameters nor what the optimizer remembers of them change.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        `torch.optim.SGD` and `torch.optim.Adam` with its relatives take their own step, momentum and weight decay
        included; of any other one the result is that of plain gradient descent with its learning rate.
    parameters : list of torch.nn.Parameter
        Parameters of the optimizer.
    gradients : list of tensor
        Their gradients, which may carry a graph.

    Returns
    -------
    list of tensor

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> virtual_step(torch.optim.SGD([weight], lr=0.5), [weight], [torch.tensor([4.0])])
    [tensor([-1.])]
    """
    groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
    steps = {torch.optim.SGD: _sgd, torch.optim.Adam: _adam}
    step = next((function for kind, function in steps.items() if isinstance(optimizer, kind)), _descent)
    return [
        step(parameter.detach(), gradient, groups[parameter], optimizer.state.get(parameter, {}))
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]


def _descent(parameter, gradient, group, state):
    return parameter - group["lr"] * gradient


def _sgd(parameter, gradient, group, state):
    gradient = gradient + group["weight_decay"] * parameter
    momentum, kept = group["momentum"], state.get("momentum_buffer")
    if momentum:
        # The first step has nothing to keep, and takes the gradient whole.
        moving = gradient if kept is None else momentum * kept + (1 - group["dampening"]) * gradient
        gradient = gradient + momentum * moving if group["nesterov"] else moving
    return parameter - group["lr"] * gradient


def _adam(parameter, gradient, group, state):
    lr, decay, (first, second) = group["lr"], group["weight_decay"], group["betas"]
    if group.get("decoupled_weight_decay"):
        parameter = parameter * (1 - lr * decay)
    else:
        gradient = gradient + decay * parameter
    # Counted in single precision, in which powers of the decays would be too coarse.
    n_steps = torch.as_tensor(state.get("step", 0.0), dtype=torch.float64) + 1
    mean = first * state.get("exp_avg", 0) + (1 - first) * gradient
    square = second * state.get("exp_avg_sq", 0) + (1 - second) * gradient.square()
    # The root has no derivative at 0, where a weight stands that no row of the batch uses.
    root = square.clamp_min(1e-30).sqrt() / (1 - second**n_steps) ** 0.5
    return parameter - lr / (1 - first**n_steps) * mean / (root + group["eps"])
