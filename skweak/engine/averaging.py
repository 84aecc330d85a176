"""Exponential moving averages of networks."""

import torch
from torch.optim.swa_utils import AveragedModel


class MovingAverage(AveragedModel):
    """Exponential moving average of a network's parameters: ``average <- decay * average + (1 - decay) * current``.

    The copy is in evaluation mode, needs no gradient and is called like the network itself. Its first update copies.

    Parameters
    ----------
    network : torch.nn.Module
    decay : float in [0, 1)
        Share of the old average; may be set anew before any update.
    use_buffers : bool
        Average BatchNorm statistics as well; otherwise each update copies them.
    """

    def __init__(self, network, decay=0.999, *, use_buffers=False):
        super().__init__(network, use_buffers=use_buffers)
        self.decay = decay
        # Not a constructor argument: a closure over the decay could not be pickled.
        self.multi_avg_fn = self._average
        self.requires_grad_(False)
        self.eval()

    def _average(self, averages, currents, _):
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, currents, 1.0 - float(self.decay))
        else:
            # Counters among the buffers, such as that of BatchNorm, have no average.
            torch._foreach_copy_(averages, currents)

    def train(self, mode=True):
        """Stay in evaluation mode: an average is a teacher or a predictor, never trained."""
        return super().train(False)
