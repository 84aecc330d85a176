"""The rows of the speed table for a GPU, on a simulated one and small data: they run, whatever they measure there."""

import numpy as np
import pytest

from benchmarks import cuda_speed
from tests.simulated_cuda import SimulatedCuda


@pytest.fixture
def small(monkeypatch):
    X, y = np.random.RandomState(0).randn(256, 64).astype(np.float32), np.arange(256) % 10
    monkeypatch.setattr(cuda_speed, "table", lambda: (X, y))
    monkeypatch.setattr(cuda_speed, "N_IMAGES", 12)
    monkeypatch.setattr(cuda_speed, "_RESNET18", {"blocks": (1, 1), "width": 4})


@pytest.mark.parametrize("name", cuda_speed.ROWS)
def test_rows_run(name, small, monkeypatch):
    # Compiling is not simulated.
    monkeypatch.setattr("torch.nn.Module.compile", lambda self, **mode: None)
    with SimulatedCuda():
        seconds = cuda_speed.ROWS[name](2)
    assert "best loop" in seconds and "epochs" in seconds
    assert all(len(values) == 2 and min(values) > 0 for values in seconds.values())
