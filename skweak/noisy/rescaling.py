"""What the rescaler of STORM looks at, and the network that turns it into weights (arXiv:2412.12955)."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.special import ndtr

N_FEATURES = 19
# Of the divergence of two normals, whose widths may differ by any factor.
_LARGEST = 1e4


def normal_divergence(mean, width, other_mean, other_width):
    """Return the Kullback-Leibler divergence of normals from others, 0 where one has no width, at most 10,000."""
    valid = (width > 0) & (other_width > 0)
    s, t = width.where(valid, torch.ones_like(width)), other_width.where(valid, torch.ones_like(width))
    value = (t / s).log() + (s.square() + (mean - other_mean).square()) / (2 * t.square()) - 0.5
    return value.clamp(0, _LARGEST).where(valid, torch.zeros_like(value))


def normal_overlap(mean, width, other_mean, other_width):
    """Return the area that two normal densities share, in [0, 1]; widths count as at least 1e-8."""
    m, s, n, t = (v.double() for v in (mean, width.clamp_min(1e-8), other_mean, other_width.clamp_min(1e-8)))
    apart, wider = (n - m).abs(), t.square() - s.square()
    alike = wider.abs() <= 1e-6 * torch.maximum(s, t).square()
    same = torch.special.erfc(apart / (math.sqrt(2) * (s + t)))
    # The densities cross twice; between the crossings one lies above the other.
    wider = wider.where(~alike, torch.ones_like(wider))
    centre = m * t.square() - n * s.square()
    root = s * t * (apart.square() + wider * 2 * (t / s).log()).clamp_min(0).sqrt()
    shared = torch.ones_like(m)
    for crossing in ((centre + root) / wider, (centre - root) / wider):
        shared = shared - (ndtr((crossing - n) / t) - ndtr((crossing - m) / s)).abs()
    return same.where(alike, shared).clamp(0, 1).to(mean.dtype)


class GroupMemory:
    """The last rows of every group and what was measured of them; a new row replaces the oldest of its group.

    Parameters
    ----------
    n_groups, size, width : int
        Groups, rows kept of each, and numbers per row.
    dtype, device
        Of the numbers.
    """

    def __init__(self, n_groups, size, width, *, dtype=torch.float32, device="cpu"):
        self.values = torch.zeros(n_groups, size, width, dtype=dtype, device=device)
        self.count, self.end = (torch.zeros(n_groups, dtype=torch.int64, device=device) for _ in range(2))

    def places(self, group):
        """Return where rows of the groups ``group`` (n,) go, in their order: at most ``size`` of each may come."""
        earlier = F.one_hot(group, len(self.count)).cumsum(0).gather(1, group[:, None])[:, 0] - 1
        return (self.end[group] + earlier) % self.values.shape[1]

    def put(self, group, places, column, values):
        """Set numbers (n, k) of rows, from a column on."""
        self.values[group, places, column : column + values.shape[1]] = values

    def advance(self, group):
        """Count the rows of the groups ``group`` (n,) as kept."""
        # torch.bincount would wait for the device, to learn how many groups there are.
        added, size = F.one_hot(group, len(self.count)).sum(0), self.values.shape[1]
        self.count, self.end = (self.count + added).clamp_max(size), (self.end + added) % size

    def statistics(self, group, column, width):
        """Return mean and standard deviation (n, width) of some columns over the group of each row."""
        kept = self.values[..., column : column + width]
        valid = torch.arange(kept.shape[1], device=kept.device) < self.count[:, None]
        n = self.count.clamp_min(1)[:, None].to(kept.dtype)
        mean = (kept * valid[..., None]).sum(1) / n
        width = (((kept - mean[:, None]).square() * valid[..., None]).sum(1) / n).sqrt()
        return mean[group], width[group]

    def state_dict(self):
        """Return everything that is kept."""
        return {"values": self.values, "count": self.count, "end": self.end}

    def load_state_dict(self, state):
        """Take the values of ``state``."""
        for own, saved in zip((self.values, self.count, self.end), state.values(), strict=True):
            own.copy_(saved)


@torch.no_grad()
def rescaling_features(logits, target, memory):
    """Return what is known of rows (n, 19) by several passes over them, and keep it in ``memory``.

    Parameters
    ----------
    logits : tensor of shape (passes, n, C)
    target : tensor of int64 of shape (n,)
    memory : GroupMemory
        With ``2 C`` groups, given label by agreement of the passes with it, of 6 numbers.
    """
    n_passes, n, n_classes = logits.shape
    losses = F.cross_entropy(logits.flatten(0, 1), target.repeat(n_passes), reduction="none").view(n_passes, n)
    sure, agrees = logits.softmax(2).amax(2), logits.argmax(2) == target
    votes = 2 * agrees.sum(0) - n_passes
    agree = (votes > 0) | ((votes == 0) & agrees[0])
    row = torch.stack([part for v in (losses, sure) for part in (v.mean(0), v.std(0, correction=0))], 1)
    group = 2 * target + agree
    places = memory.places(group)
    memory.put(group, places, 0, row)
    memory.advance(group)
    mean, width = memory.statistics(group, 0, 4)
    normals = row[:, 0], row[:, 1], mean[:, 0], mean[:, 1]
    pair = torch.stack([normal_divergence(*normals), normal_overlap(*normals)], 1)
    memory.put(group, places, 4, pair)
    return torch.cat([row, mean, width, pair, *memory.statistics(group, 4, 2), agree[:, None].to(row.dtype)], 1)


class Rescaler(nn.Module):
    """A small network per class, all in one: ``F -> F -> BatchNorm -> ReLU -> 2 -> BatchNorm -> softmax``.

    The weight of a row is the first of both numbers. All weights begin as one half. The normalisation looks at the
    rows of the same class in the batch, so that no class can lose all its weight.

    Parameters
    ----------
    n_classes, n_features : int
    """

    def __init__(self, n_classes, n_features=N_FEATURES):
        super().__init__()
        bound = n_features**-0.5
        self.hidden = nn.Parameter(torch.empty(n_classes, n_features + 1, n_features).uniform_(-bound, bound))
        self.last = nn.Parameter(torch.zeros(n_classes, n_features + 1, 2))

    def forward(self, features, target):
        """Return the weights (n,) of rows with the given labels ``target`` (n,)."""
        hidden = _normalised(_linear(features, self.hidden[target]), target, len(self.hidden)).relu()
        return _normalised(_linear(hidden, self.last[target]), target, len(self.hidden)).softmax(1)[:, 0]


def _linear(X, weight):
    return (X[:, None] @ weight[:, :-1])[:, 0] + weight[:, -1]


def _normalised(X, target, n_classes):
    member = F.one_hot(target, n_classes).to(X.dtype)
    share = member / member.sum(0).clamp_min(1)
    X = X - (share.T @ X)[target]
    return X / ((share.T @ X.square())[target] + 1e-5).sqrt()
