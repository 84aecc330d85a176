"""Pure functions of tensors: per-example losses and the formulas that several methods share."""

from skweak.losses.agreement import joint_agreement_loss
from skweak.losses.bidirectional import feature_imitation_loss, negative_branch_loss, positive_branch_loss
from skweak.losses.bounded_risk import bounded_unbiased_risk
from skweak.losses.coding_rate import coding_rate, coding_rate_reduction
from skweak.losses.complementary import complementary_loss
from skweak.losses.contrastive import mixed_contrastive_loss, supervised_contrastive_loss
from skweak.losses.decoupled import decoupled_kl
from skweak.losses.distillation import binary_kl, binary_kl_norm, distillation_kl, project_conflict
from skweak.losses.embedding import (
    class_aware_embedding_loss,
    instance_aware_embedding_loss,
    relational_huber_loss,
)
from skweak.losses.evidential import calibrated_softmax, evidential_kl, evidential_loss
from skweak.losses.long_tail import (
    class_balanced_weight,
    focal_loss,
    ldam_loss,
    logit_adjusted_cross_entropy,
)
from skweak.losses.multilabel import (
    asymmetric_loss,
    unbiased_binary_loss,
    unbiased_ranking_loss,
    variational_pu_loss,
)
from skweak.losses.open_set import energy_margin_loss, head_discrepancy, temperature_cross_entropy
from skweak.losses.pairwise import pairwise_label_loss
from skweak.losses.partial import (
    candidate_posterior,
    classifier_consistent_loss,
    leveraged_weighted_loss,
    leveraged_weights,
    risk_consistent_loss,
)
from skweak.losses.regularizers import class_balance_penalty, confidence_penalty, sharpen
from skweak.losses.relations import correlation_loss, kernel_matching_loss, relational_angle_loss
from skweak.losses.robust import (
    backward_corrected_cross_entropy,
    early_learning_penalty,
    forward_corrected_cross_entropy,
    generalized_cross_entropy,
    symmetric_cross_entropy,
)
from skweak.losses.semi_supervised import curriculum_thresholds, pseudo_label_loss, shrunk_cross_entropy
from skweak.losses.targets import bootstrap_cross_entropy, peer_loss, smoothed_cross_entropy

__all__ = [
    "asymmetric_loss",
    "backward_corrected_cross_entropy",
    "binary_kl",
    "binary_kl_norm",
    "bootstrap_cross_entropy",
    "bounded_unbiased_risk",
    "calibrated_softmax",
    "candidate_posterior",
    "class_aware_embedding_loss",
    "class_balance_penalty",
    "class_balanced_weight",
    "classifier_consistent_loss",
    "coding_rate",
    "coding_rate_reduction",
    "complementary_loss",
    "confidence_penalty",
    "correlation_loss",
    "curriculum_thresholds",
    "decoupled_kl",
    "distillation_kl",
    "early_learning_penalty",
    "energy_margin_loss",
    "evidential_kl",
    "evidential_loss",
    "feature_imitation_loss",
    "focal_loss",
    "forward_corrected_cross_entropy",
    "generalized_cross_entropy",
    "head_discrepancy",
    "instance_aware_embedding_loss",
    "joint_agreement_loss",
    "kernel_matching_loss",
    "ldam_loss",
    "leveraged_weighted_loss",
    "leveraged_weights",
    "logit_adjusted_cross_entropy",
    "mixed_contrastive_loss",
    "negative_branch_loss",
    "pairwise_label_loss",
    "peer_loss",
    "positive_branch_loss",
    "project_conflict",
    "pseudo_label_loss",
    "relational_angle_loss",
    "relational_huber_loss",
    "risk_consistent_loss",
    "sharpen",
    "shrunk_cross_entropy",
    "smoothed_cross_entropy",
    "supervised_contrastive_loss",
    "symmetric_cross_entropy",
    "temperature_cross_entropy",
    "unbiased_binary_loss",
    "unbiased_ranking_loss",
    "variational_pu_loss",
]
