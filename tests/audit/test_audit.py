"""The report finds flipped labels, says how many there are, and writes a page."""

import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression

from skweak.audit import audit_labels
from skweak.audit.inputs import readable_columns, small_pixels


def make_table(n=600, share=0.08, seed=0):
    random = np.random.RandomState(seed)
    y = random.randint(2, size=n)
    frame = pd.DataFrame({"a": y * 3 + random.randn(n), "b": y * 2 + random.randn(n)})
    frame["c"] = np.where(random.rand(n) < 0.8, y, 1 - y).astype(str)
    frame["c"] = frame["c"].map({"0": "red", "1": "blue"})
    frame.loc[random.rand(n) < 0.1, "a"] = np.nan
    flipped = random.choice(n, int(share * n), replace=False)
    y[flipped] = 1 - y[flipped]
    return frame, np.array(["no", "yes"])[y], flipped


def linear_audit(X, y, **settings):
    return audit_labels(X, y, LogisticRegression(max_iter=500), random_state=0, n_bootstraps=10, **settings)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    y[[0, 60]] = 2
    y = np.array(["<b>setosa</b>", "b & c", "$virginica"])[y]
    return X, y, linear_audit(X, y)


def test_flipped_labels_come_first_and_the_same_seed_gives_the_same_report():
    X, y, flipped = make_table()
    audit = audit_labels(X, y, random_state=0, n_bootstraps=20)
    assert np.isin(flipped, audit.to_frame()["row"].head(60)).mean() >= 0.6
    low, high = audit.interval
    assert low <= 0.08 <= high and abs(audit.noise_share - 0.08) < 0.03
    again = audit_labels(X, y, random_state=0, n_bootstraps=20)
    assert again.interval == audit.interval and again.issues.equals(audit.issues)
    assert audit.accuracy["with suspects"] > 0.9 and audit.accuracy["without suspects"] > 0.9


def test_what_the_report_holds_fits_together(iris):
    X, y, audit = iris
    assert audit.by_class["rows"].tolist() == np.unique(y, return_counts=True)[1].tolist()
    np.testing.assert_allclose(audit.joint.sum(axis=1), audit.by_class["rows"])
    np.testing.assert_allclose(audit.transition_matrix.sum(axis=1), 1)
    off = audit.joint.sum() - np.trace(audit.joint)
    assert off / 150 == pytest.approx(audit.noise_share) and (audit.by_class["low"] <= audit.by_class["wrong"]).all()
    assert audit.to_frame()["suggested"].head(2).tolist() == y[[1, 61]].tolist()
    assert audit.issues["quality"].is_monotonic_increasing and "suspects" in audit.next_steps[0]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


def test_the_page_is_one_file_and_names_are_escaped(iris, tmp_path):
    pytest.importorskip("matplotlib")
    iris[2].to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.tags & {"script", "link", "iframe"} and page.links
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "&lt;b&gt;setosa&lt;/b&gt;" in text and "<b>setosa" not in text
    assert 'name="viewport"' in text and "max-width:100%" in text
    assert "<script" not in iris[2]._repr_html_() and "What to do next" in iris[2]._repr_html_()


def test_trusted_rows_are_no_suspects_and_count_as_right(iris):
    X, y, before = iris
    trusted = np.zeros(150, dtype=bool)
    trusted[[0, 60]] = True
    audit = linear_audit(X, y, trusted=trusted)
    assert not np.isin([0, 60], audit.issues["row"]).any() and audit.noise_share < before.noise_share
    assert audit.quality[[0, 60]].tolist() == [1, 1]


def test_equal_rows_of_two_labels_are_suspects():
    X, y = load_iris(return_X_y=True)
    X, y = np.vstack([X, X[[100] * 3]]), np.r_[y, [2, 2, 1]]
    frame = linear_audit(X, y).to_frame().set_index("row")
    assert "duplicate" in frame.loc[152, "reason"] and 100 not in frame.index
    assert frame.loc[152, "quality"] <= 0.25 and frame.loc[152, "suggested"] == 2


def test_nearly_equal_rows_of_two_labels_are_listed():
    X, y = load_iris(return_X_y=True)
    audit = linear_audit(np.vstack([X, X[10] + 1e-4]), np.r_[y, 1])
    assert audit.near_duplicates[["row", "other"]].to_numpy().tolist() == [[10, 150]]


def test_a_class_of_one_row_is_reported_and_not_judged():
    X, y, _ = make_table(200)
    y = y.astype(object)
    y[0] = "rare"
    audit = linear_audit(X[["b"]], y.astype(str))
    assert audit.rare_classes.tolist() == ["rare"] and audit.n_rows == 200
    assert np.isnan(audit.quality[0]) and 0 not in audit.issues["row"].to_numpy()
    assert any("rare" in step for step in audit.next_steps)


