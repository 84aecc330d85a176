"""Killed at random moments and started again, a fit ends with the bits of one that was never killed."""

import numpy as np
import pytest

from tests.reliability.kills import kill_until, loop_once

SHAPES = [
    "early stopping", "memory", "two networks and a split", "averaged network", "networks one after the other",
]  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_ten_kills(name, tmp_path):
    runs, kills, wrong = kill_until(10, name, tmp_path, np.random.default_rng(SHAPES.index(name)))
    assert runs >= 1 and kills >= 10 and wrong == 0


def test_ten_kills_of_a_loop(tmp_path):
    runs, kills, wrong = kill_until(10, "one network", tmp_path, np.random.default_rng(9), target=loop_once)
    assert runs >= 1 and kills >= 10 and wrong == 0


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPES)
def test_fifty_kills(name, tmp_path):
    runs, kills, wrong = kill_until(50, name, tmp_path, np.random.default_rng(100 + SHAPES.index(name)))
    assert runs >= 2 and kills >= 50 and wrong == 0


@pytest.mark.long
def test_fifty_kills_of_a_loop(tmp_path):
    runs, kills, wrong = kill_until(50, "one network", tmp_path, np.random.default_rng(109), target=loop_once)
    assert runs >= 2 and kills >= 50 and wrong == 0
