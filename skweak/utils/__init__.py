"""Small functions that several families share: discovery, statistics of scores, schedules, random draws."""

from skweak.utils.discovery import all_estimators, all_strategies
from skweak.utils.priors import label_prior
from skweak.utils.sampling import draw_complementary_labels
from skweak.utils.schedules import linear_ramp, warmup_decay, warmup_length
from skweak.utils.statistics import (
    confidence_weight,
    given_label_proba,
    label_margin,
    min_max,
    mixture_posterior,
)

__all__ = [
    "all_estimators",
    "all_strategies",
    "confidence_weight",
    "draw_complementary_labels",
    "given_label_proba",
    "label_margin",
    "label_prior",
    "linear_ramp",
    "min_max",
    "mixture_posterior",
    "warmup_decay",
    "warmup_length",
]
