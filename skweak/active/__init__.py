"""Choosing the rows whose labels are worth buying."""

from skweak.active.active_gcd import ActiveGCD
from skweak.active.annotators import ActiveLab, IEThreshold, LabelerCost
from skweak.active.auro import AURO
from skweak.active.badge import BADGE
from skweak.active.bait import BAIT
from skweak.active.bald import BALD
from skweak.active.base import QueryStrategy
from skweak.active.batch_bald import BatchBALD
from skweak.active.bual import BUAL, BUALClassifier
from skweak.active.budgeted import Budgeted
from skweak.active.ccal import CCAL
from skweak.active.class_balanced import ClassBalanced
from skweak.active.clue import CLUE
from skweak.active.cluster_margin import ClusterMargin
from skweak.active.committee import QueryByCommittee
from skweak.active.confusion import ConfusionQuery
from skweak.active.data_pruner import DataPruner
from skweak.active.dcfs import DCFS, DCFSClassifier
from skweak.active.density import DensityWeighted
from skweak.active.difficulty_balanced import DifficultyBalanced
from skweak.active.drop_query import DropQuery
from skweak.active.e2oal import E2OAL, E2OALClassifier
from skweak.active.eaoa import EAOA, EAOAClassifier
from skweak.active.experiment import active_split, compare_runs
from skweak.active.falcun import Falcun
from skweak.active.graph_queries import DisharmonyQuery, SubspaceQuery
from skweak.active.herding import Herding
from skweak.active.kcenter import KCenterGreedy
from skweak.active.kernel import QUIRE, McPAL
from skweak.active.lewis import LewisSampling
from skweak.active.lfosa import LfOSA, LfOSAClassifier
from skweak.active.loop import ActiveLearner, run_loop
from skweak.active.mqnet import MQNet
from skweak.active.multilabel import AUDI, EntryMargin, MultiLabelRows
from skweak.active.mus_cdb import MUSCDB
from skweak.active.power_sampling import PowerSampling
from skweak.active.ranked_batch import RankedBatch
from skweak.active.reannotation import ReannotationQuery
from skweak.active.robust_distillation import RobustDistillation
from skweak.active.subsampled import Subsampled
from skweak.active.subset_classifier import SubsetClassifier
from skweak.active.subset_selector import ScoreDiversitySelector
from skweak.active.typiclust import TypiClust
from skweak.active.uncertainty import (
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    RandomSampling,
)

__all__ = [
    "ActiveGCD",
    "ConfusionQuery",
    "DifficultyBalanced",
    "DisharmonyQuery",
    "SubspaceQuery",
    "LewisSampling",
    "MUSCDB",
    "RobustDistillation",
    "active_split",
    "compare_runs",
    "ReannotationQuery",
    "ScoreDiversitySelector",
    "SubsetClassifier",
    "DataPruner",
    "MultiLabelRows",
    "EntryMargin",
    "AUDI",
    "AURO",
    "LabelerCost",
    "IEThreshold",
    "ActiveLab",
    "TypiClust",
    "Subsampled",
    "PowerSampling",
    "McPAL",
    "QUIRE",
    "Herding",
    "Falcun",
    "DropQuery",
    "ClusterMargin",
    "CLUE",
    "Budgeted",
    "BatchBALD",
    "BAIT",
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
