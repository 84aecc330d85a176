"""Display objects in the style of scikit-learn; the only package that needs matplotlib."""

from skweak.plots.comparison import ComparisonDisplay
from skweak.plots.embedding import EmbeddingDisplay
from skweak.plots.label_audit import LabelAuditDisplay
from skweak.plots.label_quality import LabelQualityDisplay
from skweak.plots.query_curve import QueryCurveDisplay
from skweak.plots.reliability import ReliabilityDisplay
from skweak.plots.training_curve import TrainingCurveDisplay
from skweak.plots.transition_matrix import TransitionMatrixDisplay

__all__ = [
    "ComparisonDisplay",
    "EmbeddingDisplay",
    "LabelAuditDisplay",
    "LabelQualityDisplay",
    "QueryCurveDisplay",
    "ReliabilityDisplay",
    "TrainingCurveDisplay",
    "TransitionMatrixDisplay",
]
