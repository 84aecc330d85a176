"""The journal: whatever happens to the file, a prefix of what was written comes back, or an error."""

import os

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skweak.active.journal import Journal, describe, digest

HEADER = {"format": 1, "n_instances": 2}
RECORDS = [{"round": 1, "row": i, "answer": a} for i, a in enumerate(["cat", 3, -1, 2.5, True, None, "ünk\n"])]


def write(directory, records=RECORDS):
    with Journal(directory, HEADER) as journal:
        for record in records:
            journal.append(record)
    return journal.path


def read(directory, header=HEADER):
    with Journal(directory, header) as journal:
        return journal.records


def test_records_come_back(tmp_path):
    write(tmp_path / "new" / "run")
    assert read(tmp_path / "new" / "run") == RECORDS


def test_a_file_cut_anywhere_gives_the_exact_prefix_and_goes_on(tmp_path):
    path = write(tmp_path)
    data = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        n_whole = max(sum(end <= length for end in ends) - 1, 0)
        with Journal(tmp_path, HEADER) as journal:
            assert journal.records == RECORDS[:n_whole]
            for record in RECORDS[n_whole:]:
                journal.append(record)
        assert path.read_bytes() == data


@pytest.mark.parametrize("line", [0, 1, 4])
def test_damage_before_the_last_line_is_an_error(tmp_path, line):
    path = write(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    middle = len(lines[line]) // 2
    lines[line] = lines[line][:middle] + b"#" + lines[line][middle + 1 :]
    path.write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=f"is damaged in line {line + 1}"):
        read(tmp_path)


def test_lines_that_were_swapped_or_left_out_are_noticed(tmp_path):
    path = write(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (lines[:2] + [lines[3], lines[2]] + lines[4:], lines[:2] + lines[3:]):
        path.write_bytes(b"".join(wrong))
        with pytest.raises(ValueError, match="is damaged"):
            read(tmp_path)


def test_a_journal_of_another_run_is_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match=r"belongs to another run: n_instances was 2, now it is 5"):
        read(tmp_path, HEADER | {"n_instances": 5})


def test_what_json_cannot_hold_is_refused_and_not_written(tmp_path):
    path = write(tmp_path, RECORDS[:1])
    before = path.read_bytes()
    with Journal(tmp_path, HEADER) as journal, pytest.raises(TypeError, match="cannot be kept in a checkpoint"):
        journal.append({"answer": object()})
    assert path.read_bytes() == before


def test_leftovers_of_dead_processes_are_removed_and_of_live_ones_kept(tmp_path):
    dead, live = tmp_path / "answers.jsonl.99999999-ab.tmp", tmp_path / f"answers.jsonl.{os.getpid()}-ab.tmp"
    dead.touch(), live.touch()
    write(tmp_path)
    assert not dead.exists() and live.exists()


def test_a_failed_creation_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: .*answers.jsonl"):
        Journal(tmp_path, HEADER)
    assert list(tmp_path.iterdir()) == []


X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    "change", [lambda X: X + 1, lambda X: X[:5], lambda X: X.astype(np.float32), lambda X: X[::-1]],
    ids=["values", "rows", "dtype", "order"],
)  # fmt: skip
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, sparse.csr_matrix], ids=["array", "frame", "csr"])
def test_the_digest_sees_every_change(container, change):
    assert digest(container(X)) == digest(container(X.copy()))
    changed = container(change(X).copy())
    if container is pd.DataFrame and change(X).dtype != X.dtype:
        changed = changed + 0.1
    assert digest(container(X)) != digest(changed)


def test_the_description_is_free_of_addresses():
    assert describe(lambda: 0) == describe(lambda: 0)
    assert "0x" not in describe(write)
