"""CIFAR-10 for the rows on a GPU: the images once, and the labels of every annotation."""

import time
from functools import cache

import numpy as np

from skweak.datasets import load_cifar10_test, load_cifar10n

# Images of both parts; a test sets fewer.
MAX_ROWS = None


@cache
def images():
    """Return training images, test images, test labels and the seconds of decoding them in threads."""
    start = time.perf_counter()
    train, test = load_cifar10n("clean", max_rows=MAX_ROWS), load_cifar10_test(max_rows=MAX_ROWS)
    return train.data, test.data, test.target, time.perf_counter() - start


@cache
def labels(name):
    """Return the training labels ``clean``, ``aggre`` or ``worst``."""
    # The loader decodes what it returns, so it is asked for the images only once.
    from skweak.datasets._files import read_arrays

    with read_arrays("cifar10_train.npz", None) as arrays:
        return arrays["y" if name == "clean" else f"y_{name}"].astype(np.int64)[:MAX_ROWS]
