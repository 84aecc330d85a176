"""Views of a row that show only a part of it."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Patches(nn.Module):
    """Cut every row into parts and return each part as a row of its own.

    Images are cut along a square grid and every cell is enlarged to the size of the image. Tables keep one of
    several disjoint groups of features, drawn once, in each part; the other features are set to ``fill``.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one row: (d,) or (C, H, W).
    n_patches : int, default=4
        Number of parts P: a square number for images, at most the number of features for tables (more are cut
        down to it). The more, the less each part shows.

    Attributes
    ----------
    n_patches : int
        Number of parts.
    fill : tensor of shape (d,)
        What hidden features of a table show, 0 at first; set it to their means.

    Examples
    --------
    >>> import torch
    >>> patches = Patches((4,), n_patches=2)
    >>> parts = patches(torch.ones(3, 4))
    >>> parts.shape, parts.view(3, 2, 4).sum(1).unique()     # each feature in exactly one part
    (torch.Size([6, 4]), tensor([1.]))
    """

    def __init__(self, input_shape, n_patches=4):
        super().__init__()
        self.n_patches = n_patches if len(input_shape) > 1 else min(n_patches, input_shape[0])
        if len(input_shape) > 1:
            side = math.isqrt(n_patches)
            if side**2 != n_patches or side > min(input_shape[-2:]):
                raise ValueError(
                    f"n_patches={n_patches} must be the square of a number of cells that fits images of "
                    f"{input_shape[-2]} x {input_shape[-1]}; 4 is a grid of 2 x 2."
                )
            return
        group = torch.randperm(input_shape[0]) % self.n_patches
        self.register_buffer("shown", group == torch.arange(self.n_patches)[:, None])
        self.register_buffer("fill", torch.zeros(input_shape))

    def forward(self, X):
        """Return the parts (n * P, ...), those of one row beside each other."""
        if X.dim() == 2:
            return torch.where(self.shown, X[:, None], self.fill).flatten(0, 1)
        side, (height, width) = math.isqrt(self.n_patches), X.shape[-2:]
        rows, columns = ([size * i // side for i in range(side + 1)] for size in (height, width))
        cells = [
            F.interpolate(X[:, :, top:bottom, left:right], (height, width), mode="bilinear")
            for top, bottom in zip(rows[:-1], rows[1:], strict=True)
            for left, right in zip(columns[:-1], columns[1:], strict=True)
        ]
        return torch.stack(cells, 1).flatten(0, 1)
