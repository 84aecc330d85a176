"""The settings of papers' tables by name, for `skweak.base.WeakClassifier.preset`.

64 labeled and 448 unlabeled images a step, 2^20 steps on the 50,000 images of CIFAR, which are 9,363 epochs; their
networks are wide residual ones of 28 layers. arXiv:2001.07685, arXiv:2110.08263, arXiv:2308.06777.
"""

from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

_EPOCHS = 9363
# ``lr cos(7 pi t / (16 T))``: half a wave down to -lr, of which seven sixteenths are gone through.
_COSINE = LRScheduler(CosineAnnealingLR, T_max=16 * _EPOCHS / 7, eta_min=-0.03)

_CIFAR10 = {
    "threshold": 0.95, "unlabeled_weight": 1.0, "unlabeled_ratio": 7.0, "batch_size": 512, "average_decay": 0.999,
    "lr": 0.03, "optimizer__momentum": 0.9, "optimizer__nesterov": True, "optimizer__weight_decay": 5e-4,
    "max_epochs": _EPOCHS, "augment": "strong",
    "callbacks": [("schedule", _COSINE)],
}  # fmt: skip
_CIFAR100 = _CIFAR10 | {"optimizer__weight_decay": 1e-3}
_PLAIN = {"align": False, "ramp": 0.0}
FIXMATCH = {"cifar10": _CIFAR10 | _PLAIN, "cifar100": _CIFAR100 | _PLAIN}
FLEXMATCH = {"cifar10": _CIFAR10, "cifar100": _CIFAR100}
SHRINKMATCH = {"cifar10": _CIFAR10 | {"align": False}, "cifar100": _CIFAR100 | {"align": True}}
