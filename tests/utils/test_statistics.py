import math
import threading
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.mixture import GaussianMixture

from skweak.utils import confidence_weight, given_label_proba, label_margin, min_max, mixture_posterior

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
VECTORS = arrays(np.float64, st.integers(1, 12), elements=st.floats(-100, 100, width=32))


@st.composite
def logits_and_target(draw, bound=50):
    n, n_classes = draw(st.integers(1, 6)), draw(st.integers(2, 5))
    logits = draw(arrays(np.float64, (n, n_classes), elements=st.floats(-bound, bound, width=32)))
    target = draw(arrays(np.int64, n, elements=st.integers(0, n_classes - 1)))
    return logits, target


def test_min_max_by_hand():
    # (2 - 2) / 4, (6 - 2) / 4, (3 - 2) / 4
    np.testing.assert_array_equal(min_max(np.array([2.0, 6.0, 3.0])), [0, 1, 0.25])


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("n", [1, 4])
def test_min_max_of_equal_values_is_the_constant(constant, n):
    np.testing.assert_array_equal(min_max(np.full(n, 7.0), constant=constant), np.full(n, constant))
    values = torch.full((n,), 7.0, requires_grad=True)
    scaled = min_max(values, constant=constant)
    scaled.sum().backward()
    assert scaled.tolist() == [constant] * n
    assert values.grad.tolist() == [0.0] * n


@COMMON
@given(VECTORS, st.floats(0.5, 8, width=16), st.floats(-4, 4, width=16))
def test_min_max_range_and_affine_invariance(values, scale, shift):
    scaled = min_max(values)
    assert scaled.min() == 0
    assert scaled.max() == (1 if np.ptp(values) > 0 else 0)
    order = np.argsort(values, kind="stable")
    assert (np.diff(scaled[order]) >= 0).all()
    if np.ptp(values) > 1e-3:
        np.testing.assert_allclose(min_max(scale * values + shift), scaled, atol=1e-9)
        np.testing.assert_array_equal(min_max(values[::-1]), scaled[::-1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_min_max_keeps_kind_and_dtype(dtype):
    assert min_max(torch.tensor([1, 3], dtype=dtype)).dtype == dtype
    scaled = min_max(np.array([1, 2, 5], dtype=np.int32))
    assert isinstance(scaled, np.ndarray) and scaled.dtype == np.float64
    np.testing.assert_array_equal(scaled, [0, 0.25, 1])


def test_min_max_gradient_is_that_of_the_formula():
    values = torch.tensor([1.0, 3.0, 5.0], dtype=torch.float64, requires_grad=True)
    min_max(values)[1].backward()
    # d/dv of (v1 - v0) / (v2 - v0) at (1, 3, 5): (v1 - v2) / 16, 1 / 4, -(v1 - v0) / 16
    np.testing.assert_allclose(values.grad, [-2 / 16, 1 / 4, -2 / 16])


def test_min_max_does_not_hide_nan():
    assert min_max(torch.tensor([1.0, math.nan, 3.0])).isnan().all()


def test_arrays_torch_cannot_share_are_accepted_and_unchanged():
    values = np.array([3.0, 1.0, 2.0])
    values.flags.writeable = False
    np.testing.assert_array_equal(min_max(values[::-1]), [0.5, 0, 1])
    np.testing.assert_array_equal(values, [3, 1, 2])


def two_groups(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 0.1, n), rng.normal(1, 0.1, n)])


def test_mixture_separates_two_groups_in_both_directions():
    values = two_groups()
    largest = mixture_posterior(values)
    smallest = mixture_posterior(values, component="smallest")
    assert (largest[:40] < 1e-3).all() and (largest[40:] > 1 - 1e-3).all()
    np.testing.assert_allclose(largest + smallest, 1)


def test_three_components_leave_the_middle_to_neither_end():
    values = np.array([0.0, 0.1, 1.0, 1.1, 2.0, 2.1])
    np.testing.assert_allclose(mixture_posterior(values, n_components=3), [0, 0, 0, 0, 1, 1], atol=1e-6)
    smallest = mixture_posterior(values, n_components=3, component="smallest")
    np.testing.assert_allclose(smallest, [1, 1, 0, 0, 0, 0], atol=1e-6)


