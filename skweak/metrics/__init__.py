"""Scores that scikit-learn lacks."""

from skweak.metrics.multilabel import (
    macro_auc,
    macro_auc_scorer,
    mean_average_precision,
    mean_average_precision_scorer,
    overall_f1,
    overall_f1_scorer,
    per_class_f1,
    per_class_f1_scorer,
    top_k_labels,
)
from skweak.metrics.partial import (
    candidate_hit_rate,
    candidate_hit_scorer,
    candidate_log_loss,
    candidate_log_loss_scorer,
)
from skweak.metrics.query import query_precision_recall
from skweak.metrics.ranking import (
    coverage,
    coverage_scorer,
    one_error,
    one_error_scorer,
    ranking_loss,
    ranking_loss_scorer,
)

__all__ = [
    "candidate_hit_rate",
    "candidate_hit_scorer",
    "candidate_log_loss",
    "candidate_log_loss_scorer",
    "coverage",
    "coverage_scorer",
    "macro_auc",
    "macro_auc_scorer",
    "mean_average_precision",
    "mean_average_precision_scorer",
    "one_error",
    "one_error_scorer",
    "overall_f1",
    "overall_f1_scorer",
    "per_class_f1",
    "per_class_f1_scorer",
    "query_precision_recall",
    "ranking_loss",
    "ranking_loss_scorer",
    "top_k_labels",
]
