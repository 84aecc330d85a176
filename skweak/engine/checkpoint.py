"""A fit that survives being killed: its state is written now and then and read when the fit is started again."""

import time
import warnings
from operator import itemgetter
from pathlib import Path

import torch

from skweak.engine.state import load_training_state, training_state
from skweak.storage import FileFormatError, package_versions, read_document, remove_leftovers, write_document

# Time between two copies of the state in memory, as a multiple of what a copy takes.
_COPY_SHARE = 300


class NoCheckpoint:
    """What a fit has that is kept nowhere: the moments of a `FitCheckpoint`, at which nothing happens."""

    path = header = None

    def begin(self, describe):
        """Hear that a fit begins."""

    def resume(self, run):
        """Return that the fit is not finished."""
        return False

    def end_epoch(self, run):
        """Hear that an epoch is over."""

    def interrupt(self):
        """Hear that the fit is given up."""

    def finish(self, run):
        """Hear that the last epoch is over."""


class FitCheckpoint(NoCheckpoint):
    """The file of one fit.

    Parameters
    ----------
    path : path
        If the file is there, the fit goes on from it.
    seconds : float
        Least time between two writings; 0 writes after every epoch.

    Attributes
    ----------
    header : dict or None
        What the file found belongs to.
    """

    def __init__(self, path, seconds):
        self.path, self.seconds = Path(path), seconds
        if self.path.is_dir() or not self.path.absolute().parent.is_dir():
            raise ValueError(f"checkpoint={str(path)!r} must be a file in a directory that exists.")
        remove_leftovers(path)
        try:
            found = read_document(path, "checkpoint", itemgetter("header", "finished", "state"))
        except FileNotFoundError:
            found = None, False, None
        except FileFormatError as error:
            raise FileFormatError(f"checkpoint: {error} Remove it to start anew.") from error
        self.header, self._finished, self._state = found
        self._copy, self._copied_at, self._copy_cost = None, -float("inf"), 0.0
        self._written_at = time.perf_counter()

    def begin(self, describe):
        """Compare the header ``describe()`` with that of the file; it is written with every state from now on."""
        header = describe() | {"versions": package_versions()}
        if self.header is not None:
            self._compare(self.header, header)
            header["threads"] = self.header["threads"]
        self.header = header

    def resume(self, run):
        """Put ``run`` where the file says; return whether the fit is finished already."""
        before, now = self.header.get("threads"), torch.get_num_threads()
        if before not in (None, now):
            warnings.warn(
                f"checkpoint: {self.path} was written with {before} threads, now there are {now}: the last bits "
                "will differ. Set n_threads for the same ones.", UserWarning, stacklevel=5,
            )  # fmt: skip
        self.header["threads"] = now
        if self._state is not None:
            load_training_state(run, self._state)
            self._state = None
        return self._finished

    def end_epoch(self, run):
        """Write the state if it is time to do so; otherwise keep a copy now and then, for an interrupt."""
        now = time.perf_counter()
        if now - self._written_at >= self.seconds:
            self._write(training_state(run))
        elif now - self._copied_at >= _COPY_SHARE * self._copy_cost:
            self._copy = training_state(run)
            self._copied_at = time.perf_counter()
            self._copy_cost = self._copied_at - now

    def interrupt(self):
        """Write the last state that was copied."""
        if self._copy is not None:
            self._write(self._copy)

    def finish(self, run):
        """Write the state after the last epoch."""
        if not self._finished:
            self._write(training_state(run), finished=True)

    def _write(self, state, finished=False):
        write_document(self.path, "checkpoint", {"header": self.header, "finished": finished, "state": state})
        self._copy, self._written_at = None, time.perf_counter()

    def _compare(self, found, wanted):
        for name, value in _flat(wanted).items():
            old = _flat(found).get(name)
            if old == value:
                continue
            what = f"checkpoint: {self.path} belongs to another fit: {name} was {old}, now it is {value}"
            if name.startswith("versions") and _is_patch(old, value):
                warnings.warn(f"{what}. The last bits may differ.", UserWarning, stacklevel=6)
            else:
                raise ValueError(f"{what}; fit as before, give another path, or remove the file.")


def _flat(header):
    """Return the entries of a header and of the dictionaries in it by one name each."""
    result = {}
    for name, value in header.items():
        result |= {f"{name} {key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
    return result


def _is_patch(old, new):
    """Return whether two versions differ in nothing but their last part."""
    return str(old).split(".")[:2] == str(new).split(".")[:2]
