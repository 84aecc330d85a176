"""Networks with one embedding for each label (arXiv:2111.12933)."""

import torch
from torch import nn
from torch.nn import functional as F

from skweak.nn.build import build, embedding_width, features_and_logits


class LabelAttention(nn.Module):
    """Layer that reads one embedding per label from a row by cross-attention.

    Each label has a fixed random query. It looks at the tokens of a row, which are the pixels of a feature map or
    several projections of a vector, and takes from them what speaks about the label.

    Parameters
    ----------
    n_inputs : int
        Channels of the feature map (n, c, H, W), or width of the vector (n, c).
    n_labels : int
        Number of embeddings of a row.
    embedding_dim : int, default=32
        Width of an embedding, a multiple of ``n_heads``; larger ones hold more and cost more.
    n_heads : int, default=4
        Number of places that a label looks at independently.
    feedforward_dim : int, default=64
        Hidden units behind the attention.
    n_tokens : int or None, default=None
        Tokens made of a vector; with 1 every label sees the same. None expects feature maps.
    dropout : float in [0, 1), default=0.1
        Dropout of the queries, the attention and the hidden units.

    Notes
    -----
    One decoder block without self-attention, normalised after every step. The queries are not trained.

    Examples
    --------
    >>> LabelAttention(n_inputs=16, n_labels=5, n_tokens=8)(torch.zeros(3, 16)).shape
    torch.Size([3, 5, 32])
    >>> LabelAttention(n_inputs=16, n_labels=5)(torch.zeros(3, 16, 7, 7)).shape
    torch.Size([3, 5, 32])
    """

    def __init__(
        self, n_inputs, n_labels, embedding_dim=32, n_heads=4, feedforward_dim=64, n_tokens=None, dropout=0.1
    ):
        super().__init__()
        if embedding_dim % n_heads:
            raise ValueError(f"embedding_dim={embedding_dim} must be a multiple of n_heads={n_heads}.")
        self.n_tokens = n_tokens
        self.project = nn.Linear(n_inputs, embedding_dim * (n_tokens or 1))
        self.attention = nn.MultiheadAttention(embedding_dim, n_heads, dropout=dropout, batch_first=True)
        self.feedforward = nn.Sequential(
            nn.Linear(embedding_dim, feedforward_dim), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(feedforward_dim, embedding_dim),
        )  # fmt: skip
        self.norms = nn.ModuleList(nn.LayerNorm(embedding_dim) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("queries", torch.randn(n_labels, embedding_dim))

    def reset_parameters(self):
        """Draw new queries and new weights of the attention."""
        nn.init.normal_(self.queries)
        self.attention._reset_parameters()

    def forward(self, X):
        """Return the embeddings (n, n_labels, embedding_dim)."""
        if self.n_tokens is None:
            tokens = F.relu(self.project(X.flatten(2).transpose(1, 2)))
        else:
            tokens = F.relu(self.project(X)).unflatten(1, (self.n_tokens, -1))
        queries = self.queries.expand(X.shape[0], -1, -1)
        z = self.norms[0](queries + self.dropout(queries))
        z = self.norms[1](z + self.dropout(self.attention(z, tokens, tokens, need_weights=False)[0]))
        return self.norms[2](z + self.dropout(self.feedforward(z)))


class LabelProjection(nn.Module):
    """Layer that shifts one shared projection of a vector by an offset per label: ``relu(X W + a_k)``.

    The cheapest source of label-wise embeddings: all labels look at the same, each through its own threshold.

    Parameters
    ----------
    n_inputs, n_labels, embedding_dim : int
        Width of the vector, number of labels, width of an embedding.
    """

    def __init__(self, n_inputs, n_labels, embedding_dim=32):
        super().__init__()
        self.project = nn.Linear(n_inputs, embedding_dim, bias=False)
        self.offsets = nn.Parameter(torch.empty(n_labels, embedding_dim))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new offsets."""
        nn.init.normal_(self.offsets)

    def forward(self, X):
        """Return the embeddings (n, n_labels, embedding_dim)."""
        return F.relu(self.project(X)[:, None, :] + self.offsets)


class LabelLinear(nn.Module):
    """One linear unit per label, which sees the embedding of its label only.

    Parameters
    ----------
    n_labels, embedding_dim : int
    """

    def __init__(self, n_labels, embedding_dim):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_labels, embedding_dim))
        self.bias = nn.Parameter(torch.empty(n_labels))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new weights."""
        nn.init.xavier_normal_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, z):
        """Return the logits (n, n_labels) of embeddings (n, n_labels * embedding_dim), one label after the other."""
        return (z.unflatten(1, self.weight.shape) * self.weight).sum(2) + self.bias


class LabelwiseNetwork(nn.Module):
    """Any backbone with an embedding for each label, and a logit made of it.

    Give it as ``module`` to `MultiLabelClassifier` for a teacher whose label-wise embeddings `L2DClassifier` can
    follow; that student builds one around its own ``module``.

    Parameters
    ----------
    n_outputs : int
        Number of labels.
    n_features, n_channels : int
        Width of a flattened row and channels of the images, to build the backbone; equal for tables.
    backbone : "auto", torch.nn.Module, class or callable, default="auto"
        As the parameter ``module`` of an estimator. Its own head is not used.
    head : {"attention", "projection"}, default="attention"
        `LabelAttention`, on the feature map of backbones that have ``feature_map(X)`` and else on the embedding, or the
        cheaper `LabelProjection` of the embedding.
    embedding_dim, n_heads, feedforward_dim, n_tokens : int, default=32, 4, 64, 8
        See `LabelAttention`.
    head_dropout : float in [0, 1), default=0.1
        Dropout of the attention.

    Examples
    --------
    >>> network = LabelwiseNetwork(n_outputs=5, n_features=10, n_channels=10)
    >>> network.label_embeddings(torch.zeros(3, 10)).shape, network(torch.zeros(3, 10)).shape
    (torch.Size([3, 5, 32]), torch.Size([3, 5]))
    """

    def __init__(
        self, n_outputs, n_features=None, n_channels=None, *, backbone="auto", head="attention", embedding_dim=32,
        n_heads=4, feedforward_dim=64, n_tokens=8, head_dropout=0.1,
    ):  # fmt: skip
        super().__init__()
        if head not in ("attention", "projection"):
            raise ValueError(f"head must be 'attention' or 'projection', got {head!r}.")
        if not isinstance(backbone, nn.Module):
            # Of an image only channels and area are known here, which is all that networks are told.
            shape = (n_features,) if n_features == n_channels else (n_channels, n_features // n_channels)
            backbone = build(backbone, {}, input_shape=shape, n_outputs=n_outputs)
        self.backbone = backbone
        self.reads_map = head == "attention" and hasattr(backbone, "feature_map")
        width = embedding_width(backbone)
        if head == "projection":
            self.embed = LabelProjection(width, n_outputs, embedding_dim)
        else:
            self.embed = LabelAttention(
                width, n_outputs, embedding_dim, n_heads, feedforward_dim, None if self.reads_map else n_tokens,
                head_dropout,
            )  # fmt: skip
        self.head = LabelLinear(n_outputs, embedding_dim)

    def label_embeddings(self, X):
        """Return the embedding of every label (n, n_outputs, embedding_dim)."""
        return self.embed(self.backbone.feature_map(X) if self.reads_map else features_and_logits(self.backbone, X)[0])

    def features(self, X):
        """Return the embeddings of all labels side by side (n, n_outputs * embedding_dim)."""
        return self.label_embeddings(X).flatten(1)

    def forward(self, X):
        """Return the logits."""
        return self.head(self.features(X))
