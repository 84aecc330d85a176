"""A fit goes on from its file and ends with the same bits; a file of another fit is refused by name."""

import shutil
import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier, GCEClassifier
from skweak.storage import FileFormatError
from tests.reliability.fits import (
    NETWORKS,
    SHAPES,
    KeepFiles,
    outcome,
    quiet_fit,
    shape_data,
    shape_estimator,
    small_estimator,
    small_rows,
)
from tests.small_data import blobs

X, _, Y = blobs(60)
SMALL = {"max_epochs": 4, "batch_size": 16, "module__hidden": (8,), "random_state": 0, "checkpoint_seconds": 0}


def goes_on_exactly(make, X, y, path, epochs=None):
    """Fit with a file, then again from the file as it was after several epochs."""
    whole = quiet_fit(make(callbacks=[KeepFiles(path)], checkpoint=path, checkpoint_seconds=0), X, y)
    expected = outcome(whole, X)
    # The file does not change the course of a fit.
    assert outcome(quiet_fit(make(callbacks=[KeepFiles(path)]), X, y), X) == expected
    files = sorted(path.parent.glob("*.after*"), key=lambda file: int(file.name.rpartition("after")[2]))
    for file in files if epochs is None else [files[i] for i in epochs]:
        shutil.copy(file, path)
        again = quiet_fit(make(callbacks=[KeepFiles(path)], checkpoint=path, checkpoint_seconds=0), X, y)
        assert outcome(again, X) == expected, file.name
    return whole


@pytest.mark.parametrize("name", SHAPES)
def test_every_engine_shape_goes_on_from_every_epoch(name, tmp_path):
    def make(callbacks, **changes):
        plain = shape_estimator(name)
        return shape_estimator(name, callbacks=[*plain.callbacks, *callbacks], **changes)

    goes_on_exactly(make, *shape_data(name), tmp_path / "fit")


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_estimator_goes_on_from_its_last_epochs(cls, tmp_path):
    X, y = small_rows(cls)
    goes_on_exactly(lambda **changes: small_estimator(cls, **changes), X, y, tmp_path / "fit", epochs=[0, -1])


def fit(path, X=X, y=Y, cls=CrossEntropyClassifier, **changes):
    facts = {name: changes.pop(name) for name in ("sample_weight", "trusted") if name in changes}
    return cls(**(SMALL | {"checkpoint": path} | changes)).fit(X, y, **facts)


def test_a_finished_fit_is_done_at_once(tmp_path):
    first = fit(tmp_path / "fit")

    class Never(CrossEntropyClassifier):
        def _loss(self, run, batch):
            raise AssertionError("it trains")

    Never.__name__ = "CrossEntropyClassifier"
    assert outcome(fit(tmp_path / "fit", cls=Never), X) == outcome(first, X)


