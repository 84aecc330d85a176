"""The settings of papers' tables by name, for `skweak.base.WeakClassifier.preset`.

Networks differ from pair to pair of teacher and student and are not named; the learning rate of the smallest students,
MobileNet and ShuffleNet, is 0.01 in these tables.
"""

from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import MultiStepLR, OneCycleLR

# What papers on CIFAR-100 share: 240 epochs, the rate divided by ten at 150, 180 and 210.
_CIFAR100 = {
    "lr": 0.05, "max_epochs": 240, "batch_size": 64, "optimizer__momentum": 0.9, "optimizer__weight_decay": 5e-4,
    "augment": "weak",
    "callbacks": [("schedule", LRScheduler(MultiStepLR, milestones=[150, 180, 210], gamma=0.1))],
}  # fmt: skip
# Their tables of ImageNet: 100 epochs, divided at 30, 60 and 90.
_IMAGENET = _CIFAR100 | {
    "lr": 0.1, "max_epochs": 100, "batch_size": 256, "optimizer__weight_decay": 1e-4,
    "callbacks": [("schedule", LRScheduler(MultiStepLR, milestones=[30, 60, 90], gamma=0.1))],
}  # fmt: skip

KD = {"cifar100": _CIFAR100 | {"temperature": 4.0, "cross_entropy_weight": 0.1, "distill_weight": 0.9}}
# arXiv:2411.08937: the second head with aligned gradients on CIFAR-100; on ImageNet for half of the epochs.
_DHKD = {"distill_loss": "binary_kl_norm", "temperature": 2.0, "cross_entropy_weight": 1.0, "eps": 1e-8}
DHKD = {
    "cifar100": _CIFAR100 | _DHKD | {"distill_weight": 1.0, "aux_head": "mlp", "gradient_alignment": True},
    "imagenet": _IMAGENET
    | _DHKD
    | {"distill_weight": 0.1, "aux_head": "linear", "gradient_alignment": False, "distill_until": 50},
}
# arXiv:2203.08679, arXiv:2205.10536, arXiv:1904.05068 and arXiv:1412.6550.
DKD = {"cifar100": _CIFAR100 | {"temperature": 4.0, "target_weight": 1.0, "other_weight": 8.0, "ramp_epochs": 20}}
DIST = {"cifar100": _CIFAR100 | {"temperature": 4.0, "inter_weight": 2.0, "intra_weight": 2.0}}
RKD = {"cifar100": _CIFAR100 | {"distance_weight": 25.0, "angle_weight": 50.0}}
FITNET = {"cifar100": _CIFAR100 | {"feature_weight": 100.0, "optimizer": "auto"}}

# arXiv:2308.06453: Adam, one cycle of 80 epochs that warms up in a fifth of them.
L2D = {
    "coco": {
        "logit_weight": 10.0, "class_embedding_weight": 100.0, "instance_embedding_weight": 1000.0, "lr": 1e-4,
        "max_epochs": 80, "batch_size": 64, "augment": "weak", "optimizer__weight_decay": 1e-4,
        "callbacks": [("schedule", LRScheduler(OneCycleLR, max_lr=1e-4, total_steps=80, pct_start=0.2))],
    },
}  # fmt: skip
