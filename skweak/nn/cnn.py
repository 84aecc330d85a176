"""A small convolutional network for small images."""

from torch import nn

from skweak.nn._checks import check_sizes


class SmallCNN(nn.Module):
    """Two or more 3 x 3 convolution blocks with BatchNorm, each followed by max pooling, and a linear head.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    n_outputs : int
        Number of logits.
    widths : tuple of int, default=(32, 64, 128)
        Channels of each block; every block halves height and width.
    dropout : float in [0, 1), default=0.0
        Dropout on the embedding while training.

    Examples
    --------
    >>> import torch
    >>> SmallCNN(n_channels=1, n_outputs=10)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_channels, n_outputs, widths=(32, 64, 128), dropout=0.0):
        super().__init__()
        widths = check_sizes("widths", widths)
        channels = [n_channels, *widths]
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
                # ceil_mode keeps at least one pixel, whatever the size of the image.
                nn.MaxPool2d(2, ceil_mode=True),
            )
            for n_in, n_out in zip(channels[:-1], channels[1:], strict=True)
        )
        self.dropout = nn.Dropout(dropout)
        self.stage_widths = list(widths)
        self.head = nn.Linear(widths[-1], n_outputs)

    def stages(self, X):
        """Return the feature map of every block, the last one pooled to the embedding."""
        maps = []
        for block in self.blocks:
            X = block(X)
            maps.append(X)
        return [*maps[:-1], self.dropout(maps[-1].mean((2, 3)))]

    def feature_map(self, X):
        """Return the last feature map, whose mean over space is the embedding."""
        for block in self.blocks:
            X = block(X)
        return X

    def features(self, X):
        """Return the embedding: the last block averaged over space."""
        return self.dropout(self.feature_map(X).mean((2, 3)))

    def forward(self, X):
        """Return the logits."""
        return self.head(self.features(X))
