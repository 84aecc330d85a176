"""Random numbers of a fit: repeatable, private, and safe in threads and processes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import torch

from skweak.engine.seeding import draw_seed, seeded
from skweak.noisy import ELRClassifier
from tests.small_data import blobs


def fit_and_predict(seed):
    X, _, y = blobs(60)
    return ELRClassifier(max_epochs=3, n_threads=1, random_state=seed).fit(X, y).predict_proba(X)


def test_generators_and_threads_are_restored_also_after_an_error(global_generators):
    threads = torch.get_num_threads()
    try:
        with seeded(0, "cpu"):
            torch.randn(3)
            torch.set_num_threads(threads + 1)
            raise KeyError
    except KeyError:
        pass
    assert torch.get_num_threads() == threads


def test_seeds_come_from_random_state_alone(global_generators):
    assert draw_seed(3) == draw_seed(3) != draw_seed(4)
    assert draw_seed(None) != draw_seed(None)
    state = np.random.RandomState(0)
    assert draw_seed(state) != draw_seed(state)


def test_fits_in_threads_equal_fits_alone():
    alone = [fit_and_predict(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fit_and_predict, range(4)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_fits_in_processes_equal_fits_alone():
    together = joblib.Parallel(n_jobs=2)(joblib.delayed(fit_and_predict)(seed) for seed in range(2))
    assert all(np.array_equal(fit_and_predict(seed), together[seed]) for seed in range(2))


def test_a_fresh_process_gives_the_same_bits():
    code = (
        "from tests.engine.test_seeding import fit_and_predict as f; import sys; sys.stdout.write(f(0).tobytes().hex())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == fit_and_predict(0).tobytes().hex()
