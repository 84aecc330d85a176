"""One class label per row, with rows that belong to none of the known classes and rows nobody looked at."""

import numpy as np

from skweak.labels.base import LabelKind
from skweak.labels.checks import refuse_marker
from skweak.labels.markers import agreement, marked
from skweak.labels.semi import unlabeled_rows


class OpenLabels(LabelKind):
    """(n,) class labels with the markers ``unknown_label`` (encoded as C) and ``unlabeled`` (encoded as -1)."""

    name = "open"

    def marked_rows(self, y, classes, markers):
        """Return which rows have no label, and which were found to be of no known class."""
        unlabeled, unknown_label = markers.get("unlabeled"), markers.get("unknown_label")
        # None among the labels is an unknown row, never an unlabeled one: as ``unlabeled`` it says that there is none.
        skip = np.zeros(y.shape, dtype=bool) if unlabeled is None else unlabeled_rows(y, classes, markers)
        if unlabeled is not None and marked(np.array([unlabeled], dtype=object), unknown_label).any():
            raise ValueError(f"unlabeled and unknown_label are both {unlabeled!r}; give them different values.")
        refuse_marker(classes, "unknown_label", unknown_label)
        return skip, marked(y, unknown_label)

    def judge_predictions(self, y, predicted, classes, markers):
        """Judge the rows of known classes."""
        unlabeled, unknown_label = markers.get("unlabeled"), markers.get("unknown_label")
        judged = ~marked(y, unknown_label)
        judged &= True if unlabeled is None else ~marked(y, unlabeled)
        return judged, agreement(y, predicted, judged)

    def markers_in(self, markers, matrix):
        """Return both markers; None is no ``unlabeled`` row."""
        present = {name: markers.get(name) for name in ("unknown_label", "unlabeled")}
        return {name: value for name, value in present.items() if name == "unknown_label" or value is not None}
