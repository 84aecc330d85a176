"""Cross-validation when some labels are verified, or most are missing."""

from skweak.model_selection.comparison import compare
from skweak.model_selection.semi import SemiStratifiedKFold
from skweak.model_selection.trusted import TrustedKFold, TrustedStratifiedKFold

__all__ = ["SemiStratifiedKFold", "TrustedKFold", "TrustedStratifiedKFold", "compare"]
