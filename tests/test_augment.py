"""Random views: what they keep, what they change, and that a seed decides."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.augment import (
    Views,
    alternating_flip,
    cutout,
    identity,
    image_views,
    jitter,
    make_views,
    mask_features,
    random_crop,
    random_flip,
    table_views,
)
from skweak.engine import TensorData
from tests.dummies import DummyNoisy

quick = settings(max_examples=25, deadline=None, derandomize=True)
SHAPES = [(5, 1, 8, 8), (3, 2, 7, 5), (4, 1, 1, 1), (2, 3, 1, 6), (2, 1, 40, 3)]


def images(shape, dtype=torch.float32):
    """Draw images without a zero."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype) + 0.5


def positions(X):
    """Return row and column of the one pixel of each image that is not zero."""
    return [tuple(int(i) for i in image[0].nonzero()[0]) if image.any() else None for image in X]


IMAGE_VIEWS = {
    "crop": random_crop,
    "crop by nothing": partial(random_crop, padding=0),
    "flip": random_flip,
    "cutout": partial(cutout, size=3),
    "weak": image_views(8).weak,
    "strong": image_views(8).strong,
    "jitter": partial(jitter, scale=0.1),
    "mask": partial(mask_features, p=0.3, fill=0.0),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", IMAGE_VIEWS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_views_keep_shape_type_and_input_and_obey_the_seed(name, shape, dtype):
    X, view = images(shape, dtype), IMAGE_VIEWS[name]
    before = X.clone()
    torch.manual_seed(3)
    first = view(X)
    torch.manual_seed(3)
    assert torch.equal(view(X), first)
    assert first.shape == X.shape and first.dtype == X.dtype and torch.equal(X, before)


@pytest.mark.parametrize("name", sorted(set(IMAGE_VIEWS) - {"crop by nothing"}))
def test_rows_and_calls_differ(name):
    X, view = images((1, 1, 8, 8)).expand(200, -1, -1, -1), IMAGE_VIEWS[name]
    torch.manual_seed(0)
    first, second = view(X), view(X)
    assert not torch.equal(first, second) and len(first.unique(dim=0)) > 1


@quick
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.data())
def test_crop_moves_an_impulse_by_at_most_the_padding(height, width, padding, data):
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    X = torch.zeros(30, 1, height, width)
    X[:, 0, row, column] = 7.0
    torch.manual_seed(0)
    Z = random_crop(X, padding)
    assert set(Z.unique().tolist()) <= {0.0, 7.0}
    reach = padding + 1
    possible = {
        (row + i, column + j) if 0 <= row + i < height and 0 <= column + j < width else None
        for i in range(1 - reach, reach)
        for j in range(1 - reach, reach)
    }
    assert set(positions(Z)) <= possible


def test_crop_reaches_every_shift_equally_often():
    X = torch.zeros(9000, 1, 5, 5)
    X[:, :, 2, 2] = 1.0
    torch.manual_seed(0)
    Z = random_crop(X, 1).mean(0)[0]
    assert Z[1:4, 1:4].sum() == pytest.approx(1) and Z.sum() == pytest.approx(1)
    # 9 equal shares; four standard deviations of a share are 4 sqrt(1/9 * 8/9 / 9000) = 0.013.
    assert (Z[1:4, 1:4] - 1 / 9).abs().max() < 0.014


def test_crop_moves_an_image_as_a_whole():
    X = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3).repeat(50, 2, 1, 1)
    torch.manual_seed(0)
    padded = torch.nn.functional.pad(X[0], [1] * 4)
    windows = [padded[:, i : i + 3, j : j + 3] for i in range(3) for j in range(3)]
    assert all(any(torch.equal(image, window) for window in windows) for image in random_crop(X, 1))


def test_crop_shows_what_is_asked_outside():
    X = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3).expand(60, 1, 3, 3)
    torch.manual_seed(0)
    mirrored = {tuple(row) for row in random_crop(X, 1, "reflect")[:, 0, 0].tolist()}
    assert mirrored == {(2.0, 1.0, 2.0), (1.0, 2.0, 3.0), (2.0, 3.0, 2.0)}
    repeated = {tuple(row) for row in random_crop(X, 1, "replicate")[:, 0, 0].tolist()}
    assert repeated == {(1.0, 1.0, 2.0), (1.0, 2.0, 3.0), (2.0, 3.0, 3.0)}


