"""Batches: every row once, whole slices, the right positions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skweak.engine import PairedBatches, TensorBatches, TensorData


def data(n, **kwargs):
    return TensorData(np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n), **kwargs)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(n=st.integers(1, 40), size=st.integers(1, 12), drop=st.booleans(), shuffle=st.booleans())
def test_every_row_comes_once_and_the_length_is_right(n, size, drop, shuffle):
    generator = torch.Generator().manual_seed(0) if shuffle else None
    batches = TensorBatches(data(n), size, generator=generator, drop_last=drop)
    seen = [batch.index for batch in batches]
    assert len(seen) == len(batches) >= 1
    rows = torch.cat(seen).tolist()
    assert len(rows) == len(set(rows))
    if not drop:
        assert sorted(rows) == list(range(n))
    elif n >= size:
        assert len(rows) == n // size * size
    # A batch of one row would break BatchNorm, unless it is all there is.
    if n > 1 and size > 1:
        assert min(map(len, seen)) > 1


def test_a_batch_holds_the_rows_of_its_positions():
    batch = next(iter(TensorBatches(data(10), 4, rows=torch.tensor([9, 3, 5, 7, 1, 0]))))
    assert batch.index.tolist() == [9, 3, 5, 7] and batch.y.tolist() == [9, 3, 5, 7]
    assert batch.X[:, 0].tolist() == [18, 6, 10, 14]


def test_batches_are_iterable_again_in_a_new_order_that_the_generator_sets():
    def orders():
        batches = TensorBatches(data(20), 20, generator=torch.Generator().manual_seed(1))
        return [next(iter(batches)).index.tolist() for _ in range(2)]

    first, again = orders(), orders()
    assert first == again and first[0] != first[1]


def test_pairs_take_the_length_of_the_first_and_restart_the_second():
    all_rows = TensorBatches(data(12), 3)
    pairs = list(PairedBatches(all_rows, all_rows.restrict(torch.tensor([0, 1]), batch_size=2)))
    assert len(pairs) == 4 and all(second.index.tolist() == [0, 1] for _, second in pairs)
    assert all(second is None for _, second in PairedBatches(all_rows, all_rows.restrict(torch.tensor([], dtype=int))))


@pytest.mark.parametrize("wrap", [sparse.csr_matrix, lambda X: X], ids=["sparse", "dense"])
def test_rows_are_dense_floats_whatever_holds_them(wrap):
    X = np.array([[0, 1], [2, 0], [0, 3]], dtype=np.float32)
    rows = TensorData(wrap(X), np.zeros(3)).rows(torch.tensor([2, 0]))
    assert rows.tolist() == [[0, 3], [0, 1]] and rows.dtype == torch.float32


def test_bytes_stay_bytes_in_memory_and_are_scaled_per_batch():
    images = np.array([[[[0]]], [[[255]]]], dtype=np.uint8)
    held = TensorData(images, np.zeros(2))
    # (0 - 127.5) / 63.75 = -2 and (255 - 127.5) / 63.75 = 2.
    assert held.X.dtype == np.uint8 and held.rows(torch.tensor([0, 1])).flatten().tolist() == [-2, 2]


def test_dense_arrays_share_memory_on_the_cpu():
    X = np.zeros((3, 2), dtype=np.float32)
    held = TensorData(X, np.zeros(3))
    X[1] = 5
    assert held.rows(torch.tensor([1])).tolist() == [[5, 5]]


def test_large_read_only_memory_maps_are_read_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("skweak.engine.readers._COPY_LIMIT", 10)
    np.save(tmp_path / "X.npy", np.arange(20, dtype=np.float32).reshape(10, 2))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert TensorData(X, np.zeros(10)).rows(torch.tensor([4, 0])).tolist() == [[8, 9], [0, 1]]


def test_subset_carries_every_fact():
    whole = data(4, weight=np.arange(4.0), trusted=np.array([0, 1, 0, 1], bool), side={"z": np.arange(8).reshape(4, 2)})
    part = whole.subset(np.array([1, 3]))
    assert part.target.tolist() == [1, 3] and part.weight.tolist() == [1, 3] and part.trusted.all()
    assert part.side["z"].tolist() == [[2, 3], [6, 7]]


def test_moments_are_those_of_numpy():
    X = np.random.RandomState(0).randn(50, 3).astype(np.float32)
    mean, std = TensorData(X, np.zeros(50)).moments()
    np.testing.assert_allclose(mean, X.mean(0), atol=1e-6)
    np.testing.assert_allclose(std, X.std(0), rtol=1e-5)


@pytest.mark.parametrize("n_filled", [0, 3, 70])
def test_moments_of_a_sparse_table_are_those_of_the_dense_one(n_filled, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.random((40, 80)) * (rng.random((40, 80)) < 0.1)
    X[:, :n_filled] = rng.random((40, n_filled))
    # A value far out counts as ten widths, which only a filled column has.
    X[0, 0] = 1e4 if n_filled else X[0, 0]
    expected, read = TensorData(X, np.zeros(40)).subset(np.arange(30)).moments(), []
    data = TensorData(sparse.csr_array(X), np.zeros(40)).subset(np.arange(30))
    toarray = sparse.csr_array.toarray
    monkeypatch.setattr(sparse.csr_array, "toarray", lambda self: read.append(self.shape[1]) or toarray(self))
    for ours, theirs in zip(data.moments(), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert max(read) <= 64
