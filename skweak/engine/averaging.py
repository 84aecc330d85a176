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

    # The network that was averaged last, and the dictionaries of tensors of both; no part of the average.
    _places = None

    def __init__(self, network, decay=0.999, *, use_buffers=False):
        super().__init__(network, use_buffers=use_buffers)
        self.decay = decay
        self.requires_grad_(False)
        self.eval()

    @torch.no_grad()
    def update_parameters(self, model, decay=None):
        """Move the average towards ``model``, the network or one built like it, with another ``decay`` if given.

        torch's own update walks through all modules and waits for the device at every step; here the walk is done once.
        """
        if self._places is None or self._places[0] is not model:
            pairs = list(zip(self.module.modules(), model.modules(), strict=True))
            kinds = [[(vars(a)[kind], vars(b)[kind]) for a, b in pairs if vars(a)[kind]] for kind in _KINDS]
            vars(self)["_places"] = model, *kinds, bool(self.n_averaged > 0)
        _, parameters, buffers, started = self._places
        averaged, copied = _entries(parameters), _entries(buffers)
        if self.use_buffers:
            # Counters among the buffers, such as that of BatchNorm, have no average.
            averaged += [pair for pair in copied if pair[0].is_floating_point()]
            copied = [pair for pair in copied if not pair[0].is_floating_point()]
        if not started:
            averaged, copied = [], averaged + copied
            vars(self)["_places"] = *self._places[:3], True
        if averaged:
            own, theirs = zip(*averaged, strict=True)
            torch._foreach_lerp_(own, theirs, 1.0 - float(self.decay if decay is None else decay))
        if copied:
            torch._foreach_copy_(*zip(*copied, strict=True))
        self.n_averaged.add_(1)

    def train(self, mode=True):
        """Stay in evaluation mode: an average is a teacher or a predictor, never trained."""
        return super().train(False)

    def __getstate__(self):
        """Return what is pickled and copied, without the network that is averaged."""
        return {name: value for name, value in vars(self).items() if name != "_places"}


_KINDS = ("_parameters", "_buffers")


def _entries(places):
    """Return pairs of the tensors that stand in dictionaries of modules now."""
    return [(own, other[name]) for mine, other in places for name, own in mine.items() if own is not None]
