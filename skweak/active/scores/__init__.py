"""Pure functions of arrays that score the rows of a pool, rank them and adapt a query from round to round.

Larger scores are more desirable unless a function says otherwise.
"""

from skweak.active.scores.annotators import (
    active_label_quality,
    interval_estimate,
    labeler_quality,
    relabel_uncertainty,
    weighted_consensus,
)
from skweak.active.scores.balance import (
    balanced_picks,
    difficulty_balanced,
    introspective_confusion,
    match_outputs,
    mixed_uncertainty,
    novel_picks,
)
from skweak.active.scores.batches import (
    falcun,
    nearest_to_centers,
    round_robin,
    sample_by_score,
    typical_rows,
)
from skweak.active.scores.budget import class_quotas, within_budget
from skweak.active.scores.clusters import cluster_match_f1
from skweak.active.scores.confidence import bidirectional_uncertainty, confidence_score, predicted_known
from skweak.active.scores.coverage import coverage_bandwidth, greedy_coverage, purity_radius
from skweak.active.scores.design import (
    expected_cost_reduction,
    expected_gradient_length,
    fisher_greedy,
    last_layer_gain,
    neighbor_divergence,
    quire,
)
from skweak.active.scores.disagreement import batch_bald, committee_disagreement, label_disagreement
from skweak.active.scores.entries import (
    audi_entries,
    cardinality_inconsistency,
    compared_labels,
    entry_uncertainty,
    max_loss_reduction,
    separation_margin,
    vector_inconsistency,
)
from skweak.active.scores.evidence import (
    aleatoric_uncertainty,
    ambiguity,
    dirichlet_uncertainty,
    epistemic_energy,
    max_activation_posterior,
    purity_margin,
)
from skweak.active.scores.feedback import update_candidate_factor, update_target_precision
from skweak.active.scores.graph import critical_rows, disharmony, subspace_rows
from skweak.active.scores.neighbors import reverse_neighbor_counts
from skweak.active.scores.ranking import candidate_size, coarse_to_fine, top_k
from skweak.active.scores.subsets import (
    cluster_quota,
    el2n,
    forgetting_events,
    parametric_prototypes,
    ratio_score,
    select_subset,
)
from skweak.active.scores.weights import lewis_weights, robust_inclusion, systematic_sample

__all__ = [
    "active_label_quality",
    "aleatoric_uncertainty",
    "ambiguity",
    "audi_entries",
    "balanced_picks",
    "batch_bald",
    "bidirectional_uncertainty",
    "candidate_size",
    "cardinality_inconsistency",
    "class_quotas",
    "cluster_match_f1",
    "cluster_quota",
    "coarse_to_fine",
    "committee_disagreement",
    "compared_labels",
    "confidence_score",
    "coverage_bandwidth",
    "critical_rows",
    "difficulty_balanced",
    "dirichlet_uncertainty",
    "disharmony",
    "el2n",
    "entry_uncertainty",
    "epistemic_energy",
    "expected_cost_reduction",
    "expected_gradient_length",
    "falcun",
    "fisher_greedy",
    "forgetting_events",
    "greedy_coverage",
    "interval_estimate",
    "introspective_confusion",
    "label_disagreement",
    "labeler_quality",
    "last_layer_gain",
    "lewis_weights",
    "match_outputs",
    "max_activation_posterior",
    "max_loss_reduction",
    "mixed_uncertainty",
    "nearest_to_centers",
    "neighbor_divergence",
    "novel_picks",
    "parametric_prototypes",
    "predicted_known",
    "purity_margin",
    "purity_radius",
    "quire",
    "ratio_score",
    "relabel_uncertainty",
    "reverse_neighbor_counts",
    "robust_inclusion",
    "round_robin",
    "sample_by_score",
    "select_subset",
    "separation_margin",
    "subspace_rows",
    "systematic_sample",
    "top_k",
    "typical_rows",
    "update_candidate_factor",
    "update_target_precision",
    "vector_inconsistency",
    "weighted_consensus",
    "within_budget",
]
