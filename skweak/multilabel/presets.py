"""The settings of papers' tables by name, for `skweak.base.WeakClassifier.preset`."""

import torch
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import OneCycleLR

# arXiv:2305.02795: one cycle of 40 epochs of which 12 learn from labeled rows alone; a tenth of the rows is labeled,
# eight in a batch of 64.
CAP = {
    "coco": {
        "warmup_epochs": 12, "unlabeled_weight": 1.0, "unlabeled_ratio": 7.0, "positive_fraction": 1.0,
        "negative_fraction": 1.0, "gamma_negative": 4.0, "gamma_positive": 0.0, "clip": 0.05, "average_decay": 0.9997,
        "optimizer": torch.optim.AdamW, "optimizer__weight_decay": 1e-4, "lr": 1e-4,
        "max_epochs": 40, "batch_size": 64,
        "callbacks": [("schedule", LRScheduler(OneCycleLR, max_lr=1e-4, total_steps=40, pct_start=0.2))],
    },
}  # fmt: skip
