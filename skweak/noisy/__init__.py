"""Estimators for class labels of which some are wrong."""

from skweak.noisy.adele import EarlyLearningCorrection, early_learning_onset
from skweak.noisy.auto import AutoNoisyClassifier
from skweak.noisy.backward_correction import BackwardCorrectionClassifier
from skweak.noisy.bldr import BLDRClassifier
from skweak.noisy.capro import CAProClassifier
from skweak.noisy.cecl import CECLClassifier
from skweak.noisy.cluster import LocalCluster
from skweak.noisy.coteaching import CoTeachingClassifier
from skweak.noisy.cross_entropy import CrossEntropyClassifier
from skweak.noisy.datastore import knn_vote
from skweak.noisy.dividemix import DivideMixClassifier
from skweak.noisy.dpc import DPCClassifier
from skweak.noisy.echo_select import EchoSelectClassifier
from skweak.noisy.elr import ELRClassifier
from skweak.noisy.elr_plus import ELRPlusClassifier
from skweak.noisy.erase import ERASEClassifier
from skweak.noisy.flow import flow_diffusion, local_cluster
from skweak.noisy.forward_correction import ForwardCorrectionClassifier
from skweak.noisy.gce import GCEClassifier
from skweak.noisy.issues import find_label_issues
from skweak.noisy.jocor import JoCoRClassifier
from skweak.noisy.knn_augmented import KNNAugmentedClassifier
from skweak.noisy.knn_label_smoother import KNNLabelSmoother
from skweak.noisy.label_issue_filter import LabelIssueFilter
from skweak.noisy.mixup import MixupClassifier
from skweak.noisy.negative_learning import NegativeLearningClassifier
from skweak.noisy.nested_coteaching import NestedCoTeachingClassifier
from skweak.noisy.pls import PLSClassifier
from skweak.noisy.propagation import propagate
from skweak.noisy.prototype_cleaner import PrototypeCleaner
from skweak.noisy.prototypes import collective_targets
from skweak.noisy.rcal import RCALClassifier
from skweak.noisy.sce import SCEClassifier
from skweak.noisy.storm import STORMClassifier

__all__ = [
    "AutoNoisyClassifier",
    "BLDRClassifier",
    "BackwardCorrectionClassifier",
    "CAProClassifier",
    "CECLClassifier",
    "CoTeachingClassifier",
    "CrossEntropyClassifier",
    "DPCClassifier",
    "DivideMixClassifier",
    "ELRClassifier",
    "ELRPlusClassifier",
    "ERASEClassifier",
    "EarlyLearningCorrection",
    "EchoSelectClassifier",
    "ForwardCorrectionClassifier",
    "GCEClassifier",
    "JoCoRClassifier",
    "KNNAugmentedClassifier",
    "KNNLabelSmoother",
    "LabelIssueFilter",
    "LocalCluster",
    "MixupClassifier",
    "NegativeLearningClassifier",
    "NestedCoTeachingClassifier",
    "PLSClassifier",
    "PrototypeCleaner",
    "RCALClassifier",
    "SCEClassifier",
    "STORMClassifier",
    "collective_targets",
    "early_learning_onset",
    "find_label_issues",
    "flow_diffusion",
    "knn_vote",
    "local_cluster",
    "propagate",
]
