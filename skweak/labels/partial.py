"""A set of candidate classes per row, one of them right."""

import warnings

import numpy as np
import torch
from scipy import sparse

from skweak.labels.base import LabelKind, Labels
from skweak.labels.beliefs import disambiguation, log_of
from skweak.labels.checks import binary_matrix, column_names


class PartialLabels(LabelKind):
    """(n, C) matrix of 0 and 1, dense or sparse, each row at least one candidate; or sets of candidates by name."""

    name = "partial"
    takes_matrix = takes_sparse = names_columns = True

    def encode_matrix(self, y, classes, markers):
        """Return candidates (n, C) as bytes; a row without one raises."""
        y = binary_matrix(y, self.name, (0, 1))
        named, classes = classes is not None, column_names(classes, y.shape[1], "candidates")
        target = (y != 0).toarray().astype(np.uint8) if sparse.issparse(y) else (y != 0).astype(np.uint8)
        empty = ~target.any(axis=1)
        if empty.any():
            raise ValueError(
                f"y has {y.shape[1]} columns of candidates but row {int(empty.argmax())} has no candidate; "
                "give every row at least one 1."
            )
        if target.all():
            raise ValueError(
                f"y has every one of the {y.shape[1]} classes as candidate of every row, which says nothing; "
                "leave out some candidates."
            )
        nowhere = ~target.any(axis=0)
        if nowhere.any() and not named:
            warnings.warn(
                f"Column {int(nowhere.argmax())} of y is a candidate of no row: its class cannot be learned. Name the "
                "columns by classes= if that is intended.",
                UserWarning,
                stacklevel=4,
            )
        return Labels(self, classes, target, flat=False)

    def column_target(self, codes, classes):
        """Return one candidate per row."""
        return (codes[:, None] == np.arange(len(classes))).astype(np.uint8)

    def held_out_loss(self, proba, target):
        """Count the whole probability of a candidate set."""
        return -log_of((proba * (target != 0)).sum(1)).mean()

    def judge_rows(self, proba, target):
        """Settle on the most probable candidate, its share of the candidates' probability being its quality."""
        inside = target != 0
        mass = (proba * inside).sum(1, keepdim=True)
        # A row whose candidates are all of probability 0 has equal shares.
        return disambiguation(torch.where(mass > 0, proba / mass, 1 / inside.sum(1, keepdim=True)) * inside)

    def judge_predictions(self, y, predicted, classes, markers):
        """Count predictions inside the candidate set."""
        if y.ndim == 1:
            return super().judge_predictions(y, predicted, classes, markers)
        y = binary_matrix(y, self.name, (0, 1))
        columns = {label: i for i, label in enumerate(column_names(classes, y.shape[1], "candidates").tolist())}
        place = np.array([columns[label] for label in predicted.tolist()])
        return np.ones(len(place), dtype=bool), np.asarray(y[np.arange(len(place)), place]).ravel() != 0
