"""Labels given by several annotators who disagree."""

from skweak.crowd.consensus import Consensus
from skweak.crowd.crowd_layer import CrowdLayerClassifier
from skweak.crowd.dawid_skene import dawid_skene
from skweak.crowd.doctor_net import DoctorNetClassifier
from skweak.crowd.glad import glad
from skweak.crowd.mace import mace
from skweak.crowd.majority import majority_vote
from skweak.crowd.one_coin import one_coin
from skweak.crowd.quality import crowd_label_quality
from skweak.crowd.report import annotator_report
from skweak.crowd.self_crowd import SelfCrowdClassifier
from skweak.crowd.tables import long_from_votes, votes_from_long
from skweak.crowd.vote import VoteClassifier
from skweak.crowd.votes import vote_proportions

__all__ = [
    "Consensus",
    "CrowdLayerClassifier",
    "DoctorNetClassifier",
    "SelfCrowdClassifier",
    "VoteClassifier",
    "annotator_report",
    "crowd_label_quality",
    "dawid_skene",
    "glad",
    "long_from_votes",
    "mace",
    "majority_vote",
    "one_coin",
    "vote_proportions",
    "votes_from_long",
]
