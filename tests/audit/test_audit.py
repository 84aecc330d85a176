"""The report finds flipped labels, and the command line answers by its exit code."""

import numpy as np
import pandas as pd
import pytest

from skweak.audit import audit_labels
from skweak.audit.cli import main
from skweak.audit.report import _wrong_share


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


def test_flipped_labels_come_first_and_the_same_seed_gives_the_same_report():
    X, y, flipped = make_table()
    X["c"] = X["c"].astype("category")
    audit = audit_labels(X, y, random_state=0)
    assert np.isin(flipped, audit.to_frame()["row"].head(60)).mean() >= 0.6
    low, high = audit.interval
    assert 0 <= low <= high <= 1
    again = audit_labels(X, y, random_state=0)
    assert again.interval == audit.interval and again.issues.equals(audit.issues)


def test_a_class_of_one_row_is_reported():
    X, y, _ = make_table(200)
    y = y.astype(object)
    y[0] = "rare"
    with pytest.warns(UserWarning):
        audit = audit_labels(X[["a", "b"]], y.astype(str), random_state=0)
    assert audit.rare_classes.tolist() == ["rare"] and audit.n_rows == 200


def test_command_line(tmp_path, capsys):
    X, y, _ = make_table()
    path = tmp_path / "table.csv"
    X.assign(label=y, key=np.arange(len(y))).to_csv(path, index=False)
    page = tmp_path / "report.html"
    assert main(["audit", str(path), "--target", "label", "--id", "key", "--out", str(page)]) == 0
    assert "<script" not in page.read_text() and "Suspects" in page.read_text()
    assert main(["audit", str(path), "--target", "label", "--check", "0.001"]) == 1
    assert main(["audit", str(path), "--target", "nothing"]) == 2
    assert main(["audit", str(tmp_path / "no.csv"), "--target", "label"]) == 2
    assert capsys.readouterr().err.count("error:") == 2


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="two classes"):
        audit_labels(np.zeros((9, 1)), np.zeros(9))


def test_share_is_counted_among_the_surest_rows():
    # Ten rows of each class; of the three surest of class 0 one label differs, of class 1 none.
    sure = np.r_[np.linspace(0.99, 0.6, 10), np.linspace(0.99, 0.6, 10)]
    proba = np.c_[sure, 1 - sure]
    proba[10:] = proba[10:, ::-1]
    codes = np.repeat([0, 1], 10)
    codes[[0, 9]] = 1  # the second is the least sure row: it does not count
    assert _wrong_share(codes, proba) == pytest.approx(0.5 / 3)


def test_verified_rows_are_no_suspects(tmp_path, capsys):
    X, y, _ = make_table()
    key = np.arange(len(y))
    X = X.assign(label=y, key=key)
    first = X.assign(verified=y)  # a person confirmed every label
    first.to_csv(tmp_path / "t.csv", index=False)
    command = ["audit", str(tmp_path / "t.csv"), "--target", "label", "--id", "key"]
    assert main([*command, "--corrections", "verified"]) == 0
    assert "Empty DataFrame" in capsys.readouterr().out
