"""Pools larger than the memory they may take: gigabytes on the disk, scored within 1 GB of memory of our own."""

import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skweak.active import ActiveLearner, KCenterGreedy, MarginSampling, run_loop

N_FEATURES, ALLOWED = 64, 1e9


def anonymous_bytes():
    """Memory of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def peak_of(call):
    """Return the result of a call and the largest growth of the memory while it ran."""
    start, seen, done = anonymous_bytes(), [0], threading.Event()

    def watch():
        while not done.wait(0.01):
            seen.append(anonymous_bytes() - start)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return call(), max(*seen, anonymous_bytes() - start)
    finally:
        done.set()
        watcher.join()


def pool_on_disk(path, n_rows):
    generator = np.random.default_rng(0)
    pool = np.memmap(path, dtype=np.float32, mode="w+", shape=(n_rows, N_FEATURES))
    for start in range(0, n_rows, 2**17):
        part = pool[start : start + 2**17]
        generator.standard_normal(out=part, dtype=np.float32)
    pool.flush()
    return np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, N_FEATURES))


def learner_with(strategy):
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((300, N_FEATURES), dtype=np.float32), np.arange(300) % 10
    return ActiveLearner(LogisticRegression(max_iter=20), strategy, X, y)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@needs_proc
def test_the_measurement_sees_memory():
    _, peak = peak_of(lambda: np.ones(2**24).sum())
    assert 1.2e8 < peak < 3e8


@needs_proc
@pytest.mark.long
@pytest.mark.parametrize(
    ("strategy", "n_rows"),
    [(MarginSampling(verbose=1), 10_000_000), (KCenterGreedy(verbose=1), 1_000_000)],
    ids=["margin-10M", "k-center-1M"],
)  # fmt: skip
def test_a_pool_on_the_disk_is_queried_within_one_gigabyte(strategy, n_rows, tmp_path, capsys):
    pool = pool_on_disk(tmp_path / "pool", n_rows)
    learner = learner_with(strategy)
    (indices, rows), peak = peak_of(lambda: learner.query(pool, n_instances=100))
    assert len(set(indices.tolist())) == 100 and rows.shape == (100, N_FEATURES)
    assert peak < ALLOWED
    assert type(strategy).__name__ in capsys.readouterr().err
    if isinstance(strategy, MarginSampling):
        best = np.sort(learner.predict_proba(rows), axis=1)
        sample = np.sort(learner.predict_proba(pool[:100_000]), axis=1)
        assert (best[:, -1] - best[:, -2]).max() < np.quantile(sample[:, -1] - sample[:, -2], 0.01)


@needs_proc
@pytest.mark.long
def test_the_loop_does_not_copy_a_pool_on_the_disk(tmp_path):
    pool = pool_on_disk(tmp_path / "pool", 5_000_000)
    answers = np.arange(len(pool)) % 10
    learner = learner_with(MarginSampling())
    history, peak = peak_of(lambda: run_loop(learner, pool, answers, 2, 50, verbose=0))
    assert [record["n_labeled"] for record in history] == [300, 350, 400]
    assert peak < ALLOWED


def parquet_on_disk(path, n_rows):
    """The rows of `pool_on_disk` as a Parquet data set."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.dataset
    import pyarrow.parquet

    pool, names = pool_on_disk(path.with_suffix(".raw"), n_rows), [f"x{place}" for place in range(N_FEATURES)]
    with pyarrow.parquet.ParquetWriter(path, pa.schema([(name, pa.float32()) for name in names]), use_dictionary=False,
                                       compression="none") as writer:  # fmt: skip
        for start in range(0, n_rows, 2**17):
            columns = np.ascontiguousarray(pool[start : start + 2**17].T)
            writer.write_table(pa.table(dict(zip(names, columns, strict=True))))
    return pool, pyarrow.dataset.dataset(path)


@needs_proc
@pytest.mark.long
def test_a_parquet_pool_is_queried_within_one_gigabyte(tmp_path):
    pool, data = parquet_on_disk(tmp_path / "pool.parquet", 10_000_000)
    learner = learner_with(MarginSampling())
    (indices, rows), peak = peak_of(lambda: learner.query(data, n_instances=100))
    print(f"peak {peak / 2**20:.0f} MiB")
    assert peak < ALLOWED
    np.testing.assert_array_equal(rows, pool[indices])
    assert indices.tolist() == learner.query(pool, n_instances=100)[0].tolist()


@needs_proc
@pytest.mark.long
def test_two_worker_processes_find_the_rows_of_one(tmp_path):
    da, distributed = pytest.importorskip("dask.array"), pytest.importorskip("distributed")
    n_rows, size = 2**20, 2**17
    pool = pool_on_disk(tmp_path / "pool", n_rows)

    def read(block_info=None):
        # Opened by the worker: an array of rows would travel with the graph.
        (start, stop), _ = block_info[None]["array-location"]
        return np.memmap(tmp_path / "pool", dtype=np.float32, mode="r", shape=(n_rows, N_FEATURES))[start:stop]

    learner = learner_with(MarginSampling())
    blocks = da.map_blocks(read, chunks=((size,) * (n_rows // size), (N_FEATURES,)), dtype=np.float32)
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
        (indices, rows), peak = peak_of(lambda: learner.query(blocks, n_instances=100))
    print(f"peak {peak / 2**20:.0f} MiB")
    assert peak < ALLOWED
    assert indices.tolist() == learner.query(pool, n_instances=100)[0].tolist()
