"""Estimators for class labels that most rows do not have, for rare classes, shifted domains and streams."""

from skweak.semi.ddfa import DDFAClassifier
from skweak.semi.fixmatch import FixMatchClassifier
from skweak.semi.flexmatch import FlexMatchClassifier
from skweak.semi.imbalanced import ImbalancedSelfTrainingClassifier
from skweak.semi.mean_teacher import MeanTeacherClassifier
from skweak.semi.pseudo_label import PseudoLabelClassifier
from skweak.semi.repetition import RepetitionEnsembleClassifier
from skweak.semi.shrinkmatch import ShrinkMatchClassifier

__all__ = [
    "DDFAClassifier",
    "FixMatchClassifier",
    "FlexMatchClassifier",
    "ImbalancedSelfTrainingClassifier",
    "MeanTeacherClassifier",
    "PseudoLabelClassifier",
    "RepetitionEnsembleClassifier",
    "ShrinkMatchClassifier",
]
