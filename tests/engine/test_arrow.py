"""Training from Parquet files: the bits of an array, names of columns, and a row group at a time."""

import numpy as np
import pandas as pd
import pytest

from skweak.engine import streaming
from skweak.engine.arrow import ArrowRows
from skweak.engine.streaming import RowSource, open_source
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

pa = pytest.importorskip("pyarrow")
ds = pytest.importorskip("pyarrow.dataset")
pq = pytest.importorskip("pyarrow.parquet")

X, CLEAN, NOISY = blobs(240)
X = X.astype(np.float32)
NAMES = ["age", "bill", "months", "calls"]
SMALL = {"module__hidden": (8,), "batch_size": 16, "random_state": 0, "n_threads": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows")
    frame = pd.DataFrame(X, columns=NAMES)
    for place, part in enumerate((frame[:100], frame[100:])):
        pq.write_table(pa.Table.from_pandas(part, preserve_index=False), path / f"{place}.parquet", row_group_size=20)
    return path


def test_files_that_fit_train_like_the_frame_they_hold(folder):
    rows = ds.dataset(folder)
    one, other = (CrossEntropyClassifier(max_epochs=3, **SMALL).fit(given, NOISY) for given in (pd.DataFrame(X, columns=NAMES), rows))
    assert np.array_equal(one.predict_proba(pd.DataFrame(X, columns=NAMES)), other.predict_proba(rows))
    assert other.feature_names_in_.tolist() == NAMES
    with pytest.raises(ValueError, match="feature names should match"):
        other.predict(pd.DataFrame(X, columns=NAMES[::-1]))


def test_of_larger_ones_each_row_group_is_decoded_once_per_epoch(folder, monkeypatch):
    # 160 rows of four features: eight row groups of twenty rows.
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 160 * 16)
    decoded, read = [], ArrowRows._part
    monkeypatch.setattr(ArrowRows, "_part", lambda self, number: (decoded.append(number), read(self, number))[1])
    rows = ds.dataset(folder)
    assert isinstance(open_source(rows, "float32"), RowSource)
    clf = CrossEntropyClassifier(max_epochs=10, **SMALL).fit(rows, NOISY)
    assert clf.feature_names_in_.tolist() == NAMES and clf.score(rows, CLEAN) > 0.9
    np.testing.assert_allclose(clf.predict_proba(rows), clf.predict_proba(pd.DataFrame(X, columns=NAMES)), atol=1e-6)
    decoded.clear()
    CrossEntropyClassifier(max_epochs=1, **SMALL).fit(rows, NOISY)
    # Checked and sampled, trained on, judged: twelve groups each time.
    assert set(decoded) == set(range(12)) and len(decoded) < 5 * 12


def test_row_groups_beyond_the_buffer_are_warned_of(folder, monkeypatch):
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 80 * 16)
    with pytest.warns(UserWarning, match="row groups of 20 rows, each decoded 2 times.*row_group_size=10"):
        clf = CrossEntropyClassifier(max_epochs=10, **SMALL).fit(ds.dataset(folder), NOISY)
    assert clf.score(X, CLEAN) > 0.9


def test_text_and_gaps_are_refused(folder, tmp_path):
    table = pa.table({"plan": ["flat", "basic"], "bill": [1.0, 2.0]})
    with pytest.raises(TypeError, match="X has the column 'plan' of string; only numbers can be read"):
        CrossEntropyClassifier().fit(ds.dataset(table), [0, 1])
    gaps = pa.table({"bill": [1.0, None, 3.0], "age": [1, 2, 3]})
    with pytest.raises(ValueError, match="NaN"):
        CrossEntropyClassifier().fit(ds.dataset(gaps), [0, 1, 0])
