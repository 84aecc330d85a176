"""Optimizers, and changes of a network's weights that no gradient step would make."""

from skweak.optim.minimal_norm import minimal_norm_weights
from skweak.optim.sam import SAM

__all__ = ["SAM", "minimal_norm_weights"]
