"""What every kind of labels answers, with the answers of plain class labels as defaults."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils.validation import check_array

from skweak.labels.beliefs import given_class_losses, judge_given
from skweak.labels.checks import check_discrete, check_numbering, class_list, find_classes, label_array, label_column
from skweak.labels.markers import class_values
from skweak.labels.tables import column_names_of, holds_sets, in_order, sets_as_matrix

UNLABELED = -1


@dataclass(frozen=True)
class Labels:
    """A checked and encoded ``y``.

    Attributes
    ----------
    kind : LabelKind
    classes : ndarray of shape (C,)
        Known classes, sorted or as given by the user; of multi-label data the names of the columns, or the two values
        of a one-dimensional ``y``.
    target : ndarray
        Encoded as in the table of the module docstring.
    flat : bool
        Whether ``y`` was one-dimensional.
    columns : ndarray of shape (K,) or None
        Names of the columns of a DataFrame.
    """

    kind: "LabelKind"
    classes: np.ndarray
    target: np.ndarray
    flat: bool = True
    columns: np.ndarray | None = None

    @property
    def n_outputs(self):
        """Number of logits a network needs."""
        return self.kind.n_outputs(self)

    def decode(self, codes):
        """Return class codes in the user's labels; a matrix of 0/1 labels stays as it is."""
        return self.kind.decode(self, codes)