CHANGED = X.copy()
CHANGED[17, 2] += 1e-3
FOREIGN = {
    "estimator": {"cls": ELRClassifier},
    "parameter lr": {"lr": 0.06},
    "parameter max_epochs": {"max_epochs": 5},
    "parameter module__hidden": {"module__hidden": (9,)},
    "parameter optimizer": {"optimizer": torch.optim.Adam},
    "X": {"X": CHANGED},
    "y": {"y": np.roll(Y, 1)},
    "fact weight": {"sample_weight": np.linspace(0, 1, 60)},
    "seed": {"random_state": 1},
    "parameter callbacks": {"callbacks": [EarlyStopping(monitor="train_loss", patience=9)]},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_fit_is_refused_by_name(name, tmp_path):
    fit(tmp_path / "fit")
    before = (tmp_path / "fit").read_bytes()
    with pytest.raises(ValueError, match=rf"checkpoint: .*fit belongs to another fit: {name} was .* remove the file"):
        fit(tmp_path / "fit", **FOREIGN[name])
    assert (tmp_path / "fit").read_bytes() == before


def test_what_does_not_change_a_fit_may_differ(tmp_path):
    first = fit(tmp_path / "fit")
    again = fit(tmp_path / "fit", checkpoint_seconds=5, verbose=0, device="cpu", random_state=np.random.RandomState(0))
    assert len(again.history_) == len(first.history_)


def test_verified_rows_and_a_warm_start_belong_to_a_fit(tmp_path):
    settings = {"warmup_epochs": 2, "cls": DPCClassifier}
    fit(tmp_path / "fit", trusted=Y == 0, **settings)
    with pytest.raises(ValueError, match="fact trusted"):
        fit(tmp_path / "fit", trusted=Y == 1, **settings)
    clf = fit(tmp_path / "warm", warm_start=True)
    with pytest.raises(ValueError, match="start was None"):
        clf.fit(X, Y)


def test_without_a_seed_the_first_one_is_kept(tmp_path):
    path = tmp_path / "fit"
    settings = {"random_state": None, "validation_fraction": 0.3, "callbacks": [KeepFiles(path)]}
    whole = fit(path, **settings)
    shutil.copy(f"{path}.after2", path)
    assert outcome(fit(path, **settings), X) == outcome(whole, X)


def test_another_number_of_threads_and_another_patch_warn(tmp_path, monkeypatch):
    fit(tmp_path / "fit", n_threads=1)
    with pytest.warns(UserWarning, match="1 threads, now there are 2"):
        fit(tmp_path / "fit", n_threads=2)
    from skweak.engine import checkpoint

    versions = checkpoint.package_versions()
    patch, minor = ({**versions, "torch": versions["torch"].rsplit(".", k)[0] + ".99" * k} for k in (1, 2))
    monkeypatch.setattr(checkpoint, "package_versions", lambda: patch)
    with pytest.warns(UserWarning, match="versions torch was"):
        fit(tmp_path / "fit")
    monkeypatch.setattr(checkpoint, "package_versions", lambda: minor)
    with pytest.raises(ValueError, match="versions torch was"):
        fit(tmp_path / "fit")


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "fit"
    fit(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"checkpoint: .*fit cannot be loaded: .* Remove it to start anew"):
        fit(path)


@pytest.mark.parametrize("place", ["", "nowhere/fit"], ids=["a directory", "in no directory"])
def test_a_place_where_no_file_can_be(place, tmp_path):
    with pytest.raises(ValueError, match="checkpoint=.* must be a file in a directory that exists"):
        fit(tmp_path / place)


class InterruptOnce(Callback):
    """Presses Ctrl-C in the middle of an epoch."""

    def on_batch_end(self, net, training, **kwargs):
        if net.epoch == 3 and net.batch == 1 and not INTERRUPTED:
            INTERRUPTED.append(True)
            raise KeyboardInterrupt


INTERRUPTED = []


def test_ctrl_c_keeps_the_last_epoch_though_no_writing_is_due(tmp_path):
    INTERRUPTED.clear()
    settings = {"callbacks": [InterruptOnce()], "max_epochs": 5, "checkpoint_seconds": 1000}
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "fit", **settings)
    done = []

    class Count(InterruptOnce):
        def on_epoch_begin(self, net, **kwargs):
            done.append(net.epoch)

    Count.__name__ = "InterruptOnce"
    again = fit(tmp_path / "fit", **(settings | {"callbacks": [Count()]}))
    # Copies in memory are taken as often as they cost next to nothing, which may leave out the last epochs.
    assert len(done) < 5
    assert outcome(again, X) == outcome(fit(None, **settings), X)


def test_the_file_is_written_no_more_often_than_asked(tmp_path, monkeypatch):
    from skweak.engine import checkpoint

    now, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(checkpoint, "write_document", lambda path, kind, value: written.append(value["state"]["epoch"]))

    class Clock(Callback):
        def on_epoch_end(self, net, **kwargs):
            now[0] += 10

    fit(tmp_path / "fit", callbacks=[Clock()], checkpoint_seconds=30, max_epochs=10)
    assert written == [3, 6, 9, 10]


def test_one_pass_is_not_kept(tmp_path):
    with pytest.raises(ValueError, match="checkpoint belongs to fit; partial_fit"):
        GCEClassifier(checkpoint=tmp_path / "fit").partial_fit(X, Y)


def test_a_state_of_other_networks_in_the_right_wrapper_is_refused(tmp_path):
    """The names in the file are compared with the networks even where every description agrees."""
    fit(tmp_path / "a", cls=CoTeachingClassifier)
    from skweak.storage import read_document, write_document

    fit(tmp_path / "b")
    a, b = (read_document(tmp_path / name, "checkpoint") for name in "ab")
    write_document(tmp_path / "b", "checkpoint", b | {"state": a["state"]})
    with warnings.catch_warnings(), pytest.raises(ValueError, match="peer"):
        fit(tmp_path / "b")


def test_rows_that_are_read_from_a_file(tmp_path, monkeypatch):
    from skweak.engine import streaming

    monkeypatch.setattr(streaming, "BUFFER_BYTES", 500)
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    goes_on_exactly(lambda **changes: CrossEntropyClassifier(**(SMALL | changes)), mapped, Y, tmp_path / "fit")
