"""Answers as people have them, in one small coded form."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real

import numpy as np
from scipy import sparse

from skweak.labels.checks import check_discrete, class_list, find_classes, refuse_marker
from skweak.labels.markers import marked

PARTS = ("task", "worker", "label")


@dataclass(frozen=True)
class Answers:
    """One entry per answer; no array has an entry per task and worker.

    Attributes
    ----------
    task, worker, code : ndarray of int64 of shape (E,)
        Who said which class about which task, as positions in the three lists below.
    classes : ndarray of shape (C,)
    tasks : ndarray of shape (n,)
    workers : ndarray of shape (A,)
    """

    task: np.ndarray
    worker: np.ndarray
    code: np.ndarray
    classes: np.ndarray
    tasks: np.ndarray
    workers: np.ndarray

    @property
    def shape(self):
        """Numbers of tasks, workers and classes."""
        return len(self.tasks), len(self.workers), len(self.classes)

    @property
    def n_answers(self):
        """Answers of each task (n,)."""
        return np.bincount(self.task, minlength=len(self.tasks))

    @cached_property
    def cell(self):
        """Place of each answer (E,) in a table of tasks and classes that is stored class after class."""
        return self.code * len(self.tasks) + self.task

    def table(self, weight=None):
        """Return the sum of weights, by default the number of answers, of each task and class (n, C).

        It is stored class after class, because numpy is slow along rows as short as these.
        """
        n, _, n_classes = self.shape
        return np.bincount(self.cell, weight, minlength=n * n_classes).astype(float, copy=False).reshape(n_classes, n).T

    def pick(self, table):
        """Return the entry (E,) of a table (n, C) that each answer names."""
        return table.ravel(order="F").take(self.cell)

    def proportions(self):
        """Return the share of votes of each class (n, C); a task without answers is uniform."""
        return normalise(self.table())

    def by_worker(self, weight):
        """Return the sum of weights (E,) of each worker (A,)."""
        return np.bincount(self.worker, weight, minlength=len(self.workers))


def normalise(mass):
    """Return masses divided by their sum along the last axis; uniform where there is none."""
    total = mass.sum(axis=-1, keepdims=True)
    return np.where(total > 0, mass / np.where(total > 0, total, 1), 1 / mass.shape[-1])


def read_answers(answers, *, classes=None, missing=-1):
    """Return answers in any form as `Answers`.

    Parameters
    ----------
    answers : Answers, array-like or DataFrame (n, A), sparse matrix (n, A), or mapping or DataFrame of the long form
        One row per task and one column per worker, whose names the columns of a DataFrame are; of a sparse matrix the
        stored entries are the answers, explicit zeros included. The long form has the entries ``task``, ``worker`` and
        ``label``, each (E,); its tasks and workers are sorted.
    classes : sequence or None, default=None
        All classes; by default those found, sorted.
    missing : scalar, default=-1
        Marker where somebody was not asked. NaN, None and pandas' NA always count as not asked.

    Raises
    ------
    ValueError
        If there is no answer, an answer is not in ``classes``, or the form cannot be read.
    TypeError
        If numbers and strings are mixed.
    """
    if isinstance(answers, Answers):
        return answers
    classes = None if classes is None else class_list(classes)
    refuse_marker(classes, "missing", missing)
    if _is_long(answers):
        task, worker, label = (np.asarray(answers[part]) for part in PARTS)
        if not task.ndim == worker.ndim == label.ndim == 1 or not len(task) == len(worker) == len(label):
            raise ValueError(
                f"task, worker and label must be three columns of one length, got shapes {task.shape}, {worker.shape} "
                f"and {label.shape}."
            )
        tasks, task = _names(task, "task")
        workers, worker = _names(worker, "worker")
    elif sparse.issparse(answers):
        table = sparse.coo_array(answers)
        task, worker, label = table.coords[0].astype(np.int64), table.coords[1].astype(np.int64), table.data
        tasks, workers = np.arange(table.shape[0]), np.arange(table.shape[1])
    else:
        table, tasks, workers = _matrix(answers)
        task, worker = (index.ravel() for index in np.indices(table.shape, dtype=np.int64))
        label = table.ravel()
    if 0 in (len(tasks), len(workers)):
        raise ValueError(f"answers have {len(tasks)} tasks and {len(workers)} annotators; give at least one of each.")
    label, asked = present_labels(label, missing)
    found, index = _number(label)
    # Whole numbers are classes, unless nearly every answer is another one.
    if label.dtype.kind not in "iu" or len(found) > len(label) / 2:
        check_discrete(label)
    classes, code = find_classes(found, classes, len(tasks), "answer")
    task, worker = (part if asked.all() else part[asked] for part in (task, worker))
    return Answers(task, worker, code.astype(np.int64, copy=False)[index], classes, tasks, workers)


def present_labels(label, missing):
    """Return the labels (E,) that are there, in one type, and which entries they are."""
    if isinstance(label, np.ma.MaskedArray):
        raise TypeError("answers are a masked array, whose mask would be ignored; fill it with the marker missing.")
    if label.dtype.kind in "mMSVc":
        raise TypeError(f"answers hold {label.dtype} values; classes are numbers or strings.")
    asked = ~(marked(label, missing) | marked(label, np.nan))
    if label.dtype.kind == "O":
        asked &= ~np.frompyfunc(lambda value: isinstance(value, type(missing)) and value == missing, 1, 1)(
            np.where(asked, label, None)
        ).astype(bool)
    present = label[asked]
    if not len(present):
        raise ValueError(f"answers hold only the marker missing={missing!r}; give at least one answer.")
    if label.dtype.kind == "O":
        texts = [isinstance(value, str) for value in present]
        if all(texts):
            return present.astype(str), asked
        odd = next((v for v, text in zip(present, texts, strict=True) if text or not isinstance(v, Real)), None)
        if odd is not None:
            raise TypeError(
                f"answers hold {odd!r} ({type(odd).__name__}) among other values; give all classes as numbers or all "
                "as strings, and name the marker of what is missing."
            )
        present = np.array(present.tolist())
    # -0.0 and 0.0 are one class, and whole numbers that NaN has made floats are printed as such.
    if present.dtype.kind == "f":
        whole = np.isfinite(present).all() and (np.abs(present) < 2**53).all() and (present == np.trunc(present)).all()
        present = present.astype(np.int64) if whole else present + 0.0
    return present, asked


def _is_long(answers):
    if isinstance(answers, Mapping):
        missing = [part for part in PARTS if part not in answers]
        if missing:
            raise ValueError(f"answers of the long form need {', '.join(PARTS)}, but {missing[0]} is not there.")
        return True
    return hasattr(answers, "columns") and set(PARTS) <= set(answers.columns)


def _matrix(answers):
    if hasattr(answers, "columns") and hasattr(answers, "index"):
        # Names of columns survive; entries become objects where NA stands among them.
        kinds = {getattr(dtype, "kind", "O") for dtype in answers.dtypes}
        plain = kinds <= set("iu") or kinds <= set("f")
        table = answers.to_numpy() if plain else answers.to_numpy(dtype=object)
        return table, np.asarray(answers.index), np.asarray(answers.columns)
    # Of a list numpy would make texts of everything, NaN included.
    table = np.array(answers, dtype=object) if isinstance(answers, (list, tuple)) else answers
    if not isinstance(table, np.ma.MaskedArray):
        table = np.asarray(table)
    if table.ndim == 1 and table.dtype.kind != "O":
        table = table[:, None]
    if table.ndim != 2:
        raise ValueError(
            f"answers must be a table of one row per task and one column per annotator, got shape {table.shape}."
        )
    return table, np.arange(table.shape[0]), np.arange(table.shape[1])


def _names(values, what):
    if values.dtype.kind == "O":
        absent = marked(values, np.nan)
        if absent.any():
            raise ValueError(f"{what} is missing in row {int(absent.argmax())} of the long form; name it.")
        values = values.astype(str) if all(isinstance(value, str) for value in values) else values
    elif values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{what} is not finite in row {int((~np.isfinite(values)).argmax())} of the long form.")
    return _number(values)


def _number(values):
    """Return the distinct values, sorted, and the position (E,) of every value among them."""
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        # Whole numbers that lie close together need no sorting.
        if high - low <= 4 * len(values) and high < 2**63:
            shifted = values.astype(np.int64) - low
            there = np.zeros(high - low + 1, dtype=bool)
            there[shifted] = True
            return (np.flatnonzero(there) + low).astype(values.dtype), (np.cumsum(there) - 1)[shifted]
    names, index = np.unique(values, return_inverse=True)
    return names, index.astype(np.int64, copy=False)
