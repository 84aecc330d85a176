"""The checks of ``X``, of the mask of verified rows and of the rows that are held out."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator

from skweak.fit.inputs import check_inputs, check_trusted
from skweak.fit.rows import split_rows
from tests.dummies import DummyNoisy

TABLE = np.arange(12.0).reshape(4, 3)
IMAGES = np.arange(72).reshape(4, 2, 3, 3)


class Plain(BaseEstimator):
    """An estimator that only remembers widths and names."""


def check(X, dtype="float32"):
    return check_inputs(Plain(), X, dtype=dtype, reset=True)


TABLES = {
    "double": TABLE,
    "single": TABLE.astype(np.float32),
    "half": TABLE.astype(np.float16),
    "integers": TABLE.astype(int),
    "bytes": TABLE.astype(np.uint8),
    "other byte order": TABLE.astype(">f4"),
    "extended": TABLE.astype(np.longdouble),
    "objects": TABLE.astype(object),
    "lists": TABLE.tolist(),
    "tuples": tuple(map(tuple, TABLE)),
    "columns first": np.asfortranarray(TABLE),
    "backwards": TABLE[::-1, ::-1].copy()[::-1, ::-1],
    "frame": pd.DataFrame(TABLE),
    "frame of several types": pd.DataFrame(TABLE).astype({0: int, 1: np.uint8, 2: np.float32}),
    "nullable frame": pd.DataFrame(TABLE.astype(int), dtype="Int64"),
    "sparse frame": pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(TABLE)),
    "tensor": torch.tensor(TABLE),
    "tensor with gradient": torch.tensor(TABLE, requires_grad=True),
    "brain floats": torch.tensor(TABLE, dtype=torch.bfloat16),
    "csr matrix": sparse.csr_matrix(TABLE),
    "csc array": sparse.csc_array(TABLE),
    "sparse bytes": sparse.coo_matrix(TABLE.astype(np.uint8)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TABLES)
def test_tables(name, dtype):
    X = check(TABLES[name], dtype)
    assert X.dtype == dtype and X.shape == TABLE.shape
    if sparse.issparse(X):
        assert X.format == "csr"
        X = X.toarray()
    else:
        assert X.flags.c_contiguous
    assert np.array_equal(X, TABLE)


# Each row: what is given, type and shape of what comes back.
PICTURES = {
    "bytes": (IMAGES.astype(np.uint8), np.uint8, (4, 2, 3, 3)),
    "bytes, one channel": (IMAGES[:, 0].astype(np.uint8), np.uint8, (4, 1, 3, 3)),
    "bytes, columns first": (np.asfortranarray(IMAGES.astype(np.uint8)), np.uint8, (4, 2, 3, 3)),
    "bytes of torch": (torch.tensor(IMAGES, dtype=torch.uint8), np.uint8, (4, 2, 3, 3)),
    "integers": (IMAGES, np.float32, (4, 2, 3, 3)),
    "floats, one channel": (IMAGES[:, 0] / 2, np.float32, (4, 1, 3, 3)),
    "lists": (IMAGES.tolist(), np.float32, (4, 2, 3, 3)),
    "lists, one channel": (IMAGES[:, 0].tolist(), np.float32, (4, 1, 3, 3)),
    "one pixel": (np.ones((2, 1, 1)), np.float32, (2, 1, 1, 1)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_images(name):
    given_, dtype, shape = PICTURES[name]
    X = check(given_)
    assert X.dtype == dtype and X.shape == shape and X.flags.c_contiguous
    assert np.array_equal(X, np.reshape(np.asarray(given_), shape))


def test_an_image_of_one_channel_is_the_same_with_and_without_it():
    without, with_channel = IMAGES[:, 0], IMAGES[:, :1]
    for first, then in [(without, with_channel), (with_channel, without), (without.tolist(), with_channel)]:
        estimator = Plain()
        check_inputs(estimator, first, dtype="float32", reset=True)
        assert check_inputs(estimator, then, dtype="float32", reset=False).shape == (4, 1, 3, 3)


REFUSED = {
    "masked": (np.ma.array(TABLE, mask=TABLE > 3), TypeError, "X is a masked array"),
    "masked images": (np.ma.array(IMAGES), TypeError, "X is a masked array"),
    "dates": (np.ones((2, 2), "M8[D]"), TypeError, "X holds dates"),
    "durations": (np.ones((2, 2), "m8[D]"), TypeError, "X holds dates or durations"),
    "list of dates": ([[np.datetime64("2020-01-01")]], TypeError, "X holds dates"),
    "dates as objects": (np.array([[np.datetime64("2020-01-01"), 1]], object), TypeError, "X holds dates"),
    "dates of the library": ([[date(2020, 1, 1), 1.0]], TypeError, "X holds dates"),
    "durations of the library": ([[timedelta(1)]], TypeError, "X holds dates or durations"),
    "date column": (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"]), "b": [1.0]}), TypeError, "X holds dates"),
    "date with zone": (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"], utc=True)}), TypeError, "X holds dates"),
    "complex": (TABLE * 1j, ValueError, "Complex data not supported: X"),
    "complex list": ([[1j, 2]], ValueError, "Complex data not supported: X"),
    "text": ([["a", "b"]], ValueError, "could not convert string to float"),
    "objects": (np.array([[{}]], object), TypeError, "argument must be a string or a real number"),
    "five dimensions": (np.ones((2, 1, 2, 2, 2)), ValueError, r"X must be a table.*got shape \(2, 1, 2, 2, 2\)"),
    "no pixels": (np.ones((3, 1, 0, 4)), ValueError, r"X must be a table.*got shape \(3, 1, 0, 4\)"),
    "no channels": (np.ones((3, 0, 4, 4)), ValueError, r"X must be a table.*got shape \(3, 0, 4, 4\)"),
    "no images": (np.ones((0, 4, 4)), ValueError, "0 sample"),
    "no rows": (np.ones((0, 3)), ValueError, "0 sample"),
    "no columns": (np.ones((3, 0)), ValueError, "0 feature"),
    "vector": ([1.0, 2.0], ValueError, "Expected 2D array"),
    "series": (pd.Series([1.0, 2.0]), ValueError, "Expected a 2-dimensional|Expected 2D array"),
    "scalar": (3.0, ValueError, "Expected 2D array"),
    "nan": (TABLE * np.nan, ValueError, "X contains NaN"),
    "None": ([[None, 1.0]], ValueError, "X contains NaN"),
    "nullable nan": (pd.DataFrame({"a": [1, None]}, dtype="Int64"), ValueError, "X contains NaN"),
    "nan in images": (IMAGES * np.nan, ValueError, "X contains NaN"),
    "sparse nan": (sparse.csr_matrix(TABLE * np.nan), ValueError, "X contains NaN"),
    "infinity": (TABLE - np.inf, ValueError, "X contains"),
    "both infinities": (np.array([[np.inf, -np.inf]]), ValueError, "X contains infinity"),
    "too large for single precision": (TABLE + 1e300, ValueError, "X contains infinity or a value too large for"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_inputs(name):
    X, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        check(X)


def test_large_numbers_fit_double_precision():
    assert check([[1e300]], "float64").item() == 1e300


# Each row: what was fitted, what comes then.
OTHER_WIDTHS = {
    "wider table": (TABLE, TABLE[:, :2]),
    "sparse": (TABLE, sparse.csr_matrix(TABLE[:, :2])),
    "images after a table": (TABLE, np.ones((2, 3, 3))),
    "more channels": (IMAGES[:, :1], IMAGES),
    "table after images": (IMAGES, TABLE),
}


@pytest.mark.parametrize("name", OTHER_WIDTHS)
def test_wrong_width_after_fit(name):
    first, then = OTHER_WIDTHS[name]
    estimator = Plain()
    check_inputs(estimator, first, dtype="float32", reset=True)
    with pytest.raises(ValueError, match="X has . features, but Plain is expecting . features"):
        check_inputs(estimator, then, dtype="float32", reset=False)


def test_names_of_columns_are_kept_and_compared():
    estimator, frame = Plain(), pd.DataFrame(TABLE, columns=list("abc"))
    check_inputs(estimator, frame, dtype="float32", reset=True)
    assert estimator.feature_names_in_.tolist() == list("abc") and estimator.n_features_in_ == 3
    with pytest.raises(ValueError, match="feature names"):
        check_inputs(estimator, frame[list("cab")], dtype="float32", reset=False)


def test_a_read_only_memory_map_is_not_read_into_memory(tmp_path):
    for name, array in [("table", TABLE.astype(np.float32)), ("bytes", IMAGES.astype(np.uint8))]:
        np.save(tmp_path / f"{name}.npy", array)
        mapped = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
        X = check(mapped)
        assert np.shares_memory(X, mapped) and not X.flags.writeable
        assert np.array_equal(X, array)


def test_a_read_only_memory_map_can_be_fitted(tmp_path):
    X, y = np.random.RandomState(0).randn(40, 4).astype(np.float32), np.arange(40) % 2
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    small = DummyNoisy(module__hidden=(4,), max_epochs=1, random_state=0)
    assert np.array_equal(small.fit(mapped, y).predict_proba(mapped), small.fit(X, y).predict_proba(X))


@pytest.fixture(scope="module")
def fitted_on_images():
    X = np.random.RandomState(0).rand(12, 1, 5, 5)
    return DummyNoisy(module__blocks=(1,), module__width=2, max_epochs=1, random_state=0).fit(X, np.arange(12) % 2)


@pytest.mark.parametrize("shape", [(2, 1, 5, 6), (2, 6, 5), (2, 1, 4, 5)])
def test_wrong_image_shape_after_fit(fitted_on_images, shape):
    with pytest.raises(ValueError, match=r"X has rows of shape \(1, .*fitted on \(1, 5, 5\)"):
        fitted_on_images.predict(np.zeros(shape))


def test_wrong_image_shape_in_a_warm_start(fitted_on_images):
    fitted_on_images.set_params(warm_start=True)
    try:
        with pytest.raises(ValueError, match=r"X has rows of shape \(1, 6, 5\), but the last fit had \(1, 5, 5\)"):
            fitted_on_images.fit(np.zeros((4, 6, 5)), [0, 1, 0, 1])
    finally:
        fitted_on_images.set_params(warm_start=False)


ALTERNATING = np.array([True, False, True])
MASKS = {
    "array": ALTERNATING,
    "list": [True, False, True],
    "series": pd.Series(ALTERNATING, index=[5, 6, 7]),
    "nullable series": pd.Series(ALTERNATING, dtype="boolean"),
    "tensor": torch.tensor(ALTERNATING),
    "every second": np.array([True, False, False, False, True])[::2],
    "backwards": ALTERNATING[::-1],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", MASKS)
def test_trusted(name):
    mask = check_trusted(MASKS[name], 3)
    assert mask.dtype == bool and mask.tolist() == [bool(value) for value in MASKS[name]]
    # What torch demands of an array.
    assert mask.flags.writeable and mask.flags.c_contiguous


def test_trusted_does_not_share_the_memory_of_the_caller():
    given_ = ALTERNATING.copy()
    given_.setflags(write=False)
    mask = check_trusted(given_, 3)
    assert mask.flags.writeable and not np.shares_memory(mask, given_)


@pytest.mark.parametrize("mask", [[True] * 3, [False] * 3], ids=["all", "none"])
def test_trusted_may_be_all_or_none(mask):
    assert check_trusted(mask, 3).tolist() == mask
    assert check_trusted(None, 3) is None


NO_MASKS = {
    "integers": ([1, 0, 1], "got int64 of shape"),
    "floats": ([1.0, 0.0, 1.0], "got float64"),
    "positions": ([0, 2], "got int64"),
    "too short": ([True, False], r"of shape \(3,\).*got bool of shape \(2,\)"),
    "too long": ([True] * 4, r"got bool of shape \(4,\)"),
    "matrix": ([[True, False, True]], r"got bool of shape \(1, 3\)"),
    "one boolean": (True, r"got bool of shape \(\)"),
    "None inside": ([True, None, False], "got object"),
    "missing inside": (pd.Series([True, False, None], dtype="boolean"), "got object"),
    "text": ("all", "got <U3"),
}


@pytest.mark.parametrize("name", NO_MASKS)
def test_trusted_refused(name):
    given_, message = NO_MASKS[name]
    with pytest.raises(ValueError, match=f"trusted must be a boolean mask.*{message}"):
        check_trusted(given_, 3)


def test_masked_trusted_refused():
    with pytest.raises(TypeError, match="trusted is a masked array"):
        check_trusted(np.ma.array(ALTERNATING, mask=[0, 0, 1]), 3)


def test_no_split_keeps_the_rows_of_positive_weight():
    rows, held_out = split_rows(4, np.array([1.0, 0.0, 0.5, 0.0]), 0.0, np.random.RandomState(0))
    assert rows.tolist() == [0, 2] and held_out is None
    rows, held_out = split_rows(3, None, 0.0, np.random.RandomState(0))
    assert rows is None and held_out is None


# Each row: rows, fraction, number held out.
SPLITS = [(10, 0.3, 3), (10, 0.25, 2), (10, 0.01, 1), (2, 0.5, 1), (3, 0.6, 2)]


@pytest.mark.parametrize(("n_rows", "fraction", "expected"), SPLITS)
def test_split_sizes(n_rows, fraction, expected):
    rows, held_out = split_rows(n_rows, None, fraction, np.random.RandomState(0))
    assert len(held_out) == expected
    assert sorted([*rows, *held_out]) == list(range(n_rows))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=3, max_size=20), st.floats(0.01, 0.6), st.integers(0, 5))
def test_split_is_a_sorted_partition_that_the_seed_decides(weight, fraction, seed):
    weight = np.array(weight)
    if (weight > 0).sum() < 3:
        return
    rows, held_out = split_rows(len(weight), weight, fraction, np.random.RandomState(seed))
    assert (np.diff(rows) > 0).all() and (np.diff(held_out) > 0).all()
    assert sorted([*rows, *held_out]) == np.flatnonzero(weight).tolist()
    again = split_rows(len(weight), weight, fraction, np.random.RandomState(seed))
    assert np.array_equal(rows, again[0]) and np.array_equal(held_out, again[1])


def test_splits_differ_between_seeds():
    first, second = (split_rows(30, None, 0.5, np.random.RandomState(seed))[1] for seed in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("n_rows", "fraction"), [(1, 0.5), (2, 0.9), (4, 0.99)])
def test_a_split_must_leave_rows_to_train_on(n_rows, fraction):
    with pytest.raises(ValueError, match=f"validation_fraction={fraction} leaves no row of {n_rows}"):
        split_rows(n_rows, None, fraction, np.random.RandomState(0))


def test_some_weight_must_be_positive():
    with pytest.raises(ValueError, match="sample_weight is zero for every row"):
        split_rows(3, np.zeros(3), 0.0, np.random.RandomState(0))
