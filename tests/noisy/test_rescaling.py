"""What STORM's rescaler looks at: normals by hand, groups of rows, and weights that know their class only."""

from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.noisy.rescaling import (
    N_FEATURES,
    GroupMemory,
    Rescaler,
    normal_divergence,
    normal_overlap,
    rescaling_features,
)

FLOAT = {"dtype": torch.float64}


def tensors(*values):
    return tuple(torch.tensor([v], **FLOAT) for v in values)


def test_divergence_of_normals_by_hand():
    # log 2 + (1 + 1) / 8 - 1 / 2
    assert normal_divergence(*tensors(1.0, 1.0, 0.0, 2.0)).item() == pytest.approx(np.log(2) - 0.25)
    assert normal_divergence(*tensors(1.0, 2.0, 1.0, 2.0)).item() == 0
    for without_width in ((1.0, 0.0, 0.0, 2.0), (1.0, 2.0, 0.0, 0.0)):
        assert normal_divergence(*tensors(*without_width)).item() == 0
    assert normal_divergence(*tensors(1e6, 1.0, 0.0, 1e-6)).item() == 1e4


@settings(max_examples=50, deadline=None)
@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(-5, 5), st.floats(0.01, 5))
def test_overlap_of_normals_is_that_of_the_standard_library(mean, width, other_mean, other_width):
    expected = NormalDist(mean, width).overlap(NormalDist(other_mean, other_width))
    found = normal_overlap(*tensors(mean, width, other_mean, other_width)).item()
    assert found == pytest.approx(expected, abs=1e-5)
    assert found == pytest.approx(normal_overlap(*tensors(other_mean, other_width, mean, width)).item(), abs=1e-9)


def test_overlap_without_widths():
    assert normal_overlap(*tensors(1.0, 0.0, 1.0, 0.0)).item() == 1
    assert normal_overlap(*tensors(1.0, 0.0, 2.0, 0.0)).item() == 0


def test_groups_keep_their_last_rows():
    memory = GroupMemory(2, 3, 1, **FLOAT)
    for group, values in (([0, 0, 1], [1.0, 3.0, 7.0]), ([0, 0], [5.0, 10.0])):
        group = torch.tensor(group)
        memory.put(group, memory.places(group), 0, torch.tensor(values, **FLOAT)[:, None])
        memory.advance(group)
    mean, width = memory.statistics(torch.tensor([0, 1]), 0, 1)
    # Of 1, 3, 5, 10 the first one is gone: mean 6, deviations -3, -1, 4.
    np.testing.assert_allclose(mean[:, 0], [6, 7])
    np.testing.assert_allclose(width[:, 0], [np.sqrt(26 / 3), 0])
    again = GroupMemory(2, 3, 1, **FLOAT)
    again.load_state_dict(memory.state_dict())
    assert torch.equal(again.values, memory.values) and torch.equal(again.end, memory.end)


def test_features_of_two_rows_by_hand():
    # Probabilities of the given label 0: 3/4 and 3/4 in two passes, and 3/4 and 1/4.
    proba = torch.tensor([[[0.75, 0.25], [0.75, 0.25]], [[0.75, 0.25], [0.25, 0.75]]], **FLOAT)
    memory = GroupMemory(4, 5, 6, **FLOAT)
    found = rescaling_features(proba.log(), torch.tensor([0, 0]), memory).numpy()
    low, high = -np.log(0.75), -np.log(0.25)
    mean, width = [low, (low + high) / 2], [0, (high - low) / 2]
    assert found.shape == (2, N_FEATURES)
    np.testing.assert_allclose(found[:, 0], mean)
    np.testing.assert_allclose(found[:, 1], width, atol=1e-9)
    np.testing.assert_allclose(found[:, 2:4], [[0.75, 0], [0.75, 0]], atol=1e-9)
    # The second row's tie goes by the first pass, so both rows are of one group.
    np.testing.assert_allclose(found[:, 4], np.mean(mean))
    np.testing.assert_allclose(found[:, 8], np.std(mean))
    np.testing.assert_allclose(found[:, 9], np.std(width))
    divergence = [0, np.log(0.5) + (width[1] ** 2 + (mean[1] - np.mean(mean)) ** 2) / (2 * (width[1] / 2) ** 2) - 0.5]
    np.testing.assert_allclose(found[:, 12], divergence)
    np.testing.assert_allclose(found[:, 14], np.mean(divergence))
    overlap = NormalDist(mean[1], width[1]).overlap(NormalDist(np.mean(mean), width[1] / 2))
    assert found[1, 13] == pytest.approx(overlap)
    assert found[:, 18].tolist() == [1, 1]
    # A third row that the passes contradict has a group of its own, the rows before are kept.
    third = rescaling_features(proba.flip(2).log()[:, :1], torch.tensor([0]), memory).numpy()[0]
    assert third[0] == third[4] and third[8] == 0 and third[18] == 0
    assert memory.count.tolist() == [1, 2, 0, 0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_features_and_weights_follow_their_rows(seed):
    draw = torch.Generator().manual_seed(seed)
    logits, target = torch.randn(3, 12, 3, generator=draw, **FLOAT), torch.randint(3, (12,), generator=draw)
    order = torch.randperm(12, generator=draw)
    torch.manual_seed(seed)
    rescaler = Rescaler(3).double()
    torch.nn.init.normal_(rescaler.last)
    found = rescaling_features(logits, target, GroupMemory(6, 12, 6, **FLOAT))
    moved = rescaling_features(logits[:, order], target[order], GroupMemory(6, 12, 6, **FLOAT))
    torch.testing.assert_close(moved, found[order])
    weight = rescaler(found, target)
    torch.testing.assert_close(rescaler(moved, target[order]), weight[order])
    assert ((weight >= 0) & (weight <= 1)).all()
    # Rows of other classes have no part in a weight.
    alone = target == 0
    torch.testing.assert_close(rescaler(found[alone], target[alone]), weight[alone])


def test_weights_begin_as_one_half_and_no_class_can_lose_all_of_them():
    rescaler, features = Rescaler(2), torch.randn(8, N_FEATURES, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0] * 7 + [1])
    assert torch.equal(rescaler(features, target), torch.full((8,), 0.5))
    torch.nn.init.normal_(rescaler.last, mean=5.0)
    weight = rescaler(features, target)
    assert weight[7] == 0.5 and weight[:7].amax() > 0.5 > weight[:7].amin()
