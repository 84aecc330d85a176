"""Shares by hand, and what the exponent does at its limits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.utils import label_prior


def test_by_hand():
    target = torch.tensor([0, 0, 2, 0, 2, 0, 0, 0, 0, 0])
    torch.testing.assert_close(label_prior(target, 3), torch.tensor([0.8, 0.0, 0.2]))
    torch.testing.assert_close(label_prior(target, 3, power=0.5), torch.tensor([2 / 3, 0.0, 1 / 3]))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.floats(0, 1))
def test_a_distribution_between_the_shares_and_equality(target, power):
    target = torch.tensor([0, 1, 2, 3, *target])
    share, flat = label_prior(target, 4), label_prior(target, 4, power=power)
    assert abs(flat.sum() - 1) < 1e-6
    assert flat.max() <= share.max() + 1e-6 and flat.min() >= share.min() - 1e-6
    torch.testing.assert_close(label_prior(target, 4, power=0.0), torch.full((4,), 0.25))


def test_an_exponent_outside_is_refused():
    with pytest.raises(ValueError, match="power"):
        label_prior(torch.tensor([0, 1]), 2, power=1.5)
