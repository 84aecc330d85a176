"""Data sets, and generators that turn clean labels into noisy, partial, missing, crowd or open-set ones.

``make_*`` functions change labels and are repeatable by ``random_state``; ``load_*`` functions read local
files; ``fetch_*`` functions download.
"""

from .annotators import make_annotators, make_crowd_labels
from .block_model import make_block_model
from .candidates import (
    make_class_dependent_candidates,
    make_hierarchical_candidates,
    make_instance_dependent_candidates,
    make_noisy_candidates,
    make_pair_candidates,
    make_uniform_candidates,
    make_uniform_subsets,
)
from .feature_noise import make_instance_dependent_noise, make_margin_noise, make_web_noise
from .imbalance import make_long_tailed
from .loaders import load_cifar10_test, load_cifar10n, load_csv, load_fashion_mnist
from .multilabel import (
    make_missing_entries,
    make_multilabel_noise,
    make_partial_multilabel,
    make_positive_only,
    make_semi_supervised,
    make_single_positive,
)
from .noise import make_asymmetric_noise, make_noisy_labels, make_pairflip_noise, make_symmetric_noise
from .open_set import make_open_set_noise, make_open_set_pool
from .openml import fetch_cifar10, fetch_fashion_mnist, fetch_multilabel
from .unlabeled import make_unlabeled
from .weak_loaders import (
    load_crowd,
    load_multilabel,
    load_partial_label,
    load_partial_multilabel,
    load_youtube_spam,
)

__all__ = [
    "fetch_cifar10",
    "fetch_fashion_mnist",
    "fetch_multilabel",
    "load_cifar10_test",
    "load_cifar10n",
    "load_crowd",
    "load_csv",
    "load_fashion_mnist",
    "load_multilabel",
    "load_partial_label",
    "load_partial_multilabel",
    "load_youtube_spam",
    "make_annotators",
    "make_asymmetric_noise",
    "make_block_model",
    "make_class_dependent_candidates",
    "make_crowd_labels",
    "make_hierarchical_candidates",
    "make_instance_dependent_candidates",
    "make_instance_dependent_noise",
    "make_long_tailed",
    "make_margin_noise",
    "make_missing_entries",
    "make_multilabel_noise",
    "make_noisy_candidates",
    "make_noisy_labels",
    "make_open_set_noise",
    "make_open_set_pool",
    "make_pair_candidates",
    "make_pairflip_noise",
    "make_partial_multilabel",
    "make_positive_only",
    "make_semi_supervised",
    "make_single_positive",
    "make_symmetric_noise",
    "make_uniform_candidates",
    "make_uniform_subsets",
    "make_unlabeled",
    "make_web_noise",
]
