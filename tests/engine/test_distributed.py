"""More than one process: searches on joblib's other backends, and data-parallel training through accelerate."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from joblib import parallel_backend
from sklearn.model_selection import GridSearchCV, cross_validate

from skweak.engine.parallel import DataParallel
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier
from tests.small_data import blobs

X, CLEAN, NOISY = blobs(120)
SMALL = {"module__hidden": (8,), "batch_size": 32, "random_state": 0, "n_threads": 1}


def searches():
    """Return what a grid search and a cross-validation find."""
    grid = {"lr": [0.02, 0.05], "penalty": [1.0, 3.0]}
    search = GridSearchCV(ELRClassifier(max_epochs=4, **SMALL), grid, cv=2, error_score="raise").fit(X, NOISY)
    folds = cross_validate(DPCClassifier(max_epochs=4, warmup_epochs=2, **SMALL), X, NOISY, cv=3, error_score="raise")
    return search.cv_results_["mean_test_score"], folds["test_score"], search.predict_proba(X)


def process_id(estimator, X, y):
    """Tell which process judged an estimator."""
    return os.getpid()


@pytest.fixture
def dask_cluster():
    distributed = pytest.importorskip("distributed", reason="dask.distributed runs the workers of joblib's backend")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


# Two worker processes load everything anew, half a minute of it.
@pytest.mark.long
def test_searches_on_a_dask_cluster_of_two_workers_find_what_one_process_finds(dask_cluster):
    alone = searches()
    with parallel_backend("dask", wait_for_workers_timeout=60):
        together = searches()
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, two)
    with parallel_backend("dask", wait_for_workers_timeout=60):
        where = cross_validate(ELRClassifier(max_epochs=1, **SMALL), X, NOISY, cv=6, scoring=process_id)["test_score"]
    assert set(where) <= set(dask_cluster.run(os.getpid).values())


def test_searches_on_ray_find_what_one_process_finds():
    ray = pytest.importorskip("ray", reason="ray runs the workers of joblib's backend")
    from ray.util.joblib import register_ray

    alone = searches()
    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, ignore_reinit_error=True)
    try:
        with parallel_backend("ray"):
            together = searches()
    finally:
        ray.shutdown()
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, two)


# 121 rows in batches of 30: the last one joins nobody, and its parts are not equally long.
PARALLEL = SMALL | {"batch_size": 30, "max_epochs": 4, "dtype": "float64"}
ROWS, _, LABELS = blobs(121)
WEIGHT = np.linspace(0.1, 2, 121)
_SCRIPT = """
import os, sys
import numpy as np
from skweak.engine.parallel import DataParallel
from skweak.noisy import CrossEntropyClassifier, ELRClassifier
from tests.engine.test_distributed import LABELS, PARALLEL, ROWS, WEIGHT
found = {}
for name, weight in (("plain", None), ("weighted", WEIGHT)):
    clf = CrossEntropyClassifier(callbacks=[DataParallel()], **PARALLEL).fit(ROWS, LABELS, sample_weight=weight)
    found[name], found[f"{name} loss"] = clf.predict_proba(ROWS), [row["train_loss"] for row in clf.history_]
def refused(clf):
    try:
        clf.fit(ROWS, LABELS)
    except ValueError as error:
        return str(error)
found["memory"] = refused(ELRClassifier(callbacks=[DataParallel()], **PARALLEL))
found["seed"] = refused(CrossEntropyClassifier(callbacks=[DataParallel()], **PARALLEL | {"random_state": None}))
np.savez(sys.argv[1] + os.environ["RANK"], **found)
"""


@pytest.mark.long
def test_two_processes_of_accelerate_learn_what_one_learns(tmp_path):
    pytest.importorskip("accelerate", reason="accelerate connects the processes of data-parallel training")
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    subprocess.run([*launch, str(tmp_path / "found")], check=True, env=environment, timeout=300)
    for name, weight in (("plain", None), ("weighted", WEIGHT)):
        alone = CrossEntropyClassifier(**PARALLEL).fit(ROWS, LABELS, sample_weight=weight)
        for rank in (0, 1):
            found = np.load(tmp_path / f"found{rank}.npz")
            # Up to the order of summation, in double precision.
            np.testing.assert_allclose(found[name], alone.predict_proba(ROWS), atol=1e-12)
            if weight is None:
                np.testing.assert_allclose(found[f"{name} loss"], [row["train_loss"] for row in alone.history_], rtol=1e-12)
    assert "ELRClassifier keeps 'targets' for every row" in str(found["memory"])
    assert "random_state must be one number for all processes" in str(found["seed"])


class _Alone:
    """What DataParallel asks of accelerate, for one of two processes whose partner has sent ``other``."""

    num_processes, process_index = 2, 0

    def __init__(self, other):
        self.other = other

    def reduce(self, values, reduction):
        return values + torch.tensor(self.other, dtype=values.dtype)


def test_gradients_count_by_rows():
    callback = DataParallel()
    # Three rows here with gradient 2, one row there with gradient 6: (3 * 2 + 1 * 6) / 4 = 3.
    callback.accelerator_, callback.n_rows_ = _Alone([6.0, 1.0]), 0
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.tensor([2.0])
    net = SimpleNamespace(data=SimpleNamespace(weight=None))
    callback.on_grad_computed(net, [("w", parameter)], batch=SimpleNamespace(index=torch.arange(3)))
    assert parameter.grad.tolist() == [3.0] and callback.n_rows_ == 3


def test_more_processes_than_rows_of_a_batch_are_refused():
    class Many(_Alone):
        num_processes = 31

        def reduce(self, values, reduction):
            return torch.zeros_like(values)

    with pytest.raises(ValueError, match="31 processes, more than a batch has rows: raise batch_size, which is 30"):
        CrossEntropyClassifier(callbacks=[DataParallel(Many([]))], **PARALLEL).fit(ROWS, LABELS)


def test_a_checkpoint_is_refused(tmp_path):
    clf = CrossEntropyClassifier(callbacks=[DataParallel(_Alone([]))], checkpoint=tmp_path / "fit.skweak", **PARALLEL)
    with pytest.raises(ValueError, match="checkpoint is one file"):
        clf.fit(ROWS, LABELS)
