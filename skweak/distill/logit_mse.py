"""Regression on the teacher's logits (arXiv:1312.6184)."""

from numbers import Real

from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.distill.base import DistilledClassifier
from skweak.distill.kd import KDClassifier


class LogitMSEClassifier(DistilledClassifier):
    """Network that learns the teacher's logits by least squares.

    The oldest and simplest distillation. It sees the size of the logits as well, hence the teacher should be a network.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated; see `skweak.distill.base.DistilledClassifier`.
    distill_weight : float >= 0, default=0.5
        Weight of the squared difference, a mean over the classes.
    cross_entropy_weight : float >= 0, default=1.0
        Weight of the cross-entropy with the labels; 0 never looks at them.
    lr : float > 0, default=0.005
        Learning rate. Squared differences want a smaller one than plain training.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the student, in [0, 1]; low means suspicious.

    References
    ----------
    Ba and Caruana, arXiv:1312.6184.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skweak.noisy import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> teacher = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> student = LogitMSEClassifier(teacher=teacher, module__hidden=(16,), max_epochs=30, random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    _imitates_logits = True
    _parameter_constraints = {
        "distill_weight": [Interval(Real, 0, None, closed="left")],
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, teacher=None, distill_weight=0.5, cross_entropy_weight=1.0, lr=0.005, **training
    ):
        super().__init__(module, teacher=teacher, lr=lr, **training)
        self.distill_weight = distill_weight
        self.cross_entropy_weight = cross_entropy_weight

    def _loss(self, run, batch):
        _, logits = self._student(run, batch.X)
        taught = (logits - self._lesson(run, batch).logits).square().mean(1)
        supervised = F.cross_entropy(logits, batch.y, reduction="none")
        return self.cross_entropy_weight * supervised + self.distill_weight * taught

    @classmethod
    def _test_params(cls):
        # A network: the logarithms of a tree's zeros are too far away for least squares.
        teacher = KDClassifier(**KDClassifier._test_params() | {"max_epochs": 5})
        return super()._test_params() | {"teacher": teacher}
