"""Relational knowledge distillation (arXiv:1904.05068)."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.distill.kd import KDClassifier
from skweak.fit import refuse_facts
from skweak.losses import relational_angle_loss, relational_huber_loss

# The angles of a batch need memory of the order of its third power.
_LARGEST_BATCH = 128


def relation_losses(student, teacher):
    """Return how far distances and angles between the rows (n, d) of two embeddings are apart, as two means."""
    # The first function sums over pairs and divides by the rows once; here the mean over all pairs is wanted.
    distances = relational_huber_loss(student, teacher) / len(student)
    return distances, relational_angle_loss(student[:_LARGEST_BATCH], teacher[:_LARGEST_BATCH])


class RKDClassifier(DistilledClassifier):
    """Network that arranges the rows of a batch as the teacher's embedding does.

    What carries over are distances and angles between rows, not positions, so teacher and student may have embeddings
    of any width.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network.
    teacher : estimator of this package, skorch net or torch.nn.Module
        Who is imitated, a network; see `skweak.distill.base.DistilledClassifier`. Its embedding is the input of its
        last linear layer.
    distance_weight : float >= 0, default=25.0
        Weight of the distances between pairs of rows.
    angle_weight : float >= 0, default=50.0
        Weight of the angles of triples; costly for large batches, of which it reads the first 128 rows.
    cross_entropy_weight : float >= 0, default=1.0
        Weight of the cross-entropy with the labels; 0 never looks at them.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the student, in [0, 1]; low means suspicious.

    References
    ----------
    Park et al., arXiv:1904.05068.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skweak.noisy import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> teacher = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> student = RKDClassifier(teacher=teacher, module__hidden=(16,), max_epochs=30, random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    # It needs the teacher itself, whose logits are not enough.
    _side_facts = {}
    _presets = presets.RKD
    _parameter_constraints = {
        # The rows of a batch are compared with each other.
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "distance_weight": [Interval(Real, 0, None, closed="left")],
        "angle_weight": [Interval(Real, 0, None, closed="left")],
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, teacher=None, distance_weight=25.0, angle_weight=50.0, cross_entropy_weight=1.0,
        **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, **training)
        self.distance_weight = distance_weight
        self.angle_weight = angle_weight
        self.cross_entropy_weight = cross_entropy_weight

    def fit(self, X, y, **facts):
        """Train on ``X`` and ``y``, as in `skweak.base.WeakClassifier`."""
        return self._fit(X, y, **refuse_facts(self, facts))

    def _wanted(self):
        return "features"

    def _loss(self, run, batch):
        z, logits = self._student(run, batch.X)
        distances, angles = relation_losses(z, self._lesson(run, batch).features)
        supervised = F.cross_entropy(logits, batch.y)
        return (
            self.cross_entropy_weight * supervised + self.distance_weight * distances + self.angle_weight * angles
        )

    @classmethod
    def _test_params(cls):
        teacher = KDClassifier(**KDClassifier._test_params() | {"max_epochs": 5})
        return super()._test_params() | {"teacher": teacher, "max_epochs": 12, "batch_size": 32}
