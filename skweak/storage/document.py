"""A file of one value: its tensors, everything else as JSON in the header, and the versions that wrote it."""

import json
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

from skweak.storage.atomic import remove_leftovers, write_file
from skweak.storage.layout import FileFormatError, pack, parse, unpack
from skweak.storage.nodes import Reader, Writer

# Raised by one when files of the new kind cannot be read by the versions before; old kinds stay readable.
FORMAT = 1
_ODD = (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RuntimeError)


def package_versions():
    """Return the versions that a file depends on, as text.

    Examples
    --------
    >>> sorted(package_versions())
    ['scikit-learn', 'skorch', 'skweak', 'torch']
    """
    from skweak import __version__

    return {"skweak": __version__} | _foreign_versions()


@cache
def _foreign_versions():
    # Reading them takes as long as writing a million numbers.
    return {name: version(name) for name in ("scikit-learn", "skorch", "torch")}


def write_document(path, kind, value, *, name_of=lambda value: None, kinds=()):
    """Write ``value`` to the file ``path`` as a document of the given kind, whole or not at all.

    Raises
    ------
    TypeError
        If a part of it cannot be kept; the message says where it stands.
    """
    remove_leftovers(path)
    writer = Writer(name_of, kinds)
    try:
        content = json.dumps(writer.node(value, kind), separators=(",", ":"))
    except RecursionError as error:
        raise TypeError(f"The {kind} holds lists or dictionaries that contain themselves or are too deep.") from error
    metadata = {"format": str(FORMAT), "kind": kind, "versions": json.dumps(package_versions()), "content": content}
    write_file(path, pack(writer.tensors, metadata))


def read_document(path, kind, build=lambda value: value, *, names=None, kinds=()):
    """Return ``build(value)`` of the document in the file ``path``.

    Raises
    ------
    FileFormatError
        If the file is damaged, of another kind or of a newer format, or if its value cannot be built.
    """
    with open(path, "rb") as file:
        data = bytearray(os.fstat(file.fileno()).st_size)
        del data[file.readinto(data) :]
    try:
        tensors, metadata = unpack(data)
        found = [metadata.get(name) for name in ("format", "kind")]
        if found[1] != kind:
            raise FileFormatError(f"it holds no {kind}" + (f" but a {found[1]}" if found[1] else ""))
        if found[0] != str(FORMAT):
            raise FileFormatError(
                f"it has the format {found[0]} of {metadata.get('versions')}; this is skweak "
                f"{package_versions()['skweak']}, which reads up to format {FORMAT}: update it"
            )
        reader = Reader(tensors, names, kinds)
        value = reader.value(parse(metadata["content"].encode(), "content"))
        reader.finish()
        return build(value)
    except (*_ODD, RecursionError) as error:
        # Whatever a strange file meets in our checks or in those of a library, it was the file.
        raise FileFormatError(f"{Path(path)} cannot be loaded: {str(error).rstrip('.')}.") from error