def test_alternating_flips_show_both_sides_in_two_epochs():
    index = torch.arange(4000)
    X = torch.tensor([1.0, 2.0]).reshape(1, 1, 1, 2).repeat(4000, 1, 1, 1)
    first, second = (alternating_flip(X, index, epoch) for epoch in (0, 1))
    assert torch.equal(first + second, torch.full_like(X, 3.0)) and torch.equal(alternating_flip(X, index, 2), first)
    flipped = first[:, 0, 0, 0] == 2
    # Half of the rows, also of each stretch of neighbours, and whatever batch they come in.
    assert all(0.4 < part.float().mean() < 0.6 for part in flipped.split(200))
    order = torch.randperm(4000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(alternating_flip(X[order], index[order], 0), first[order])


def test_flip_by_hand_and_twice():
    X = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    assert random_flip(X, p=1.0).tolist() == [[[[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]]]
    assert torch.equal(random_flip(random_flip(X, p=1.0), p=1.0), X)
    assert torch.equal(random_flip(X, p=0.0), X)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_share_of_flips(p):
    X = torch.tensor([1.0, 2.0]).reshape(1, 1, 1, 2).repeat(4000, 1, 1, 1)
    torch.manual_seed(0)
    share = (random_flip(X, p)[:, 0, 0, 0] == 2).float().mean().item()
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 4000)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5])
def test_cutout_is_a_square_of_its_size(size):
    X = images((300, 2, 16, 16))
    torch.manual_seed(0)
    Z = cutout(X, size)
    hole = (Z == 0)[:, 0]
    assert torch.equal(hole, (Z == 0)[:, 1]) and torch.equal(Z[Z != 0], X[Z != 0])
    heights, widths = hole.any(2).sum(1), hole.any(1).sum(1)
    assert torch.equal(hole.sum((1, 2)), heights * widths), "not a rectangle"
    # Squares at the border are cut; inside, all have the size that was asked for.
    assert heights.max() == size == widths.max()
    inside = ~(hole[:, [0, -1]].any((1, 2)) | hole[:, :, [0, -1]].any((1, 2)))
    assert inside.any() and (heights[inside] == size).all() and (widths[inside] == size).all()


def test_cutout_reaches_every_pixel():
    torch.manual_seed(0)
    assert (cutout(images((600, 1, 6, 4)), 2) == 0).any(0).all()


def test_jitter_has_the_given_deviation():
    X, scale = torch.full((20_000, 3), 5.0), torch.tensor([0.0, 1.0, 3.0])
    torch.manual_seed(0)
    noise = jitter(X, scale) - X
    assert (noise[:, 0] == 0).all()
    # Four standard deviations of an estimated deviation are 4 / sqrt(2 n) = 2 %, of a mean 4 / sqrt(n) = 2.8 %.
    assert noise.std(0)[1:].tolist() == pytest.approx([1.0, 3.0], rel=0.02)
    assert (noise.mean(0).abs() <= 0.03 * scale).all()
    torch.manual_seed(0)
    expected = X + 2 * torch.randn_like(X)
    torch.manual_seed(0)
    torch.testing.assert_close(jitter(X, 2), expected)


def test_masking_by_hand():
    X, fill = torch.ones(4, 3), torch.tensor([7.0, 8.0, 9.0])
    assert torch.equal(mask_features(X, 0.0, fill), X)
    assert torch.equal(mask_features(X, 1.0, fill), fill.expand(4, 3))
    assert (mask_features(X, 1.0, 0) == 0).all()


@pytest.mark.parametrize("p", [0.1, 0.7])
def test_share_of_masked_entries(p):
    torch.manual_seed(0)
    share = (mask_features(torch.ones(2000, 5), p, 0.0) == 0).float().mean().item()
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 10_000)


