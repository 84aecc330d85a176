import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.utils import linear_ramp, warmup_decay, warmup_length

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
EPOCHS = st.floats(0, 1000)


@pytest.mark.parametrize(
    ("epoch", "start", "length", "expected"),
    [
        (0, 0, 16, 0.0),
        (4, 0, 16, 0.25),
        (16, 0, 16, 1.0),
        (1000, 0, 16, 1.0),
        (9.5, 10, 4, 0.0),
        # (12.5 - 10) / 4
        (12.5, 10, 4, 0.625),
    ],
)
def test_linear_ramp_by_hand(epoch, start, length, expected):
    result = linear_ramp(epoch, start=start, length=length)
    assert result == expected and isinstance(result, float)


def test_linear_ramp_defaults():
    assert linear_ramp(8) == 0.5


@pytest.mark.parametrize(("epoch", "expected"), [(0, 0.1), (5, 0.4), (8, 0.5), (80, 0.9), (81, 0.9)])
def test_warmup_decay_by_hand(epoch, expected):
    # (1 + 5) / (10 + 5) = 0.4; 81 / 90 = 0.9 is where the maximum takes over
    assert warmup_decay(epoch) == pytest.approx(expected, abs=1e-15)


def test_warmup_decay_limits():
    assert warmup_decay(7, maximum=0) == 0.0
    assert warmup_decay(1e9, maximum=1) == pytest.approx(1, abs=1e-7)


@COMMON
@given(EPOCHS, EPOCHS, st.floats(0, 100), st.floats(0.1, 100), st.floats(0, 1))
def test_schedules_never_fall_and_stay_in_range(first, second, start, length, maximum):
    first, second = sorted((first, second))
    low, high = (linear_ramp(epoch, start=start, length=length) for epoch in (first, second))
    assert 0 <= low <= high <= 1
    low, high = (warmup_decay(epoch, maximum=maximum) for epoch in (first, second))
    assert min(0.1, maximum) <= low <= high <= maximum


def test_numpy_numbers_give_python_floats():
    assert type(linear_ramp(np.int64(8))) is float
    assert type(warmup_decay(np.float32(8))) is float


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        (lambda: linear_ramp(1, length=0), ValueError, "length"),
        (lambda: linear_ramp(1, length=-1), ValueError, "length"),
        (lambda: linear_ramp(math.nan), ValueError, "epoch"),
        (lambda: linear_ramp("1"), TypeError, "epoch"),
        (lambda: linear_ramp(1, start=math.inf), ValueError, "start"),
        (lambda: warmup_decay(-1), ValueError, "epoch"),
        (lambda: warmup_decay(1, maximum=1.5), ValueError, "maximum"),
        (lambda: warmup_decay(1, maximum=True), TypeError, "maximum"),
    ],
)
def test_errors_name_the_parameter(call, error, name):
    with pytest.raises(error, match=name):
        call()


def fit_of(max_epochs, n_rows, batch_size=64):
    return SimpleNamespace(max_epochs=max_epochs, batch_size=batch_size, data=range(n_rows))


@given(st.integers(1, 500), st.integers(0, 5000), st.floats(0, 1), st.integers(0, 500))
def test_an_automatic_warmup_always_leaves_an_epoch(max_epochs, n_rows, share, least):
    length = warmup_length("auto", fit_of(max_epochs, n_rows), share=share, least_steps=least)
    assert isinstance(length, int) and 0 <= length < max_epochs


def test_a_warmup_by_hand():
    assert warmup_length("auto", fit_of(60, 64_000)) == 10
    assert warmup_length("auto", fit_of(60, 320)) == 20  # 100 steps of five an epoch
    assert warmup_length("auto", fit_of(60, 64)) == 30  # half of the epochs is the most
    assert warmup_length("auto", fit_of(60, 64_000), share=1 / 3) == 20
    assert warmup_length(70, fit_of(60, 64)) == 70
