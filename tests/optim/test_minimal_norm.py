import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.optim import minimal_norm_weights

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def layers(draw, low_rank=True):
    """Inputs (n, d) of any rank and weights (d, c), float64."""
    n, d, c = (draw(st.integers(1, 6)) for _ in range(3))
    rank = draw(st.integers(0, min(n, d))) if low_rank else min(n, d)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def normal(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    return normal(n, rank) @ normal(rank, d), normal(d, c)


def test_one_row_by_hand():
    inputs = torch.tensor([[3.0, 4.0]])
    weight = torch.tensor([[1.0], [2.0]])
    # a (aᵀ w) / ‖a‖² = (3, 4) * 11 / 25
    torch.testing.assert_close(minimal_norm_weights(inputs, weight), torch.tensor([[1.32], [1.76]]))
    # For output 5: (3, 4) * 5 / 25
    result = minimal_norm_weights(inputs, outputs=torch.tensor([[5.0]]))
    torch.testing.assert_close(result, torch.tensor([[0.6], [0.8]]))
    # With ridge 25: (3, 4) * 5 / (25 + 25)
    result = minimal_norm_weights(inputs, outputs=torch.tensor([[5.0]]), ridge=25)
    torch.testing.assert_close(result, torch.tensor([[0.3], [0.4]]))


@COMMON
@given(layers())
def test_projection_laws(case):
    inputs, weight = case
    result = minimal_norm_weights(inputs, weight)
    rest = weight - result
    torch.testing.assert_close(inputs @ result, inputs @ weight, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(minimal_norm_weights(inputs, result), result)
    assert abs((rest * result).sum()) < 1e-9
    assert result.norm() <= weight.norm() * (1 + 1e-12)
    torch.testing.assert_close(result.square().sum() + rest.square().sum(), weight.square().sum())


@COMMON
@given(layers())
def test_equals_the_pseudo_inverse_in_both_forms(case):
    inputs, weight = case
    expected = np.linalg.pinv(inputs.numpy(), rcond=1e-13) @ (inputs @ weight).numpy()
    np.testing.assert_allclose(minimal_norm_weights(inputs, weight), expected, atol=1e-8)
    np.testing.assert_allclose(minimal_norm_weights(inputs, outputs=inputs @ weight), expected, atol=1e-8)


@COMMON
@given(layers(), st.floats(1e-3, 10))
def test_ridge_equals_the_normal_equations(case, ridge):
    inputs, weight = case
    outputs = inputs @ weight
    gram = inputs.T @ inputs + ridge * torch.eye(inputs.shape[1], dtype=torch.float64)
    expected = torch.linalg.solve(gram, inputs.T @ outputs)
    torch.testing.assert_close(
        minimal_norm_weights(inputs, weight, ridge=ridge), expected, atol=1e-9, rtol=1e-7
    )
    torch.testing.assert_close(
        minimal_norm_weights(inputs, outputs=outputs, ridge=ridge), expected, atol=1e-9, rtol=1e-7
    )


@COMMON
@given(layers())
def test_rows_may_be_permuted_repeated_or_mixed(case):
    inputs, weight = case
    result = minimal_norm_weights(inputs, weight)
    mix = torch.eye(len(inputs), dtype=torch.float64) + 0.1
    for other in (inputs.flip(0), torch.cat([inputs, inputs]), mix @ inputs):
        torch.testing.assert_close(minimal_norm_weights(other, weight), result, atol=1e-9, rtol=1e-7)


@COMMON
@given(layers())
def test_follows_a_rotation_of_the_features(case):
    inputs, weight = case
    noise = torch.randn(
        2 * [inputs.shape[1]], generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    rotation = torch.linalg.qr(noise).Q
    result = minimal_norm_weights(inputs @ rotation, rotation.T @ weight)
    torch.testing.assert_close(
        result, rotation.T @ minimal_norm_weights(inputs, weight), atol=1e-9, rtol=1e-7
    )


def random_layer(n, d, c=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(*size, generator=generator, dtype=dtype) for size in ((n, d), (d, c)))


def test_full_column_rank_leaves_the_weights():
    inputs, weight = random_layer(9, 4)
    torch.testing.assert_close(minimal_norm_weights(inputs, weight), weight)


def test_norm_falls_and_residual_grows_with_ridge():
    inputs, weight = random_layer(4, 9)
    results = [minimal_norm_weights(inputs, weight, ridge=ridge) for ridge in (0, 0.1, 1, 10, 1e9)]
    norms = torch.stack([result.norm() for result in results])
    residuals = torch.stack([(inputs @ (result - weight)).norm() for result in results])
    assert (norms.diff() < 0).all() and (residuals.diff() > 0).all()
    assert norms[-1] < 1e-6
    torch.testing.assert_close(
        minimal_norm_weights(inputs, weight, ridge=1e-10), results[0], atol=1e-5, rtol=0
    )


def test_dead_features_get_no_weight_and_dead_inputs_give_zeros():
    inputs, weight = random_layer(4, 9)
    inputs[:, 2] = 0
    assert minimal_norm_weights(inputs, weight)[2].abs().max() < 1e-12
    for ridge in (0, 1.0):
        assert not minimal_norm_weights(torch.zeros(3, 9, dtype=torch.float64), weight, ridge=ridge).any()


def test_unreachable_outputs_get_the_least_squares_solution():
    inputs, _ = random_layer(9, 4)
    outputs = torch.randn(9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = torch.linalg.lstsq(inputs, outputs).solution
    torch.testing.assert_close(minimal_norm_weights(inputs, outputs=outputs), expected)


def test_rounded_float32_copies_of_a_row_count_once():
    inputs, weight = random_layer(1, 50, dtype=torch.float32)
    # Multiples of one row, rounded to float32, span further directions at the size of the rounding only.
    copies = inputs * torch.tensor([[1.0], [1 / 3], [1 / 7], [1.1]])
    result = minimal_norm_weights(copies, weight)
    torch.testing.assert_close(result, minimal_norm_weights(inputs, weight), atol=1e-5, rtol=0)
    all_directions = minimal_norm_weights(copies, weight, rcond=0)
    assert all_directions.norm() > 1.1 * result.norm()


def test_rcond_drops_weak_directions():
    inputs = torch.diag(torch.tensor([1.0, 0.1, 0.01], dtype=torch.float64))
    weight = torch.ones(3, 1, dtype=torch.float64)
    assert minimal_norm_weights(inputs, weight, rcond=0.05).flatten().tolist() == pytest.approx([1, 1, 0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtype_of_the_inputs_is_kept(dtype):
    inputs, weight = random_layer(3, 5)
    result = minimal_norm_weights(inputs.to(dtype), weight)
    assert result.dtype == dtype and result.shape == (5, 3)


def test_float32_is_computed_in_float64():
    inputs, weight = random_layer(10, 40, dtype=torch.float32)
    # Columns of very different sizes: float32 would lose the small ones.
    inputs *= torch.logspace(0, -4, 40)
    expected = minimal_norm_weights(inputs.double(), weight.double())
    assert torch.equal(minimal_norm_weights(inputs, weight), expected.float())


A, W, Z = torch.ones(2, 3), torch.ones(3, 1), torch.ones(2, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: minimal_norm_weights(A), ValueError, "exactly one of weight and outputs, got neither"),
        (
            lambda: minimal_norm_weights(A, W, outputs=Z),
            ValueError,
            "exactly one of weight and outputs, got both",
        ),
        (lambda: minimal_norm_weights(A, Z), ValueError, "weight has 2 rows but inputs has 3 columns"),
        (lambda: minimal_norm_weights(A, outputs=W), ValueError, "outputs has 3 rows but inputs has 2 rows"),
        (lambda: minimal_norm_weights(A[0], W), ValueError, "inputs.*2 dimensions"),
        (lambda: minimal_norm_weights(A[:0], W), ValueError, "inputs is an empty batch"),
        (lambda: minimal_norm_weights(A, W[:, 0]), ValueError, "weight.*2 dimensions"),
        (lambda: minimal_norm_weights(A.long(), W), TypeError, "inputs"),
        (lambda: minimal_norm_weights(A.numpy(), W), TypeError, "inputs"),
        (lambda: minimal_norm_weights(A, W, ridge=-1), ValueError, "ridge"),
        (lambda: minimal_norm_weights(A, W, rcond=1.0), ValueError, "rcond"),
        (lambda: minimal_norm_weights(A * math.nan, W), ValueError, "inputs contains NaN"),
        (lambda: minimal_norm_weights(A, W * math.inf), ValueError, "weight contains NaN"),
        (lambda: minimal_norm_weights(A, outputs=Z * math.inf), ValueError, "outputs contains NaN"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
