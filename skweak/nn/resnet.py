"""Pre-activation residual networks for images."""

import torch.nn.functional as F
from torch import nn

from skweak.nn._checks import check_sizes


class _Shortcut(nn.Conv2d):
    """1 x 1 convolution of every ``step``-th pixel.

    The pixels are picked before, since torch 2.13 writes beyond its memory in the backward pass of a strided 1 x 1
    convolution of images with the channels last, on processors without AVX-512.
    """

    def __init__(self, n_in, n_out, step):
        super().__init__(n_in, n_out, 1, bias=False)
        self.step = step

    def forward(self, X):
        return super().forward(X[..., :: self.step, :: self.step])


class _Block(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(n_in), nn.BatchNorm2d(n_out)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        same = stride == 1 and n_in == n_out
        self.shortcut = nn.Identity() if same else _Shortcut(n_in, n_out, stride)

    def forward(self, X):
        z = F.relu(self.norm1(X))
        # A projection reads the activated input, an identity the raw one (arXiv:1603.05027).
        skip = X if isinstance(self.shortcut, nn.Identity) else self.shortcut(z)
        return self.conv2(F.relu(self.norm2(self.conv1(z)))) + skip


class ResNet(nn.Module):
    """Pre-activation residual network (arXiv:1603.05027).

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    n_outputs : int
        Number of logits.
    blocks : tuple of int, default=(1, 1, 1)
        Residual blocks of each stage; every stage after the first halves height and width. (2, 2, 2, 2) with
        ``width=64`` is PreAct-ResNet18.
    width : int, default=16
        Channels of the first stage; each further stage has twice as many.

    Examples
    --------
    >>> import torch
    >>> ResNet(n_channels=3, n_outputs=10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_channels, n_outputs, blocks=(1, 1, 1), width=16):
        super().__init__()
        blocks, (width,) = check_sizes("blocks", blocks), check_sizes("width", (width,))
        self.stem = nn.Conv2d(n_channels, width, 3, 1, 1, bias=False)
        self.stage_widths = [width * 2**i for i in range(len(blocks))]
        self.blocks = nn.ModuleList()
        n_in = width
        for stage, (count, n_out) in enumerate(zip(blocks, self.stage_widths, strict=True)):
            strides = [2 if stage else 1] + [1] * (count - 1)
            self.blocks.append(
                nn.Sequential(*(_Block(n_in if i == 0 else n_out, n_out, s) for i, s in enumerate(strides)))
            )
            n_in = n_out
        self.norm = nn.BatchNorm2d(n_in)
        self.head = nn.Linear(n_in, n_outputs)

    def stages(self, X):
        """Return the feature map of every stage, the last one pooled to the embedding."""
        maps = [self.stem(X)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return [*maps[1:-1], F.relu(self.norm(maps[-1])).mean((2, 3))]

    def feature_map(self, X):
        """Return the last feature map, whose mean over space is the embedding."""
        X = self.stem(X)
        for block in self.blocks:
            X = block(X)
        return F.relu(self.norm(X))

    def features(self, X):
        """Return the embedding: the last stage averaged over space."""
        return self.feature_map(X).mean((2, 3))

    def forward(self, X):
        """Return the logits."""
        return self.head(self.features(X))
