"""A fit leaves no trace in the process, and what others do at the same time leaves none in the fit."""

import getpass
import json
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import threadpoolctl
import torch

from skweak.noisy import DivideMixClassifier, ELRClassifier
from tests.reliability.fits import NETWORKS, quiet_fit, shape_data, shape_estimator, small_estimator, small_rows
from tests.reliability.test_failures import Failing


def traces():
    """Return everything of the process that a fit could disturb."""
    numpy_state = np.random.get_state()
    return {
        "torch threads": torch.get_num_threads(),
        "pools": sorted((pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()),
        "torch generator": torch.random.get_rng_state().numpy().tobytes(),
        "numpy generator": (numpy_state[1].tobytes(), numpy_state[2:]),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "determinism": (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark),
        "precision": torch.get_float32_matmul_precision(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "floats": np.geterr(),
        "threads": threading.active_count(),
        "recursion": sys.getrecursionlimit(),
    }


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """Let torch load what it loads with the first optimizer, which has its own filter of warnings."""
    X, y = small_rows(ELRClassifier)
    quiet_fit(ELRClassifier(max_epochs=1), X, y)


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_a_fit_and_a_failed_fit_leave_no_trace(cls):
    X, y = small_rows(cls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        torch.set_num_threads(2)
        try:
            before = traces()
            small_estimator(cls, n_threads=1).fit(X, y).predict(X)
            assert traces() == before
            with pytest.raises(RuntimeError, match="injected"):
                small_estimator(cls, callbacks=[Failing("on_batch_end", RuntimeError("injected"))]).fit(X, y)
            assert traces() == before
        finally:
            torch.set_num_threads(1)


def test_pools_of_other_libraries_run_on_the_threads_of_the_fit():
    seen = []

    class Spy(DivideMixClassifier):
        def _start_epoch(self, run):
            seen.append({pool["num_threads"] for pool in threadpoolctl.threadpool_info()} | {torch.get_num_threads()})

    X, y = small_rows(Spy)
    with threadpoolctl.threadpool_limits(2):
        quiet_fit(Spy(max_epochs=3, warmup_epochs=1, n_threads=1, random_state=0), X, y)
    assert seen == [{1}] * 3


def fit_shape(name, seed):
    X, y = shape_data(name)
    return quiet_fit(shape_estimator(name, random_state=seed, max_epochs=5), X, y).predict_proba(X)


NAMES = ["early stopping", "two networks and a split", "averaged teacher", "student of an unfitted teacher"]


def test_eight_fits_in_threads_equal_fits_alone_while_others_predict():
    alone = [fit_shape(name, seed) for name in NAMES for seed in range(2)]
    X, y = shape_data("memory")
    fitted = quiet_fit(shape_estimator("memory"), X, y)
    expected, wrong, done = fitted.predict_proba(X), [], threading.Event()

    def predict():
        while not done.is_set():
            wrong.extend([1] * (not np.array_equal(fitted.predict_proba(X), expected)))

    reader = threading.Thread(target=predict)
    reader.start()
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fit_shape, [name for name in NAMES for _ in range(2)], [0, 1] * len(NAMES)))
    done.set()
    reader.join()
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True)) and not wrong
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.long
def test_eight_fits_in_processes_equal_fits_alone():
    alone = [fit_shape(name, seed) for name in NAMES for seed in range(2)]
    together = joblib.Parallel(n_jobs=2)(joblib.delayed(fit_shape)(name, seed) for name in NAMES for seed in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_fit_inside_a_fit_does_not_wait_for_itself():
    class Nested(ELRClassifier):
        def _start_epoch(self, run):
            X, y = small_rows(ELRClassifier)
            quiet_fit(ELRClassifier(max_epochs=1, random_state=1), X, y)

    X, y = small_rows(ELRClassifier)
    plain, nested = (cls(max_epochs=3, random_state=0).fit(X, y).predict_proba(X) for cls in (ELRClassifier, Nested))
    # And it draws nothing from the numbers of the fit around it.
    assert np.array_equal(plain, nested)


# What the package imports, and what these import in turn; a new name here is a new dependency. pandas, tqdm and tabulate
# take pyarrow, rich and wcwidth where they happen to be installed.
ALLOWED = {
    "_csparsetools", "_cyutility", "_moduleTNC", "_ni_label", "charset_normalizer", "cloudpickle", "cython_runtime",
    "dateutil", "joblib", "mpmath", "narwhals", "numpy", "pandas", "psutil", "pyarrow", "pytz", "rich", "scipy", "six",
    "sklearn", "skorch", "skweak", "sympy", "tabulate", "tests", "threadpoolctl", "torch", "torchgen", "tqdm",
    "typing_extensions", "wcwidth",
}  # fmt: skip


def test_nothing_is_sent_started_or_left_in_the_temporary_directory(tmp_path):
    result = subprocess.run([sys.executable, "-m", "tests.reliability.watched", tmp_path], capture_output=True, text=True,
                            check=True)  # fmt: skip
    found = json.loads(result.stdout)
    # The empty folder of torch's compiler, which torch makes when the first optimizer is built.
    assert [what for what in found["seen"] if what != f"file torchinductor_{getpass.getuser()}"] == []
    assert found["heard"] == 1
    for modules, allowed in ((found["bare"], {"skweak", "tests"}), (found["loaded"], ALLOWED)):
        foreign = {name for name in modules if name.lstrip("_") not in sys.stdlib_module_names} - set(sys.stdlib_module_names)
        # Traces of compilers and of the way the package is installed.
        foreign = {name for name in foreign if not name.startswith(("__", "_cython_", "_sysconfig", "_distutils_hack"))}
        assert foreign <= allowed
