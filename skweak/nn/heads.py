"""Networks with further heads on the embedding of any backbone."""

import torch
from torch import nn

from skweak.nn.build import embedding_width, features_and_logits, last_linear


class TwoHead(nn.Module):
    """A backbone with a second head on its embedding: ``d -> 2 d -> ReLU -> Dropout -> C``.

    Parameters
    ----------
    backbone : torch.nn.Module
        Any network; calling this module calls it.
    dropout : float in [0, 1)
        Dropout of the second head.
    """

    def __init__(self, backbone, dropout=0.5):
        super().__init__()
        width = embedding_width(backbone)
        self.backbone = backbone
        self.second = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, last_linear(backbone).out_features),
        )

    def features(self, X):
        """Return the backbone's embedding."""
        return features_and_logits(self.backbone, X)[0]

    def head(self, z):
        """Return the logits of the first head."""
        return last_linear(self.backbone)(z)

    def both(self, X):
        """Return the logits of the first and of the second head."""
        z, logits = features_and_logits(self.backbone, X)
        return logits, self.second(z)

    def forward(self, X):
        """Return the logits of the first head."""
        return self.backbone(X)


class LinearPair(nn.Module):
    """A backbone with a second linear head on its embedding.

    Parameters
    ----------
    backbone : torch.nn.Module
        Any network; calling this module calls it.
    n_outputs : int or None
        Logits of the second head, by default as many as the first has.
    """

    def __init__(self, backbone, n_outputs=None):
        super().__init__()
        width = last_linear(backbone).out_features if n_outputs is None else n_outputs
        self.backbone = backbone
        self.second = nn.Linear(embedding_width(backbone), width)

    def features(self, X):
        """Return the backbone's embedding."""
        return features_and_logits(self.backbone, X)[0]

    def head(self, z):
        """Return the logits of the first head."""
        return last_linear(self.backbone)(z)

    def both(self, X):
        """Return the logits of the first and of the second head."""
        z, logits = features_and_logits(self.backbone, X)
        return logits, self.second(z)

    def forward(self, X):
        """Return the logits of the first head."""
        return self.backbone(X)


class OnSphere(nn.Module):
    """A backbone whose embedding is brought to the unit sphere of few dimensions, where a linear head reads it.

    Parameters
    ----------
    backbone : torch.nn.Module
        Its own head is not used.
    width : int
        Dimension of the sphere's space.
    n_outputs : int
    """

    def __init__(self, backbone, width, n_outputs):
        super().__init__()
        self.backbone = backbone
        self.projection = nn.Linear(embedding_width(backbone), width)
        self.head = nn.Linear(width, n_outputs)

    def features(self, X):
        """Return the point on the sphere."""
        return nn.functional.normalize(self.projection(features_and_logits(self.backbone, X)[0]), dim=1)

    def forward(self, X):
        """Return the logits."""
        return self.head(self.features(X))


class Branched(nn.Module):
    """A backbone with a negative head and with side branches on its earlier stages.

    A side branch adapts the output of a stage to the width of the embedding and has its own linear head. Backbones
    without ``stages(X)`` get none.

    Parameters
    ----------
    backbone : torch.nn.Module
    input_shape : tuple of int
        Shape of one row, to measure the stages.
    n_branches : int
        Largest number of side branches.
    """

    def __init__(self, backbone, input_shape, n_branches=3):
        super().__init__()
        width, n_outputs = embedding_width(backbone), last_linear(backbone).out_features
        self.backbone = backbone
        self.negative = nn.Linear(width, n_outputs)
        maps = self._measure(backbone, input_shape)[:-1][:n_branches] if hasattr(backbone, "stages") else []
        self.adapters = nn.ModuleList(_adapter(shape, maps[-1], width) for shape in maps)
        self.side_heads = nn.ModuleList(nn.Linear(width, n_outputs) for _ in maps)

    @staticmethod
    @torch.no_grad()
    def _measure(backbone, input_shape):
        was_training = backbone.training
        parameter = next(backbone.parameters())
        X = torch.zeros((1, *input_shape), dtype=parameter.dtype, device=parameter.device)
        shapes = [tuple(stage.shape[1:]) for stage in backbone.eval().stages(X)]
        backbone.train(was_training)
        return shapes

    def features(self, X):
        """Return the backbone's embedding."""
        return features_and_logits(self.backbone, X)[0]

    def head(self, z):
        """Return the logits of the positive head."""
        return last_linear(self.backbone)(z)

    def both(self, X):
        """Return the logits of the positive and of the negative head."""
        z, positive = features_and_logits(self.backbone, X)
        return positive, self.negative(z)

    def branches(self, X):
        """Return positive and negative logits, the embedding, and lists of side features and side logits."""
        if not len(self.adapters):
            z, positive = features_and_logits(self.backbone, X)
            return positive, self.negative(z), z, [], []
        *stages, z = self.backbone.stages(X)
        sides = [adapter(stage) for adapter, stage in zip(self.adapters, stages, strict=False)]
        logits = [head(side) for head, side in zip(self.side_heads, sides, strict=True)]
        return self.backbone.head(z), self.negative(z), z, sides, logits

    def forward(self, X):
        """Return the logits of the positive head."""
        return self.backbone(X)


