"""Shared fixtures: one torch thread, so that parallel test workers do not fight, and global generators left alone."""

import warnings

import numpy as np
import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture
def global_generators():
    """Fail when a test moves the generators of numpy or torch."""
    numpy_state, torch_state = np.random.get_state(), torch.random.get_rng_state()
    yield
    after = np.random.get_state()
    assert after[2] == numpy_state[2] and (after[1] == numpy_state[1]).all(), "numpy's global generator moved"
    assert torch.equal(torch_state, torch.random.get_rng_state()), "torch's global generator moved"


@pytest.fixture
def quiet():
    """Silence the warnings a small instance gives on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
