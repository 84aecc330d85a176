"""What a method keeps for every training row between its visits."""

import torch


class RowMemory:
    """Moving average of a row's values over its visits.

    Parameters
    ----------
    n_rows, width : int
        Size of the memory; it starts at ``fill``.
    fill : float
    dtype, device
        Of the tensor.

    Attributes
    ----------
    values : tensor of shape (n_rows, width)
    frozen : bool
        While true, updates change nothing: a step that evaluates its loss twice visits each row once.
    """

    frozen = False

    def __init__(self, n_rows, width, *, fill=0.0, dtype=torch.float32, device="cpu"):
        self.values = torch.full((n_rows, width), fill, dtype=dtype, device=device)

    def update(self, index, values, decay):
        """Set the rows to ``decay * old + (1 - decay) * values`` and return them. Carries no gradient."""
        if self.frozen:
            return self.values.index_select(0, index)
        rows = torch.lerp(values.detach(), self.values.index_select(0, index), decay)
        self.values.index_copy_(0, index, rows)
        return rows

    def state_dict(self):
        """Return the memory's tensor."""
        return {"values": self.values}

    def load_state_dict(self, state):
        """Take the values of ``state``."""
        self.values.copy_(state["values"])
