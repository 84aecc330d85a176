"""Finding every public estimator and query strategy by walking the package."""

import importlib
import inspect
import pkgutil

from sklearn.base import BaseEstimator, ClassifierMixin


def _public_classes():
    package = importlib.import_module("skweak")
    for info in pkgutil.iter_modules(package.__path__, prefix="skweak."):
        if info.ispkg:
            module = importlib.import_module(info.name)
            for name in getattr(module, "__all__", ()):
                value = getattr(module, name)
                if inspect.isclass(value) and issubclass(value, BaseEstimator) and not name.startswith("_"):
                    yield name, value


def all_estimators():
    """Return the sorted ``(name, class)`` pairs of every public classifier.

    Examples
    --------
    >>> dict(all_estimators())["GCEClassifier"].__name__
    'GCEClassifier'
    """
    return sorted({(n, c) for n, c in _public_classes() if issubclass(c, ClassifierMixin)}, key=_by_name)


def all_strategies():
    """Return the sorted ``(name, class)`` pairs of every public query strategy: called, not fitted.

    Examples
    --------
    >>> all(callable(cls) for _, cls in all_strategies())
    True
    """
    called = {(n, c) for n, c in _public_classes() if "__call__" in dir(c) and not hasattr(c, "fit")}
    return sorted((pair for pair in called if not inspect.isabstract(pair[1])), key=_by_name)


def _by_name(pair):
    return pair[0]
