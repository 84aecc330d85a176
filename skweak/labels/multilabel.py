"""Several labels per row at once, some of them unknown."""

import numpy as np
import torch
from scipy import sparse

from skweak.labels.base import LabelKind, Labels
from skweak.labels.beliefs import log_of, mean_loss
from skweak.labels.checks import binary_matrix, column_names


class MultiLabels(LabelKind):
    """(n, L) matrix of 0 and 1, -1 or nan where unknown, dense or sparse, or sets of labels by name.

    A one-dimensional ``y`` is one binary label.
    """

    name = "multilabel"
    takes_matrix = takes_sparse = several = names_columns = True

    def encode_matrix(self, y, classes, markers):
        """Return labels (n, L) of 0, 1 and -1 as bytes."""
        y = binary_matrix(y, self.name, (0, 1, -1))
        classes = column_names(classes, y.shape[1], "labels")
        target = (y.toarray() if sparse.issparse(y) else y).astype(np.int8)
        if (target == -1).all():
            raise ValueError("y holds only -1 (unknown); label at least one entry.")
        return Labels(self, classes, target, flat=False)

    def markers_in(self, markers, matrix):
        """Return nan, which is unknown as -1 is."""
        return {"nan": np.nan} if matrix else {}

    def column_target(self, codes, classes):
        """Return one binary label per row."""
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is multiclass with {len(classes)} "
                "classes; for several labels give y as a 0/1 matrix with one column per label."
            )
        return codes[:, None].astype(np.int8)

    def n_outputs(self, labels):
        """Return the number of labels."""
        return labels.target.shape[1]

    def n_classes(self, n_outputs, flat):
        """Return the number of labels, or two values of a single one."""
        return n_outputs + bool(flat)

    def decode(self, labels, codes):
        """Return the matrix as it is, or the values of a single label."""
        return labels.classes[codes[:, 0]] if labels.flat else codes

    def proba(self, logits):
        """Return one probability per label, strictly inside (0, 1), also after rounding to single precision."""
        return logits.sigmoid().clamp(1e-7, 1 - 1e-7)

    def shown_proba(self, proba, flat):
        """Return (n, L), or (n, 2) of a single label."""
        return np.hstack([1 - proba, proba]) if flat else proba

    def predict(self, proba, classes, flat, thresholds):
        """Return (n, L) of 0 and 1 by the thresholds, or the values of a single label."""
        if flat:
            return classes[(proba[:, 1] >= np.ravel(thresholds)[0]).astype(int)]
        return (proba >= thresholds).astype(np.int64)

    def held_out_loss(self, proba, target, cell_weight=None):
        """Count the known entries."""
        return mean_loss(log_of(torch.where(target == 1, proba, 1 - proba)), target != -1, cell_weight)

    def check_codes(self, values, n_outputs):
        """Accept rows (k, L) of 0, 1 and -1."""
        if values.shape[1:] != (n_outputs,) or not ((values == 0) | (values == 1) | (values == -1)).all():
            raise ValueError(f"target must be a row of {n_outputs} labels, each 0, 1 or -1, per position.")

    def judge_predictions(self, y, predicted, classes, markers):
        """Count the known entries."""
        if y.shape != predicted.shape:
            raise ValueError(f"y has shape {y.shape}, but the predictions have shape {predicted.shape}.")
        if y.ndim == 1:
            return super().judge_predictions(y, predicted, classes, markers)
        y = binary_matrix(y, self.name, (0, 1, -1))
        y = y.toarray() if sparse.issparse(y) else y
        return y != -1, y == predicted
