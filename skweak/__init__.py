"""Learning with imperfect labels behind the scikit-learn interface."""

__version__ = "0.1.0"
