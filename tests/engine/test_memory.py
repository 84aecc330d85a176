"""What is kept between visits: row memories and averaged networks."""

import copy
import pickle

import torch
from torch import nn

from skweak.engine import MovingAverage, RowMemory


def test_memory_moves_only_the_rows_of_the_batch():
    memory = RowMemory(3, 2)
    first = memory.update(torch.tensor([2]), torch.tensor([[1.0, 0.0]]), 0.75)
    # 0.75 * 0 + 0.25 * 1, then 0.75 * 0.25 + 0.25 * 1.
    assert first.tolist() == [[0.25, 0.0]]
    assert memory.update(torch.tensor([2]), torch.tensor([[1.0, 0.0]]), 0.75).tolist() == [[0.4375, 0.0]]
    assert memory.values.tolist() == [[0, 0], [0, 0], [0.4375, 0]]


def test_memory_carries_no_gradient():
    values = torch.ones(1, 2, requires_grad=True)
    assert not RowMemory(1, 2).update(torch.tensor([0]), values, 0.5).requires_grad


def test_average_copies_first_and_then_follows():
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, decay=0.9)
    for value in (1.0, 2.0, 3.0):
        nn.init.constant_(network.weight, value)
        average.update_parameters(network)
    # 1, then 0.9 * 1 + 0.1 * 2 = 1.1, then 0.9 * 1.1 + 0.1 * 3 = 1.29.
    torch.testing.assert_close(average.module.weight.item(), 1.29)


def test_average_stays_in_evaluation_mode_without_gradients_and_copies_buffers():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    average = MovingAverage(network).train()
    assert not average.training and not any(p.requires_grad for p in average.parameters())
    network(torch.randn(8, 2))
    average.update_parameters(network)
    assert torch.equal(average.module[0].running_mean, network[0].running_mean)


def test_average_is_copied_and_pickled_with_its_own_decay():
    average = MovingAverage(nn.Linear(1, 1), decay=0.5)
    for other in (copy.deepcopy(average), pickle.loads(pickle.dumps(average))):
        other.decay = 0.0
        other.update_parameters(nn.Linear(1, 1))
        assert average.decay == 0.5