def slow_values():
    """Values so skewed that ten steps do not converge."""
    return np.random.default_rng(0).exponential(size=400) ** 3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("values", "seed"), [(two_groups(seed=5) * 3 - 1, 3), (slow_values(), 0)], ids=["converged", "stopped"]
)
def test_mixture_equals_scikit_learn_with_the_stated_settings(values, seed):
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=seed).fit(
        values[:, None]
    )
    expected = mixture.predict_proba(values[:, None])[:, mixture.means_[:, 0].argmax()]
    np.testing.assert_allclose(mixture_posterior(values, random_state=seed), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("values", "n_components", "rank"),
    [
        ([5.0], 2, [0.5]),
        ([5.0, 5.0, 5.0], 2, [0.5, 0.5, 0.5]),
        # ranks 2.5, 1, 2.5 of 3 rows: (rank - 1) / 2
        ([2.0, 1.0, 2.0], 3, [0.75, 0, 0.75]),
    ],
    ids=["one row", "constant", "two values for three components"],
)
def test_too_few_distinct_values_fall_back_to_ranks(values, n_components, rank):
    np.testing.assert_array_equal(mixture_posterior(np.array(values), n_components=n_components), rank)
    reverse = mixture_posterior(np.array(values), n_components=n_components, component="smallest")
    np.testing.assert_array_equal(reverse, 1 - np.array(rank))


@COMMON
@given(VECTORS)
def test_mixture_range_and_kind(values):
    for given_values in (values, torch.from_numpy(values).float()):
        posterior = mixture_posterior(given_values)
        assert posterior.shape == values.shape and posterior.dtype == np.float64
        assert (posterior >= 0).all() and (posterior <= 1).all()


