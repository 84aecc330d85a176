"""Argument checks shared by the losses.

Shapes and dtypes are always checked. Values (class ranges, 0/1 entries) are read only on the CPU: on an
accelerator reading them would stop the device at every step, and an index out of range fails there by itself.
"""

import numbers

import torch


def check_tensor(value, name):
    """Raise unless ``value`` is a tensor."""
    if not isinstance(value, torch.Tensor):
        kind = type(value).__name__
        raise TypeError(f"{name} must be a torch.Tensor, got {kind}; convert it with torch.as_tensor.")


def check_logits(value, name="logits", *, min_columns=2, n_dims=2):
    """Raise unless ``value`` is a non-empty floating point tensor with ``n_dims`` dimensions."""
    check_tensor(value, name)
    if not value.is_floating_point():
        raise TypeError(f"{name} must have a floating point dtype, got {value.dtype}; call {name}.float().")
    if value.dim() != n_dims:
        raise ValueError(f"{name} must have {n_dims} dimensions, got shape {tuple(value.shape)}.")
    if value.shape[0] == 0:
        raise ValueError(f"{name} is an empty batch of shape {tuple(value.shape)}; give at least one row.")
    if value.shape[1] < min_columns:
        raise ValueError(f"{name} must have at least {min_columns} columns, got shape {tuple(value.shape)}.")


def check_same_shape(value, name, reference, reference_name="logits"):
    """Raise unless ``value`` is a tensor with the shape of ``reference``."""
    check_tensor(value, name)
    if value.shape != reference.shape:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)} but {reference_name} has shape {tuple(reference.shape)}; "
            "give both the same shape."
        )


def check_rows(value, name, n_rows):
    """Raise unless ``value`` is a 1-D tensor with ``n_rows`` entries."""
    check_tensor(value, name)
    if value.dim() != 1 or value.shape[0] != n_rows:
        raise ValueError(f"{name} must have shape ({n_rows},), one entry per row, got {tuple(value.shape)}.")


def check_proba(value, name="proba"):
    """Raise unless ``value`` is a matrix of probabilities, at least two columns; rows need not sum to 1."""
    check_logits(value, name)
    if value.device.type == "cpu":
        low, high = (bound.item() for bound in value.detach().aminmax())
        # A softmax of low precision may exceed 1 by its rounding error.
        if low < 0 or high > 1.01:
            wrong = low if low < 0 else high
            raise ValueError(f"{name} contains {wrong}, accepted are numbers in [0, 1]; call softmax first.")


def check_distribution(value, name, shape):
    """Raise unless ``value`` has this shape, no negative entry, and sums to 1 over its last dimension."""
    check_tensor(value, name)
    if not value.is_floating_point():
        raise TypeError(f"{name} must have a floating point dtype, got {value.dtype}; call {name}.float().")
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(value.shape)}.")
    if value.device.type == "cpu":
        values = value.detach().double()
        if (values < 0).any():
            raise ValueError(f"{name} contains {values.min().item()}, accepted are numbers in [0, 1].")
        sums = values.sum(dim=-1).flatten()
        wrong = (sums - 1).abs() > 1e-5
        if wrong.any():
            raise ValueError(f"{name} sums to {sums[wrong][0].item():.6g}, accepted is 1; normalise {name}.")


def check_class_target(target, n_rows, n_classes, name="target"):
    """Raise unless ``target`` holds ``n_rows`` integers in ``0..n_classes - 1``."""
    check_rows(target, name, n_rows)
    if target.dtype != torch.int64:
        raise TypeError(f"{name} must hold int64 class indices, got {target.dtype}; call {name}.long().")
    if target.device.type == "cpu":
        low, high = (bound.item() for bound in target.aminmax())
        if low < 0 or high >= n_classes:
            wrong = low if low < 0 else high
            raise ValueError(f"{name} contains {wrong}, accepted are class indices 0..{n_classes - 1}.")


def check_binary_target(target, logits, name="target", *, allow_unknown=True):
    """Raise unless ``target`` is shaped like ``logits`` and holds 0, 1 (and -1 where unknown is allowed)."""
    check_same_shape(target, name, logits)
    if target.device.type == "cpu":
        valid = (target == 0) | (target == 1)
        if allow_unknown:
            valid |= target == -1
        if not valid.all():
            accepted = "0, 1 and -1 (unknown)" if allow_unknown else "0 and 1"
            raise ValueError(f"{name} contains {target[~valid][0].item()}, accepted are {accepted}.")


def check_candidates(candidates, logits, name="candidates"):
    """Raise unless ``candidates`` is a 0/1 matrix shaped like ``logits`` with a candidate in every row."""
    check_binary_target(candidates, logits, name, allow_unknown=False)
    if candidates.device.type == "cpu":
        empty = ~(candidates != 0).any(dim=1)
        if empty.any():
            row = int(empty.nonzero()[0])
            raise ValueError(f"{name}: row {row} has no candidate; give every row at least one 1.")


def check_weight(weight, n_rows, name="weight"):
    """Raise unless ``weight`` is None or holds ``n_rows`` non-negative numbers."""
    if weight is None:
        return
    check_rows(weight, name, n_rows)
    if weight.device.type == "cpu" and bool((weight < 0).any()):
        raise ValueError(f"{name} contains {weight.min().item()}, accepted are numbers >= 0.")


def check_interval(value, name, low, high, *, include_low=True, include_high=True):
    """Raise unless ``value`` is a real number inside the interval."""
    left, right = "[" if include_low else "(", "]" if include_high else ")"
    accepted = f"{left}{low}, {high}{right}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number in {accepted}, got {value!r}.")
    above = value >= low if include_low else value > low
    below = value <= high if include_high else value < high
    if not (above and below):
        raise ValueError(f"{name} must be in {accepted}, got {value!r}.")


def check_option(value, name, options):
    """Raise unless ``value`` is one of ``options``."""
    if value not in options:
        raise ValueError(f"{name} must be one of {sorted(options)}, got {value!r}.")
