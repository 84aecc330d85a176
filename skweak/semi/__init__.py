"""Estimators for class labels that most rows do not have."""

from skweak.semi.fixmatch import FixMatchClassifier
from skweak.semi.flexmatch import FlexMatchClassifier
from skweak.semi.mean_teacher import MeanTeacherClassifier
from skweak.semi.pseudo_label import PseudoLabelClassifier
from skweak.semi.shrinkmatch import ShrinkMatchClassifier

__all__ = [
    "FixMatchClassifier",
    "FlexMatchClassifier",
    "MeanTeacherClassifier",
    "PseudoLabelClassifier",
    "ShrinkMatchClassifier",
]
