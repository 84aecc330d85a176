import os
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import issparse

from skweak.datasets import (
    load_crowd,
    load_multilabel,
    load_partial_label,
    load_partial_multilabel,
    load_youtube_spam,
)
from skweak.datasets._files import DATA_VARIABLE, DEFAULT_FOLDER

FOLDER = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_FOLDER)


def needs(name):
    """Skip a test when a data file is not at hand."""
    return pytest.mark.skipif(not (FOLDER / name).is_file(), reason=f"needs {name} in the folder {FOLDER}")


@pytest.mark.parametrize(
    ("load", "file"),
    [
        (lambda **home: load_multilabel("yeast", **home), "ml_yeast.npz"),
        (lambda **home: load_partial_label("lost", **home), "pll_lost.npz"),
        (lambda **home: load_partial_multilabel("mirflickr", **home), "pml_mirflickr.npz"),
        (lambda **home: load_crowd("dog", **home), "crowd_dog.npz"),
        (load_youtube_spam, "ws_youtube.npz"),
    ],
)
def test_a_missing_file_is_named(load, file, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=f"{file} was not found in the folder {tmp_path}; .*{DATA_VARIABLE}"
    ):
        load(data_home=tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_multilabel("lost"), "name must be one of 'emotions', .*, got 'lost'"),
        (
            lambda: load_multilabel("yeast", subset="x"),
            "subset must be one of 'train', 'test', 'all', got 'x'",
        ),
        (lambda: load_partial_label("yeast"), "name must be one of 'lost'"),
        (lambda: load_partial_multilabel("yeast"), "name must be one of 'mirflickr'"),
        (lambda: load_crowd("cats"), "name must be one of 'bluebird'"),
        (lambda: load_crowd("dog", subset="test"), "subset must be one of 'train', got 'test'"),
        (
            lambda: load_crowd("sentence_polarity", subset="valid"),
            "subset must be one of 'train', 'test', got",
        ),
        (lambda: load_youtube_spam("all"), "subset must be one of 'train', 'valid', 'test', got 'all'"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_of_repeated_answers_the_first_one_counts(tmp_path):
    np.savez(
        tmp_path / "crowd_dog.npz",
        task=[0, 0, 1, 0],
        worker=[0, 2, 1, 0],
        label=[3, 1, 2, 0],
        truth=[3, -1],
        n_classes=4,
        n_workers=3,
    )
    crowd = load_crowd("dog", data_home=tmp_path)
    assert crowd.target.tolist() == [[3, -1, 1], [-1, 2, -1]]
    assert crowd.clean_target.tolist() == [3, -1] and crowd.data is None
    assert crowd.label.tolist() == [3, 1, 2, 0] and crowd.target_names.tolist() == [0, 1, 2, 3]


# The files themselves.
MULTILABEL = {
    "emotions": (391, 202, 72, 6),
    "scene": (1211, 1196, 294, 6),
    "yeast": (1500, 917, 103, 14),
    "birds": (322, 323, 271, 19),
    "flags": (129, 65, 43, 7),
    "enron": (1123, 579, 1001, 53),
    "bibtex": (4880, 2515, 1836, 159),
    "corel5k": (4500, 500, 499, 374),
    "tmc2007_500": (21519, 7077, 500, 22),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(f"ml_{n}.npz")) for n in MULTILABEL])
def test_multilabel(name):
    n_train, n_test, n_features, n_labels = MULTILABEL[name]
    test = load_multilabel(name, subset="test")
    assert test.data.shape == (n_test, n_features) and test.target.shape == (n_test, n_labels)
    assert len(test.feature_names) == n_features and len(test.target_names) == n_labels and test.DESCR
    assert set(np.unique(test.target)) == {0, 1} and np.issubdtype(test.target.dtype, np.signedinteger)
    if n_train < 2000:
        X, Y = load_multilabel(name, subset="all", return_X_y=True)
        assert len(X) == len(Y) == n_train + n_test
        assert np.array_equal(Y[n_train:], test.target) and np.array_equal(X[n_train:], test.data)
        assert np.array_equal(Y[:n_train], load_multilabel(name).target)