def test_texts_images_embeddings_and_sparse_rows():
    X, y = load_digits(n_class=3, return_X_y=True)
    truth, y = y.copy(), y.copy()
    y[::20] = (y[::20] + 1) % 3
    wrong = y != truth
    texts = np.array([f"the {['cat', 'dog', 'cow'][k]} says {['meow', 'wuff', 'moo'][k]}" for k in truth], dtype=object)
    settings = {"cv": 2, "random_state": 0, "n_bootstraps": 2}
    found = [
        audit_labels(texts, y, **settings),
        audit_labels(X.reshape(-1, 8, 8), y, **settings),
        audit_labels(np.empty((len(y), 0)), y, features=X, **settings),
        audit_labels(sparse.csr_matrix(X), y, **settings),
    ]
    for audit in found:
        assert wrong[audit.to_frame()["row"].head(20)].mean() > 0.9, audit.notes
        assert abs(audit.noise_share - 0.05) < 0.02 and audit.notes, (audit, audit.notes)


def test_columns_are_read_as_what_they_mean():
    n = 60
    frame = pd.DataFrame({
        "comma": ["1,5", "2", "n/a"] * (n // 3), "day": [f"{1 + i % 28:02d}.03.2020" for i in range(n)],
        "yes": [True, False] * (n // 2), "name": [f"person {i}" for i in range(n)], "kind": ["a", "b", ""] * (n // 3),
        "none": [None] * n,
    })  # fmt: skip
    read, notes = readable_columns(frame)
    assert read.columns.tolist() == ["comma", "day", "yes", "kind"] and "name" in notes[1]
    assert read["comma"].head(3).tolist()[:2] == [1.5, 2] and np.isnan(read["comma"][2])
    assert read["day"][1] - read["day"][0] == 1 and read["kind"].isna().sum() == n // 3
    with pytest.raises(ValueError, match="No column"):
        readable_columns(frame[["name", "none"]])


def test_days_with_changing_offsets_and_columns_of_infinities():
    days = ["2020-03-28 12:00:00+01:00", "2020-03-29 12:00:00+02:00"] * 3  # summer time began between the two
    read, _ = readable_columns(pd.DataFrame({"day": days, "endless": [np.inf, -np.inf] * 3, "half": [1.0, np.inf] * 3}))
    assert read.columns.tolist() == ["day", "half"] and read["half"].isna().tolist() == [False, True] * 3
    assert read["day"][1] - read["day"][0] == pytest.approx(23 / 24)


def test_pixels_are_block_means_in_any_layout():
    image = np.arange(16.0).reshape(1, 4, 4)
    assert small_pixels(image, side=2).tolist() == [[2.5, 4.5, 10.5, 12.5]]
    last = np.repeat(image[..., None], 3, axis=3)
    assert small_pixels(last, side=2).tolist() == small_pixels(np.moveaxis(last, 3, 1), side=2).tolist()


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        audit_labels(np.zeros((9, 1)), np.array([0, 1, 1] * 3))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"y": np.zeros(9)}, "two classes"),
        ({"y": np.linspace(0, 1, 9)}, "not measurements"),
        ({"y": np.array([0, 1, np.nan] * 3)}, "misses the label"),
        ({"n_bootstraps": 1}, "n_bootstraps"),
        ({"features": np.zeros((3, 2))}, "inconsistent numbers"),
        ({"trusted": np.ones(9)}, "mask of 9 booleans"),
        ({"estimator": object()}, "predict_proba"),
    ],
)
def test_bad_input_is_refused(given, said):
    given = {"X": np.zeros((9, 1)), "y": np.array([0, 1, 1] * 3)} | given
    with pytest.raises((ValueError, TypeError), match=said):
        audit_labels(given.pop("X"), given.pop("y"), **given)


def test_the_share_on_embeddings_of_hundreds_of_columns():
    random = np.random.RandomState(0)
    truth, wrong = np.arange(300) % 2, random.rand(300) < 0.2
    # Two directions of meaning among 300, as embeddings have them.
    rows = random.randn(300, 300)
    rows[:, :2] += 1.5 * (2 * truth[:, None] - 1) * [1, -1]
    audit = audit_labels(None, np.where(wrong, 1 - truth, truth), features=rows, random_state=0, n_bootstraps=20)
    # A linear model that learns wrong labels by heart says 0.31 and more.
    assert abs(audit.noise_share - wrong.mean()) < 0.05
    with pytest.raises(ValueError, match="X is None; give rows, or features"):
        audit_labels(None, truth)
