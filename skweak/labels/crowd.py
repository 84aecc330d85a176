"""One answer per annotator and row, where an annotator was asked."""

import numpy as np

from skweak.labels.base import UNLABELED, LabelKind, Labels
from skweak.labels.beliefs import judge_most_probable
from skweak.labels.checks import check_discrete, find_classes, refuse_marker
from skweak.labels.markers import agreement, class_values, marked


class CrowdLabels(LabelKind):
    """(n, A) class labels, one column per annotator, with the marker ``missing``; nan and None count as it."""

    name = "crowd"
    takes_matrix = by_annotators = True

    def encode_matrix(self, y, classes, markers):
        """Return answers (n, A) as class codes, -1 where nobody answered."""
        missing = markers.get("missing", UNLABELED)
        refuse_marker(classes, "missing", missing)
        absent = self._absent(y, markers)
        if absent.all():
            raise ValueError(f"y holds only the marker missing={missing!r}; give at least one answer.")
        present = class_values(y, ~absent)
        check_discrete(present)
        classes, codes = find_classes(present, classes, y.shape[0], "answer")
        if len(classes) < 2:
            raise ValueError(
                f"y must contain at least 2 classes, the answers contain only one class: {classes.item(0)!r}."
            )
        target = np.full(y.shape, UNLABELED, dtype=np.int64)
        target[~absent] = codes.ravel()
        return Labels(self, classes, target, flat=False)

    def column_attributes(self, labels):
        """Return the names of the annotators, their numbers where a table has none."""
        n_annotators = labels.target.shape[1]
        return {"annotators_": np.arange(n_annotators) if labels.columns is None else labels.columns}

    def column_target(self, codes, classes):
        """Return the answers of one annotator."""
        return codes[:, None]

    def markers_in(self, markers, matrix):
        """Return the marker ``missing`` and nan."""
        return {"missing": markers.get("missing", UNLABELED), "nan": np.nan} if matrix else {}

    def _absent(self, y, markers):
        return marked(y, markers.get("missing", UNLABELED)) | marked(y, np.nan)

    def judge_rows(self, proba, target):
        """Settle on the most probable class."""
        return judge_most_probable(proba)

    def judge_predictions(self, y, predicted, classes, markers):
        """Count the answers that agree."""
        if y.ndim == 1:
            return super().judge_predictions(y, predicted, classes, markers)
        judged = ~self._absent(y, markers)
        return judged, agreement(y, np.broadcast_to(predicted[:, None], y.shape), judged)