def _adapter(shape, last_shape, width):
    narrow = max(1, width // 4)
    if len(shape) == 1:
        return nn.Sequential(
            nn.Linear(shape[0], narrow), nn.BatchNorm1d(narrow), nn.ReLU(),
            nn.Linear(narrow, width), nn.BatchNorm1d(width), nn.ReLU(),
        )  # fmt: skip
    # The stride brings every stage to half the size of the last one that has a branch, as the next stage has it.
    step = max(1, min(*shape[1:], 2 * shape[1] // last_shape[1]))
    return nn.Sequential(
        nn.Conv2d(shape[0], narrow, 1), nn.BatchNorm2d(narrow), nn.ReLU(),
        nn.Conv2d(narrow, narrow, step, step), nn.BatchNorm2d(narrow), nn.ReLU(),
        nn.Conv2d(narrow, width, 1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


class Projected(nn.Module):
    """A backbone with a projection of its embedding to the unit sphere: ``d -> d -> BatchNorm -> ReLU -> width``.

    Without BatchNorm the embeddings of a plain MLP, which all point the same way, would stay together on the sphere.

    Parameters
    ----------
    backbone : torch.nn.Module
        Any network; calling this module calls it.
    width : int
        Dimension of the sphere.
    """

    def __init__(self, backbone, width=64):
        super().__init__()
        n_features = embedding_width(backbone)
        self.backbone = backbone
        self.projection = nn.Sequential(
            nn.Linear(n_features, n_features), nn.BatchNorm1d(n_features), nn.ReLU(), nn.Linear(n_features, width)
        )

    def features(self, X):
        """Return the backbone's embedding."""
        return features_and_logits(self.backbone, X)[0]

    def head(self, z):
        """Return the backbone's logits."""
        return last_linear(self.backbone)(z)

    def parts(self, X):
        """Return the embedding, the logits and the unit vectors of the projection."""
        z, logits = features_and_logits(self.backbone, X)
        return z, logits, nn.functional.normalize(self.projection(z), dim=1)

    def both(self, X):
        """Return the logits and the unit vectors of the projection."""
        return self.parts(X)[1:]

    def forward(self, X):
        """Return the backbone's logits."""
        return self.backbone(X)


class Nested(nn.Module):
    """A backbone whose logits are a linear function without bias of the first values of its embedding.

    Trained with ever other numbers of values, the first ones learn what matters most (arXiv:2206.13140).

    Parameters
    ----------
    backbone : torch.nn.Module
        Any network; its last ``Linear`` layer loses its bias.

    Attributes
    ----------
    width : int64 tensor
        Number of values that predictions use, at first all.
    """

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        last_linear(backbone).bias = None
        self.register_buffer("width", torch.tensor(embedding_width(backbone)))

    def features(self, X):
        """Return the embedding, zero behind the first ``width`` values."""
        return self.first(features_and_logits(self.backbone, X)[0], self.width)

    def first(self, z, width):
        """Return embeddings that are zero behind their first ``width`` values."""
        return z * (torch.arange(z.shape[1], device=z.device) < width)

    def head(self, z):
        """Return the logits."""
        return last_linear(self.backbone)(z)

    def narrow(self, X, width):
        """Return the logits of the first ``width`` values."""
        return self.head(self.first(features_and_logits(self.backbone, X)[0], width))

    def forward(self, X):
        """Return the logits of the first ``self.width`` values."""
        return self.narrow(X, self.width)
