"""One class label per row, some of them wrong."""

from skweak.labels.base import LabelKind


class NoisyLabels(LabelKind):
    """(n,) class labels of any type that scikit-learn takes; the network is trained on codes 0..C-1."""

    name = "noisy"
    weighs_classes = True
    judges_given = True
