import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skweak.datasets
from skweak.datasets import (
    load_cifar10_test,
    load_cifar10n,
    load_csv,
    load_fashion_mnist,
)
from skweak.datasets._files import DATA_VARIABLE, DEFAULT_FOLDER

FOLDER = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_FOLDER)


def needs(name):
    """Skip a test when a data file is not at hand."""
    return pytest.mark.skipif(not (FOLDER / name).is_file(), reason=f"needs {name} in the folder {FOLDER}")


def jpeg(image):
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def small_home(tmp_path):
    """A data folder with three images: plain red, plain green, and black with a white right half."""
    pictures = np.zeros((3, 32, 32, 3), dtype=np.uint8)
    pictures[0, ..., 0] = pictures[1, ..., 1] = 255
    pictures[2, :, 16:] = 255
    files = [jpeg(picture) for picture in pictures]
    common = {
        "jpeg": np.frombuffer(b"".join(files), dtype=np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]),
        "y": np.array([0, 1, 2], dtype=np.uint8),
        "class_names": np.array(["red", "green", "half"]),
    }
    noisy = {
        f"y_{kind}": np.array([k, 1, 2], dtype=np.uint8)
        for k, kind in enumerate(("aggre", "random1", "worst"))
    }
    np.savez(tmp_path / "cifar10_train.npz", **common, **noisy)
    np.savez(
        tmp_path / "cifar10_test.npz",
        **common,
        human_counts=np.eye(3, dtype=np.uint8),
        cv_proba=np.eye(3),
        review_index=np.array([0, 2]),
        review_guess=np.array([1, 0], dtype=np.uint8),
        review_votes=np.array([[5, 0, 0, 0], [1, 4, 0, 0]]),
    )
    return tmp_path


def test_images_come_as_channel_row_column(small_home):
    train = load_cifar10n("worst", data_home=small_home)
    assert train.data.shape == (3, 3, 32, 32) and train.data.dtype == np.uint8
    red, green, half = train.data.astype(int)
    assert red[0].min() > 245 and red[1:].max() < 10
    assert green[1].min() > 245 and green[[0, 2]].max() < 10
    assert half[:, :, 20:].min() > 245 and half[:, :, :12].max() < 10
    assert train.target.tolist() == [2, 1, 2] and train.clean_target.tolist() == [0, 1, 2]
    assert train.target.dtype == train.clean_target.dtype == np.int64
    assert train.target_names.tolist() == ["red", "green", "half"] and "'worst'" in train.DESCR


def test_choice_of_labels_and_rows(small_home):
    assert load_cifar10n("clean", data_home=small_home).target.tolist() == [0, 1, 2]
    X, y = load_cifar10n("random1", data_home=str(small_home), max_rows=2, return_X_y=True)
    assert X.shape == (2, 3, 32, 32) and y.tolist() == [1, 1]
    assert np.array_equal(X, load_cifar10n(data_home=small_home, max_rows=99).data[:2])


def test_reviewed_rows_are_cut_with_the_images(small_home):
    test = load_cifar10_test(data_home=small_home)
    assert test.review_index.tolist() == [0, 2] and test.review_guess.tolist() == [1, 0]
    test = load_cifar10_test(data_home=small_home, max_rows=2)
    assert test.data.shape == (2, 3, 32, 32) and test.target.tolist() == [0, 1]
    assert test.review_index.tolist() == [0] and test.review_votes.tolist() == [[5, 0, 0, 0]]
    assert len(test.human_counts) == len(test.cv_proba) == 2
    X, y = load_cifar10_test(data_home=small_home, return_X_y=True)
    assert len(X) == 3 and y.tolist() == [0, 1, 2]


