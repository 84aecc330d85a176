"""Finding and reading the ``.npz`` files of the loaders."""

import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ._checks import check_count

DATA_VARIABLE = "SKWEAK_DATA"
DEFAULT_FOLDER = "../shared/data"
_CHUNK = 512


def read_arrays(name, data_home):
    """Open ``name`` in the data folder; the result maps array names to arrays and reads them on access."""
    folder = Path(data_home if data_home is not None else os.environ.get(DATA_VARIABLE) or DEFAULT_FOLDER)
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} was not found in the folder {folder.absolute()}; put the file there, pass data_home, "
            f"or set the environment variable {DATA_VARIABLE} to the folder that holds it."
        )
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a readable .npz file; replace it by an intact copy.") from error


def check_max_rows(max_rows, available):
    """Return the number of rows to read, all for None."""
    if max_rows is None:
        return available
    return min(check_count(max_rows, "max_rows"), available)


def decode_images(jpeg, offsets, n_images, shape):
    """Decode the first JPEG files of a byte array into ``(n, C, H, W)`` uint8, in threads."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "the images are JPEG files: install Pillow to decode them (pip install pillow)."
        ) from error

    images = np.empty((n_images, *shape), dtype=np.uint8)
    raw = memoryview(jpeg)

    def decode(start):
        for i in range(start, min(start + _CHUNK, n_images)):
            with Image.open(io.BytesIO(raw[offsets[i] : offsets[i + 1]])) as image:
                images[i] = np.asarray(image).transpose(2, 0, 1)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        # Consuming the iterator raises the error of a broken image here.
        list(pool.map(decode, range(0, n_images, _CHUNK)))
    return images
