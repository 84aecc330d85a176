"""A second linear head on any backbone, and networks with another number of outputs."""

import torch

from skweak.nn import MLP, SmallCNN
from skweak.nn.build import resize_output
from skweak.nn.heads import LinearPair


def test_both_heads_read_the_same_embedding():
    pair, X = LinearPair(MLP(4, 3, hidden=(8,)), n_outputs=5), torch.randn(6, 4)
    first, second = pair.both(X)
    z = pair.features(X)
    assert first.shape == (6, 3) and second.shape == (6, 5)
    torch.testing.assert_close(pair(X), first)
    torch.testing.assert_close(pair.head(z), first)
    torch.testing.assert_close(pair.second(z), second)
    assert LinearPair(SmallCNN(1, 3)).second.out_features == 3


def test_a_foreign_backbone_gives_the_input_of_its_last_layer():
    backbone = torch.nn.Sequential(torch.nn.Linear(4, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2))
    pair, X = LinearPair(backbone), torch.randn(5, 4)
    torch.testing.assert_close(pair.both(X)[1], pair.second(backbone[1](backbone[0](X))))


def test_the_first_loss_leaves_the_second_head_alone():
    pair = LinearPair(MLP(4, 3, hidden=(8,)))
    pair(torch.randn(6, 4)).sum().backward()
    assert pair.second.weight.grad is None and pair.backbone.head.weight.grad is not None


def test_an_output_layer_is_replaced_in_place():
    network, X = MLP(4, 3, hidden=(8,)), torch.randn(5, 4)
    before = network.features(X)
    assert resize_output(network, 6) is network
    assert network(X).shape == (5, 6) and network.head.out_features == 6
    torch.testing.assert_close(network.features(X), before)