def test_the_folder_comes_from_argument_variable_or_default(small_home, tmp_path_factory, monkeypatch):
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv(DATA_VARIABLE, str(small_home))
    assert len(load_cifar10n().data) == 3
    with pytest.raises(FileNotFoundError, match="cifar10_train.npz"):
        load_cifar10n(data_home=empty)
    monkeypatch.delenv(DATA_VARIABLE)
    inside = empty / "a" / "b"
    inside.mkdir(parents=True)
    (inside / DEFAULT_FOLDER).resolve().mkdir(parents=True)
    (small_home / "cifar10_train.npz").rename(inside / DEFAULT_FOLDER / "cifar10_train.npz")
    monkeypatch.chdir(inside)
    assert len(load_cifar10n().data) == 3


@pytest.mark.parametrize(
    ("load", "file"),
    [
        (load_cifar10n, "cifar10_train.npz"),
        (load_cifar10_test, "cifar10_test.npz"),
        (load_fashion_mnist, "fashion_mnist.npz"),
    ],
)
def test_a_missing_file_is_named_with_folder_and_variable(load, file, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load(data_home=tmp_path)
    message = str(caught.value)
    assert message.startswith(file) and str(tmp_path) in message and DATA_VARIABLE in message
    assert "\n" not in message and message.count(". ") == 0


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_broken_file_is_named(content, tmp_path):
    (tmp_path / "fashion_mnist.npz").write_bytes(content)
    with pytest.raises(ValueError, match="fashion_mnist.npz is not a readable .npz file"):
        load_fashion_mnist(data_home=tmp_path)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda home: load_cifar10n("noisy", data_home=home),
            ValueError,
            "labels must be one of 'clean', 'aggre'",
        ),
        (lambda home: load_cifar10n(data_home=home, max_rows=0), ValueError, "max_rows must be at least 1"),
        (lambda home: load_cifar10n(data_home=home, max_rows=1.5), TypeError, "max_rows must be an integer"),
        (
            lambda home: load_fashion_mnist("valid", data_home=home),
            ValueError,
            "subset must be one of 'train', 'test'",
        ),
    ],
)
def test_bad_arguments(call, error, message, small_home):
    with pytest.raises(error, match=message):
        call(small_home)


# The files themselves.
@needs("cifar10_train.npz")
def test_cifar10n():
    rates = {}
    for labels in ("clean", "aggre", "worst"):
        train = load_cifar10n(labels, max_rows=40)
        assert train.data.shape == (40, 3, 32, 32)
        rates[labels] = (train.target != train.clean_target).mean()
    assert rates["clean"] == 0 < rates["aggre"] < rates["worst"]
    # The first training image is the well-known frog.
    assert train.target_names[train.clean_target[0]] == "frog"
    assert 30 < train.data.mean() < 200


@needs("cifar10_test.npz")
def test_cifar10_test():
    test = load_cifar10_test(max_rows=50)
    assert test.data.shape == (50, 3, 32, 32) and test.human_counts.shape == (50, 10)
    assert (test.human_counts.argmax(axis=1) == test.target).mean() > 0.9
    assert (test.review_index < 50).all() and test.review_votes.shape == (len(test.review_index), 4)


