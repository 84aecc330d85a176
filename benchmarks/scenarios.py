"""All scenarios, collected from the families."""

from benchmarks import active, distill, filtering, label_issues, multilabel, noisy, partial, selection, wrong_label_sets

FAMILIES = (active, distill, filtering, label_issues, multilabel, noisy, partial, selection, wrong_label_sets)

# Public estimators and strategies without a scenario, each with the reason.
EXCLUDED = {}


def all_scenarios():
    """Return every scenario of every family."""
    return [scenario for family in FAMILIES for scenario in family.scenarios()]
