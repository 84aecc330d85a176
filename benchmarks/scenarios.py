"""All scenarios, collected from the families."""

from benchmarks import active, distill, noisy, partial

FAMILIES = (active, distill, noisy, partial)

# Public estimators and strategies without a scenario, each with the reason.
EXCLUDED = {}


def all_scenarios():
    """Return every scenario of every family."""
    return [scenario for family in FAMILIES for scenario in family.scenarios()]
