"""Quantiles by hand, weights as repetition, and columns that odd rows do not move."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skweak.engine import TensorData
from skweak.engine.scale import column_quantiles, measure_columns, robust_scale


def test_quantiles_by_hand():
    sample = torch.tensor([[3.0, 30.0], [1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]).double()
    assert column_quantiles(sample, (0.0, 0.25, 0.5, 0.75, 1.0))[:, 0].tolist() == [1, 1, 2, 3, 4]
    assert column_quantiles(sample, (0.5,))[0].tolist() == [2, 20]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=20), st.integers(0, 99))
def test_a_weight_counts_as_repetition(weights, seed):
    sample = torch.from_numpy(np.random.RandomState(seed).randn(len(weights), 3))
    repeated = sample.repeat_interleave(torch.tensor(weights), dim=0)
    for levels in ((0.25, 0.5, 0.75), (0.1, 0.9)):
        assert torch.equal(column_quantiles(sample, levels, torch.tensor(weights)), column_quantiles(repeated, levels))


def test_width_of_usual_rare_and_constant_columns():
    rare = torch.zeros(100)
    rare[7] = 6.0
    sample = torch.stack([torch.arange(100.0), rare, torch.full((100,), 5.0)], 1).double()
    centre, width = robust_scale(sample)
    assert centre.tolist() == [49, 0, 5] and width.tolist() == [50, 3, 1]


def test_one_odd_row_moves_nothing():
    X = np.random.RandomState(0).randn(200, 3).astype(np.float32)
    centre, width = measure_columns(TensorData(X, np.zeros(200)))
    X[17] = 1e6
    odd_centre, odd_width = measure_columns(TensorData(X, np.zeros(200)))
    assert (centre - odd_centre).abs().max() < 0.05 and (width - odd_width).abs().max() < 0.1


def test_sparse_columns_are_measured_where_something_is():
    X = sparse.csr_matrix(np.array([[3.0, 0, 0], [0, 0, 0], [-4.0, 0, 2]], dtype=np.float32))
    centre, width = measure_columns(TensorData(X, np.zeros(3)))
    assert centre.tolist() == [0, 0, 0]
    np.testing.assert_allclose(width, [np.sqrt(12.5), 1, 2])
