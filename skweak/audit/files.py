"""Tables and folders of images as people have them."""

import codecs
from io import StringIO
from pathlib import Path

import numpy as np

_IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
_SIDE = 32


def read_table(path):
    """Return a CSV file as a DataFrame of text, whatever its encoding and separator.

    UTF-8, UTF-16 with its mark, else Windows-1252, which Latin-1 is part of. The separator is the one of comma,
    semicolon, tab and bar that the header holds most often.

    Raises
    ------
    ValueError
        If the file is no text, has no header, no rows or a column name twice, or its lines do not fit together.
    """
    import pandas as pd

    with open(path, "rb") as file:
        raw = file.read()
    text = _decoded(raw, path)
    head = next((line for line in text.splitlines() if line.strip()), "")
    if not head:
        raise ValueError(f"{path} is empty; give a header line and a row per example.")
    reading = {"sep": max(",;\t|", key=head.count), "dtype": str, "keep_default_na": False, "skipinitialspace": True}
    try:
        names = pd.read_csv(StringIO(text), header=None, nrows=1, **reading).iloc[0].str.strip()
        frame = pd.read_csv(StringIO(text), **reading)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} cannot be read as a table: {str(error).strip()}") from None
    repeated = names[names.duplicated() & (names != "")].unique()
    if len(repeated):
        raise ValueError(f"{path} has several columns named {repeated[0]!r}; give each column a name of its own.")
    frame.columns = [str(name).strip() for name in frame.columns]
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError(f"{path} has more entries in its rows than names in its header; repair the header.")
    if not len(frame):
        raise ValueError(f"{path} has a header and no rows.")
    return frame


def _decoded(raw, path):
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    if "utf-16" not in encodings and b"\0" in raw:
        raise ValueError(f"{path} is not a text file; save the table as CSV in UTF-8.")
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"{path} cannot be decoded; save it as CSV in UTF-8.")


def read_folder(path):
    """Return images (n, 32, 32, 3), the name of the subfolder of each, and their paths below the folder.

    Raises
    ------
    ImportError
        If Pillow is missing.
    ValueError
        If there are no subfolders with images, or a file cannot be read as one.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise ImportError("Reading images needs Pillow: pip install 'skweak-learn[image]'.") from None
    root = Path(path)
    files = sorted(file for file in root.glob("*/**/*") if file.suffix.lower() in _IMAGES and file.is_file())
    if not files:
        raise ValueError(f"{path} holds no images in subfolders; make a subfolder for each class and name it so.")
    images = np.empty((len(files), _SIDE, _SIDE, 3), dtype=np.uint8)
    for place, file in enumerate(files):
        try:
            with Image.open(file) as image:
                images[place] = np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX))
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"{file} cannot be read as an image ({error}); repair or remove it.") from None
    names = [file.relative_to(root) for file in files]
    return images, np.array([name.parts[0] for name in names]), np.array([name.as_posix() for name in names])


def read_corrections(path, names, target):
    """Return the verified labels of a file of corrections: for each row of the table a label, "" where there is none.

    The file names rows by ``row``, their position from 0, or by the column that names them in the table, and has the
    labels in the column ``verified`` or in that of the target. Empty labels count for nothing.

    Parameters
    ----------
    path : str
    names : dict of str to array of shape (n,)
        Columns that may name the rows of the table, the first one found counts.
    target : str
    """
    frame = read_table(path)
    key = next((name for name in names if name in frame), None)
    value = next((name for name in ("verified", target) if name in frame), None)
    if key is None or value is None:
        raise ValueError(
            f"{path} must have a column {' or '.join(map(repr, names))} that names rows, and a column 'verified' with "
            f"their right labels; it has {', '.join(frame)}."
        )
    known = [str(name) for name in names[key]]
    place = {name: row for row, name in enumerate(known)}
    if len(place) < len(known):
        raise ValueError(
            f"Column {key!r} names several rows alike; leave it out of {path}, and name rows by 'row', their position "
            "from 0."
        )
    verified = np.full(len(known), "", dtype=object)
    for name, label in zip(frame[key].str.strip(), frame[value].str.strip(), strict=True):
        if label:
            if name not in place:
                raise ValueError(f"{path} corrects {key} {name!r}, which the table does not have.")
            verified[place[name]] = label
    return verified