def test_table_views_scale_with_the_features():
    mean, scale = torch.tensor([100.0, -3.0, 0.0]), torch.tensor([10.0, 1.0, 0.0])
    views, X = table_views(mean, scale), torch.zeros(20_000, 3)
    torch.manual_seed(0)
    weak = views.weak(X)
    assert weak.std(0).tolist() == pytest.approx([1.0, 0.1, 0.0], rel=0.02)
    strong = views.strong(X)
    masked = strong[:, :2] == mean[:2]
    assert masked.float().mean(0).tolist() == pytest.approx([0.1, 0.1], abs=0.01)
    kept = [strong[~masked[:, i], i].std().item() for i in range(2)]
    assert kept == pytest.approx([2.0, 0.2], rel=0.02)


@pytest.mark.parametrize(("side", "shift"), [(1, 0), (4, 0), (7, 0), (8, 1), (16, 2), (32, 4)])
def test_image_views_scale_with_the_side(side, shift):
    X = torch.zeros(400, 1, side, side)
    X[:, :, side // 2, side // 2] = 1.0
    torch.manual_seed(0)
    moves = {abs(i - side // 2) for i, _ in positions(image_views(side).weak(X))}
    assert moves == set(range(shift + 1))
    strong = image_views(side).strong(torch.ones(400, 1, side, side))
    zeros = (strong == 0).sum((1, 2, 3))
    assert zeros.min() >= 0 and (zeros >= (side // 2) ** 2).any() and (zeros < side**2).all()


def data(X):
    X = np.asarray(X, dtype=np.float32)
    return TensorData(X, np.zeros(len(X), dtype=int))


TABLE, PICTURES = data([[0.0, 10.0], [2.0, 10.0]]), data(np.ones((3, 1, 4, 32)))


def test_no_views():
    for source in (TABLE, PICTURES):
        assert make_views(None, source) == Views(identity, identity)
    X = torch.ones(2, 2)
    assert identity(X) is X


def test_weak_table_views_know_the_moments():
    # Column 0 has mean 1 and deviation 1, column 1 is constant.
    views = make_views("weak", TABLE)
    torch.manual_seed(0)
    strong = views.strong(torch.full((5000, 2), 3.0))
    assert set(strong[:, 1].tolist()) == {3.0, 10.0}
    assert (strong[:, 0] == 1.0).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert views.weak(torch.zeros(5000, 2)).std(0).tolist() == pytest.approx([0.1, 0.0], rel=0.05)


def test_image_views_go_by_the_shorter_side():
    X = torch.zeros(200, 1, 4, 32)
    X[:, :, 2, 16] = 1.0
    torch.manual_seed(0)
    # Four rows are too few to shift; a flip takes column 16 to 15.
    assert set(positions(make_views("weak", PICTURES).weak(X))) == {(2, 15), (2, 16)}


def test_callables_and_pairs():
    X = torch.tensor([[1.0, -2.0]])
    for augment, strong in ((torch.neg, -X), ((torch.neg, torch.abs), X.abs()), (Views(torch.neg, torch.abs), X.abs())):
        views = make_views(augment, TABLE)
        assert torch.equal(views.weak(X), -X) and torch.equal(views.strong(X), strong)


@pytest.mark.parametrize("augment", [(), (abs,), (abs, abs, abs), (abs, "weak"), (1, 2)], ids=str)
def test_what_is_no_pair(augment):
    with pytest.raises(ValueError, match="'augment' parameter must be a pair"):
        make_views(augment, TABLE)
    with pytest.raises(ValueError, match="'augment' parameter must be a pair"):
        DummyNoisy(augment=augment, max_epochs=1).fit([[0.0], [1.0]], [0, 1])


def test_a_fit_trains_on_weak_views():
    seen = []

    def weak(X):
        seen.append(X)
        return X.neg()

    X, y = np.random.RandomState(0).randn(20, 2), np.arange(20) % 2
    settings_ = {"module__hidden": (3,), "module__scale_inputs": False, "max_epochs": 2, "random_state": 0}
    viewed = DummyNoisy(augment=(weak, torch.abs), **settings_).fit(X, y)
    assert len(seen) == 2 and sum(map(len, seen)) == 40
    mirrored = DummyNoisy(**settings_).fit(-X, y)
    assert np.array_equal(viewed.predict_proba(X), mirrored.predict_proba(X))
