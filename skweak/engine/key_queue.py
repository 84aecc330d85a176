"""Past embeddings to compare with, when a batch holds too few."""

import torch
from torch.nn import functional as F


class KeyQueue:
    """The last unit vectors that were pushed and their labels, the oldest replaced first.

    It begins with random directions of no class, drawn from torch's generator.

    Parameters
    ----------
    size, width : int
        Number of vectors and their dimension.
    dtype, device
        Of the vectors.

    Attributes
    ----------
    keys : tensor of shape (size, width)
    labels : tensor of int64 of shape (size,)
        -1 where no vector has come yet.
    frozen : bool
        While true, `push` changes nothing; see `skweak.engine.RowMemory`.
    """

    frozen = False

    def __init__(self, size, width, *, dtype=torch.float32, device="cpu"):
        self.keys = F.normalize(torch.randn(size, width, dtype=dtype, device=device))
        self.labels = torch.full((size,), -1, device=device)
        self.end = 0

    def push(self, keys, labels):
        """Add vectors (n, width) with labels (n,); of more than the queue holds, the first ones."""
        if self.frozen:
            return
        size = len(self.keys)
        keys, labels = keys[:size], labels[:size]
        places = (self.end + torch.arange(len(keys), device=keys.device)) % size
        self.keys.index_copy_(0, places, keys)
        self.labels.index_copy_(0, places, labels)
        self.end = (self.end + len(keys)) % size

    def state_dict(self):
        """Return vectors, labels and the place of the next one."""
        return {"keys": self.keys, "labels": self.labels, "end": self.end}

    def load_state_dict(self, state):
        """Take the values of ``state``."""
        self.keys.copy_(state["keys"])
        self.labels.copy_(state["labels"])
        self.end = int(state["end"])
