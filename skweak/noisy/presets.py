"""The settings of papers' tables by name, for `skweak.base.WeakClassifier.preset`.

They belong to images, large networks and hundreds of epochs, and say what a paper did, not what suits a table. Every
parameter of a paper that our defaults depart from is named.
"""

from skorch.callbacks import LRScheduler
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR, CosineAnnealingWarmRestarts, MultiStepLR

from skweak.nn import MLP, ResNet

_RESNET18 = {"module": ResNet, "module__blocks": (2, 2, 2, 2), "module__width": 64, "augment": "weak"}
_RESNET34 = _RESNET18 | {"module__blocks": (3, 4, 6, 3)}


def _steps(*milestones, factor=0.1):
    return [("schedule", LRScheduler(MultiStepLR, milestones=list(milestones), gamma=factor))]


# arXiv:2401.07062: 300 epochs, the rate divided by ten at epoch 150. Its warm-up is 10 epochs on CIFAR-10, 30 on
# CIFAR-100 and on CIFAR-10N, 40 on CIFAR-100N; the weight of guessed labels grows with the noise.
_CO_DIVIDE = _RESNET18 | {"lr": 0.02, "max_epochs": 300, "batch_size": 128, "callbacks": _steps(150)}
_CO_DIVIDE |= {"clean_threshold": 0.5, "sharpen_temperature": 0.5, "mixup_alpha": 4.0, "ramp_epochs": 16}
_DPC = _CO_DIVIDE | {"total_offset": 10.0, "kl_weight": 0.5, "selection": "gmm"}
DPC = {
    "cifar10": _DPC | {"warmup_epochs": 10, "unlabeled_weight": 25.0},
    "cifar10_asymmetric": _DPC | {"warmup_epochs": 10, "unlabeled_weight": 0.0, "confidence_penalty": True},
    "cifar100": _DPC | {"warmup_epochs": 30, "unlabeled_weight": 150.0},
    "cifar10n_worst": _DPC | _RESNET34 | {"warmup_epochs": 30, "unlabeled_weight": 25.0, "confidence_penalty": True},
    "cifar10n_aggre": _DPC | _RESNET34 | {"warmup_epochs": 30, "unlabeled_weight": 0.0, "confidence_penalty": True},
}

# arXiv:2002.07394, whose weight of guessed labels is 25 at 50 and 80 % symmetric noise and 0 below.
DIVIDEMIX = {
    "cifar10": _CO_DIVIDE | {"warmup_epochs": 10, "unlabeled_weight": 25.0},
    "cifar10_asymmetric": _CO_DIVIDE | {"warmup_epochs": 10, "unlabeled_weight": 0.0, "confidence_penalty": True},
    "cifar100": _CO_DIVIDE | {"warmup_epochs": 30, "unlabeled_weight": 150.0},
}

# arXiv:2209.01334: a constant rate until the rows are weighted, a cosine afterwards, which begins at once here.
_BLDR = _RESNET34 | {
    "lr": 0.04, "batch_size": 256, "consistency_weight": 0.9, "balance_weight": 0.1, "residual_weight": 50.0,
    "u_lr": 10.0, "v_lr": 10.0, "distill_weight": 0.1, "distill_temperature": 3.0, "feature_weight": 1e-6,
    "callbacks": [("schedule", LRScheduler(CosineAnnealingLR, T_max=300, eta_min=2e-4))],
}  # fmt: skip
BLDR = {
    "cifar10n": _BLDR | {"reweight_start": 20, "max_epochs": 320, "head_agreement_weight": 0.0},
    "cifar100n": _BLDR | {"reweight_start": 40, "max_epochs": 340, "head_agreement_weight": 10.0},
}

# arXiv:2007.00151; no penalty on unbalanced predictions there.
_ELR = _RESNET34 | {"lr": 0.02, "batch_size": 128, "optimizer__weight_decay": 1e-3, "balance_weight": 0.0}
ELR = {
    "cifar10": _ELR | {
        "penalty": 3.0, "decay": 0.7, "max_epochs": 150,
        "callbacks": [("schedule", LRScheduler(CosineAnnealingWarmRestarts, T_0=10, eta_min=1e-3))],
    },
    "cifar10_asymmetric": _ELR
    | {"penalty": 1.0, "decay": 0.9, "max_epochs": 120, "callbacks": _steps(40, 80, factor=0.01)},
    "cifar100": _ELR | {"penalty": 7.0, "decay": 0.9, "max_epochs": 150, "callbacks": _steps(80, 120, factor=0.01)},
}  # fmt: skip

# The same paper, two networks: the penalty of CIFAR-100 grows over 40,000 steps, 102 epochs of 50,000 rows.
_ELR_PLUS = _RESNET18 | {
    "lr": 0.02, "batch_size": 128, "balance_weight": 0.0, "mixup_alpha": 1.0, "average_decay": 0.997,
}  # fmt: skip
_ELR_PLUS_10 = _ELR_PLUS | {"max_epochs": 200, "callbacks": _steps(150)}
ELR_PLUS = {
    "cifar10": _ELR_PLUS_10 | {"penalty": 3.0, "decay": 0.7},
    "cifar10_asymmetric": _ELR_PLUS_10 | {"penalty": 1.0, "decay": 0.9},
    "cifar100": _ELR_PLUS
    | {"penalty": 7.0, "decay": 0.9, "max_epochs": 250, "callbacks": _steps(200)}
    | {"ramp_epochs": 102.0, "refine_targets": True},
}

