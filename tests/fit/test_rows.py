"""Which rows train, on six of them, and what is reported of the others."""

import numpy as np
import pytest
import torch

from skweak.engine import TensorData
from skweak.fit.rows import RowFacts

X, y = np.arange(6.0, dtype=np.float32)[:, None], np.array([0, 1, 0, 1, 0, 1])


def rows_of(weight=None, fraction=0.0):
    data = TensorData(X.copy(), y, weight=weight)
    rows = RowFacts(weight, fraction)
    rows.split(data, np.random.RandomState(0))
    return rows


def test_all_rows_train_when_nothing_is_said_about_them():
    rows = rows_of()
    assert rows.training is rows.whole and rows.held_out is None
    fitted = {"label_quality_": np.ones(6)}
    assert rows.complete(fitted, {"label_quality_": None}, pytest.fail) is fitted


def test_rows_of_weight_zero_are_judged_and_come_back_in_their_place():
    rows = rows_of(np.array([1, 0, 2, 1, 0, 1.0]))
    assert rows.training.X.ravel().tolist() == [0, 2, 3, 5]
    fitted = {"label_quality_": np.array([0.1, 0.2, 0.3, 0.4]), "noise_mask_": np.ones(4, bool), "thresholds_": 3}
    names = {"label_quality_": None, "noise_mask_": False}
    asked = []

    def judge(untrained):
        asked.append(untrained.X.ravel().tolist())
        return {"label_quality_": np.array([0.8, 0.9])}

    completed = rows.complete(fitted, names, judge)
    assert asked == [[1, 4]]
    assert completed["label_quality_"].tolist() == [0.1, 0.8, 0.2, 0.3, 0.9, 0.4]
    assert completed["noise_mask_"].tolist() == [True, False, True, True, False, True]
    assert completed["thresholds_"] == 3 and len(fitted["label_quality_"]) == 4


def test_held_out_rows_do_not_train():
    rows = rows_of(fraction=0.34)
    held_out, training = rows.held_out.X.ravel().tolist(), rows.training.X.ravel().tolist()
    assert len(held_out) == 2 and sorted(held_out + training) == X.ravel().tolist()
    assert torch.equal(rows.held_out.target, torch.from_numpy(y[np.array(held_out, int)]))


def test_no_row_left_is_an_error():
    with pytest.raises(ValueError, match="sample_weight is zero for every row"):
        rows_of(np.zeros(6))
    with pytest.raises(ValueError, match="validation_fraction=0.99 leaves no row"):
        rows_of(fraction=0.99)
