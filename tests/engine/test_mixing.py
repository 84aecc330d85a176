"""What rows are mixed with, and how much of them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skweak.engine.mixing import draw_mixing


def run(seed=0):
    generators = {"numpy_random": np.random.RandomState(seed), "generator": torch.Generator().manual_seed(seed)}
    return SimpleNamespace(**generators, device="cpu")


@pytest.mark.parametrize("n_rows", [1, 2, 9])
def test_every_row_is_one_partner_and_the_share_is_that_of_the_seed(n_rows):
    share, order = draw_mixing(run(3), 0.5, n_rows)
    assert sorted(order.tolist()) == list(range(n_rows))
    assert share == np.random.RandomState(3).beta(0.5, 0.5)


def test_without_alpha_rows_stay_and_nothing_is_drawn():
    fit, rows = run(), torch.arange(5.0)
    share, order = draw_mixing(fit, 0, 5)
    assert torch.equal(torch.lerp(rows[order], rows, share), rows)
    assert fit.numpy_random.rand() == np.random.RandomState(0).rand()


def test_large_alpha_mixes_half_and_half():
    assert np.mean([abs(draw_mixing(run(seed), 200, 2)[0] - 0.5) for seed in range(20)]) < 0.05
