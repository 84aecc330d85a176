"""Label-wise embeddings: one per label, read from vectors or feature maps."""

import pytest
import torch
from torch import nn

from skweak.nn import MLP, LabelwiseNetwork, ResNet, SmallCNN
from skweak.nn.build import features_and_logits
from skweak.nn.label_attention import LabelAttention, LabelLinear, LabelProjection


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_the_attention_is_a_decoder_layer_without_self_attention():
    """torch's decoder layer with a silent self-attention, fed twice the queries and the same weights."""
    head = LabelAttention(6, 5, embedding_dim=8, n_heads=2, feedforward_dim=12, dropout=0.0).eval()
    layer = nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0, batch_first=True).eval()
    nn.init.zeros_(layer.self_attn.out_proj.weight)
    nn.init.zeros_(layer.self_attn.out_proj.bias)
    layer.multihead_attn.load_state_dict(head.attention.state_dict())
    layer.linear1.load_state_dict(head.feedforward[0].state_dict())
    layer.linear2.load_state_dict(head.feedforward[3].state_dict())
    for norm, ours in zip((layer.norm1, layer.norm2, layer.norm3), head.norms, strict=True):
        norm.load_state_dict(ours.state_dict())
    maps = torch.randn(3, 6, 2, 4)
    memory = torch.relu(maps.flatten(2).transpose(1, 2) @ head.project.weight.T + head.project.bias)
    expected = layer(2 * head.queries.expand(3, -1, -1), memory)
    torch.testing.assert_close(head(maps), expected)


def test_pixels_have_no_place():
    head, maps = LabelAttention(6, 5).eval(), torch.randn(2, 6, 3, 4)
    shuffled = maps.flatten(2)[:, :, torch.randperm(12)].reshape(2, 6, 4, 3)
    torch.testing.assert_close(head(maps), head(shuffled))


def test_with_one_token_every_label_is_told_the_same():
    told = []
    for n_tokens in (1, 4):
        head = LabelAttention(6, 5, n_tokens=n_tokens).eval()
        head.attention.register_forward_hook(lambda _, inputs, output: told.append(output[0]))
        head(torch.randn(3, 6))
    torch.testing.assert_close(told[0], told[0][:, :1].expand_as(told[0]))
    assert not torch.allclose(told[1], told[1][:, :1].expand_as(told[1]))


def test_queries_are_drawn_once_and_not_trained():
    head = LabelAttention(6, 5)
    assert "queries" in dict(head.named_buffers()) and "queries" not in dict(head.named_parameters())
    before = head.queries.clone()
    head.reset_parameters()
    assert not torch.equal(before, head.queries)


def test_labels_have_their_own_linear_unit():
    unit, z = LabelLinear(2, 3), torch.tensor([[1.0, 2, 3, 4, 5, 6]])
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 1]]))
        unit.bias.copy_(torch.tensor([0.5, 0.0]))
    assert unit(z).tolist() == [[1.5, 11.0]]      # 1 + 0.5 of the first three, 5 + 6 of the last three


def test_the_projection_shifts_one_vector_per_label():
    head = LabelProjection(2, 2, 1)
    with torch.no_grad():
        head.project.weight.copy_(torch.tensor([[1.0, 1.0]]))
        head.offsets.copy_(torch.tensor([[0.0], [-4.0]]))
    assert head(torch.tensor([[1.0, 2.0]])).tolist() == [[[3.0], [0.0]]]      # relu(3) and relu(3 - 4)


@pytest.mark.parametrize("head", ["attention", "projection"])
@pytest.mark.parametrize(
    ("backbone", "shape"),
    [("auto", (7,)), (MLP, (7,)), ("auto", (3, 8, 8)), (SmallCNN, (3, 8, 8)), (ResNet, (1, 8, 8))],
    ids=["auto-table", "mlp", "auto-image", "cnn", "resnet"],
)
def test_network_on_any_backbone(backbone, shape, head):
    n_features = torch.Size(shape).numel()
    network = LabelwiseNetwork(
        4, n_features=n_features, n_channels=shape[0], backbone=backbone, head=head, embedding_dim=8
    ).eval()
    X = torch.randn(2, *shape)
    z, logits = features_and_logits(network, X)
    assert logits.shape == (2, 4) and z.shape == (2, 32)
    torch.testing.assert_close(network.label_embeddings(X).flatten(1), z)
    torch.testing.assert_close(network(X), logits)
    assert network.reads_map == (head == "attention" and len(shape) == 3)


def test_a_logit_depends_on_the_embedding_of_its_label_only():
    network = LabelwiseNetwork(3, 5, 5, embedding_dim=4)
    z = torch.randn(2, 12)
    changed = z.clone()
    changed[:, 4:8] += 1
    same = torch.isclose(network.head(z), network.head(changed)).all(0)
    assert same.tolist() == [True, False, True]


@pytest.mark.parametrize("backbone", [ResNet(3, 4), SmallCNN(3, 4)], ids=["resnet", "cnn"])
def test_the_mean_of_the_feature_map_is_the_embedding(backbone):
    X = torch.randn(2, 3, 8, 8)
    backbone.eval()
    torch.testing.assert_close(backbone.feature_map(X).mean((2, 3)), backbone.features(X))
    torch.testing.assert_close(backbone.stages(X)[-1], backbone.features(X))


def test_errors():
    with pytest.raises(ValueError, match="embedding_dim=6 must be a multiple of n_heads=4"):
        LabelAttention(3, 2, embedding_dim=6, n_heads=4)
    with pytest.raises(ValueError, match="head must be 'attention' or 'projection', got 'linear'"):
        LabelwiseNetwork(3, 5, 5, head="linear")
