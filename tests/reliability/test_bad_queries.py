"""Every query strategy answers absurd pools and parameters with an error that names them, or with a valid choice."""

import inspect
import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.active.test_all_strategies import POOL, STRATEGIES, X, check_choice, learner_of, small
from tests.reliability.catalogue import VALUES, inputs
from tests.reliability.judge import NOT_OURS, STANDARD

POOLS = inputs(X[POOL][:20].astype(np.float64))


def wrong_outcome(cls, parameters, pool):
    """Return None when the outcome of a query is as it should be, else what is wrong with it."""
    names = {*inspect.signature(cls).parameters, "X", "X_pool", "n_instances", "n_features"}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            check_choice(small(cls, **parameters)(learner_of(cls), pool, 2), 2, 10**6)
        except (ValueError, TypeError) as error:
            text = str(error)
            if not re.search(rf"\b({'|'.join(names)})\b|{STANDARD}", text) or re.search(NOT_OURS, text):
                return f"{type(error).__name__} without a name: {text}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    foreign = [w for w in told if not issubclass(w.category, (UserWarning, ConvergenceWarning))]
    return f"{foreign[0].category.__name__}: {foreign[0].message}" if foreign else None


@pytest.mark.parametrize("cls", STRATEGIES, ids=lambda cls: cls.__name__)
def test_pools_and_parameters(cls):
    found = {}
    share = slice(STRATEGIES.index(cls) % 4, None, 4)
    for name in list(POOLS)[share]:
        found[f"pool {name}"] = wrong_outcome(cls, {}, POOLS[name])
    for parameter in inspect.signature(cls).parameters:
        for name in list(VALUES)[share]:
            # Sizes that are allowed would only take long.
            if name != "2**40":
                found[f"{parameter}={name}"] = wrong_outcome(cls, {parameter: VALUES[name]}, X[POOL][:20])
    assert {name: wrong for name, wrong in found.items() if wrong is not None} == {}
