"""Files that are the old one or the new one, never half of one."""

import os
import re
import secrets
from pathlib import Path


def write_file(path, parts):
    """Replace the file ``path`` by the bytes of ``parts``; when this returns they are on the disk.

    The bytes go to a temporary file beside it, which takes its name at the end. Whatever fails on the way, Ctrl-C
    included, the temporary file is removed and the old file, if any, is still there. A process that is killed leaves
    the temporary file; see `remove_leftovers`.

    Parameters
    ----------
    path : path
        A symbolic link is followed.
    parts : iterable of bytes-like
        Written one after the other.

    Raises
    ------
    OSError
        With the path, for instance when the disk is full.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        # The mode is what the user's umask leaves of it; a private temporary file would keep others from reading.
        _with_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, lambda file: _write_parts(file, parts))
        os.replace(temporary, path)
        _with_file(path.parent, os.O_RDONLY, lambda directory: None)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def remove_leftovers(path):
    """Remove the temporary files that dead processes left beside ``path``."""
    path = Path(os.path.realpath(path))
    pattern = re.compile(re.escape(path.name) + r"\.(\d+)-[0-9a-f]+\.tmp")
    for name in os.listdir(path.parent):
        match = pattern.fullmatch(name)
        if match and not _is_alive(int(match[1])):
            path.with_name(name).unlink(missing_ok=True)


def _with_file(path, flags, act):
    """Open a file or directory, act on it, and bring what happened to the disk."""
    descriptor = os.open(path, flags, 0o666)
    try:
        act(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_parts(file, parts):
    for part in parts:
        rest = memoryview(part).cast("B")
        # The system may take less than it is given.
        while len(rest):
            rest = rest[os.write(file, rest) :]


def _is_alive(process):
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
