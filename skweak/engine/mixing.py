"""The share and the partners of mixed rows (arXiv:1710.09412)."""

import torch


def draw_mixing(run, alpha, n_rows):
    """Return a mixing share in [0, 1] from ``Beta(alpha, alpha)`` and an order of ``n_rows`` rows, each its partner.

    With ``alpha=0`` the share is 1 and every row its own partner, so that nothing is mixed.
    """
    if not alpha:
        return 1.0, slice(None)
    share = float(run.numpy_random.beta(alpha, alpha))
    return share, torch.randperm(n_rows, generator=run.generator).to(run.device)