def test_unconverged_mixture_is_silent_and_leaves_no_trace():
    values = slow_values()
    filters, state = list(warnings.filters), np.random.get_state()[1].copy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mixture_posterior(values)
    assert not caught
    threads = [threading.Thread(target=mixture_posterior, args=(values,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == filters
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_label_margin_by_hand():
    logits = np.array([[3.0, 1.0, 2.0]] * 3)
    # 3 - 2, 1 - 3, 2 - 3
    np.testing.assert_array_equal(label_margin(logits, np.array([0, 1, 2])), [1, -2, -1])


def test_given_label_proba_by_hand():
    logits = np.log([[0.7, 0.2, 0.1]] * 3) + 5
    np.testing.assert_allclose(given_label_proba(logits, np.array([0, 1, 2])), [0.7, 0.2, 0.1])


@COMMON
@given(logits_and_target(), st.randoms(use_true_random=False))
def test_label_statistics_equal_a_loop_and_follow_permutations(case, random):
    logits, target = case
    margin, proba = label_margin(logits, target), given_label_proba(logits, target)
    for i, (row, label) in enumerate(zip(logits, target, strict=True)):
        assert margin[i] == row[label] - max(z for c, z in enumerate(row) if c != label)
        np.testing.assert_allclose(proba[i], 1 / np.exp(row - row[label]).sum(), rtol=1e-9)
        assert (margin[i] > 0) == (row[label] > np.delete(row, label).max())
    classes = list(range(logits.shape[1]))
    random.shuffle(classes)
    moved = np.argsort(classes)[target]
    np.testing.assert_array_equal(label_margin(logits[:, classes], moved), margin)
    np.testing.assert_allclose(given_label_proba(logits[:, classes], moved), proba, rtol=1e-12)
    np.testing.assert_array_equal(label_margin(logits[::-1], target[::-1]), margin[::-1])
    assert (proba >= 0).all() and (proba <= 1).all()


@COMMON
@given(logits_and_target())
def test_label_statistics_of_tensors_keep_dtype_and_have_finite_gradients(case):
    logits, target = case
    tensor = torch.tensor(logits, dtype=torch.float32, requires_grad=True)
    for function in (label_margin, given_label_proba):
        result = function(tensor, torch.from_numpy(target))
        assert result.dtype == torch.float32 and result.shape == target.shape
        np.testing.assert_allclose(result.detach(), function(logits, target), rtol=1e-4, atol=1e-6)
        (gradient,) = torch.autograd.grad(result.sum(), tensor)
        assert gradient.isfinite().all()
        # Both depend on differences of logits only.
        np.testing.assert_allclose(gradient.sum(dim=1), 0, atol=1e-5)


def test_label_margin_stands_logits_below_any_mask():
    logits = torch.tensor([[-1e30, -2e30]])
    assert label_margin(logits, torch.tensor([1])).item() == pytest.approx(-1e30)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_arrays_of_any_integer_type_are_targets(dtype):
    logits = np.array([[3.0, 1.0], [3.0, 1.0]])
    np.testing.assert_array_equal(label_margin(logits, np.array([0, 1], dtype=dtype)), [2, -2])


def test_confidence_weight_by_hand():
    weight, noise_rate = confidence_weight(np.array([0.3, 0.1, 0.9, 0.2]))
    # (c - 0.1) / 0.8; 0.1 and 0.2 lie below 0.3, 0.3 does not
    np.testing.assert_allclose(weight, [0.25, 0, 1, 0.125])
    assert noise_rate == 0.5 and isinstance(noise_rate, float)


def test_confidence_weight_at_the_threshold_in_float32():
    assert confidence_weight(torch.full((4,), 0.3))[1] == 0.0


def test_equal_confidence_is_trusted_fully():
    weight, noise_rate = confidence_weight(torch.full((3,), 0.1))
    assert weight.tolist() == [1, 1, 1] and noise_rate == 1.0


def test_confidence_weight_carries_no_gradient():
    weight, _ = confidence_weight(torch.tensor([0.2, 0.8], requires_grad=True))
    assert not weight.requires_grad


@COMMON
@given(arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1)), st.floats(0, 1))
def test_confidence_weight_range_and_monotonicity(confidence, threshold):
    weight, noise_rate = confidence_weight(confidence, threshold=threshold)
    order = np.argsort(confidence)
    assert (np.diff(weight[order]) >= 0).all() and weight.max() == 1
    assert noise_rate == np.mean(confidence < threshold)


VECTOR_2 = torch.tensor([1.0, 2.0])
LOGITS = torch.zeros(2, 3)
TARGET = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: min_max(torch.zeros(2, 2)), ValueError, r"values.*\(2, 2\)"),
        (lambda: min_max(np.zeros((2, 2))), ValueError, "values.*1 dimensions"),
        (lambda: min_max(torch.zeros(0)), ValueError, "values"),
        (lambda: min_max(np.zeros(0)), ValueError, "values is empty"),
        (lambda: min_max(torch.tensor([1, 2])), TypeError, "values.*floating"),
        (lambda: min_max(np.array(["a"])), TypeError, "values"),
        (lambda: min_max(np.array([1.0, np.inf])), ValueError, "values contains 1 non-finite"),
        (lambda: min_max(VECTOR_2, constant=math.nan), ValueError, "constant"),
        (lambda: mixture_posterior(np.array([1.0, np.nan])), ValueError, "values contains 1 non-finite"),
        (lambda: mixture_posterior(np.zeros((3, 1))), ValueError, "values"),
        (lambda: mixture_posterior(np.array([1e200, 0, 1])), ValueError, "values reach 1e.200"),
        (lambda: mixture_posterior(np.arange(4), n_components=1), ValueError, "n_components"),
        (lambda: mixture_posterior(np.arange(4), n_components=2.0), TypeError, "n_components"),
        (lambda: mixture_posterior(np.arange(4), component="middle"), ValueError, "component.*largest"),
        (lambda: label_margin(torch.zeros(2, 1), TARGET), ValueError, "logits.*2 columns"),
        (lambda: label_margin(np.zeros((2, 1)), np.array([0, 0])), ValueError, "logits.*2 columns"),
        (lambda: label_margin(torch.zeros(2, 3, 1), TARGET), ValueError, "logits.*dimensions"),
        (lambda: label_margin(torch.zeros(2, 3).long(), TARGET), TypeError, "logits"),
        (lambda: label_margin(np.zeros((2, 3), int), np.array([0, 1])), TypeError, "logits"),
        (lambda: label_margin(LOGITS, torch.tensor([0, 3])), ValueError, r"target contains 3.*0\.\.2"),
        (lambda: label_margin(LOGITS, torch.tensor([-1, 0])), ValueError, "target contains -1"),
        (lambda: label_margin(LOGITS, torch.tensor([0.0, 1.0])), TypeError, "target"),
        (lambda: label_margin(LOGITS, torch.tensor([0])), ValueError, "target.*2"),
        (lambda: label_margin(LOGITS.numpy(), np.array([0.0, 1.0])), TypeError, "target"),
        (lambda: label_margin(LOGITS[:0], TARGET[:0]), ValueError, "logits is an empty batch"),
        (lambda: given_label_proba(LOGITS, torch.tensor([0, 3])), ValueError, "target contains 3"),
        (lambda: given_label_proba(LOGITS.numpy(), np.array([0, 3])), ValueError, "target contains 3"),
        (lambda: given_label_proba(torch.zeros(2, 1), TARGET), ValueError, "logits"),
        (lambda: confidence_weight(VECTOR_2, threshold=1.5), ValueError, r"threshold.*\[0, 1\].*1.5"),
        (lambda: confidence_weight(torch.zeros(2, 2)), ValueError, "confidence"),
        (lambda: confidence_weight(np.zeros(0)), ValueError, "confidence is empty"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
