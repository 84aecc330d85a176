"""The base of students: it finds the teacher's answers for every batch."""

import copy
import warnings

from sklearn.utils._param_validation import HasMethods
from torch import nn

from skweak.base import WeakClassifier
from skweak.distill.teachers import Lesson, check_lesson, is_fitted, open_teacher
from skweak.fit import refuse_facts
from skweak.fit.side import RowValues
from skweak.nn.build import features_and_logits


class DistilledClassifier(WeakClassifier):
    """Base of classifiers that learn from a teacher's outputs beside the labels.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated: any classifier with ``predict_proba``, or a skorch net or a torch module that returns
        logits in the order of ``classes_``. An unfitted one is cloned and fitted on the same rows. A fitted one is
        carried through ``clone`` by reference; among the values of a grid, wrap it in scikit-learn's
        FrozenEstimator. None needs ``teacher_logits`` in ``fit``.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`. With ``augment`` the teacher is asked about every view,
        which takes a network; without, it is asked once about every row.

    Notes
    -----
    Nothing of the teacher remains but this parameter: ``set_params(teacher=None)`` before saving gives a small
    file that still predicts.
    """

    # A student imitates its teacher, whatever weights the labels have: it is the teacher that classes are weighed for.
    _class_weighting = None
    # Whether the size of the logits matters, which probabilities do not tell.
    _imitates_logits = False
    _side_facts = {"teacher_logits": RowValues("logits computed before")}
    _parameter_constraints = {"teacher": [None, HasMethods("fit"), nn.Module]}

    def __init__(self, module="auto", *, teacher=None, **training):
        super().__init__(module, **training)
        self.teacher = teacher

    def fit(self, X, y, teacher_logits=None, **facts):
        """Train on ``X`` and ``y``.

        Parameters
        ----------
        X, y
            As in `skweak.base.WeakClassifier`.
        teacher_logits : array-like of shape (n, C) or None
            Logits computed before, columns in the order of ``classes_``; the teacher is not asked for them then.

        Returns
        -------
        self
        """
        refuse_facts(self, facts)
        if teacher_logits is None:
            if self.teacher is None:
                raise ValueError("teacher is None and no teacher_logits are given to fit; give one of them.")
            return self._fit(X, y)
        if self.augment is not None:
            raise ValueError("teacher_logits belong to the rows as they are; set augment=None or give a teacher.")
        return self._fit(X, y, side={"teacher_logits": teacher_logits})

    def _wanted(self):
        """Return the most detailed answer that the method needs: logits, features or label_embeddings."""
        return "logits"

    def _accepted(self):
        """Return the answer that the method makes do with where a teacher has no embeddings of labels."""
        return self._wanted()

    def _check_labels(self, labels, trusted):
        if self.teacher is None and self._wanted() != "logits":
            raise ValueError(f"teacher is None, but {type(self).__name__} needs its embeddings; give a network.")

    def _open_teacher(self, run):
        """Return the teacher, opened at the first call of a fit."""
        if "teacher" not in vars(run.scratch):
            run.scratch.teacher = open_teacher(self, run, self._wanted())
            if self.augment is not None and not callable(run.scratch.teacher):
                raise ValueError(
                    f"teacher {type(self.teacher).__name__} cannot be asked about augmented batches; set augment=None "
                    "or give a network as teacher."
                )
            if self._imitates_logits and not self._kind.several and not run.scratch.teacher.gives_logits:
                warnings.warn(
                    f"teacher {type(self.teacher).__name__} gives probabilities only. {type(self).__name__} imitates "
                    "logits, for which their logarithms are a makeshift.", UserWarning, stacklevel=8,
                )  # fmt: skip
        return run.scratch.teacher

    def _start(self, run):
        given = run.facts.read("teacher_logits") if "teacher_logits" in self._side_facts else None
        run.scratch.lesson = None
        if given is not None:
            check_lesson(given, run)
        if given is None or self._wanted() != "logits":
            teacher = self._open_teacher(run)
            run.scratch.lesson = teacher.every_row(run) if self.augment is None else None
        if given is not None:
            lesson = run.scratch.lesson or Lesson(None)
            run.scratch.lesson = lesson._replace(logits=given.to(run.dtype))

    def _lesson(self, run, batch):
        """Return what the teacher says about the rows of a batch."""
        lesson = run.scratch.lesson
        return run.scratch.teacher(batch.X) if lesson is None else lesson.rows(batch.index)

    def _student(self, run, X):
        """Return the student's embedding and logits in full precision."""
        z, logits = features_and_logits(run.module_, X)
        return z.to(run.dtype), logits.to(run.dtype)

    def __sklearn_clone__(self):
        if not is_fitted(self.teacher):
            return super().__sklearn_clone__()
        bare = copy.copy(self)
        bare.teacher = None
        fresh = super(DistilledClassifier, bare).__sklearn_clone__()
        fresh.teacher = self.teacher
        return fresh
