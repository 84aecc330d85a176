"""The network for tables."""

from torch import nn

from skweak.nn._checks import check_sizes
from skweak.nn.scaling import InputScaling


class MLP(nn.Module):
    """Multi-layer perceptron with ReLU units; images are flattened.

    Parameters
    ----------
    n_features : int
        Width of a flattened row.
    n_outputs : int
        Number of logits.
    hidden : tuple of int, default=(256, 256)
        Units of each hidden layer; larger fits more, and remembers wrong labels sooner.
    dropout : float in [0, 1), default=0.0
        Share of hidden units left out at random while training.
    batch_norm : bool, default=False
        Normalise each hidden layer over the batch.
    scale_inputs : bool, default=False
        Begin with `InputScaling`, whose numbers the fit sets. ``module="auto"`` does so on tables, unless
        ``module__scale_inputs=False`` is given.

    Examples
    --------
    >>> import torch
    >>> network = MLP(n_features=4, n_outputs=3, hidden=(8,))
    >>> z = network.features(torch.zeros(5, 4))
    >>> z.shape, network.head(z).shape
    (torch.Size([5, 8]), torch.Size([5, 3]))
    """

    def __init__(self, n_features, n_outputs, hidden=(256, 256), dropout=0.0, batch_norm=False, scale_inputs=False):
        super().__init__()
        widths = [n_features, *check_sizes("hidden", hidden, empty=True)]
        self.scaling = InputScaling(n_features) if scale_inputs else None
        self.layers = nn.ModuleList()
        for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
            layers = [nn.Linear(n_in, n_out), nn.ReLU()]
            if batch_norm:
                layers.insert(1, nn.BatchNorm1d(n_out))
            if dropout:
                layers.append(nn.Dropout(dropout))
            self.layers.append(nn.Sequential(*layers))
        self.stage_widths = widths[1:]
        self.head = nn.Linear(widths[-1], n_outputs)

    def stages(self, X):
        """Return the output of every hidden layer, the first first."""
        z, outputs = self._scaled(X), []
        for layer in self.layers:
            z = layer(z)
            outputs.append(z)
        return outputs or [z]

    def features(self, X):
        """Return the embedding, the output of the last hidden layer."""
        z = self._scaled(X)
        for layer in self.layers:
            z = layer(z)
        return z

    def _scaled(self, X):
        # Networks pickled before there was such a layer do not have it.
        scaling = getattr(self, "scaling", None)
        return X.flatten(1) if scaling is None else scaling(X.flatten(1))

    def forward(self, X):
        """Return the logits."""
        return self.head(self.features(X))
