"""RandAugment (arXiv:1909.13719) on batches of image tensors: random operations of random strength, image by image.

Everything is drawn and applied on the device of the batch, without a loop over images: what moves pixels becomes one
affine map and one resampling, what changes their values is a few elementwise formulas.
"""

import math

import torch
import torch.nn.functional as F

GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
PHOTOMETRIC = ("identity", "autocontrast", "brightness", "contrast", "saturation", "sharpness", "posterize", "solarize")
OPERATIONS = GEOMETRIC + PHOTOMETRIC


def random_operations(X, n_operations=2, operations=OPERATIONS):
    """Apply ``n_operations`` random operations of random strength to each image.

    Strengths are drawn evenly up to those of FixMatch (arXiv:2001.07685): rotations up to 30 degrees, shears of 0.3,
    shifts of 0.3 of a side, factors of brightness, contrast, saturation and sharpness from 0.05 to 0.95, 4 to 8 bits,
    and thresholds of solarisation anywhere. Operations on values come first, then all moves at once.

    Parameters
    ----------
    X : tensor of shape (n, C, H, W)
        Images of any range; an image's own darkest and lightest value are taken for black and white.
    n_operations : int, default=2
        More is harder.
    operations : tuple of str, default=OPERATIONS
        What is drawn from.

    Returns
    -------
    tensor of shape (n, C, H, W)

    Examples
    --------
    >>> import torch
    >>> random_operations(torch.rand(4, 3, 8, 8)).shape
    torch.Size([4, 3, 8, 8])
    """
    n, device = len(X), X.device
    chosen = torch.randint(0, len(operations), (n_operations, n), device=device)
    strength = torch.rand(n_operations, n, dtype=X.dtype, device=device)
    sign = torch.randint(0, 2, (n_operations, n), device=device) * 2 - 1
    low, high = X.amin((1, 2, 3), keepdim=True), X.amax((1, 2, 3), keepdim=True)
    move = {name: torch.zeros(n, dtype=X.dtype, device=device) for name in GEOMETRIC}
    for turn in range(n_operations):
        picked = {name: chosen[turn] == number for number, name in enumerate(operations)}
        result = X
        for name in operations:
            if name in GEOMETRIC:
                move[name] = move[name] + picked[name] * sign[turn] * strength[turn]
            elif name != "identity":
                changed = change_values(X, name, strength[turn, :, None, None, None], low, high)
                result = torch.where(picked[name][:, None, None, None], changed, result)
        X = result
    if not set(operations) & set(GEOMETRIC):
        return X
    return move_pixels(
        X, rotate=move["rotate"] * math.pi / 6, shear_x=move["shear_x"] * 0.3, shear_y=move["shear_y"] * 0.3,
        translate_x=move["translate_x"] * 0.3, translate_y=move["translate_y"] * 0.3,
    )  # fmt: skip


def change_values(X, name, strength, low, high):
    """Return images after one operation on their values.

    Parameters
    ----------
    X : tensor of shape (n, C, H, W)
    name : str
        One of ``PHOTOMETRIC``.
    strength : tensor of shape (n, 1, 1, 1)
        In [0, 1]: what it means depends on the operation.
    low, high : tensor of shape (n, 1, 1, 1)
        Black and white of each image.
    """
    if name == "identity":
        return X
    if name == "autocontrast":
        darkest, lightest = X.amin((2, 3), keepdim=True), X.amax((2, 3), keepdim=True)
        scale = (high - low) / (lightest - darkest).clamp_min(1e-6)
        return torch.where(lightest > darkest, low + (X - darkest) * scale, X)
    if name == "posterize":
        levels = 2 ** (4 + (strength * 4).floor()) - 1
        span = (high - low).clamp_min(1e-6)
        return low + ((X - low) / span * levels).round() / levels * span
    if name == "solarize":
        return torch.where(low + strength * (high - low) < X, low + high - X, X)
    if name == "brightness":
        reference = low
    elif name == "contrast":
        reference = X.mean((1, 2, 3), keepdim=True)
    elif name == "saturation":
        reference = X.mean(1, keepdim=True)
    elif name == "sharpness":
        reference = F.avg_pool2d(X, 3, 1, 1, count_include_pad=False)
    else:
        raise ValueError(f"name must be one of {PHOTOMETRIC}, got {name!r}.")
    return torch.lerp(reference.expand_as(X), X, (0.05 + 0.9 * strength).expand_as(X))


def move_pixels(X, *, rotate, shear_x, shear_y, translate_x, translate_y):
    """Return images turned, sheared and shifted by one resampling; what comes from outside repeats the edge.

    Parameters
    ----------
    X : tensor of shape (n, C, H, W)
    rotate : tensor of shape (n,)
        Angle in radians.
    shear_x, shear_y : tensor of shape (n,)
        Shift along one axis per unit of the other.
    translate_x, translate_y : tensor of shape (n,)
        In sides of the image.
    """
    height, width = X.shape[2:]
    cos, sin = rotate.cos(), rotate.sin()
    # Rotation times shear, written out: a product of small matrices would lose digits under mixed precision.
    rows = [[cos + sin * shear_y, cos * shear_x + sin], [cos * shear_y - sin, cos - sin * shear_x]]
    (a, b), (c, d) = ([value[:, None, None] for value in row] for row in rows)
    y = (torch.arange(height, dtype=X.dtype, device=X.device)[:, None] + 0.5) / height * 2 - 1
    x = (torch.arange(width, dtype=X.dtype, device=X.device)[None, :] + 0.5) / width * 2 - 1
    grid = torch.stack([
        a * x + b * y + 2 * translate_x[:, None, None], c * x + d * y + 2 * translate_y[:, None, None],
    ], dim=-1)  # fmt: skip
    return F.grid_sample(X, grid, mode="bilinear", padding_mode="border", align_corners=False)
