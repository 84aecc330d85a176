"""What the study of crowds measures with: a cap of seconds, and names numbered as they come."""

import time

import numpy as np
import pytest

from benchmarks.crowd import merge_answers, numbered, within


def busy(answers):
    """Use the processor for longer than any test may."""
    start = time.process_time()
    while time.process_time() - start < 20:
        pass


def test_what_takes_too_long_is_stopped_and_has_no_accuracy(monkeypatch):
    assert within(5, sum, [1, 2]) == 3
    with pytest.raises(TimeoutError):
        within(0.02, busy, None)
    monkeypatch.setattr("benchmarks.crowd._CAP", 0.02)
    result = merge_answers(lambda: [("a", {}, np.array([0])), ("b", {}, np.array([0]))], busy, 0)
    assert result == {"cpu_seconds": 0.0}


def test_names_are_numbered_as_they_come():
    answers = {"task": np.arange(3), "worker": np.array(["tom", "eva", "tom"]), "label": np.array([5, 3, 5])}

    def method(coded):
        assert coded["worker"].tolist() == [0, 1, 0] and coded["label"].tolist() == [0, 1, 0]
        return coded["task"], coded["label"]

    assert numbered(method)(answers)[1].tolist() == [5, 3, 5]
