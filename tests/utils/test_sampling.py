import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from skweak.utils import draw_complementary_labels

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@COMMON
@given(st.integers(2, 6), st.lists(st.integers(-1, 5), min_size=1, max_size=20), st.integers(0, 2**31))
def test_draws_are_classes_other_than_the_label(n_classes, labels, seed):
    target = torch.tensor(labels).clamp(max=n_classes - 1)
    drawn = draw_complementary_labels(target, n_classes=n_classes, generator=seeded(seed))
    assert drawn.dtype == torch.int64 and drawn.shape == target.shape
    assert ((drawn >= 0) & (drawn < n_classes)).all()
    assert (drawn != target).all()


def test_two_classes_leave_no_choice():
    assert draw_complementary_labels(torch.tensor([0, 1, 0]), n_classes=2).tolist() == [1, 0, 1]


@pytest.mark.parametrize(("label", "possible"), [(2, [0, 1, 3, 4]), (-1, [0, 1, 2, 3, 4])])
def test_draws_are_uniform_over_the_possible_classes(label, possible):
    target = torch.full((20_000,), label)
    drawn = draw_complementary_labels(target, n_classes=5, generator=seeded(0)).numpy()
    counts = np.bincount(drawn, minlength=5)
    assert counts.sum() == counts[possible].sum()
    assert chisquare(counts[possible]).pvalue > 1e-3


def test_generator_reproduces_and_advances():
    target = torch.arange(50) % 5
    first, second = (draw_complementary_labels(target, n_classes=5, generator=seeded(3)) for _ in range(2))
    assert torch.equal(first, second)
    generator = seeded(3)
    draw_complementary_labels(target, n_classes=5, generator=generator)
    assert not torch.equal(draw_complementary_labels(target, n_classes=5, generator=generator), first)


def test_a_row_does_not_feel_the_labels_of_the_others():
    one = draw_complementary_labels(torch.tensor([0, 1, -1, 3]), n_classes=9, generator=seeded(1))
    other = draw_complementary_labels(torch.tensor([5, 1, 2, 3]), n_classes=9, generator=seeded(1))
    assert torch.equal(one[[1, 3]], other[[1, 3]])


def test_without_a_generator_draws_differ_and_global_state_stays():
    target = torch.full((100,), -1)
    before = torch.random.get_rng_state()
    first, second = (draw_complementary_labels(target, n_classes=10) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("container", [np.array, list, lambda labels: torch.tensor(labels, dtype=torch.int8)])
def test_integer_containers_are_accepted(container):
    target = container([0, 1, -1])
    drawn = draw_complementary_labels(target, n_classes=3, generator=seeded(0))
    expected = draw_complementary_labels(torch.tensor([0, 1, -1]), n_classes=3, generator=seeded(0))
    assert torch.equal(drawn, expected)


@pytest.mark.parametrize(
    ("target", "n_classes", "error", "message"),
    [
        (torch.tensor([0, 3]), 3, ValueError, r"target contains 3.*-1\.\.2"),
        (torch.tensor([0, -2]), 3, ValueError, "target contains -2"),
        (torch.tensor([0.0]), 3, TypeError, "target.*float"),
        (torch.tensor([True]), 3, TypeError, "target.*bool"),
        (torch.zeros(2, 2).long(), 3, ValueError, "target"),
        (torch.zeros(0).long(), 3, ValueError, "target"),
        (torch.tensor([0]), 1, ValueError, "n_classes"),
        (torch.tensor([0]), 3.0, TypeError, "n_classes"),
    ],
)
def test_errors_name_the_parameter(target, n_classes, error, message):
    with pytest.raises(error, match=message):
        draw_complementary_labels(target, n_classes=n_classes)
