"""All scenarios, collected from the studies of the families."""

from benchmarks import (
    active,
    cell_queries,
    closed_pool,
    crowd,
    distill,
    filtering,
    label_issues,
    multilabel,
    noisy,
    panel,
    partial,
    selection,
    semi,
    small_budget,
    wrong_label_sets,
)

# A new family is one line here.
FAMILIES = {
    "active": (active.STUDY, closed_pool.STUDY, small_budget.STUDY, *cell_queries.STUDIES),
    "crowd": crowd.STUDIES,
    "distill": distill.STUDIES,
    "filtering": (filtering.STUDY,),
    "label_issues": (label_issues.STUDY,),
    "multilabel": (multilabel.STUDY, *wrong_label_sets.STUDIES),
    "noisy": noisy.STUDIES,
    "panel": (panel.STUDY,),
    "partial": (partial.STUDY,),
    "selection": (selection.STUDY,),
    "semi": semi.STUDIES,
}

# Public estimators and strategies without a scenario, each with the reason.
EXCLUDED = {
    "AURO": "asks for comparisons of labels; measured in its tests",
    "SubsetClassifier": "fits another classifier on a part of its table; measured in its tests",
}


def all_scenarios():
    """Return every scenario of every family."""
    return [scenario for studies in FAMILIES.values() for study in studies for scenario in study.scenarios()]


def quick_scenarios(families=None):
    """Return every method of every family once, on the first of the ``quick`` data sets that has it.

    A method whose name is shared by two ways of measuring is measured by both.
    """
    chosen = {}
    for family, studies in (FAMILIES if families is None else families).items():
        for study in studies:
            scenarios = study.scenarios()
            for data in study.quick:
                for scenario in scenarios:
                    if scenario.data == data:
                        chosen.setdefault((family, study.measure, scenario.method), scenario)
    return list(chosen.values())
