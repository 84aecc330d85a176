"""Every public estimator answers absurd inputs with an error that names them, or with a valid result."""

import pytest

from skweak.base import WeakClassifier
from tests.reliability.fits import NETWORKS
from tests.reliability.judge import cases, judge_all
from tests.reliability.kills import CONTEXT

SHARED = set(WeakClassifier().get_params())
# One value of each sort for the parameters of each class; all values and all inputs are tried in the long check.
VALUES = {"None", "True", "0", "-1", "2", "0.5", "nan", "inf", "1e300", "2**40", "text", "list", "object"}


def wrong_outcomes(cls, chosen):
    """Return the cases that ended wrongly; a child that dies is followed by one for the cases after."""
    found, chosen = {}, list(chosen)
    while chosen:
        queue = CONTEXT.SimpleQueue()
        child = CONTEXT.Process(target=judge_all, args=(cls, chosen, queue))
        child.start()
        queue._writer.close()
        last = None
        try:
            for name, wrong in iter(queue.get, None):
                last, found[name] = name, wrong
            chosen = []
        except EOFError:
            chosen = chosen[chosen.index(last) + 1 :] if last in chosen else []
            assert last is not None, "the child died before its first case"
        child.join()
    return {name: wrong for name, wrong in found.items() if wrong is not None}


def own_cases(cls):
    """Return the names of the cases of a class that no other class shares."""
    tried = {name: name.partition("=") for name in cases(cls)}
    # Odd rows and labels go through checks that all classes share: each class tries a fifth of them.
    shift = NETWORKS.index(cls)
    return [
        name for place, (name, (parameter, mark, value)) in enumerate(tried.items())
        if (parameter not in SHARED and value in VALUES if mark else (place + shift) % 5 == 0)
    ]  # fmt: skip


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_the_catalogue(cls):
    # Parameters that all classes share have their values tried once, below.
    assert wrong_outcomes(cls, own_cases(cls)) == {}


def test_every_value_of_the_shared_parameters():
    cls = next(cls for cls in NETWORKS if cls.__name__ == "CrossEntropyClassifier")
    chosen = [name for name in cases(cls) if "=" in name]
    assert wrong_outcomes(cls, chosen) == {}


@pytest.mark.long
@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_the_catalogue_with_shared_parameters(cls):
    assert wrong_outcomes(cls, cases(cls)) == {}
