import pytest
import torch

from skweak.nn.patches import Patches


@pytest.mark.parametrize(
    ("n_features", "n_patches", "expected"), [(10, 4, 4), (3, 4, 3), (1, 4, 1), (5, 1, 1)]
)
def test_every_feature_is_shown_once(n_features, n_patches, expected):
    torch.manual_seed(0)
    patches = Patches((n_features,), n_patches)
    assert patches.n_patches == expected
    assert torch.equal(patches.shown.sum(0), torch.ones(n_features, dtype=torch.int64))
    # The groups differ in size by one at most.
    sizes = patches.shown.sum(1)
    assert sizes.max() - sizes.min() <= 1
    X = torch.randn(6, n_features)
    parts = patches(X).view(6, expected, n_features)
    torch.testing.assert_close(parts.sum(1), X)


def test_hidden_features_show_the_fill():
    patches = Patches((4,), 2)
    patches.fill.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    parts = patches(torch.full((1, 4), 9.0))
    assert torch.equal(parts, torch.where(patches.shown, 9.0, patches.fill))


def test_groups_follow_the_seed():
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(Patches((20,), 4).shown)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_cells_of_an_image():
    # Four flat quadrants: each part is flat, in reading order, and rows stay beside each other.
    quadrants = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).repeat_interleave(3, 0).repeat_interleave(3, 1)
    images = torch.stack([quadrants, 10 * quadrants])[:, None]
    parts = Patches((1, 6, 6), 4)(images)
    assert parts.shape == (8, 1, 6, 6)
    assert [part.unique().tolist() for part in parts] == [[v] for v in (1.0, 2, 3, 4, 10, 20, 30, 40)]


def test_uneven_sides_lose_no_pixel():
    images = torch.arange(35.0).view(1, 1, 5, 7)
    parts = Patches((1, 5, 7), 4)(images)
    assert parts.shape == (4, 1, 5, 7)
    corners = [parts[0, 0, 0, 0], parts[1, 0, 0, -1], parts[2, 0, -1, 0], parts[3, 0, -1, -1]]
    assert [c.item() for c in corners] == [0.0, 6.0, 28.0, 34.0]


@pytest.mark.parametrize(("shape", "n_patches"), [((1, 8, 8), 3), ((1, 2, 8), 9)])
def test_images_need_a_square_grid(shape, n_patches):
    with pytest.raises(ValueError, match=f"n_patches={n_patches}"):
        Patches(shape, n_patches)
