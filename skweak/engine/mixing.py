"""The share and the partners of mixed rows (arXiv:1710.09412)."""

import math

import torch

# Of a training whose rows are mixed by default.
_LEAST_STEPS = 500


def mixing_alpha(given, run):
    """Return the parameter of the mixing share, of which "auto" is 1 where training takes 500 steps at least.

    Mixed rows are learnt more slowly, and a short training has no time for that.
    """
    steps = run.max_epochs * math.ceil(len(run.data) / run.batch_size)
    return float(steps >= _LEAST_STEPS) if given == "auto" else given


def draw_mixing(run, alpha, n_rows):
    """Return a mixing share in [0, 1] from ``Beta(alpha, alpha)`` and an order of ``n_rows`` rows, each its partner.

    With ``alpha=0`` the share is 1 and every row its own partner, so that nothing is mixed.
    """
    if not alpha:
        return 1.0, slice(None)
    share = float(run.numpy_random.beta(alpha, alpha))
    return share, torch.randperm(n_rows, generator=run.generator).to(run.device)
