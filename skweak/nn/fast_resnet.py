"""A wide and shallow residual network that learns small images in seconds on a GPU."""

import torch.nn.functional as F
from torch import nn

from skweak.nn._checks import check_sizes


class _Conv(nn.Module):
    """Convolution, max pooling where the size is halved, BatchNorm, GELU."""

    def __init__(self, n_in, n_out, halve=False):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out)
        # Before the norm, which then has a quarter of the numbers to read. ceil_mode keeps at least one pixel.
        self.pool = nn.MaxPool2d(2, ceil_mode=True) if halve else nn.Identity()

    def forward(self, X):
        return F.gelu(self.norm(self.pool(self.conv(X))))


class _Stage(nn.Module):
    def __init__(self, n_in, n_out, residual):
        super().__init__()
        self.down = _Conv(n_in, n_out, halve=True)
        self.residual = nn.Sequential(_Conv(n_out, n_out), _Conv(n_out, n_out)) if residual else None

    def forward(self, X):
        X = self.down(X)
        return X if self.residual is None else X + self.residual(X)


class FastResNet(nn.Module):
    """Nine-layer network for images of about 32 x 32 pixels, made for few epochs with large batches.

    A stem and three stages, each a convolution with max pooling; the first and every second stage after it add two
    convolutions around a skip connection. The embedding is the largest value of each channel, scaled down so that the
    first logits are small and large learning rates do no harm.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    n_outputs : int
        Number of logits.
    widths : tuple of int, default=(64, 128, 256, 512)
        Channels of the stem and of each stage; every stage halves height and width. Wider is more accurate and slower.
    scale : float > 0, default=0.125
        Factor of the embedding; smaller gives smaller logits and gradients.

    Examples
    --------
    >>> import torch
    >>> FastResNet(n_channels=3, n_outputs=10, widths=(8, 16))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_channels, n_outputs, widths=(64, 128, 256, 512), scale=0.125):
        super().__init__()
        widths = check_sizes("widths", widths)
        if not scale > 0:
            raise ValueError(f"scale must be a number > 0, got {scale!r}.")
        self.stem, self.scale = _Conv(n_channels, widths[0]), float(scale)
        self.blocks = nn.ModuleList(
            _Stage(n_in, n_out, residual=i % 2 == 0)
            for i, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        )
        self.stage_widths = list(widths[1:]) or [widths[0]]
        self.head = nn.Linear(widths[-1], n_outputs)

    def stages(self, X):
        """Return the feature map of every stage, the last one pooled to the embedding."""
        maps = [self.stem(X)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return [*maps[1:-1], self._pooled(maps[-1])]

    def feature_map(self, X):
        """Return the last feature map, whose largest value over space, scaled, is the embedding."""
        X = self.stem(X)
        for block in self.blocks:
            X = block(X)
        return X

    def _pooled(self, maps):
        return maps.amax((2, 3)) * self.scale

    def features(self, X):
        """Return the embedding: the last stage's largest value over space, scaled."""
        return self._pooled(self.feature_map(X))

    def forward(self, X):
        """Return the logits."""
        return self.head(self.features(X))
