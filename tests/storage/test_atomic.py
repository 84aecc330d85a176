"""Whatever fails while a file is written, the old one or the new one is there, and nothing else."""

import errno
import os
import resource
import signal
import stat

import pytest

from skweak.storage import atomic
from skweak.storage.atomic import remove_leftovers, write_file
from tests.reliability.kills import CONTEXT

CALLS = ("open", "write", "fsync", "close", "replace")
OLD, NEW = b"old", [b"new ", bytearray(b"con"), memoryview(b"tent")]


class FailingSystem:
    """The functions of `os`, of which the call number ``failing`` raises; before it acts or after it has."""

    def __init__(self, failing, error, after=False):
        self.failing, self.error, self.after, self.count = failing, error, after, 0

    def __getattr__(self, name):
        function = getattr(os, name)
        if name not in CALLS:
            return function

        def call(*args):
            self.count += 1
            if self.count == self.failing and not self.after:
                self.fail()
            result = function(*args)
            if self.count == self.failing:
                self.fail()
            return result

        return call

    def fail(self):
        raise self.error


def n_calls(path, monkeypatch):
    system = FailingSystem(0, None)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "os", system)
        write_file(path, NEW)
    return system.count


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "disk full"), KeyboardInterrupt(), MemoryError()], ids=repr)
@pytest.mark.parametrize("exists", [False, True], ids=["first", "again"])
def test_every_call_of_the_system_may_fail(error, exists, after, tmp_path, monkeypatch):
    count = n_calls(tmp_path / "probe", monkeypatch)
    # Open, three parts, fsync and close of the file, the renaming, open, fsync and close of the directory.
    assert count == 10
    for failing in range(1, count + 1):
        directory = tmp_path / str(failing)
        directory.mkdir()
        path = directory / "file"
        if exists:
            path.write_bytes(OLD)
        with monkeypatch.context() as patch:
            patch.setattr(atomic, "os", FailingSystem(failing, error, after))
            with pytest.raises(type(error)) as caught:
                write_file(path, NEW)
        if isinstance(error, OSError):
            assert caught.value.filename == str(path) and str(path) in str(caught.value)
            error.filename = None
        names = [file.name for file in directory.iterdir()]
        assert names in ([], ["file"]) and (names or not exists)
        if names:
            renamed = failing > 7 or (failing == 7 and after)
            assert path.read_bytes() == (b"new content" if renamed else OLD)


def test_a_system_that_takes_one_byte_at_a_time(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(atomic.os, "write", lambda file, data: write(file, data[:1]))
    write_file(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == b"new content"


def test_a_file_that_the_system_refuses_to_grow(tmp_path):
    """A real error of the kernel, in a process that may write at most 1000 bytes to a file."""
    path = tmp_path / "file"
    path.write_bytes(OLD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="file") as caught:
            write_file(path, [bytes(600), bytes(600)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert [file.name for file in tmp_path.iterdir()] == ["file"] and path.read_bytes() == OLD


class KillingSystem(FailingSystem):
    """The same, of which the call number ``failing`` kills the process."""

    def fail(self):
        os.kill(os.getpid(), signal.SIGKILL)


def write_until_killed(path, k):
    atomic.os = KillingSystem(k, None)
    write_file(path, NEW)


def test_killed_between_any_two_calls_the_old_or_the_new_file_is_there(tmp_path):
    path = tmp_path / "file"
    for k in (2, 4, 6, 7, 8, 10):
        path.write_bytes(OLD)
        child = CONTEXT.Process(target=write_until_killed, args=(path, k))
        child.start()
        child.join()
        assert child.exitcode == -9
        assert path.read_bytes() == (OLD if k <= 7 else b"new content")
    assert len(list(tmp_path.iterdir())) == 5
    remove_leftovers(path)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_only_files_of_dead_processes_with_this_name_are_removed(tmp_path):
    path = tmp_path / "a.b"
    names = [f"a.b.{os.getpid()}-ab12.tmp", "a.b.99999999-xy.tmp", "aXb.99999999-ab12.tmp", "a.b.tmp", "a.b.1-ab.tmp"]
    for name in [*names, "a.b.99999999-ab12.tmp", f"a.b.{10**30}-ab12.tmp"]:
        (tmp_path / name).touch()
    remove_leftovers(path)
    assert {file.name for file in tmp_path.iterdir()} == set(names)


def test_others_may_read_what_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "file", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_file(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == b"new content"


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_file(tmp_path / "nowhere" / "file", NEW)
