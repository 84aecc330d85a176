import numpy as np
import pytest
from sklearn.utils import Bunch

from skweak.datasets import fetch_cifar10, fetch_fashion_mnist, fetch_multilabel
from skweak.datasets import openml as module


@pytest.fixture
def calls(monkeypatch):
    """Replace the download by tiny tables; returns the list of the arguments it was called with."""
    made = []

    def fake(**options):
        made.append(options)
        width = {40927: 3072, 40996: 784}.get(options["data_id"])
        if width:
            data = np.arange(3 * width, dtype=np.float64).reshape(3, width) % 256
            return Bunch(data=data, target=np.array(["9", "0", "3"], dtype=object), DESCR="pictures")
        return Bunch(
            data=np.array([[1.5, 2], [3, 4]]),
            target=np.array([["TRUE", "FALSE"], ["FALSE", "FALSE"]], dtype=object),
            feature_names=["a", "b"],
            target_names=["one", "two"],
            DESCR="labels",
        )

    monkeypatch.setattr(module, "fetch_openml", fake)
    return made


@pytest.mark.parametrize(
    ("fetch", "data_id", "shape", "name"),
    [(fetch_cifar10, 40927, (3, 32, 32), "truck"), (fetch_fashion_mnist, 40996, (1, 28, 28), "Ankle boot")],
)
def test_images(calls, fetch, data_id, shape, name):
    images = fetch(data_home="somewhere", cache=False)
    assert calls == [{"data_id": data_id, "data_home": "somewhere", "cache": False, "as_frame": False}]
    assert images.data.shape == (3, *shape) and images.data.dtype == np.uint8
    # Row 0 counts 0, 1, 2, ...: one channel after the other, each line by line.
    assert images.data[0, 0, 0, :4].tolist() == [0, 1, 2, 3]
    assert images.data[0, -1, -1, -1] == (np.prod(shape) - 1) % 256
    assert images.target.tolist() == [9, 0, 3] and images.target.dtype == np.int64
    assert images.target_names[images.target[0]] == name and len(images.target_names) == 10
    assert images.DESCR == "pictures"
    X, y = fetch(return_X_y=True)
    assert np.array_equal(X, images.data) and np.array_equal(y, images.target)
    assert calls[1] == {"data_id": data_id, "data_home": None, "cache": True, "as_frame": False}


@pytest.mark.parametrize(("name", "data_id"), [("emotions", 40589), ("scene", 40595), ("yeast", 40597)])
def test_multilabel(calls, name, data_id):
    found = fetch_multilabel(name)
    assert calls == [{"data_id": data_id, "data_home": None, "cache": True, "as_frame": False}]
    assert found.data.dtype == np.float32 and found.data.tolist() == [[1.5, 2], [3, 4]]
    assert found.target.tolist() == [[1, 0], [0, 0]] and found.target.dtype == np.int64
    assert found.feature_names == ["a", "b"] and found.target_names.tolist() == ["one", "two"]
    X, Y = fetch_multilabel(name, return_X_y=True)
    assert np.array_equal(X, found.data) and np.array_equal(Y, found.target)


def test_unknown_name(calls):
    with pytest.raises(ValueError, match="name must be one of 'emotions', 'scene', 'yeast', got 'Yeast'"):
        fetch_multilabel("Yeast")
    assert not calls
