"""Labels given by several annotators who disagree."""

from skweak.crowd.dawid_skene import dawid_skene
from skweak.crowd.votes import vote_proportions

__all__ = ["dawid_skene", "vote_proportions"]
