"""One signature for every estimator, and the ``module__``, ``optimizer__`` and ``callbacks__`` spellings.

Constructors end in ``**training`` and hand it on. `merge_signatures` shows the inherited parameters in the signature
instead, which is what ``help``, ``get_params``, ``clone`` and grid search read.
"""

import inspect
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

PREFIXES = ("module__", "optimizer__", "callbacks__")


def merge_signatures(cls):
    """Give ``cls.__init__`` a signature with the inherited parameters in place of its ``**`` entry."""
    init = cls.__dict__.get("__init__")
    if init is None:
        return
    own = inspect.signature(init)
    kinds = inspect.Parameter
    if not any(p.kind is kinds.VAR_KEYWORD for p in own.parameters.values()):
        return
    parameters = [p for p in own.parameters.values() if p.kind is not kinds.VAR_KEYWORD]
    names = {p.name for p in parameters}
    for base in cls.__mro__[1:]:
        if "__init__" in vars(base) and hasattr(base, "_parameter_constraints"):
            inherited = inspect.signature(base.__init__).parameters.values()
            parameters += [p for p in inherited if p.name not in names and p.kind is not kinds.VAR_KEYWORD]
            break
    # Positional-or-keyword parameters come before keyword-only ones, in the order of definition.
    parameters.sort(key=lambda p: p.kind)
    init.__signature__ = own.replace(parameters=parameters)


def is_spelling(name):
    """Return whether ``name`` addresses the module, the optimizer or a callback."""
    return any(name.startswith(prefix) and len(name) > len(prefix) for prefix in PREFIXES)


def spellings(estimator, prefix):
    """Return the values of the parameters starting with ``prefix``, without it."""
    return {name[len(prefix) :]: value for name, value in vars(estimator).items() if name.startswith(prefix)}


def refuse_booleans(estimator, constraints):
    """Raise for True or False where a number is asked for; Python counts them as integers."""
    for name, allowed in constraints.items():
        wants_number = any(isinstance(c, Interval) and c.type in (Integral, Real) for c in allowed)
        if wants_number and "boolean" not in allowed and isinstance(getattr(estimator, name), bool):
            raise ValueError(f"The {name!r} parameter must be a number, got {getattr(estimator, name)!r}.")
