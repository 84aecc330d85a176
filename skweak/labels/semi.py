"""One class label per row where there is one, and a marker elsewhere."""

import warnings

import numpy as np

from skweak.labels.base import LabelKind
from skweak.labels.checks import refuse_marker
from skweak.labels.markers import agreement, marked


class SemiLabels(LabelKind):
    """(n,) class labels with the marker ``unlabeled``, of any type; -1 in the encoded target."""

    name = "semi"
    weighs_classes = True

    def marked_rows(self, y, classes, markers):
        """Return which rows have no label; a marker that never occurs gives a warning."""
        return unlabeled_rows(y, classes, markers), np.zeros(y.shape, dtype=bool)

    def markers_in(self, markers, matrix):
        """Return the marker ``unlabeled``."""
        return {"unlabeled": markers.get("unlabeled")}

    def judge_predictions(self, y, predicted, classes, markers):
        """Judge the labeled rows."""
        judged = ~marked(y, markers.get("unlabeled"))
        return judged, agreement(y, predicted, judged)


def unlabeled_rows(y, classes, markers):
    """Return which rows hold the marker ``unlabeled``, checked against ``classes``."""
    unlabeled = markers.get("unlabeled")
    refuse_marker(classes, "unlabeled", unlabeled)
    skip = marked(y, unlabeled)
    if unlabeled is not None and not skip.any():
        warnings.warn(
            f"y holds no row marked unlabeled={unlabeled!r}: every row counts as labeled. If y was encoded anew on "
            "the way (by bagging, voting or calibration), the marker has become a class.",
            UserWarning,
            stacklevel=6,
        )
    return skip
