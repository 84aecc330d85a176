"""Several labels per row, some of them unknown or wrong.

``y`` is a matrix (n, L) of 0 and 1, and -1 where nothing is known, dense or sparse; ``classes`` names its columns.
Folds, pipelines and searches of scikit-learn take both; only ``cross_validate`` and its kin refuse a sparse one: give
them ``y.toarray()``. For a matrix an integer ``cv`` means folds in the order of the rows, so pass a shuffled ``KFold``.

>>> from sklearn.datasets import make_multilabel_classification
>>> from sklearn.model_selection import KFold, cross_val_score
>>> from skweak.datasets import make_semi_supervised
>>> from skweak.metrics import mean_average_precision_scorer
>>> X, Y = make_multilabel_classification(400, random_state=0)
>>> partly = make_semi_supervised(Y, labeled_fraction=0.5, random_state=0)
>>> clf, folds = CAPClassifier(random_state=0), KFold(2, shuffle=True, random_state=1)
>>> bool(cross_val_score(clf, X, partly, cv=folds, scoring=mean_average_precision_scorer).mean() > 0.5)
True
"""

from skweak.multilabel.cap import CAPClassifier
from skweak.multilabel.ccmn import CCMNClassifier
from skweak.multilabel.cdcr import CDCRClassifier
from skweak.multilabel.d2l import D2LClassifier
from skweak.multilabel.hierarchy import propagate
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
    "propagate",
]
