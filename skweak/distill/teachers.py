"""Anything that can teach: fitted or unfitted estimators, skorch nets and torch modules, asked in one way.

A teacher answers with a `Lesson` on the student's device, its columns in the order of the student's classes, without
gradients and in evaluation mode.
"""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import logit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from torch import nn

from skweak.base import WeakClassifier
from skweak.engine.data import evaluation_batches
from skweak.nn.build import features_and_logits

# A forest is often sure beyond doubt; the logarithm of its zeros needs a floor.
_SMALLEST_PROBA = 1e-12
_REFUSALS = (ValueError, TypeError, RuntimeError, IndexError, AttributeError)


class Lesson(NamedTuple):
    """What a teacher says about rows; None for what nobody wants to know."""

    logits: torch.Tensor
    features: torch.Tensor | None = None
    label_embeddings: torch.Tensor | None = None

    def rows(self, index):
        """Return the lesson about the rows ``index``."""
        return Lesson(*(part if part is None else part.index_select(0, index) for part in self))


def is_fitted(teacher):
    """Return whether ``teacher`` can be asked as it is."""
    if isinstance(teacher, nn.Module):
        return True
    if isinstance(teacher, NeuralNet):
        return bool(getattr(teacher, "initialized_", False))
    try:
        check_is_fitted(teacher)
    except (NotFittedError, TypeError):
        return False
    return True


def open_teacher(method, run, wanted):
    """Return the teacher of ``method`` for the fit ``run``, itself fitted before if it was not.

    Parameters
    ----------
    method : DistilledClassifier
        The student.
    run : Trainer
        Its trainer, with the data.
    wanted : {"logits", "features", "label_embeddings"}
        The most detailed answer that the student needs.

    Returns
    -------
    NetworkTeacher or TableTeacher
    """
    teacher = method.teacher
    while isinstance(teacher, FrozenEstimator):
        teacher = teacher.estimator
    if not is_fitted(teacher):
        teacher = _fit_clone(teacher, method, run)
    multilabel = method._kind.several
    if isinstance(teacher, nn.Module):
        return NetworkTeacher(teacher, run, _told(teacher, method, wanted))
    if isinstance(teacher, NeuralNet):
        # The criteria of probabilities say what the module returns.
        gives_proba = isinstance(getattr(teacher, "criterion_", None), (nn.NLLLoss, nn.BCELoss))
        as_logits = {False: None, True: torch.logit if multilabel else torch.log}[gives_proba]
        return NetworkTeacher(teacher.module_, run, _told(teacher.module_, method, wanted), as_logits=as_logits)
    if not isinstance(teacher, WeakClassifier):
        return TableTeacher(teacher, method, run, wanted)
    if teacher._kind.several != multilabel:
        kinds = ("one class per row", "several labels per row")
        raise ValueError(
            f"teacher {type(teacher).__name__} predicts {kinds[not multilabel]}, but {type(method).__name__} learns "
            f"{kinds[multilabel]}; give it a teacher of the same kind."
        )
    if tuple(teacher.net_.input_shape) != tuple(run.input_shape):
        raise ValueError(
            f"teacher {type(teacher).__name__} was fitted on rows of shape {tuple(teacher.net_.input_shape)}, but X "
            f"has rows of shape {tuple(run.input_shape)}; teacher and student must see the same rows."
        )
    order = _column_order(teacher.classes_, run)
    # Several methods predict with other networks than the one they train.
    own = type(teacher)._logits is not WeakClassifier._logits
    answer = (lambda X: teacher._logits(teacher.net_, X)) if own else None
    network = teacher.net_.module_
    return NetworkTeacher(network, run, _told(network, method, wanted), answer=answer, order=order)


def _told(network, method, wanted):
    """Return what a network is asked for: less than wanted where it knows no embeddings of labels."""
    return wanted if wanted != "label_embeddings" or hasattr(network, wanted) else method._accepted()


