"""The settings of papers' tables by name, for `skweak.base.WeakClassifier.preset`.

64 labeled and 448 unlabeled images a step, 2^20 steps on the 50,000 images of CIFAR, which are 9,363 epochs; their
networks are wide residual ones of 28 layers. arXiv:2001.07685, arXiv:2110.08263, arXiv:2308.06777.
"""

import math

from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import LambdaLR

_EPOCHS = 9363


def seven_sixteenths(epoch):
    """Return the factor of the learning rate, a cosine that ends at 7/16 of a half turn."""
    return math.cos(7 * math.pi * epoch / (16 * _EPOCHS))


_CIFAR10 = {
    "threshold": 0.95, "unlabeled_weight": 1.0, "unlabeled_ratio": 7.0, "batch_size": 512, "average_decay": 0.999,
    "lr": 0.03, "optimizer__momentum": 0.9, "optimizer__nesterov": True, "optimizer__weight_decay": 5e-4,
    "max_epochs": _EPOCHS, "augment": "strong",
    "callbacks": [("schedule", LRScheduler(LambdaLR, lr_lambda=seven_sixteenths))],
}  # fmt: skip
FIXMATCH = {"cifar10": _CIFAR10, "cifar100": _CIFAR10 | {"optimizer__weight_decay": 1e-3}}
FLEXMATCH = FIXMATCH
SHRINKMATCH = {"cifar10": _CIFAR10, "cifar100": FIXMATCH["cifar100"] | {"align": True}}
