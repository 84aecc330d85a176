"""What an estimator whose rows may have weights adds."""

from sklearn.utils.metaestimators import available_if

from skweak.fit.messages import refuse_facts
from skweak.fit.stream import learns_from_streams


class WeightedRows:
    """Mixin of estimators whose loss is a mean over rows: ``fit`` and ``partial_fit`` take ``sample_weight``."""

    _changeable_facts = ("target", "weight")

    def fit(self, X, y, sample_weight=None, **facts):
        """Train on ``X`` and ``y``; ``sample_weight`` (n,) weighs the rows, 0 leaves one out."""
        return self._fit(X, y, sample_weight=sample_weight, **refuse_facts(self, facts))

    @available_if(learns_from_streams)
    def partial_fit(self, X, y, classes=None, sample_weight=None, **facts):
        """Train one more pass over the rows given; the first call names all ``classes`` or finds them in ``y``.

        ``sample_weight`` (n,) weighs the rows, 0 leaves one out.
        """
        facts = refuse_facts(self, facts, "partial_fit")
        return self._partial_fit(X, y, classes, sample_weight=sample_weight, **facts)
