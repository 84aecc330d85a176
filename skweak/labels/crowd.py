"""One answer per annotator and row, where an annotator was asked."""

import numpy as np

from skweak.labels.base import UNLABELED, LabelKind, Labels
from skweak.labels.beliefs import judge_most_probable
from skweak.labels.checks import check_discrete, find_classes, marked, refuse_marker


class CrowdLabels(LabelKind):
    """(n, A) class labels, one column per annotator, with the marker ``missing``."""

    name = "crowd"
    takes_matrix = True

    def encode_matrix(self, y, classes, markers):
        """Return answers (n, A) as class codes, -1 where nobody answered."""
        missing = self.entry_marker(markers)
        refuse_marker(classes, "missing", missing)
        absent = marked(y, missing)
        if absent.all():
            raise ValueError(f"y holds only the marker missing={missing!r}; give at least one answer.")
        present = y[~absent]
        check_discrete(present)
        classes, codes = find_classes(present, classes, y.shape[0], "answer")
        if len(classes) < 2:
            raise ValueError(
                f"y must contain at least 2 classes, the answers contain only one class: {classes.item(0)!r}."
            )
        target = np.full(y.shape, UNLABELED, dtype=np.int64)
        target[~absent] = codes
        return Labels(self, classes, target, flat=False)

    def column_target(self, codes, classes):
        """Return the answers of one annotator."""
        return codes[:, None]

    def entry_marker(self, markers):
        """Return the marker ``missing``."""
        return markers.get("missing", UNLABELED)

    def judge_rows(self, proba, target):
        """Settle on the most probable class."""
        return judge_most_probable(proba)

    def judge_predictions(self, y, predicted, classes, markers):
        """Count the answers that agree."""
        if y.ndim == 1:
            return super().judge_predictions(y, predicted, classes, markers)
        return ~marked(y, self.entry_marker(markers)), y == predicted[:, None]