def _fit_clone(teacher, method, run):
    fresh, target = clone(teacher), run.data.y
    unset = [name for name, value in sorted(fresh.get_params().items())
             if value is None and (name == "random_state" or name.endswith("__random_state"))]  # fmt: skip
    fresh.set_params(**{name: run.numpy_random.randint(np.iinfo(np.int32).max) for name in unset})
    several = method._kind.several and run.n_outputs > 1
    if isinstance(fresh, WeakClassifier) and fresh.classes is None:
        # The names of the columns, and classes that no row of this fit has.
        fresh.set_params(classes=run.classes.tolist())
    if isinstance(fresh, NeuralNet):
        X = run.data.rows(torch.arange(len(target), device=run.data.device)).cpu().numpy()
        return fresh.fit(X, target.astype(np.float32) if several else target.ravel())
    if several and (target == -1).any() and not isinstance(fresh, WeakClassifier):
        raise ValueError(
            f"y holds unknown entries (-1), from which teacher {type(fresh).__name__} cannot learn; fit it on complete "
            "rows before, or take one of this package."
        )
    return fresh.fit(_frame(method, run), target.astype(np.int64) if several else run.classes[target.ravel()])


def _frame(method, run):
    """Return the rows as the student's user gave them: a DataFrame where it was one."""
    names = getattr(method, "feature_names_in_", None)
    if names is None or not isinstance(run.data.X, np.ndarray):
        return run.data.X
    import pandas as pd

    return pd.DataFrame(run.data.X, columns=names)


def _column_order(known, run):
    """Return the positions of the student's classes among the teacher's, None where they are the same."""
    known, asked = np.asarray(known).tolist(), run.classes.tolist()
    if set(known) != set(asked):
        missing, further = sorted(map(str, set(asked) - set(known))), sorted(map(str, set(known) - set(asked)))
        raise ValueError(
            f"teacher and y differ in their classes: only y has {missing}, only the teacher has {further}; name all "
            "classes with classes= and give a teacher that was fitted on them."
        )
    if known == asked:
        return None
    if run.n_outputs == 1:
        raise ValueError(f"teacher has the two classes in the order {known}; give the student classes={known}.")
    return torch.tensor([known.index(label) for label in asked])


def check_lesson(logits, run):
    """Raise unless the logits are finite and have one column per class."""
    shape = tuple(logits.shape)
    if len(shape) != 2 or shape[1] != run.n_outputs:
        raise ValueError(
            f"teacher gives outputs of shape {shape}, but y asks for {run.n_outputs} columns, one per class; give a "
            "teacher of the same classes."
        )
    bad = ~torch.isfinite(logits).all(1)
    if bad.any():
        raise ValueError(f"teacher gives outputs that are not finite, first for row {int(bad.nonzero()[0])} of X.")


