import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.active.scores import update_candidate_factor, update_target_precision

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("factor", "precision", "expected"),
    [
        (5, 0.9, 6),
        (5, 0.6, 5),
        (5, 0.1, 4),
        # On the tolerance itself, although 0.65 - 0.6 > 0.05 in floating point.
        (5, 0.65, 5),
        (5, 0.55, 5),
        (5, 0.66, 6),
        (5, 0.54, 4),
        (2, 0.0, 1),
        (1, 0.0, 1),
        (1.5, 0.0, 1.5),
    ],
)
def test_candidate_factor_by_hand(factor, precision, expected):
    assert update_candidate_factor(factor, precision) == expected


def test_candidate_factor_options():
    assert update_candidate_factor(2, 0.5, target_precision=0.3, tolerance=0.1, step=0.5) == 2.5
    assert update_candidate_factor(2, 0.5, target_precision=0.3, tolerance=0.2) == 2
    assert type(update_candidate_factor(2, 1.0)) is int


@COMMON
@given(st.floats(1, 20), SHARES, SHARES, st.floats(0.1, 3))
def test_candidate_factor_laws(factor, precision, target, step):
    updated = update_candidate_factor(factor, precision, target_precision=target, step=step)
    assert updated >= 1 and updated in (factor, factor + step, factor - step)
    assert (updated - factor) * (precision - target) >= 0


@pytest.mark.parametrize(
    ("current", "precision", "expected"),
    # 0.7 + 0.6 - 0.5, 0.6 + 0.6 - 0.6, 0.9 + 0.6 - 0.2 cut to 1, 0.1 + 0.6 - 0.9 cut to 0
    [(0.7, 0.5, 0.8), (0.6, 0.6, 0.6), (0.9, 0.2, 1.0), (0.1, 0.9, 0.0)],
)
def test_target_precision_by_hand(current, precision, expected):
    assert update_target_precision(current, precision) == pytest.approx(expected)


@COMMON
@given(SHARES, SHARES, SHARES)
def test_target_precision_laws(current, precision, target):
    updated = update_target_precision(current, precision, target_precision=target)
    assert type(updated) is float and 0 <= updated <= 1
    assert (updated - current) * (target - precision) >= 0


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        (lambda: update_candidate_factor(0.5, 0.5), ValueError, "factor"),
        (lambda: update_candidate_factor(math.inf, 0.5), ValueError, "factor"),
        (lambda: update_candidate_factor(2, 1.5), ValueError, "precision"),
        (lambda: update_candidate_factor(2, math.nan), ValueError, "precision"),
        (lambda: update_candidate_factor(2, 0.5, target_precision=-1), ValueError, "target_precision"),
        (lambda: update_candidate_factor(2, 0.5, tolerance=-0.1), ValueError, "tolerance"),
        (lambda: update_candidate_factor(2, 0.5, step=0), ValueError, "step"),
        (lambda: update_candidate_factor("2", 0.5), TypeError, "factor"),
        (lambda: update_target_precision(1.2, 0.5), ValueError, "current"),
        (lambda: update_target_precision(0.6, -0.1), ValueError, "precision"),
        (lambda: update_target_precision(0.6, 0.5, target_precision=2), ValueError, "target_precision"),
    ],
)
def test_errors_name_the_parameter(call, error, name):
    with pytest.raises(error, match=name):
        call()
