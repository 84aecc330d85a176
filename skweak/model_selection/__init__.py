"""Cross-validation for labels of which some are wrong."""

from skweak.model_selection.comparison import compare
from skweak.model_selection.trusted import TrustedKFold, TrustedStratifiedKFold

__all__ = ["TrustedKFold", "TrustedStratifiedKFold", "compare"]
