"""Changes of a network's weights that no gradient step would make."""

from skweak.optim.minimal_norm import minimal_norm_weights

__all__ = ["minimal_norm_weights"]
