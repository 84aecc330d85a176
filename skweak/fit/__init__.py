"""One training: the checks of what comes in, the trainer and its networks, the rows, the file, the fitted attributes.

The package is called after the method of the estimators that it carries out; `Fit` puts its parts together.
"""

from skweak.fit.inputs import check_inputs, tensor_to_array
from skweak.fit.messages import refuse_facts
from skweak.fit.parameters import (
    TRAINING_CONSTRAINTS,
    check_spelled,
    find_preset,
    is_spelling,
    merge_parameters,
    take_spelled,
)
from skweak.fit.training import Fit, Request, unchanged_on_failure

__all__ = [
    "TRAINING_CONSTRAINTS", "Fit", "Request", "check_inputs", "check_spelled", "find_preset", "is_spelling",
    "merge_parameters", "refuse_facts", "take_spelled", "tensor_to_array", "unchanged_on_failure",
]  # fmt: skip
