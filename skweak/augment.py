"""Random views of a batch, drawn on the batch's device: a weak one that keeps the label beyond doubt, and a strong one.

Every function takes and returns a tensor (n, d) or (n, C, H, W) and draws from torch's default generator, which a fit
seeds from ``random_state``. Any callable of the same form can stand in their place, such as a
``kornia.augmentation.AugmentationSequential``.
"""

from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F

from skweak.randaugment import random_operations


class Views(NamedTuple):
    """The weak and the strong view of a batch, as functions."""

    weak: callable
    strong: callable


def identity(X):
    """Return the batch as it is."""
    return X


def random_crop(X, padding=4, mode="constant"):
    """Shift every image by up to ``padding`` pixels in each direction.

    Parameters
    ----------
    X : tensor of shape (n, C, H, W)
    padding : int
        Largest shift; more is harder.
    mode : {"constant", "reflect", "replicate"}, default="constant"
        What stands outside: zeros, the image mirrored at its edge (``padding`` must be below its sides), or the edge.
    """
    n, _, height, width = X.shape
    padded = F.pad(X, [padding] * 4, mode=mode)
    top, left = torch.randint(0, 2 * padding + 1, (2, n, 1), device=X.device)
    rows = (top + torch.arange(height, device=X.device))[:, :, None]
    columns = (left + torch.arange(width, device=X.device))[:, None, :]
    index = torch.arange(n, device=X.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows, columns].permute(0, 3, 1, 2)


def random_flip(X, p=0.5):
    """Mirror each image left to right with probability ``p``."""
    chosen = torch.rand(X.shape[0], device=X.device) < p
    return torch.where(chosen[:, None, None, None], X.flip(3), X)


def alternating_flip(X, index, epoch):
    """Mirror half of the images in even epochs and the other half in odd ones.

    Two epochs in a row show every image from both sides once, which random flips do for half of them only. See
    arXiv:2404.00498.

    Parameters
    ----------
    X : tensor of shape (n, C, H, W)
    index : int64 tensor of shape (n,)
        Position of each image in the training set, which decides its half.
    epoch : int
    """
    # The top bit of a multiplicative hash, so that rows sorted by class fall into both halves.
    half = (index * 2654435761 >> 31) & 1
    return torch.where((half == epoch % 2)[:, None, None, None], X.flip(3), X)


def cutout(X, size):
    """Set ``size`` x ``size`` pixels around a random place of each image to zero, as far as they lie in it.

    See arXiv:1708.04552.
    """
    n, _, height, width = X.shape
    centre = torch.rand(2, n, 1, device=X.device)
    rows = torch.arange(height, device=X.device) - (centre[0] * height).floor() + size // 2
    columns = torch.arange(width, device=X.device) - (centre[1] * width).floor() + size // 2
    rows, columns = (rows >= 0) & (rows < size), (columns >= 0) & (columns < size)
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return X.masked_fill(hole, 0.0)


def jitter(X, scale):
    """Add Gaussian noise of standard deviation ``scale``, one number or one per feature."""
    return torch.addcmul(X, torch.randn_like(X), torch.as_tensor(scale, dtype=X.dtype, device=X.device))


def mask_features(X, p, fill):
    """Replace each entry by ``fill``, one number or one per feature, with probability ``p``."""
    chosen = torch.rand_like(X) < p
    return torch.where(chosen, torch.as_tensor(fill, dtype=X.dtype, device=X.device), X)


def swap_features(X, p):
    """Replace each entry, with probability ``p``, by the same feature of another row of the batch.

    Unlike noise it needs no scale and keeps to values that occur, categories included. See arXiv:2106.15147.
    """
    other = X[torch.randperm(X.shape[0], device=X.device)]
    return torch.where(torch.rand_like(X) < p, other, X)


def strong_table_views(scale):
    """Return views of table rows: noise of 0.1 standard deviations; the same with a fifth of the features swapped.

    Parameters
    ----------
    scale : tensor of shape (d,)
        Standard deviation of every feature.
    """
    noise = 0.1 * scale
    return Views(lambda X: jitter(X, noise), lambda X: swap_features(jitter(X, noise), 0.2))


def strong_image_views(side, flip=True):
    """Return views of images: a shift and a flip; the same, then two random operations and a hole of a quarter.

    Parameters
    ----------
    side : int
        Height or width of the images, the smaller one.
    flip : bool, default=True
        Whether an image and its mirror image are of one class; not so for digits and text.
    """

    def weak(X):
        X = random_crop(X, side // 8)
        return random_flip(X) if flip else X

    return Views(weak, lambda X: cutout(random_operations(weak(X)), side // 4))


def table_views(mean, scale):
    """Return views of table rows: noise of 0.1 standard deviations; of 0.2 with a tenth of the features masked.

    Parameters
    ----------
    mean, scale : tensor of shape (d,)
        Mean and standard deviation of every feature.
    """
    return Views(partial(jitter, scale=0.1 * scale), partial(_jitter_and_mask, scale=0.2 * scale, fill=mean))


# Functions of the module and partials of them: a view is pickled with the net by skorch's Checkpoint.
def _jitter_and_mask(X, scale, fill):
    return mask_features(jitter(X, scale), 0.1, fill)


def _shift_and_flip(X, padding):
    return random_flip(random_crop(X, padding))


def _shift_flip_and_cut(X, padding, size):
    return cutout(_shift_and_flip(X, padding), size)


def image_views(side):
    """Return views of images: a shift by up to an eighth of ``side`` and a flip; the same with a hole of half of it.

    Parameters
    ----------
    side : int
        Height or width of the images, the smaller one. Below 8 pixels there is no shift, which would lose too much.
    """
    padding = side // 8
    return Views(
        partial(_shift_and_flip, padding=padding), partial(_shift_flip_and_cut, padding=padding, size=side // 2)
    )


def _checked(view):
    """Return the user's view, which raises when it gives something else than a batch like the one it was given."""
    return partial(_apply_checked, view)


def _apply_checked(view, X):
    try:
        result = view(X)
    except Exception as error:
        raise ValueError(f"augment {view!r} fails on a batch of shape {tuple(X.shape)}: {error}") from error
    if not isinstance(result, torch.Tensor) or result.shape != X.shape or result.dtype != X.dtype:
        found = f"{result.dtype} of shape {tuple(result.shape)}" if hasattr(result, "shape") else repr(result)
        raise ValueError(
            f"augment must return a tensor of the same type and shape as its batch, {X.dtype} of shape "
            f"{tuple(X.shape)}, got {found}."
        )
    return result


def make_views(augment, data):
    """Return the `Views` that the parameter ``augment`` asks for.

    Parameters
    ----------
    augment : None, "weak", "strong", callable or pair of callables
        None leaves the rows as they are; "weak" takes the built-in views for the kind of input, "strong" those whose
        strong view is a hard one: RandAugment of images, swapped features of tables; a callable is the weak and the
        strong view; a pair names both.
    data : TensorData
        Training set, whose feature means and deviations set the scale of the noise.
    """
    if augment is None:
        return Views(identity, identity)
    if callable(augment):
        return Views(_checked(augment), _checked(augment))
    if isinstance(augment, tuple):
        if len(augment) != 2 or not all(map(callable, augment)):
            raise ValueError(f"The 'augment' parameter must be a pair (weak, strong) of callables, got {augment!r}.")
        return Views(*map(_checked, augment))
    strong = augment == "strong"
    if len(data.row_shape) > 1:
        return (strong_image_views if strong else image_views)(min(data.row_shape[-2:]))
    mean, scale = data.moments()
    return strong_table_views(scale) if strong else table_views(mean, scale)
