"""Data sets that are downloaded from OpenML through scikit-learn, and kept in its cache.

These are the only functions of the package that use the network, on the first call of each.
"""

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from ._checks import check_option

_CIFAR10_ID = 40927
_FASHION_MNIST_ID = 40996
_MULTILABEL_IDS = {"emotions": 40589, "scene": 40595, "yeast": 40597}
_CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION_MNIST_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def fetch_cifar10(*, data_home=None, cache=True, return_X_y=False):
    """Download CIFAR-10, lossless and with true labels.

    The download takes about 700 MB of disk and several GB of memory; human label noise comes with
    :func:`load_cifar10n` instead.

    Parameters
    ----------
    data_home : str or path, default=None
        Folder of scikit-learn's cache; None is its default.
    cache : bool, default=True
        Keep the download for the next call.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` uint8 (60000, 3, 32, 32), ``target`` (60000,) int, ``target_names``, ``DESCR``.

    Examples
    --------
    >>> from skweak.datasets import fetch_cifar10
    >>> X, y = fetch_cifar10(return_X_y=True)                               # doctest: +SKIP
    """
    return _fetch_images(_CIFAR10_ID, (3, 32, 32), _CIFAR10_NAMES, data_home, cache, return_X_y)


def fetch_fashion_mnist(*, data_home=None, cache=True, return_X_y=False):
    """Download Fashion-MNIST.

    Parameters
    ----------
    data_home : str or path, default=None
        Folder of scikit-learn's cache; None is its default.
    cache : bool, default=True
        Keep the download for the next call.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` uint8 (70000, 1, 28, 28), the 10000 test images last, ``target`` (70000,) int,
        ``target_names``, ``DESCR``.

    References
    ----------
    arXiv:1708.07747

    Examples
    --------
    >>> from skweak.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist(return_X_y=True)                         # doctest: +SKIP
    """
    return _fetch_images(_FASHION_MNIST_ID, (1, 28, 28), _FASHION_MNIST_NAMES, data_home, cache, return_X_y)


def fetch_multilabel(name, *, data_home=None, cache=True, return_X_y=False):
    """Download a data set in which a row has several labels at once.

    Parameters
    ----------
    name : {"emotions", "scene", "yeast"}
        The data set.
    data_home : str or path, default=None
        Folder of scikit-learn's cache; None is its default.
    cache : bool, default=True
        Keep the download for the next call.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` float32 (n, d), ``target`` 0/1 (n, L), ``feature_names``, ``target_names``, ``DESCR``.

    Raises
    ------
    ValueError
        If `name` is unknown.

    Examples
    --------
    >>> from skweak.datasets import fetch_multilabel
    >>> X, Y = fetch_multilabel("yeast", return_X_y=True)                   # doctest: +SKIP
    """
    check_option(name, "name", tuple(_MULTILABEL_IDS))
    found = fetch_openml(data_id=_MULTILABEL_IDS[name], data_home=data_home, cache=cache, as_frame=False)
    bunch = Bunch(
        data=np.asarray(found.data, dtype=np.float32),
        target=(np.asarray(found.target).astype(str) == "TRUE").astype(np.int64),
        feature_names=list(found.feature_names),
        target_names=np.asarray(found.target_names),
        DESCR=found.DESCR,
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def _fetch_images(data_id, shape, names, data_home, cache, return_X_y):
    found = fetch_openml(data_id=data_id, data_home=data_home, cache=cache, as_frame=False)
    bunch = Bunch(
        data=np.asarray(found.data).astype(np.uint8).reshape(-1, *shape),
        target=np.asarray(found.target).astype(np.int64),
        target_names=np.array(names),
        DESCR=found.DESCR,
    )
    return (bunch.data, bunch.target) if return_X_y else bunch
