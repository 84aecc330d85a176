"""Pools that are no arrays give the rows that arrays give: Parquet files, Arrow tables, arrays of dask."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.active import ActiveLearner, Herding, MarginSampling, run_loop
from skweak.active.pools import as_pool
from skweak.active.rows import as_rows
from skweak.active.view import LearnerView
from tests.active.test_all_strategies import POOL, X, Y, each, learner_of, small

pa = pytest.importorskip("pyarrow")
da = pytest.importorskip("dask.array")


def table(rows):
    return pa.table({f"x{place}": column for place, column in enumerate(rows.T)})


def parquet(rows, path):
    import pyarrow.dataset
    import pyarrow.parquet

    half = len(rows) // 2
    pyarrow.parquet.write_table(table(rows[:half]), path / "a.parquet", row_group_size=13)
    pyarrow.parquet.write_table(table(rows[half:]), path / "b.parquet", row_group_size=17)
    return pyarrow.dataset.dataset(path, format="parquet")


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    rows = X[POOL]
    return {
        "parquet": parquet(rows, tmp_path_factory.mktemp("parquet")),
        "dask": da.from_array(rows, chunks=(23, 2)),
    }


@each
def test_every_strategy_takes_every_pool(cls, containers):
    expected = small(cls)(learner_of(cls), X[POOL], 5)
    for name, pool in containers.items():
        indices, scores = small(cls)(learner_of(cls), pool, 5)
        assert indices.tolist() == expected[0].tolist(), name
        # Networks round differently in blocks of another size.
        np.testing.assert_allclose(scores, expected[1], rtol=1e-3, atol=1e-5, err_msg=name)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_readers_index_like_arrays(seed):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(generator.integers(1, 30), 3))
    cuts = np.sort(generator.integers(len(rows) + 1, size=2))
    parts = [table(part).to_batches() for part in np.split(rows, cuts)]
    arrow = as_pool(pa.Table.from_batches([b for part in parts for b in part], schema=table(rows).schema))
    dask = as_pool(da.from_array(rows, chunks=(int(generator.integers(1, 9)), 1)))
    start, stop = generator.integers(-5, 35, size=2).tolist()
    some = generator.integers(-len(rows), len(rows), size=4)
    for reader in (arrow, dask):
        assert reader.shape == rows.shape and len(reader) == len(rows) and reader.ndim == 2
        for index in (slice(start, stop), slice(None, None, 2), some, rows[:, 0] > 0, 0):
            np.testing.assert_array_equal(reader[index], rows[index])
        np.testing.assert_array_equal(np.asarray(reader), rows)
        with pytest.raises(IndexError, match="are asked for, but there are"):
            reader[[len(rows)]]


def test_the_best_of_chunks_are_the_best_of_all():
    rows = np.array([[1.0], [5.0], [5.0], [2.0], [7.0], [5.0]])
    learner = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    view = LearnerView(learner, da.from_array(rows, chunks=(2, 1)))
    # Equal scores by position, across blocks.
    picks, scores = view.best(lambda part: np.asarray(part)[:, 0], 4)
    assert picks.tolist() == [4, 1, 2, 5] and scores.tolist() == [7.0, 5.0, 5.0, 5.0]
    kept = []
    LearnerView(learner, rows).best(lambda part: kept.append(len(part)) or part[:, 0], 2)
    assert kept == [6]
    # Only what can be used elsewhere travels; a copy is whole.
    assert pickle.loads(pickle.dumps(view)).X_pool is None and copy.copy(view).X_pool is view.X_pool


def test_a_loop_over_files_and_blocks_is_the_loop_over_an_array(containers):
    def run(pool, **facts):
        estimator = make_pipeline(StandardScaler(), LogisticRegression())
        learner = ActiveLearner(estimator, MarginSampling(), X[:6], Y[:6])
        return [record["indices"].tolist() for record in run_loop(learner, pool, Y[POOL], 3, 4, verbose=0, **facts)]

    expected = run(X[POOL])
    assert all(run(pool) == expected for pool in containers.values())
    cold = ActiveLearner(LogisticRegression(), Herding())
    assert len(run_loop(cold, containers["dask"], Y[POOL], 1, 4, verbose=0)[-1]["indices"]) == 4


def test_a_loop_over_files_goes_on_from_its_checkpoint(containers, tmp_path):
    asked = []

    def run(n_queries):
        learner = ActiveLearner(LogisticRegression(), MarginSampling(), X[:6], Y[:6])
        oracle = lambda row: asked.append(row) or Y[POOL][row]  # noqa: E731
        return run_loop(learner, containers["parquet"], oracle, n_queries, 4, verbose=0, checkpoint=tmp_path)

    run(2)
    assert len(run(3)) == 4 and len(asked) == len(set(asked)) == 12


def test_two_workers_find_the_same_rows(containers):
    distributed = pytest.importorskip("distributed")
    # Processes are started by the long test; threads see the same scheduler.
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    learner = LogisticRegression().fit(X[:40], Y[:40])
    expected = MarginSampling()(learner, X[POOL], 7)
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
        found = MarginSampling()(learner, containers["dask"], 7)
        kept = np.arange(0, 80, 3)
        part = MarginSampling()(learner, containers["dask"], 7, candidates=kept)
    assert found[0].tolist() == expected[0].tolist()
    assert part[0].tolist() == MarginSampling()(learner, X[POOL], 7, candidates=kept)[0].tolist()


def test_what_cannot_be_read_is_told():
    with pytest.raises(TypeError, match="the column 'name' of string; only numbers can be read"):
        as_rows(pa.table({"x": [1.0], "name": ["a"]}))
    unknown = da.from_array(np.arange(6.0).reshape(3, 2), chunks=1)
    with pytest.raises(ValueError, match="call X_pool.compute_chunk_sizes"):
        as_rows(unknown[unknown[:, 0] > 1])
    # Gaps are nan, as everywhere.
    gaps = as_rows(pa.table({"x": [1, None], "y": [2, 3]}))
    np.testing.assert_array_equal(gaps[:], [[1, 2], [np.nan, 3]])
    assert as_pool([1, 2]) is None and as_pool(X) is None
