"""Learning from a stream: parts of a memory map train like parts of an array, and who remembers rows says so."""

import numpy as np
import pytest

from skweak.noisy import DPCClassifier, ELRClassifier, GCEClassifier
from tests.small_data import blobs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, _, Y = blobs(60)
SMALL = {"module__hidden": (4,), "batch_size": 10, "random_state": 0, "n_threads": 1}


def learn(stream):
    clf = GCEClassifier(**SMALL)
    for rows, labels in stream:
        clf.partial_fit(rows, labels, classes=[0, 1, 2])
    return clf


def test_a_stream_of_slices_of_a_memory_map_trains_like_one_of_arrays(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    parts = [slice(start, start + 20) for start in range(0, 60, 20)]
    from_file = learn((mapped[part], Y[part]) for part in parts)
    from_memory = learn((X[part], Y[part]) for part in parts)
    np.testing.assert_array_equal(from_file.predict_proba(X), from_memory.predict_proba(X))
    assert len(from_file.history_) == 3 and from_file.net_.data is None
    # What is told of rows is told of the last part.
    assert len(from_file.label_quality_) == 20


@pytest.mark.parametrize("cls", [ELRClassifier, DPCClassifier])
def test_who_remembers_rows_says_why_there_is_no_stream(cls):
    clf = cls(**SMALL)
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as raised:
        clf.partial_fit(X, Y)
    assert "it remembers its rows or plans its epochs over all of them" in str(raised.value.__cause__)
