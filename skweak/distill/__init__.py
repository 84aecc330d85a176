"""Small networks that learn from the outputs of larger classifiers."""

from skweak.distill.dhkd import DHKDClassifier
from skweak.distill.dist import DISTClassifier
from skweak.distill.dkd import DKDClassifier
from skweak.distill.fitnet import FitNetClassifier
from skweak.distill.kd import KDClassifier
from skweak.distill.l2d import L2DClassifier
from skweak.distill.logit_mse import LogitMSEClassifier
from skweak.distill.rkd import RKDClassifier

__all__ = [
    "DHKDClassifier",
    "DISTClassifier",
    "DKDClassifier",
    "FitNetClassifier",
    "KDClassifier",
    "L2DClassifier",
    "LogitMSEClassifier",
    "RKDClassifier",
]