@needs("fashion_mnist.npz")
@pytest.mark.parametrize(("subset", "size"), [("train", 60000), ("test", 10000)])
def test_fashion_mnist(subset, size):
    found = load_fashion_mnist(subset)
    assert found.data.shape == (size, 1, 28, 28) and found.data.dtype == np.uint8
    assert (np.bincount(found.target) == size // 10).all() and len(found.target_names) == 10
    assert found.target_names[load_fashion_mnist(max_rows=1).target[0]] == "Ankle boot"


# CSV files.
@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


def test_csv_columns_become_numbers(table):
    path = table("size,colour,old,kind,city\n1,red,True,b,Rome\n2.5,blue,False,a,Oslo\n-3,red,True,b,Oslo\n")
    found = load_csv(path, "kind")
    assert found.feature_names == ["size", "old", "colour_blue", "colour_red", "city_Oslo", "city_Rome"]
    assert found.data.dtype == np.float64
    assert found.data.tolist() == [[1, 1, 0, 1, 0, 1], [2.5, 0, 1, 0, 1, 0], [-3, 1, 0, 1, 1, 0]]
    assert found.target.tolist() == ["b", "a", "b"] and found.target_names.tolist() == ["a", "b"]
    assert found.target.dtype.kind == "U"
    assert list(found.frame.columns) == ["size", "colour", "old", "kind", "city"] and "3 rows" in found.DESCR


def test_csv_gaps_are_filled_and_marked(table):
    found = load_csv(table("size,colour,y\n1,red,0\n,,1\n5,blue,1\n9,red,0\n"), "y")
    assert found.feature_names == ["size", "colour_blue", "colour_red", "size_missing", "colour_missing"]
    # The median of 1, 5 and 9.
    assert found.data.tolist() == [[1, 0, 1, 0, 0], [5, 0, 0, 1, 1], [5, 1, 0, 0, 0], [9, 0, 1, 0, 0]]
    assert found.frame["size"].isna().sum() == 1 and "gaps in ['size', 'colour']" in found.DESCR


def test_csv_with_numeric_labels(table):
    found = load_csv(str(table("label,x\n3,0.5\n1,0.25\n")), "label")
    assert found.target.tolist() == [3, 1] and found.target.dtype == np.int64
    assert found.data.tolist() == [[0.5], [0.25]]


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("a,b\n1,2\n", "c", r"target must be one of the columns \['a', 'b'\] of .*, got 'c'"),
        ("a,b\n1,2\n", 0, r"target must be one of the columns \['a', 'b'\] of .*, got 0"),
        ("a\n1\n", "a", "path must name a table with rows and at least one column beside 'a'"),
        ("a,b\n", "a", "path must name a table with rows"),
        ("", "a", "path must name a CSV file with a header line"),
        ('a,b\n1,"2\n', "a", "path must name a CSV file with a header line"),
        ("a,b\n1,2\n1,2,3,4\n", "a", "path must name a CSV file with a header line"),
        ("a,b,c,y\n1,,,0\n2,,,1\n3,,,1\n", "y", r"columns \['b', 'c'\] of .* are empty; drop them"),
        ("a,y\n1,\n2,yes\n", "y", "column 'y' of .* has 1 empty cells, but holds the labels"),
        (
            "id,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(1001)),
            "y",
            "column 'id' has 1001 different values",
        ),
        (
            "id,no,y\n" + "".join(f"n{i},m{i},{i % 2}\n" for i in range(1001)),
            "y",
            "column 'id' has 1001 different values, column 'no' has 1001 different values in",
        ),
    ],
)
def test_csv_errors(table, text, target, message):
    with pytest.raises(ValueError, match=message):
        load_csv(table(text), target)


@pytest.mark.parametrize("path", ["nowhere.csv", "https://example.org/data.csv", "."])
def test_csv_reads_files_only(path):
    with pytest.raises(FileNotFoundError, match="path must name a CSV file, but there is no file"):
        load_csv(path, "y")


# The package itself.
@pytest.mark.parametrize(
    ("hidden", "call", "message"),
    [
        ("PIL", lambda home: load_cifar10n(data_home=home), "install Pillow"),
        ("pandas", lambda home: load_csv(home / "table.csv", "y"), "install it .pip install pandas."),
    ],
)
def test_a_missing_library_is_named(hidden, call, message, small_home, monkeypatch):
    (small_home / "table.csv").write_text("x,y\n1,2\n")
    monkeypatch.setitem(sys.modules, hidden, None)
    with pytest.raises(ImportError, match=message):
        call(small_home)


def test_optional_libraries_are_imported_on_use_only():
    # None in sys.modules makes an import fail.
    code = "import sys; sys.modules.update(pandas=None, PIL=None); import skweak.datasets"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_package_imports_nothing_else_of_ours():
    for path in Path(skweak.datasets.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level < 2 and (node.level == 1 or not node.module.startswith("skweak")), path.name
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("skweak") for alias in node.names), path.name


def test_every_public_name_is_listed():
    assert skweak.datasets.__all__ == sorted(skweak.datasets.__all__)
    assert all(callable(getattr(skweak.datasets, name)) for name in skweak.datasets.__all__)
