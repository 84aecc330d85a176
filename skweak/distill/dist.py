"""Distillation from a stronger teacher (arXiv:2205.10536)."""

from numbers import Integral, Real

from sklearn.tree import DecisionTreeClassifier
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.losses import correlation_loss


class DISTClassifier(DistilledClassifier):
    """Network whose probabilities correlate with the teacher's instead of equalling them.

    The stronger the teacher, the less a small student can match its exact probabilities. Correlation asks only for the
    same ranking of the classes in a row, and of the rows for a class.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated; see `skweak.distill.base.DistilledClassifier`.
    temperature : float > 0, default=4.0
        Both sides' logits are divided by it; 1 for many classes.
    inter_weight : float >= 0, default=2.0
        Weight of the correlation between the classes of each row (beta).
    intra_weight : float >= 0, default=2.0
        Weight of the correlation between the rows of a batch, class by class (gamma).
    cross_entropy_weight : float >= 0, default=1.0
        Weight of the cross-entropy with the labels; 0 never looks at them.
    lr : float > 0, default=0.005
        Learning rate. The factor ``temperature ** 2`` wants a smaller one than plain training.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the student, in [0, 1]; low means suspicious.

    Notes
    -----
    Both terms carry the factor ``temperature ** 2``. They are those of `skweak.losses.correlation_loss`.

    References
    ----------
    Huang et al., arXiv:2205.10536.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> forest = RandomForestClassifier(min_samples_leaf=5, random_state=0).fit(X, y)
    >>> student = DISTClassifier(teacher=forest, max_epochs=30, random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    _presets = presets.DIST
    _parameter_constraints = {
        # The rows of a batch are compared with each other.
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "inter_weight": [Interval(Real, 0, None, closed="left")],
        "intra_weight": [Interval(Real, 0, None, closed="left")],
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, teacher=None, temperature=4.0, inter_weight=2.0, intra_weight=2.0,
        cross_entropy_weight=1.0, lr=0.005, **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, lr=lr, **training)
        self.temperature = temperature
        self.inter_weight = inter_weight
        self.intra_weight = intra_weight
        self.cross_entropy_weight = cross_entropy_weight

    def _loss(self, run, batch):
        _, logits = self._student(run, batch.X)
        between_classes, between_rows = correlation_loss(
            logits, self._lesson(run, batch).logits, temperature=self.temperature
        )
        taught = self.inter_weight * between_classes + self.intra_weight * between_rows
        return self.cross_entropy_weight * F.cross_entropy(logits, batch.y) + self.temperature**2 * taught

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"teacher": DecisionTreeClassifier(max_depth=4)}
