"""Several labels per row, some of them unknown or wrong."""

from skweak.multilabel.cap import CAPClassifier
from skweak.multilabel.ccmn import CCMNClassifier
from skweak.multilabel.cdcr import CDCRClassifier
from skweak.multilabel.d2l import D2LClassifier
from skweak.multilabel.mean_teacher import MultiLabelMeanTeacherClassifier
from skweak.multilabel.plain import MultiLabelClassifier
from skweak.multilabel.pooling import pool_patches
from skweak.multilabel.priors import clean_prior
from skweak.multilabel.pseudo_label import MultiLabelPseudoLabelClassifier
from skweak.multilabel.puml import PUMLClassifier
from skweak.multilabel.thresholds import class_aware_pseudo_labels, metric_adaptive_thresholds

__all__ = [
    "CAPClassifier",
    "CCMNClassifier",
    "CDCRClassifier",
    "D2LClassifier",
    "MultiLabelClassifier",
    "MultiLabelMeanTeacherClassifier",
    "MultiLabelPseudoLabelClassifier",
    "PUMLClassifier",
    "class_aware_pseudo_labels",
    "clean_prior",
    "metric_adaptive_thresholds",
    "pool_patches",
]