@contextmanager
def evaluating(network):
    """Put the network into evaluation mode without gradients for the block, and back as it was."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


class NetworkTeacher:
    """A network that is asked about any batch.

    Parameters
    ----------
    network : torch.nn.Module
    run : Trainer
        Of the student.
    wanted : {"logits", "features", "label_embeddings"}
    answer : callable or None
        From a batch to logits, where they are not what the network returns.
    as_logits : callable or None
        Turns the network's output into logits.
    order : tensor or None
        Positions of the student's classes among the teacher's.
    """

    gives_logits = True

    def __init__(self, network, run, wanted, *, answer=None, as_logits=None, order=None):
        self.network, self.wanted, self.answer, self.as_logits = network, wanted, answer, as_logits
        self.device, self.dtype = torch.device(run.device), run.dtype
        self.order = None if order is None else order.to(self.device)
        shape, rows = tuple(run.input_shape), torch.arange(min(2, len(run.data)), device=run.data.device)
        try:
            trial = self(run.data.rows(rows))
        except _REFUSALS as error:
            raise ValueError(
                f"teacher {type(network).__name__} cannot process rows of X of shape {shape}: {error}"
            ) from error
        check_lesson(trial.logits, run)
        self.width = None if trial.features is None else trial.features.shape[1]

    def __call__(self, X):
        """Return the lesson about a batch."""
        parameter = next(self.network.parameters(), X)
        X = X.to(parameter.device, parameter.dtype)
        features = None
        with evaluating(self.network):
            if self.wanted == "logits":
                logits = self.network(X) if self.answer is None else self.answer(X)
            else:
                features, logits = features_and_logits(self.network, X)
                logits = logits if self.answer is None else self.answer(X)
        logits = self._place(logits[0] if isinstance(logits, tuple) else logits)
        if self.as_logits is not None:
            logits = self.as_logits(logits.clamp(_SMALLEST_PROBA, 1 - torch.finfo(logits.dtype).eps))
        embeddings = None
        if self.wanted == "label_embeddings":
            embeddings = self._place(features.unflatten(1, (logits.shape[1], -1)))
        return Lesson(
            self._sorted(logits), None if features is None else self._place(features.flatten(1)),
            self._sorted(embeddings),
        )  # fmt: skip

    def _place(self, values):
        return values.to(self.device, self.dtype)

    def _sorted(self, values):
        return values if self.order is None or values is None else values.index_select(1, self.order)

    def every_row(self, run):
        """Return the lesson about all training rows."""
        batches = evaluation_batches(run.data, run.batch_size)
        parts = zip(*(self(rows) for rows in batches.inputs()), strict=True)
        lesson = Lesson(*(None if part[0] is None else torch.cat(part) for part in parts))
        check_lesson(lesson.logits, run)
        return lesson


class TableTeacher:
    """A classifier with ``predict_proba``, asked once about all training rows.

    The logarithms of its probabilities stand in for logits; of several labels per row they are the log-odds.
    """

    gives_logits, wanted = False, "logits"

    def __init__(self, teacher, method, run, wanted):
        name = type(teacher).__name__
        if "logits" not in (wanted, method._accepted()):
            raise ValueError(
                f"teacher {name} has no embeddings, which {type(method).__name__} needs; give an estimator of this "
                "package, a skorch net or a torch module."
            )
        if not hasattr(teacher, "predict_proba"):
            raise TypeError(f"teacher {name} has no predict_proba; give one that predicts probabilities.")
        self.teacher, self.method = teacher, method

    def every_row(self, run):
        """Return the lesson about all training rows."""
        teacher = self.teacher
        X = _frame(self.method, run) if hasattr(teacher, "feature_names_in_") else run.data.X
        try:
            proba = teacher.predict_proba(X)
        except _REFUSALS as error:
            raise ValueError(f"teacher {type(teacher).__name__} cannot process X: {error}") from error
        several = self.method._kind.several
        if several and run.n_outputs > 1:
            proba = _label_columns(proba, teacher)
        else:
            order = _column_order(teacher.classes_, run)
            proba = proba if order is None else proba[:, order.numpy()]
            proba = proba[:, 1:] if several else proba
        proba = np.asarray(proba, dtype=np.float64).clip(_SMALLEST_PROBA, 1.0)
        logits = logit(proba.clip(max=1 - _SMALLEST_PROBA)) if several else np.log(proba)
        logits = torch.from_numpy(logits).to(run.data.device, run.dtype)
        check_lesson(logits, run)
        return Lesson(logits)


def _label_columns(proba, teacher):
    """Return probabilities (n, L); many classifiers return a list of (n, 2) instead."""
    if not isinstance(proba, list):
        return proba
    columns = []
    for column, known in zip(proba, teacher.classes_, strict=True):
        known = np.asarray(known).tolist()
        # A label that was never there, or always, has one column only.
        columns.append(column[:, known.index(1)] if 1 in known else np.zeros(len(column)))
    return np.stack(columns, axis=1)
