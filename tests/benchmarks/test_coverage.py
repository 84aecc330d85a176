"""Every public estimator and query strategy is measured, or its exclusion has a reason."""

import dataclasses
import functools
import inspect
import types

from benchmarks.scenarios import EXCLUDED, FAMILIES, all_scenarios, quick_scenarios
from benchmarks.study import Study
from skweak.utils import all_estimators, all_strategies

PUBLIC = {name: cls for name, cls in (*all_estimators(), *all_strategies())}


def reached(things):
    """Return every class that can be reached from callables: arguments of partials, closures, names of functions."""
    classes, seen, todo = set(), set(), list(things)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, functools.partial):
            todo += [thing.func, *thing.args, *thing.keywords.values()]
        elif isinstance(thing, Study):
            todo += (getattr(thing, field.name) for field in dataclasses.fields(thing))
        elif isinstance(thing, dict):
            todo += thing.values()
        elif isinstance(thing, list | tuple | set):
            todo += thing
        elif inspect.isclass(thing):
            classes.add(thing)
        elif isinstance(thing, types.FunctionType) or hasattr(thing, "__wrapped__"):
            thing = inspect.unwrap(thing)
            if not thing.__module__.startswith("benchmarks"):
                continue
            todo += [cell.cell_contents for cell in thing.__closure__ or ()]
            todo += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
            todo += named(thing.__code__, thing.__globals__)
        elif type(thing).__module__.startswith("skweak"):
            classes.add(type(thing))
    return classes


def named(code, scope):
    """Yield what the names in the code of a function mean, attributes of modules included."""
    for name in code.co_names:
        if name in scope and isinstance(scope[name], types.ModuleType):
            yield from (getattr(scope[name], other) for other in code.co_names if hasattr(scope[name], other))
        elif name in scope:
            yield scope[name]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from named(constant, scope)


def test_every_public_class_has_a_scenario_or_a_reason():
    measured = reached(scenario.run for scenario in all_scenarios())
    missing = {name for name, cls in PUBLIC.items() if cls not in measured}
    assert missing == set(EXCLUDED), "give each a scenario, or a reason in benchmarks.scenarios.EXCLUDED"


def test_the_quick_mode_has_every_method_of_every_family_and_every_class():
    quick = quick_scenarios()
    assert len({scenario[:3] for scenario in quick}) == len(quick) < len(all_scenarios()) / 4
    for family, studies in FAMILIES.items():
        scenarios = [scenario for study in studies for scenario in study.scenarios()]
        assert {scenario.family for scenario in scenarios} == {family}
        assert {data for study in studies for data in study.quick} <= {scenario.data for scenario in scenarios}
        mine = {scenario[:3] for scenario in scenarios}
        methods = {scenario.method for scenario in quick if scenario[:3] in mine}
        assert methods == {scenario.method for scenario in scenarios}, family
    missing = {name for name, cls in PUBLIC.items() if cls not in reached(scenario.run for scenario in quick)}
    assert missing == set(EXCLUDED)


def test_exclusions_are_public_and_say_why():
    assert set(EXCLUDED) <= set(PUBLIC)
    assert all(len(reason.split()) >= 4 for reason in EXCLUDED.values())


def test_a_class_in_a_partial_a_closure_or_a_function_is_found():
    first, second, third = (type(name, (), {}) for name in "abc")

    def make():
        return second

    inner = functools.partial(dict, key=first)
    make.__module__ = "benchmarks.toy"
    assert {first, second} <= reached([functools.partial(print, inner, [make])])
    assert third not in reached([make, inner])


def test_a_scenario_reaches_its_own_method_alone():
    first, second, third = (type(name, (), {}) for name in "abc")
    study = Study("toy", {"data": print}, {"a": first, "b": second}, ("data",), changes={"data": {"b": third}})
    own = [reached([scenario.run]) & {first, second, third} for scenario in study.scenarios()]
    assert own == [{first}, {third}]