# arXiv:1908.06112 and arXiv:1805.07836: the weights of the losses.
SCE = {
    "cifar10": {"alpha": 0.1, "beta": 1.0, "log_zero": -4.0, "lr": 0.01, "max_epochs": 120, "batch_size": 128}
    | {"callbacks": _steps(40, 80)},
    "cifar100": {"alpha": 6.0, "beta": 0.1, "log_zero": -4.0, "lr": 0.1, "max_epochs": 150, "batch_size": 128}
    | {"callbacks": _steps(80, 120)},
}
GCE = {"cifar10": {"q": 0.7, "lr": 0.01, "max_epochs": 120, "batch_size": 128, "callbacks": _steps(40, 80)}}

# arXiv:1710.09412: 200 epochs, the rate divided by ten after 100 and 150; 0.1 with weight decay 1e-4. With wrong labels
# alpha 8 did well at 20 % of them, 32 at 80 %.
_MIXUP = _RESNET18 | {"lr": 0.1, "max_epochs": 200, "batch_size": 128, "optimizer__weight_decay": 1e-4}
_MIXUP |= {"callbacks": _steps(100, 150)}
MIXUP = {"cifar10": _MIXUP | {"alpha": 1.0}, "cifar10_noisy": _MIXUP | {"alpha": 8.0}}

# arXiv:2003.02752: Adam for 200 epochs on a small convolutional network; forget_rate is the share of wrong labels. The
# paper's rate falls to zero from epoch 80 on, here it is constant.
_JOCOR = {"optimizer": Adam, "optimizer__weight_decay": 0.0, "lr": 1e-3, "max_epochs": 200, "batch_size": 128}
_JOCOR |= {"ramp_epochs": 10}
JOCOR = {"cifar10": _JOCOR | {"agreement_weight": 0.9}, "cifar100": _JOCOR | {"agreement_weight": 0.85}}

# arXiv:1908.07387: three times 720 epochs at 0.02 and weight decay 1e-4, one complementary class in each visit.
NLNL = {
    "cifar10": _RESNET34
    | {"lr": 0.02, "max_epochs": 2160, "batch_size": 128, "optimizer__weight_decay": 1e-4}
    | {"n_complements": 1, "selective_start": 1 / 3, "positive_start": 2 / 3, "confidence": 0.5}
}

# arXiv:2412.12955: a linear model on word counts, a constant rate and at most 10 epochs. Its early stopping wants rows
# that are held out, so it is left to whoever has them.
STORM = {
    "tfidf": {
        "module": MLP, "module__hidden": (), "optimizer": Adam, "lr": 0.05, "batch_size": 32,
        "max_epochs": 10, "n_passes": 3, "pass_dropout": 0.1, "rescaler_lr": 0.01, "meta_gradient": "exact",
    },
}  # fmt: skip

# arXiv:2407.05528, Controlled Noisy Web Labels at 32 x 32 pixels: a cosine over 200 epochs, of which one is before the
# first detection, and RandAugment as strong views.
_PLS = _RESNET18 | {
    "lr": 0.1, "max_epochs": 200, "batch_size": 256, "augment": "strong", "warmup_epochs": 1, "noise_threshold": 0.95,
    "sharpen_temperature": 0.5, "contrast_weight": 1.0, "contrast_temperature": 0.2, "mixup_alpha": 1.0,
    "balance_weight": 0.0, "callbacks": [("schedule", LRScheduler(CosineAnnealingLR, T_max=200))],
}  # fmt: skip
PLS = {"cnwl": _PLS | {"n_networks": 1}, "cnwl_plus": _PLS | {"n_networks": 2}}

# arXiv:2310.09761: ResNet-50 there. The paper keeps the encoder as it is in the first 5 epochs, which is not done here.
_CAPRO = _RESNET34 | {
    "lr": 0.1, "max_epochs": 60, "batch_size": 256, "threshold": 0.6, "temperature": 0.1, "n_anchor": 50,
    "prototype_start": 5, "cleaning_start": 10, "bootstrap_weight": 0.1, "contrast_weight": 1.0,
    "prototype_decay": 0.999, "key_decay": 0.999, "queue_size": 8192, "projection_width": 128,
    "callbacks": [("schedule", LRScheduler(CosineAnnealingLR, T_max=60))],
}  # fmt: skip
CAPRO = {"webvision": _CAPRO}

# arXiv:2206.13140: 350 epochs of the first stage, 100 of the second at a hundredth of the rate. The scale of the widths
# is 10 for ten classes, 100 for a hundred; a fifth of the rows is left out. Its first epochs warm the rate up.
_NESTED = _RESNET18 | {
    "lr": 0.1, "max_epochs": 450, "warmup_epochs": 350, "batch_size": 320, "forget_rate": 0.2, "ramp_epochs": 1,
    "callbacks": _steps(200, 300, 400),
}  # fmt: skip
NESTED = {"cifar10": _NESTED | {"width_scale": 10.0}, "cifar100": _NESTED | {"width_scale": 100.0}}
