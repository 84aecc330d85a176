"""Pickles carry the version that wrote them, and say so when another one reads them."""

import inspect
import re
import warnings

from sklearn.exceptions import InconsistentVersionWarning

import skweak

_STAMP = "_skweak_version"


class OtherVersionWarning(InconsistentVersionWarning):
    """A pickle was written by another version of skweak."""

    def __str__(self):
        return (
            f"{self.estimator_name} was pickled by skweak {self.original_sklearn_version}, this is "
            f"{self.current_sklearn_version}: it may behave differently. Files of skweak.save are kept readable."
        )


def stamp(state):
    """Return a state with the version in it."""
    return {**state, _STAMP: skweak.__version__}


def read_stamped(estimator, state):
    """Return the state without the stamp, parameters that it does not know yet at their defaults.

    Raises
    ------
    ValueError
        If a newer major version wrote it.
    """
    state = dict(state)
    found, here = state.pop(_STAMP, "without a version"), skweak.__version__
    name = type(estimator).__name__
    if _major(found) > _major(here):
        raise ValueError(
            f"{name} was pickled by skweak {found}, which this version {here} cannot read; update skweak, or read the "
            "pickle with the version that wrote it and use skweak.save."
        )
    parameters = inspect.signature(type(estimator)).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    if found != here:
        warnings.warn(
            OtherVersionWarning(estimator_name=name, current_sklearn_version=here, original_sklearn_version=found),
            stacklevel=4,
        )
    return defaults | state


def _major(version):
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0
