"""Learning from a stream, one part of its rows after the other."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from skweak.fit.messages import refuse_facts


def learns_from_streams(estimator):
    """Return True, or raise and say why this estimator does not."""
    if not estimator._supports_partial_fit:
        raise AttributeError(
            f"{type(estimator).__name__} has no partial_fit: it remembers its rows or plans its epochs over all of "
            "them, and a stream shows each row once. Collect the rows and call fit, or take a method that has it, such "
            "as skweak.noisy.GCEClassifier."
        )
    return True


class Streamed:
    """Mixin of estimators that may learn from a stream; a class says so by ``_supports_partial_fit = True``.

    It does so when everything that it learns stands in its networks, its optimizer and in sums over rows: what belongs
    to single rows would be taken for that of other rows in the next call.
    """

    _supports_partial_fit = False

    @available_if(learns_from_streams)
    def partial_fit(self, X, y, classes=None, **facts):
        """Train one more pass over the rows given; the first call names all ``classes`` or finds them in ``y``.

        A stream is a loop, ``for X, y in parts: clf.partial_fit(X, y, classes=[...])``; a part may be whatever ``fit``
        takes, a slice of a memory map for instance, and nothing of it is kept. Momentum goes on from call to call.
        """
        return self._partial_fit(X, y, classes, **refuse_facts(self, facts, "partial_fit"))

    def _partial_fit(self, X, y, classes, **facts):
        if self.checkpoint is not None:
            raise ValueError("checkpoint belongs to fit; partial_fit takes one pass: keep the model by skweak.save.")
        fitted = hasattr(self, "net_")
        known = self.classes_ if fitted else (self.classes if classes is None else classes)
        if fitted and classes is not None and not np.array_equal(classes, self.classes_):
            given, first = np.asarray(classes).tolist(), self.classes_.tolist()
            raise ValueError(f"classes={given!r} differs from the first call's {first!r}.")
        facts |= {"previous": self.net_ if fitted else None, "keep": True}
        return self._fit(X, y, classes=known, epochs=self._passes(), **facts)

    def _passes(self):
        """Return the passes over its rows that one call of ``partial_fit`` takes."""
        return 1
