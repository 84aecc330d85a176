"""Choosing the rows whose labels are worth buying."""

from skweak.active.badge import BADGE
from skweak.active.bald import BALD
from skweak.active.base import QueryStrategy
from skweak.active.bual import BUAL, BUALClassifier
from skweak.active.ccal import CCAL
from skweak.active.class_balanced import ClassBalanced
from skweak.active.committee import QueryByCommittee
from skweak.active.dcfs import DCFS, DCFSClassifier
from skweak.active.density import DensityWeighted
from skweak.active.e2oal import E2OAL, E2OALClassifier
from skweak.active.eaoa import EAOA, EAOAClassifier
from skweak.active.kcenter import KCenterGreedy
from skweak.active.lfosa import LfOSA, LfOSAClassifier
from skweak.active.loop import ActiveLearner, run_loop
from skweak.active.mqnet import MQNet
from skweak.active.ranked_batch import RankedBatch
from skweak.active.uncertainty import (
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    RandomSampling,
)

__all__ = [
    "ActiveLearner",
    "BADGE",
    "BALD",
    "BUAL",
    "BUALClassifier",
    "CCAL",
    "ClassBalanced",
    "DCFS",
    "DCFSClassifier",
    "DensityWeighted",
    "E2OAL",
    "E2OALClassifier",
    "EAOA",
    "EAOAClassifier",
    "EntropySampling",
    "KCenterGreedy",
    "LeastConfidenceSampling",
    "LfOSA",
    "LfOSAClassifier",
    "MQNet",
    "MarginSampling",
    "QueryByCommittee",
    "QueryStrategy",
    "RandomSampling",
    "RankedBatch",
    "run_loop",
]
