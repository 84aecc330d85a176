"""Files that lie: sealed with a right checksum, as an attacker would, and loaded in a child of limited memory."""

import json
import resource
import zlib

START = b'{"__metadata__":{"crc32":"'


def seal(header, body=b""):
    """Return the bytes of a file with this header (a dictionary or text) and the right checksum."""
    if isinstance(header, dict):
        header = {"__metadata__": {"crc32": "0" * 8, **header.pop("__metadata__", {})}, **header}
        header = json.dumps(header, separators=(",", ":"))
    text = bytearray(header.encode() if isinstance(header, str) else header)
    parts = len(text).to_bytes(8, "little") + bytes(text) + bytes(body)
    place = 8 + len(START)
    return parts[:place] + b"%08x" % zlib.crc32(parts) + parts[place + 8 :]


def split(data):
    """Return header and body of the bytes of a file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"].pop("crc32")
    return header, data[8 + length :]


def document(content, tensors=None, body=b"", kind="estimator"):
    """Return a file with the given content."""
    metadata = {"format": "1", "kind": kind, "versions": "{}", "content": json.dumps(content)}
    return seal({"__metadata__": metadata, **(tensors or {})}, body)


def load_with_little_memory(path, megabytes, queue):
    """Load in a process that may take some megabytes more than it has, and say how that ended."""
    import skweak

    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + megabytes * 2**20,) * 2)
    for file in sorted(path.iterdir()):
        try:
            skweak.load(file)
            queue.put((file.name, "loaded"))
        except skweak.FileFormatError as error:
            queue.put((file.name, f"refused: {str(error)[-150:]}"))
        except BaseException as error:
            queue.put((file.name, f"{type(error).__name__}: {error}"))
    queue.put(None)