class LabelKind:
    """One kind of ``y``: what it may look like, how it becomes tensors, and how predictions come back from them.

    The defaults are those of one class per row. A new kind overrides what differs, in one file, and an estimator names
    an instance of it in ``_label_kind``.

    Attributes
    ----------
    name : str
        Appears in messages.
    takes_matrix, takes_sparse : bool
        Whether ``y`` may have several columns, and be a sparse matrix.
    several : bool
        Whether a row has several labels at once, so that predictions are matrices.
    names_columns : bool
        Whether the columns of a matrix are the classes, so that a DataFrame names them and a row may be a set.
    by_annotators : bool
        Whether the columns of a matrix are people, each of whom may name the class of a row.
    judges_given : bool
        Whether every row has one given class, whose probability is its quality.
    weighs_classes : bool
        Whether a row has one known class at most, so that classes can have weights.
    """

    name = "labels"
    takes_matrix = takes_sparse = several = names_columns = False
    judges_given = by_annotators = weighs_classes = False

    def encode(self, y, *, n_rows=None, classes=None, owner="This", markers=None):
        """Return the `Labels` of ``y``, checked; ``markers`` are the marker parameters by name."""
        markers = markers or {}
        if y is None:
            raise ValueError(f"{owner} estimator requires y to be passed, but the target y is None.")
        classes = None if classes is None else class_list(classes)
        y, names = self._named(y, classes)
        if self.names_columns and names is not None:
            classes = names if classes is None else classes
        y = self._array(y, markers, classes)
        if n_rows is not None and y.shape[0] != n_rows:
            raise ValueError(f"y has inconsistent numbers of samples: X has {n_rows} rows, y has {y.shape[0]}.")
        if 0 in y.shape:
            raise ValueError(f"y has shape {y.shape}; give at least one row and one column.")
        if self.takes_matrix and y.ndim == 2 and y.shape[1] > 1:
            check_numbering(y, self.name)
            return replace(self.encode_matrix(y, classes, markers), columns=names)
        return self.encode_column(label_column(y), classes, markers)

    def _named(self, y, classes):
        """Return ``y`` with its columns in the order of ``classes`` if these are their names, and the names."""
        if holds_sets(y):
            if not self.names_columns:
                raise ValueError(
                    f"y holds sets of labels, but {self.name} labels are one per row and annotator; take an estimator "
                    "of skweak.partial (one of the set is right) or skweak.multilabel (all are)."
                )
            return sets_as_matrix(y, classes)
        names = column_names_of(y)
        if names is not None and self.names_columns:
            return in_order(y, names, classes), names if classes is None else classes
        return y, names

    def column_attributes(self, labels):
        """Return the fitted attributes, by name, that follow from the columns of ``y``."""
        return {}

    def encode_matrix(self, y, classes, markers):
        """Return the `Labels` of a ``y`` of several columns."""
        raise NotImplementedError

    def encode_column(self, y, classes, markers):
        """Return the `Labels` of a one-dimensional ``y``."""
        skip, unknown = self.marked_rows(y, classes, markers)
        named = ~(skip | unknown)
        if not named.any():
            raise ValueError(f"y holds no row with a class: all {len(y)} rows are marked; label at least two classes.")
        values = class_values(y, named)
        check_discrete(values)
        classes, codes = find_classes(values, classes, len(y), "label")
        if len(classes) < 2:
            raise ValueError(
                f"y must contain at least 2 classes, the data contains only one class: {classes.item(0)!r}."
            )
        if named.all():
            return Labels(self, classes, self.column_target(codes, classes))
        target = np.full(len(y), UNLABELED, dtype=np.int64)
        target[named] = codes
        target[unknown] = len(classes)
        return Labels(self, classes, target)

    def marked_rows(self, y, classes, markers):
        """Return which rows of a one-dimensional ``y`` have no label, and which have none of the known classes."""
        return np.zeros(y.shape, dtype=bool), np.zeros(y.shape, dtype=bool)

    def column_target(self, codes, classes):
        """Return the encoded target of the class codes (n,) of a one-dimensional ``y``."""
        return codes

    def n_outputs(self, labels):
        """Return the number of logits a network needs."""
        return len(labels.classes)

    def n_classes(self, n_outputs, flat):
        """Return the number of entries of ``classes_`` that belong to so many logits."""
        return n_outputs

    def decode(self, labels, codes):
        """Return class codes in the user's labels."""
        return labels.classes[codes]

    def proba(self, logits):
        """Return the probabilities that belong to logits (n, C)."""
        return logits.softmax(1)

    def shown_proba(self, proba, flat):
        """Return what ``predict_proba`` shows of the array of probabilities; ``flat`` as in `Labels`."""
        return proba

    def predict(self, proba, classes, flat, thresholds):
        """Return predictions in the user's labels from what ``predict_proba`` shows."""
        return classes[proba.argmax(axis=1)]

    def held_out_loss(self, proba, target, cell_weight=None):
        """Return the mean negative log-probability (scalar tensor) of what held-out labels say, 0 if they say nothing.

        ``proba`` is (n, C) and ``target`` the encoded labels; entries that say nothing are left out. ``cell_weight``
        weighs the entries of a target of several columns.
        """
        return given_class_losses(proba, target if target.dim() == 2 else target[:, None], cell_weight)

    def judge_rows(self, proba, target):
        """Return the per-row attributes (arrays by name) of rows that did not train, from their final ``proba``.

        A given label stays; its quality is the probability of its class, nan where it has none.
        """
        return judge_given(proba, target)

    def score(self, y, predicted, *, classes=None, markers=None, sample_weight=None):
        """Return the share of correct predictions among those that ``y`` can judge; nan when there are none."""
        markers, predicted = markers or {}, np.asarray(predicted)
        y = self._named(y, None if classes is None or not self.names_columns else np.asarray(classes))[0]
        y = self._array(y, markers, classes)
        if y.shape[0] != len(predicted):
            raise ValueError(f"y has inconsistent numbers of samples: {y.shape[0]}, but X has {len(predicted)} rows.")
        if y.ndim == 2 and (not self.takes_matrix or (y.shape[1] == 1 and predicted.ndim == 1)):
            y = label_column(y)
        judged, hit = self.judge_predictions(y, predicted, classes, markers)
        weight = np.ones(len(predicted)) if sample_weight is None else sample_weight
        weight = check_array(weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
        if weight.shape != predicted.shape[:1]:
            raise ValueError(
                f"sample_weight must have shape ({len(predicted)},), one entry per row, got {weight.shape}."
            )
        weight = weight.reshape((-1,) + (1,) * (judged.ndim - 1)) * judged
        return float((weight * hit).sum() / weight.sum()) if weight.sum() > 0 else float("nan")

    def judge_predictions(self, y, predicted, classes, markers):
        """Return which entries of ``y`` can judge a prediction, and which of them agree with it."""
        return np.ones(len(y), dtype=bool), y == predicted

    def check_codes(self, values, n_outputs):
        """Raise unless a tensor of new targets holds class codes (k,), which a fit could have been given."""
        if values.dim() != 1 or values.is_floating_point() or not ((values >= 0) & (values < n_outputs)).all():
            raise ValueError(f"target must be one class code in 0..{n_outputs - 1} per position.")

    def set_tags(self, tags):
        """Set what scikit-learn must know of this kind."""
        tags.target_tags.two_d_labels = self.takes_matrix
        tags.classifier_tags.multi_label = self.several
        tags.classifier_tags.multi_class = not self.several

    def _array(self, y, markers, classes):
        classes = None if classes is None else np.asarray(classes)
        return label_array(
            y, self.name, takes_sparse=self.takes_sparse, classes=classes,
            markers=lambda matrix: self.markers_in(markers, matrix),
        )  # fmt: skip

    def markers_in(self, markers, matrix):
        """Return those markers, by name, that may stand in a ``y`` of several columns (``matrix``) or of one."""
        return {}
