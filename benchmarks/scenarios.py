"""All scenarios, collected from the families."""

from benchmarks import (
    active,
    closed_pool,
    distill,
    filtering,
    label_issues,
    multilabel,
    noisy,
    partial,
    selection,
    wrong_label_sets,
)

FAMILIES = (
    active, closed_pool, distill, filtering, label_issues, multilabel, noisy, partial, selection, wrong_label_sets,
)  # fmt: skip

# Public estimators and strategies without a scenario, each with the reason.
EXCLUDED = {}


def all_scenarios():
    """Return every scenario of every family."""
    return [scenario for family in FAMILIES for scenario in family.scenarios()]


def quick_scenarios():
    """Return every method of every family once, on the first data set of the family's ``QUICK`` that has it.

    Two protocols may share the name of a method; it is then measured by both.
    """
    chosen = {}
    for family in FAMILIES:
        for data in family.QUICK:
            for scenario in family.scenarios():
                if scenario.data == data:
                    protocol = getattr(scenario.run, "func", scenario.run)
                    chosen.setdefault((family, scenario.method, protocol), scenario)
    return list(chosen.values())
