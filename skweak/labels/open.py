"""One class label per row, with rows that belong to none of the known classes and rows nobody looked at."""

from skweak.labels.base import LabelKind
from skweak.labels.checks import marked, refuse_marker
from skweak.labels.semi import unlabeled_rows


class OpenLabels(LabelKind):
    """(n,) class labels with the markers ``unknown_label`` (encoded as C) and ``unlabeled`` (encoded as -1)."""

    name = "open"

    def marked_rows(self, y, classes, markers):
        """Return which rows have no label, and which were found to be of no known class."""
        unlabeled, unknown_label = markers.get("unlabeled"), markers.get("unknown_label")
        skip = unlabeled_rows(y, classes, markers)
        if unknown_label is not None and unknown_label == unlabeled:
            raise ValueError(f"unlabeled and unknown_label are both {unlabeled!r}; give them different values.")
        refuse_marker(classes, "unknown_label", unknown_label)
        return skip, marked(y, unknown_label)

    def judge_predictions(self, y, predicted, classes, markers):
        """Judge the rows of known classes."""
        return ~(marked(y, markers.get("unlabeled")) | marked(y, markers.get("unknown_label"))), y == predicted
