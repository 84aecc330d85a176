"""Estimators for rows that have a set of candidate labels, one of which is right."""

from skweak.partial.cc import CCClassifier
from skweak.partial.lws import LWSClassifier
from skweak.partial.mogd import MoGDClassifier
from skweak.partial.pico import PiCOClassifier
from skweak.partial.proden import PRODENClassifier
from skweak.partial.rc import RCClassifier

__all__ = [
    "CCClassifier",
    "LWSClassifier",
    "MoGDClassifier",
    "PRODENClassifier",
    "PiCOClassifier",
    "RCClassifier",
]
