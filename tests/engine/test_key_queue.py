"""A queue of three vectors: what comes in, what goes out, and what a saved state brings back."""

import torch

from skweak.engine import KeyQueue


def test_the_oldest_vectors_go_first():
    queue = KeyQueue(3, 2)
    assert queue.labels.tolist() == [-1, -1, -1]
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(3))
    queue.push(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([4, 5]))
    queue.push(torch.tensor([[-1.0, 0.0], [0.0, -1.0]]), torch.tensor([6, 7]))
    assert queue.labels.tolist() == [7, 5, 6]
    assert queue.keys.tolist() == [[0, -1], [0, 1], [-1, 0]]


def test_more_vectors_than_there_is_room_for():
    queue = KeyQueue(2, 1)
    queue.push(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([1, 2, 3]))
    assert queue.labels.tolist() == [1, 2] and queue.end == 0


def test_a_frozen_queue_and_a_saved_one():
    queue, other = KeyQueue(2, 1), KeyQueue(2, 1)
    queue.push(torch.tensor([[1.0]]), torch.tensor([1]))
    queue.frozen = True
    queue.push(torch.tensor([[9.0]]), torch.tensor([9]))
    assert queue.labels.tolist() == [1, -1]
    other.load_state_dict(queue.state_dict())
    assert torch.equal(other.keys, queue.keys) and other.labels.tolist() == [1, -1] and other.end == 1
