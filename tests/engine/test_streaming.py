"""Inputs larger than memory: read in blocks, shuffled within a bounded buffer, never copied whole."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skweak.engine import TensorBatches, TensorData, streaming
from skweak.engine.streaming import BlockReader, RowSource, open_source
from skweak.nn import SmallCNN
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier
from tests.small_data import blobs

X, CLEAN, NOISY = blobs(240)
X = X.astype(np.float32)
SMALL = {"module__hidden": (8,), "batch_size": 16, "random_state": 0, "n_threads": 1}


class Slices:
    """Rows with nothing but a length and slices, which count how often they are read."""

    def __init__(self, rows):
        self.rows, self.read = rows, []

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, part):
        assert isinstance(part, slice)
        self.read.append(range(*part.indices(len(self))))
        return self.rows[part]


@pytest.fixture
def tiny_buffer(monkeypatch):
    """A buffer of 40 rows of four features: eight blocks of five rows."""
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 40 * 16)


def as_map(folder, rows):
    np.save(folder / "X.npy", rows)
    return np.load(folder / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, ELRClassifier, DPCClassifier], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("kind", ["map", "slices"])
def test_what_the_buffer_holds_trains_like_an_array(cls, kind, tmp_path):
    params = SMALL | ({"warmup_epochs": 1} if cls is DPCClassifier else {})
    given = as_map(tmp_path, X) if kind == "map" else Slices(X)
    one, other = (cls(max_epochs=3, validation_fraction=0.2, **params).fit(rows, NOISY) for rows in (X, given))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(given))
    assert [row["train_loss"] for row in one.history_] == [row["train_loss"] for row in other.history_]


@pytest.mark.parametrize("kind", ["map", "slices"])
def test_what_exceeds_it_learns_as_well_and_predicts_the_same(kind, tmp_path, tiny_buffer):
    rows = as_map(tmp_path, X) if kind == "map" else Slices(X)
    clf = CrossEntropyClassifier(max_epochs=10, validation_fraction=0.1, **SMALL).fit(rows, NOISY)
    assert isinstance(open_source(rows, "float32"), RowSource) and clf.n_features_in_ == 4
    assert clf.score(rows, CLEAN) > 0.9 and len(clf.label_quality_) == len(X)
    np.testing.assert_allclose(clf.predict_proba(rows), clf.predict_proba(X), atol=1e-6)


def test_memories_corrected_labels_and_splits_find_their_rows(tiny_buffer):
    params = SMALL | {"module__hidden": (32,), "lr": 0.1}
    clf = ELRClassifier(max_epochs=20, **params).fit(Slices(X), NOISY)
    assert np.mean(clf.transduction_ == CLEAN) > 0.95 > np.mean(NOISY == CLEAN)
    split = DPCClassifier(max_epochs=8, warmup_epochs=4, **params).fit(Slices(X), NOISY)
    assert split.clean_proba_[NOISY == CLEAN].mean() > split.clean_proba_[NOISY != CLEAN].mean() + 0.3


def test_bytes_of_images_are_read_like_an_array_of_them(monkeypatch):
    images = np.random.RandomState(0).randint(0, 256, (60, 8, 8)).astype(np.uint8)
    labels = np.arange(60) % 3
    settings = {"module": SmallCNN, "module__widths": (4,), "max_epochs": 1, "random_state": 0}
    clf = CrossEntropyClassifier(**settings).fit(images, labels)
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 640)
    source = open_source(Slices(images), "float32")
    assert source.shape == (60, 1, 8, 8) and source.dtype == np.uint8
    np.testing.assert_allclose(clf.predict_proba(Slices(images)), clf.predict_proba(images), atol=1e-6)
    CrossEntropyClassifier(**settings).fit(Slices(images), labels)


def test_an_epoch_reads_every_block_once_and_a_prediction_too(tiny_buffer):
    rows = Slices(X)
    data = TensorData(open_source(rows, "float32"), NOISY)
    rows.read.clear()
    seen = [batch for batch in TensorBatches(data, 16, generator=torch.Generator().manual_seed(0))]
    assert sorted(part.start for part in rows.read) == list(range(0, 240, 5))
    assert sorted(torch.cat([batch.index for batch in seen]).tolist()) == list(range(240))
    for batch in seen:
        np.testing.assert_array_equal(batch.X, X[batch.index])
        np.testing.assert_array_equal(batch.y, NOISY[batch.index])
    rows.read.clear()
    torch.cat(list(TensorBatches(data, 32).inputs()))
    assert [row for part in rows.read for row in part] == list(range(240))


def test_neighbours_in_an_epoch_come_from_several_blocks_in_an_order_that_the_generator_sets(tiny_buffer):
    data = TensorData(open_source(Slices(X), "float32"), NOISY)
    first, same, other = (
        torch.cat(list(TensorBatches(data, 20, generator=torch.Generator().manual_seed(seed)).indices()))
        for seed in (0, 0, 1)
    )
    assert first.tolist() == same.tolist() != other.tolist()
    # Twenty rows fill half of the buffer: four blocks of five.
    assert {len(set((part // 5).tolist())) for part in first.split(20)} == {4}
    assert any(part.tolist() != sorted(part.tolist()) for part in first.split(20))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n=st.integers(2, 90), block=st.integers(1, 9), slots=st.integers(2, 6), seed=st.integers(0, 3), part=st.booleans())
def test_any_order_of_positions_gets_its_rows(n, block, slots, seed, part):
    reader = BlockReader(RowSource(np.arange(2.0 * n).reshape(n, 2), "float32"), torch.float32, torch.device("cpu"))
    reader.block, reader.n_slots = block, slots
    reader.slots = torch.full((-(-n // block),), -1)
    draw = np.random.RandomState(seed)
    for _ in range(3):
        index = torch.from_numpy(draw.randint(0, n, 12) if part else draw.permutation(n))
        assert reader(index)[:, 0].tolist() == (2 * index).tolist()
    assert len(reader.held) == len(set(reader.held)) <= slots and len(reader.buffer) == slots * block


def test_what_is_no_source_stays_as_it_is():
    frame = pd.DataFrame(X)
    for other in (X, X.tolist(), torch.from_numpy(X), frame, frame[0], sparse.csr_matrix(X), "text", {"a": 1}):
        assert open_source(other, "float32") is other


BROKEN = {
    "nan": (lambda rows: np.where(np.arange(240)[:, None] == 77, np.nan, rows), "NaN or infinity in rows 75 to 79"),
    "both infinities": (lambda rows: rows + np.resize([np.inf, -np.inf], (240, 1)), "NaN or infinity in rows 0 to"),
    "too large": (lambda rows: rows.astype(np.float64) + 1e300, "NaN or infinity in rows 0 to"),
    "infinity": (lambda rows: np.where(np.arange(240)[:, None] == 3, np.inf, rows), "NaN or infinity in rows 0 to 4"),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", BROKEN)
def test_nan_is_found_where_it_is_read(name, tiny_buffer):
    change, message = BROKEN[name]
    clf = CrossEntropyClassifier(max_epochs=1, **SMALL)
    with pytest.raises(ValueError, match=message):
        clf.fit(Slices(change(X)), NOISY)
    assert not hasattr(clf, "net_")


def test_a_source_that_gives_too_few_rows_is_refused(tiny_buffer):
    class Short(Slices):
        def __getitem__(self, part):
            return self.rows[part][:3]

    with pytest.raises(ValueError, match="X gave 3 rows for X.*a slice must give all of its rows"):
        CrossEntropyClassifier(max_epochs=1, **SMALL).fit(Short(X), NOISY)


def test_another_width_than_in_fit_is_refused(tiny_buffer):
    clf = CrossEntropyClassifier(max_epochs=1, **SMALL).fit(Slices(X), NOISY)
    with pytest.raises(ValueError, match="3 features.*expecting 4"):
        clf.predict(Slices(X[:, :3]))


_MEASURE = """
import sys, numpy as np
from skweak.engine import streaming
from skweak.noisy import CrossEntropyClassifier
streaming.BUFFER_BYTES = 4 * 2**20
def anonymous():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Anonymous"))
X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 3
settings = dict(max_epochs=1, module__hidden=(8,), batch_size=256, random_state=0, n_threads=1)
clf = CrossEntropyClassifier(**settings).fit(np.asarray(X[:512]), y[:512])
before, peak = anonymous(), 0
streaming.RowSource.__getitem__ = (lambda read: lambda self, part: watch(read(self, part)))(streaming.RowSource.__getitem__)
def watch(rows):
    global peak
    peak = max(peak, anonymous())
    return rows
CrossEntropyClassifier(**settings).fit(X, y).predict_proba(X)
print(peak - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_stays_near_the_buffer_however_large_the_file_is(tmp_path):
    mebibytes, path = 32, tmp_path / "rows.npy"
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (mebibytes * 4096, 64))
    rows[:] = np.random.RandomState(0).rand(4096, 64).repeat(mebibytes, axis=0)
    rows.flush()
    del rows
    run = subprocess.run([sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True)
    # The buffer of 4 MiB, batches, and about 60 bytes per row for labels, order and results.
    assert float(run.stdout) < 24
