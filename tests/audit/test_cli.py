"""The command line answers by its exit code, and reads tables as people have them."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skweak.audit.cli import _table, main
from skweak.audit.files import read_corrections, read_table
from tests.audit.test_audit import make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    X, y, _ = make_table(200)
    path = tmp_path_factory.mktemp("audit") / "table.csv"
    X.assign(label=y, key=[f"k{i}" for i in range(200)]).to_csv(path, index=False)
    return path, y


def test_suspects_go_out_and_come_back_verified(table, tmp_path, capsys):
    path, y = table
    page, suspects = tmp_path / "report.html", tmp_path / "suspects.csv"
    command = ["audit", str(path), "--target", "label", "--id", "key", "--check", "0.001"]
    assert main([*command, "--out", str(page), "--suspects", str(suspects)]) == 1
    assert "<script" not in page.read_text(encoding="utf-8") and "Suspects" in page.read_text(encoding="utf-8")
    frame = pd.read_csv(suspects, dtype=str)
    assert frame.columns.tolist() == ["key", "row", "given", "suggested", "quality", "reason", "verified"]
    assert (frame["key"] == "k" + frame["row"]).all()
    frame.assign(verified=frame["suggested"]).to_csv(suspects, index=False)
    again = tmp_path / "again.csv"
    main([*command, "--corrections", str(suspects), "--suspects", str(again)])
    left = pd.read_csv(again, dtype=str)
    assert len(left) < len(frame) and not set(left["key"]) & set(frame["key"])
    assert "What" not in capsys.readouterr().err


def test_a_column_of_verified_labels(table, tmp_path, capsys):
    path, y = table
    pd.read_csv(path).assign(verified=y).to_csv(tmp_path / "t.csv", index=False)
    assert main(["audit", str(tmp_path / "t.csv"), "--target", "label", "--id", "key", "--corrections", "verified"]) == 0
    assert "0 suspects" in capsys.readouterr().out


def test_embeddings_stand_for_the_rows(table, tmp_path, capsys):
    path, y = table
    np.save(tmp_path / "e.npy", np.c_[(y == "yes") * 1.0, np.arange(200) % 3])
    command = ["audit", str(path), "--target", "label", "--features"]
    assert main([*command, str(tmp_path / "e.npy")]) == 0 and "wrong labels 0.0%" in capsys.readouterr().out
    np.save(tmp_path / "short.npy", np.zeros((3, 2)))
    assert main([*command, str(tmp_path / "short.npy")]) == 2 and "(3, 2)" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("separator", [";", ","])
def test_encodings_and_separators(encoding, separator, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"Größe{separator} Ort\n1{separator}Köln\n2{separator}None\n", encoding=encoding)
    frame = read_table(path)
    assert frame.columns.tolist() == ["Größe", "Ort"] and frame["Ort"].tolist() == ["Köln", "None"]


@pytest.mark.parametrize(
    ("content", "target", "said"),
    [
        (None, "label", "No such file"),
        (b"a,label\n1,x\n2,y\n", "nothing", "it has a, label"),
        (b"a,label\n1,x\n2,x\n", "label", "two classes"),
        (b"a,label\n1,\n2,\n", "label", "is empty"),
        (b"label\nx\ny\n", "label", "no column besides"),
        (b"\x89PNG\0\0a,label\n", "label", "not a text file"),
        (b"", "label", "is empty"),
        (b"a,label\n", "label", "no rows"),
        (b"a,label\n1,x\n1,x,3,4\n", "label", "cannot be read as a table"),
        (b"a,label\n1,x\n2,y\n", None, "--target is missing"),
        (b"label,a,b,label\nx,1,2,y\n", "label", "several columns named 'label'"),
        (b"a ,label,a\n1,x,2\n", "label", "several columns named 'a'"),
    ],
)
def test_bad_input_ends_in_one_sentence(content, target, said, tmp_path, capsys):
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["audit", str(path), *(["--target", target] if target else [])]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--text", "label"], "'label' is given twice"),
        (["--id", "label"], "'label' is given twice"),
        (["--corrections", "label"], "'label' is given twice"),
        (["--features", "two.npz"], "one array of numbers"),
        (["--features", "text.npy"], "one array of numbers"),
        (["--out", "nowhere/page.html"], "no folder nowhere"),
        (["--suspects", "nowhere/list.csv"], "no folder nowhere"),
        (["--check", "5"], "in [0, 1]"),
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments, said, table, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("two.npz", a=np.zeros((200, 2)), b=np.zeros((200, 2)))
    (tmp_path / "text.npy").write_text("no array")
    assert main(["audit", str(table[0]), "--target", "label", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


def test_without_pandas_it_says_what_to_install(table, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert main(["audit", str(table[0]), "--target", "label"]) == 2
    assert capsys.readouterr().err == "error: The audit needs pandas: pip install pandas.\n"


def test_nan_is_no_label_and_na_is_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,label\n1,x\n2,NaN\n3,NA\n4,none\n5,\n")
    options = SimpleNamespace(file=str(path), target="label", text=None, id=None, corrections=None)
    X, y, *_, kept, notes = _table(options)
    assert y.tolist() == ["x", "NA", "none"] and kept.tolist() == [0, 2, 3] and X["a"].tolist() == ["1", "3", "4"]
    assert notes == ["2 rows have no label and are left out."]


def test_a_folder_of_images(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    random = np.random.RandomState(0)
    for name, level in (("dark", 40), ("light", 200)):
        (tmp_path / "all" / name).mkdir(parents=True)
        for i in range(25):
            shade = 240 - level if i == 0 else level  # one of each is in the wrong folder
            pixels = (shade + random.randint(-20, 20, (10, 12, 3))).astype(np.uint8)
            image.fromarray(pixels).save(tmp_path / "all" / name / f"{i}.png")
    suspects = tmp_path / "suspects.csv"
    assert main(["audit", str(tmp_path / "all"), "--suspects", str(suspects)]) == 0
    assert sorted(pd.read_csv(suspects)["file"].head(2)) == ["dark/0.png", "light/0.png"]
    assert main(["audit", str(tmp_path / "all" / "dark")]) == 2 and "subfolder" in capsys.readouterr().err
    (tmp_path / "all" / "dark" / "0.png").write_bytes(b"no image")
    assert main(["audit", str(tmp_path / "all")]) == 2 and "cannot be read as an image" in capsys.readouterr().err


def test_corrections_name_rows(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("key,verified\nb,yes\na,\n")
    names = {"key": np.array(["a", "b"]), "row": np.arange(2)}
    assert read_corrections(path, names, "label").tolist() == ["", "yes"]
    path.write_text("row,label\n0,no\n")
    assert read_corrections(path, names, "label").tolist() == ["no", ""]
    for text, said in (("key,verified\nz,yes\n", "'z'"), ("who,verified\na,yes\n", "'key' or 'row'")):
        path.write_text(text)
        with pytest.raises(ValueError, match=said):
            read_corrections(path, names, "label")
