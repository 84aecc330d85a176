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


def test_buffers_are_averaged_where_they_are_numbers_and_counters_copied():
    network = nn.BatchNorm1d(1)
    average = MovingAverage(network, use_buffers=True)
    for value in (1, 2):
        network.running_mean.fill_(value)
        network.num_batches_tracked.fill_(value)
        average.update_parameters(network, 0.75)
    assert average.module.running_mean.item() == 1.25 and average.module.num_batches_tracked.item() == 2


def test_an_average_sees_tensors_that_were_exchanged_and_goes_on_from_a_state():
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, decay=0.5)
    average.update_parameters(network)
    network.weight = nn.Parameter(average.module.weight + 2)
    average.update_parameters(network)
    torch.testing.assert_close(average.module.weight, network.weight - 1, check_dtype=False)
    again = MovingAverage(network, decay=0.5)
    again.load_state_dict(average.state_dict())
    again.update_parameters(network)
    torch.testing.assert_close(again.module.weight.item(), network.weight.item() - 0.5)
    assert "_places" not in vars(copy.deepcopy(average))


def test_average_is_copied_and_pickled_with_its_own_decay():
    average = MovingAverage(nn.Linear(1, 1), decay=0.5)
    for other in (copy.deepcopy(average), pickle.loads(pickle.dumps(average))):
        other.decay = 0.0
        other.update_parameters(nn.Linear(1, 1))
        assert average.decay == 0.5
