"""Estimators for class labels of which some are wrong."""

from skweak.noisy.cross_entropy import CrossEntropyClassifier

__all__ = ["CrossEntropyClassifier"]
