"""The settings of papers' tables by name, for `skweak.base.WeakClassifier.preset`."""

from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR

from skweak.nn import ResNet

# arXiv:2201.08984: 800 epochs; the contrast of instances alone in the first.
PICO = {
    "cifar10": {
        "module": ResNet, "module__blocks": (2, 2, 2, 2), "module__width": 64, "contrast_weight": 0.5,
        "temperature": 0.07, "prototype_decay": 0.99, "target_decay": (0.95, 0.8), "prototype_start": 1,
        "key_decay": 0.999, "queue_size": 8192, "projection_width": 128, "augment": "weak", "lr": 0.01,
        "optimizer__momentum": 0.9, "optimizer__weight_decay": 1e-3, "max_epochs": 800, "batch_size": 256,
        "callbacks": [("schedule", LRScheduler(CosineAnnealingLR, T_max=800))],
    },
}  # fmt: skip
# arXiv:2106.05731: 250 epochs, the rate halved every 50.
LWS = {
    "cifar10": {
        "beta": 2.0, "lr": 0.05, "optimizer__momentum": 0.9, "optimizer__weight_decay": 1e-3, "max_epochs": 250,
        "batch_size": 256, "callbacks": [("schedule", LRScheduler(StepLR, step_size=50, gamma=0.5))],
    },
}  # fmt: skip
