"""Shapes of the built-in networks and of the heads around them, on inputs down to one pixel."""

import pytest
import torch
from torch import nn

from skweak.nn import MLP, FastResNet, ResNet, SmallCNN
from skweak.nn.heads import Branched, TwoHead

N, C = 4, 3
# Height and width, down to one pixel and to one row.
IMAGES = [(8, 8), (7, 5), (1, 1), (1, 9), (9, 1), (2, 2)]


def draw(*shape):
    return torch.randn(N, *shape, generator=torch.Generator().manual_seed(0))


class Foreign(nn.Module):
    """Neither ``features`` nor ``head`` nor ``stages``."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 5), nn.Linear(5, C)

    def forward(self, X):
        return self.last(self.first(X).sin())


def check_contract(network, X):
    """Features, head and stages agree with the logits, and every weight gets a gradient."""
    network.eval()
    z = network.features(X)
    logits = network(X)
    assert logits.shape == (len(X), C) and torch.equal(network.head(z), logits)
    assert torch.equal(network.stages(X)[-1], z)
    network.train()
    network(X).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("hidden", [(), (5,), (7, 5), (7, 6, 5)], ids=str)
@pytest.mark.parametrize("shape", [(6,), (2, 1, 3)], ids=str)
def test_mlp(hidden, shape):
    network, X = MLP(6, C, hidden=hidden), draw(*shape)
    check_contract(network, X)
    stages = network.stages(X)
    assert network.stage_widths == list(hidden)
    assert [tuple(stage.shape) for stage in stages] == [(N, width) for width in hidden or (6,)]
    assert network.features(X).shape == (N, (6, *hidden)[-1])


def test_mlp_by_hand():
    network = MLP(2, 1, hidden=(2,))
    with torch.no_grad():
        network.layers[0][0].weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 0.0]]))
        network.layers[0][0].bias.copy_(torch.tensor([0.0, 1.0]))
        network.head.weight.copy_(torch.tensor([[1.0, 10.0]]))
        network.head.bias.fill_(0.5)
    # Units: relu(1 - 3) = 0 and relu(2 + 1) = 3; logit 0 + 30 + 0.5.
    assert network.features(torch.tensor([[1.0, 3.0]])).tolist() == [[0.0, 3.0]]
    assert network(torch.tensor([[1.0, 3.0]])).item() == 30.5


def test_mlp_options():
    network = MLP(6, C, hidden=(5, 4), dropout=0.5, batch_norm=True)
    kinds = [type(layer).__name__ for block in network.layers for layer in block]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2
    torch.manual_seed(0)
    X = draw(6)
    assert not torch.equal(network(X), network(X)) and torch.equal(network.eval()(X), network(X))


@pytest.mark.parametrize("size", IMAGES, ids=str)
@pytest.mark.parametrize("widths", [(4,), (4, 6, 5)], ids=str)
def test_small_cnn(size, widths):
    network, X = SmallCNN(2, C, widths=widths), draw(2, *size)
    check_contract(network, X)
    stages = network.stages(X)
    height, width = size
    for stage, channels in zip(stages[:-1], widths, strict=False):
        height, width = -(-height // 2), -(-width // 2)
        assert stage.shape == (N, channels, height, width)
    assert stages[-1].shape == (N, widths[-1]) and len(stages) == len(network.stage_widths) == len(widths)
    assert torch.equal(network.eval().feature_map(X).mean((2, 3)), network.features(X))


def test_small_cnn_drops_units_of_the_embedding():
    torch.manual_seed(0)
    network, X = SmallCNN(2, C, widths=(64,), dropout=0.5), draw(2, 8, 8)
    share = (network.features(X) == 0).float().mean().item()
    assert 0.35 < share < 0.65 and (network.eval().features(X) == 0).float().mean() < 0.1


@pytest.mark.parametrize("size", IMAGES, ids=str)
@pytest.mark.parametrize("blocks", [(1,), (1, 1), (2, 1, 1)], ids=str)
def test_resnet(size, blocks):
    network, X = ResNet(2, C, blocks=blocks, width=4), draw(2, *size)
    check_contract(network, X)
    stages = network.stages(X)
    height, width = size
    for i, stage in enumerate(stages[:-1]):
        assert stage.shape == (N, 4 * 2**i, height, width)
        height, width = -(-height // 2), -(-width // 2)
    assert stages[-1].shape == (N, network.stage_widths[-1]) and len(stages) == len(blocks)
    assert network.stage_widths == [4 * 2**i for i in range(len(blocks))]
    assert [len(stage) for stage in network.blocks] == list(blocks)
    assert torch.equal(network.eval().feature_map(X).mean((2, 3)), network.features(X))


def test_resnet_18_has_its_known_size():
    network = ResNet(3, 10, blocks=(2, 2, 2, 2), width=64)
    # Convolutions: stem 3*64*9; stages 4*64*64*9, then for n = 64, 128, 256: 2n*n*9 + 3*(2n)^2*9 + 2n*n (projection).
    convolutions = 3 * 64 * 9 + 4 * 64 * 64 * 9
    convolutions += sum(2 * n * n * 9 + 3 * (2 * n) ** 2 * 9 + 2 * n * n for n in (64, 128, 256))
    # Two normalisations of 2 numbers per channel in every block: the first of a stage sees the channels before it.
    norms = 2 * (4 * 64 + sum(n + 3 * 2 * n for n in (64, 128, 256)) + 512)
    assert sum(p.numel() for p in network.parameters()) == convolutions + norms + 512 * 10 + 10


@pytest.mark.parametrize("size", IMAGES, ids=str)
@pytest.mark.parametrize("widths", [(4,), (4, 6), (4, 6, 5, 8)], ids=str)
def test_fast_resnet(size, widths):
    network, X = FastResNet(2, C, widths=widths), draw(2, *size)
    check_contract(network, X)
    stages = network.stages(X)
    height, width = size
    for stage, channels in zip(stages[:-1], widths[1:], strict=False):
        height, width = -(-height // 2), -(-width // 2)
        assert stage.shape == (N, channels, height, width)
    assert [stage.shape[1] for stage in stages] == network.stage_widths and stages[-1].shape == (N, widths[-1])
    assert torch.equal(network.eval().feature_map(X).amax((2, 3)) * 0.125, network.features(X))


def test_fast_resnet_has_nine_layers_and_scales_its_embedding():
    network = FastResNet(3, 10)
    # Stem, three stages, two more convolutions in the first and the third; two numbers a channel of every norm.
    convolutions = 9 * (3 * 64 + 64 * 128 + 2 * 128 * 128 + 128 * 256 + 256 * 512 + 2 * 512 * 512)
    norms = 2 * (64 + 3 * 128 + 256 + 3 * 512)
    assert sum(p.numel() for p in network.parameters()) == convolutions + norms + 512 * 10 + 10
    X, network = draw(3, 8, 8), network.eval()
    small = network.features(X)
    network.scale = 1.0
    torch.testing.assert_close(network.features(X), 8 * small)


def test_an_untouched_residual_block_is_the_identity():
    network = ResNet(2, C, blocks=(2,), width=4).eval()
    with torch.no_grad():
        for block in network.blocks[0]:
            block.conv2.weight.zero_()
    X = draw(2, 5, 5)
    assert torch.equal(network.blocks[0](network.stem(X)), network.stem(X))


WRONG = {
    "hidden": (lambda: MLP(4, 2, hidden=(0,)), r"hidden must consist of integers >= 1, got \(0,\)"),
    "hidden, number": (lambda: MLP(4, 2, hidden=8), "hidden must consist of integers >= 1, got 8"),
    "widths": (lambda: SmallCNN(1, 2, widths=()), r"widths must hold at least one integer >= 1, got \(\)"),
    "blocks": (lambda: ResNet(1, 2, blocks=(1, 0)), r"blocks must consist of integers >= 1, got \(1, 0\)"),
    "scale": (lambda: FastResNet(1, 2, scale=0.0), r"scale must be a number > 0, got 0\.0"),
    "width": (lambda: ResNet(1, 2, width=1.5), "width must consist of integers >= 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_sizes(name):
    make, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        make()


BACKBONES = {
    "mlp": (lambda: MLP(6, C, hidden=(8, 5)), (6,), 5),
    "linear": (lambda: MLP(6, C, hidden=()), (6,), 6),
    "cnn": (lambda: SmallCNN(2, C, widths=(4, 5)), (2, 6, 6), 5),
    "resnet": (lambda: ResNet(2, C, blocks=(1, 1), width=4), (2, 6, 6), 8),
    "foreign": (Foreign, (6,), 5),
}
each = pytest.mark.parametrize("name", BACKBONES)


@each
def test_two_heads(name):
    make, shape, width = BACKBONES[name]
    network, X = TwoHead(make(), dropout=0.5).eval(), draw(*shape)
    first, second = network.both(X)
    assert torch.equal(first, network.backbone(X)) and torch.equal(first, network(X))
    z = network.features(X)
    assert z.shape == (N, width) and torch.equal(network.head(z), first)
    assert torch.equal(second, network.second(z)) and second.shape == (N, C)
    assert [type(layer).__name__ for layer in network.second] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert network.second[0].out_features == 2 * width and network.second[2].p == 0.5


@each
def test_branched(name):
    make, shape, width = BACKBONES[name]
    backbone = make().train()
    network, X = Branched(backbone, shape), draw(*shape)
    assert backbone.training, "measuring the stages changed the mode"
    network.eval()
    positive, negative, z, sides, logits = network.branches(X)
    torch.testing.assert_close(positive, network.backbone(X))
    assert torch.equal(positive, network(X)) and torch.equal(negative, network.negative(z))
    assert z.shape == (N, width) and torch.equal(network.features(X), z)
    n_branches = {"mlp": 1, "cnn": 1, "resnet": 1}.get(name, 0)
    assert len(sides) == len(logits) == len(network.adapters) == len(network.side_heads) == n_branches
    assert all(side.shape == (N, width) for side in sides) and all(side.shape == (N, C) for side in logits)
    assert all(torch.equal(a, b) for a, b in zip(network.both(X), (positive, negative), strict=True))
    torch.testing.assert_close(network.head(z), positive)


@pytest.mark.parametrize("n_branches", [0, 1, 2, 3])
def test_number_of_branches(n_branches):
    network = Branched(MLP(6, C, hidden=(9, 8, 7)), (6,), n_branches=n_branches)
    assert len(network.adapters) == min(n_branches, 2)
    assert [adapter[0].in_features for adapter in network.adapters] == [9, 8][:n_branches]


@pytest.mark.parametrize("size", IMAGES, ids=str)
@pytest.mark.parametrize("make", [SmallCNN, ResNet])
def test_branches_of_images_of_any_size(make, size):
    backbone = make(2, C, widths=(4, 4, 5)) if make is SmallCNN else make(2, C, blocks=(1, 1, 1), width=4)
    network, X = Branched(backbone, (2, *size)), draw(2, *size)
    *_, sides, logits = network.train().branches(X)
    assert len(sides) == 2 and all(torch.isfinite(side).all() for side in [*sides, *logits])


def test_measuring_the_stages_changes_no_statistics():
    backbone = SmallCNN(2, C, widths=(4, 5))
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    Branched(backbone, (2, 6, 6))
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
