"""Pure functions of arrays that score the rows of a pool, rank them and adapt a query from round to round.

Larger scores are more desirable unless a function says otherwise.
"""

from skweak.active.scores.clusters import cluster_match_f1
from skweak.active.scores.confidence import bidirectional_uncertainty, confidence_score, predicted_known
from skweak.active.scores.evidence import (
    aleatoric_uncertainty,
    ambiguity,
    dirichlet_uncertainty,
    epistemic_energy,
    max_activation_posterior,
    purity_margin,
)
from skweak.active.scores.feedback import update_candidate_factor, update_target_precision
from skweak.active.scores.neighbors import reverse_neighbor_counts
from skweak.active.scores.ranking import candidate_size, coarse_to_fine, top_k

__all__ = [
    "aleatoric_uncertainty",
    "ambiguity",
    "bidirectional_uncertainty",
    "candidate_size",
    "cluster_match_f1",
    "coarse_to_fine",
    "confidence_score",
    "dirichlet_uncertainty",
    "epistemic_energy",
    "max_activation_posterior",
    "predicted_known",
    "purity_margin",
    "reverse_neighbor_counts",
    "top_k",
    "update_candidate_factor",
    "update_target_precision",
]
