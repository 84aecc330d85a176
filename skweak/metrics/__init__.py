"""Scores that scikit-learn lacks, and scorers that look through dirty labels."""

from skweak.metrics.consensus import neighbor_transition_matrix
from skweak.metrics.dirty import (
    determinant_score,
    determinant_scorer,
    make_clean_scorer,
    noise_corrected_accuracy,
    noise_corrected_log_loss,
    noise_corrected_scorer,
    peer_accuracy,
    peer_accuracy_scorer,
)
from skweak.metrics.intervals import Estimate, estimated_accuracy, noise_rate_interval, verified_accuracy
from skweak.metrics.label_quality import confident_joint, estimate_transition_matrix, label_quality
from skweak.metrics.labeled import labeled_scorer
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
from skweak.metrics.neighbors import neighbor_agreement, neighbor_agreement_scorer, neighbor_votes
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
    "Estimate",
    "candidate_hit_rate",
    "candidate_hit_scorer",
    "candidate_log_loss",
    "candidate_log_loss_scorer",
    "confident_joint",
    "coverage",
    "coverage_scorer",
    "determinant_score",
    "determinant_scorer",
    "estimate_transition_matrix",
    "estimated_accuracy",
    "label_quality",
    "labeled_scorer",
    "macro_auc",
    "macro_auc_scorer",
    "make_clean_scorer",
    "mean_average_precision",
    "mean_average_precision_scorer",
    "neighbor_agreement",
    "neighbor_agreement_scorer",
    "neighbor_transition_matrix",
    "neighbor_votes",
    "noise_corrected_accuracy",
    "noise_corrected_log_loss",
    "noise_corrected_scorer",
    "noise_rate_interval",
    "one_error",
    "one_error_scorer",
    "overall_f1",
    "overall_f1_scorer",
    "peer_accuracy",
    "peer_accuracy_scorer",
    "per_class_f1",
    "per_class_f1_scorer",
    "query_precision_recall",
    "ranking_loss",
    "ranking_loss_scorer",
    "top_k_labels",
    "verified_accuracy",
]