@pytest.mark.parametrize(
    ("name", "shape", "n_classes"),
    [
        pytest.param("lost", (1122, 108), 16, marks=needs("pll_lost.npz")),
        pytest.param("msrcv2", (1758, 48), 23, marks=needs("pll_msrcv2.npz")),
        pytest.param("fgnet", (1002, 262), 78, marks=needs("pll_fgnet.npz")),
    ],
)
def test_partial_label(name, shape, n_classes):
    found = load_partial_label(name)
    X, candidates = load_partial_label(name, return_X_y=True)
    assert np.array_equal(X, found.data) and np.array_equal(candidates, found.target)
    assert found.data.shape == shape and found.target.shape == (shape[0], n_classes)
    assert found.target[np.arange(shape[0]), found.clean_target].all()
    assert len(found.target_names) == n_classes and found.DESCR


@pytest.mark.parametrize(
    ("name", "shape", "n_labels"),
    [
        pytest.param("mirflickr", (5000, 100), 7, marks=needs("pml_mirflickr.npz")),
        pytest.param("yeast_bp", (6139, 6139), 217, marks=needs("pml_yeast_bp.npz")),
    ],
)
def test_partial_multilabel(name, shape, n_labels):
    found = load_partial_multilabel(name)
    assert np.array_equal(load_partial_multilabel(name, return_X_y=True)[1], found.target)
    assert found.data.shape == shape and issparse(found.data) == (name == "yeast_bp")
    assert found.target.shape == found.clean_target.shape == (shape[0], n_labels)
    assert (found.target >= found.clean_target).all() and (found.target > found.clean_target).any()


CROWDS = {
    "bluebird": (108, 39, 2, 0.7593),
    "rte": (800, 164, 2, 0.9187),
    "web": (2665, 177, 5, 0.7765),
    "dog": (807, 109, 4, 0.8178),
    "weather_sentiment": (300, 110, 5, 0.8467),
    "music_genre": (700, 44, 10, 0.71),
    "sentence_polarity_amt": (500, 143, 2, 0.944),
    "face_sentiment": (584, 27, 4, 0.6301),
    "product": (8315, 176, 2, 0.8966),
    "labelme": (1000, 59, 8, 0.769),
    "sentence_polarity": (4999, 203, 2, 0.8896),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(f"crowd_{n}.npz")) for n in CROWDS])
def test_crowd(name):
    n_rows, n_workers, n_classes, majority = CROWDS[name]
    crowd = load_crowd(name)
    assert crowd.target.shape == (n_rows, n_workers) and len(crowd.target_names) == n_classes
    assert crowd.target.min() >= -1 and crowd.target.max() == n_classes - 1
    votes = np.stack([(crowd.target == k).sum(axis=1) for k in range(n_classes)], axis=1)
    gold = crowd.clean_target >= 0
    right = (votes.argmax(axis=1) == crowd.clean_target)[gold].mean()
    # The share of right majority votes, ties to the lowest class, is a property of the file.
    assert right == pytest.approx(majority, abs=0.004)


@needs("crowd_labelme.npz")
def test_crowd_with_features():
    crowd = load_crowd("labelme")
    assert crowd.data.shape == (1000, 512)
    for subset, size in (("valid", 500), ("test", 1188)):
        X, y = load_crowd("labelme", subset=subset, return_X_y=True)
        assert X.shape == (size, 512) and y.shape == (size,) and set(y) == set(range(8))


@needs("crowd_sentence_polarity.npz")
def test_crowd_with_text():
    crowd = load_crowd("sentence_polarity", subset="test")
    assert len(crowd.text) == len(crowd.target) == len(crowd.data) == 3999


@needs("ws_youtube.npz")
@pytest.mark.parametrize(("subset", "size"), [("train", 1686), ("valid", 120), ("test", 250)])
def test_youtube_spam(subset, size):
    found = load_youtube_spam(subset)
    assert np.array_equal(load_youtube_spam(subset, return_X_y=True)[1], found.target)
    assert found.data.shape == (size, 128) and found.target.shape == (size, 10)
    assert set(np.unique(found.target)) == {-1, 0, 1} and found.target_names.tolist() == ["ham", "spam"]
    assert len(found.text) == len(found.clean_target) == size
    votes = np.where(found.target == -1, 0, 2 * found.target - 1).sum(axis=1)
    assert ((votes > 0) == found.clean_target)[votes != 0].mean() > 0.7
