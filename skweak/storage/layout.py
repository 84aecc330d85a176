"""The layout of a file: named tensors behind a JSON header, as in the safetensors format, with a checksum over all.

Eight bytes hold the length of the header (little-endian). The header maps each name to dtype, shape and offsets of its
bytes in what follows; its ``__metadata__`` maps strings to strings. So every reader of safetensors opens the tensors.
The checksum is that of the whole file with zeros in its own place, which therefore comes first in the header.
"""

import json
import math
import zlib

import torch

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool, "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LONGEST_HEADER = 100 * 2**20
_START, _NO_CHECKSUM = b'{"__metadata__":{"crc32":"', b"0" * 8


class FileFormatError(ValueError):
    """A file is not what this package writes: damaged, made by something else, or by a newer version."""


def pack(tensors, metadata):
    """Return the parts of a file, to be written one after the other.

    Parameters
    ----------
    tensors : dict of str to tensor
    metadata : dict of str to str
    """
    header, arrays, end = {"__metadata__": {"crc32": _NO_CHECKSUM.decode(), **metadata}}, [], 0
    # Wide types first, so that every tensor starts at a multiple of its width.
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        array = _bytes_of(tensor)
        header[name] = {
            "dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [end, end + len(array)],
        }  # fmt: skip
        arrays.append(array)
        end += len(array)
    text = bytearray(json.dumps(header, separators=(",", ":")).encode())
    # The tensors start at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    if len(text) > _LONGEST_HEADER:
        raise ValueError(f"What is not an array takes {len(text):,} bytes; a file holds {_LONGEST_HEADER:,} at most.")
    parts = [len(text).to_bytes(8, "little"), text, *arrays]
    text[len(_START) : len(_START) + 8] = b"%08x" % _checksum(parts)
    return parts


def unpack(data):
    """Return ``(tensors, metadata)`` of the bytearray ``data``, whose memory the tensors share.

    Everything is checked before anything is made of it.

    Raises
    ------
    FileFormatError
        If the data are not exactly what `pack` makes.
    """
    data = memoryview(data)
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not len(_START) + 9 <= length <= min(len(data) - 8, _LONGEST_HEADER):
        raise FileFormatError("it is cut off, or no file of this package")
    text, place = bytearray(data[8 : 8 + length]), slice(len(_START), len(_START) + 8)
    if not text.startswith(_START):
        raise FileFormatError("its header does not start as those of this package do")
    found, text[place] = bytes(text[place]), _NO_CHECKSUM
    if found != b"%08x" % _checksum([data[:8], text, data[8 + length :]]):
        raise FileFormatError("its checksum is wrong: it was damaged or changed")
    header = parse(text, "header")
    body = data[8 + length :]
    metadata = header.pop("__metadata__")
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError("its metadata are not text")
    entries = {name: _check_entry(name, entry) for name, entry in header.items()}
    end = 0
    for name, (_, _, start, stop) in entries.items():
        if start != end:
            raise FileFormatError(f"the bytes of {name!r} do not follow those of the tensor before")
        end = stop
    if end != len(body):
        raise FileFormatError(f"its tensors take {end} bytes, but it holds {len(body)}")
    return {name: _tensor(body[start:stop], *entry) for name, (*entry, start, stop) in entries.items()}, metadata


def parse(text, what):
    """Return the value of a JSON text; keys that come twice, other constants and endless depth are refused."""
    try:
        return json.loads(bytes(text), object_pairs_hook=_unique, parse_constant=_refuse)
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"its {what} cannot be read: {error}") from error


def _bytes_of(tensor):
    tensor = tensor.detach().cpu().contiguous()
    # Bytes, since numpy does not know every type.
    return memoryview(tensor.reshape(-1).view(torch.uint8).numpy()).cast("B") if tensor.numel() else memoryview(b"")


def _tensor(view, dtype, shape):
    return torch.frombuffer(view, dtype=dtype).reshape(shape) if len(view) else torch.empty(shape, dtype=dtype)


def _checksum(parts):
    result = 0
    for part in parts:
        result = zlib.crc32(part, result)
    return result


def _check_entry(name, entry):
    """Return dtype, shape, start and stop of a tensor."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(f"the entry {name!r} of its header does not describe a tensor")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    if not isinstance(dtype, str) or dtype not in DTYPES or len(offsets) != 2 or len(shape) > 64:
        raise FileFormatError(f"the entry {name!r} of its header has an unknown dtype or shape")
    if any(type(number) is not int or not 0 <= number < 2**63 for number in numbers):
        raise FileFormatError(f"the entry {name!r} of its header has numbers that are no sizes")
    if math.prod(shape) * DTYPES[dtype].itemsize != offsets[1] - offsets[0] or math.prod(filter(None, shape)) > 2**48:
        raise FileFormatError(f"the size of {name!r} does not match its shape")
    if offsets[0] % DTYPES[dtype].itemsize:
        raise FileFormatError(f"the bytes of {name!r} start at {offsets[0]}, which is no multiple of their width")
    return DTYPES[dtype], shape, *offsets


def _unique(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise FileFormatError("a key comes twice")
    return result


def _refuse(constant):
    raise FileFormatError(f"the constant {constant} is no JSON")
