"""Decoupled knowledge distillation (arXiv:2203.08679)."""

from numbers import Integral, Real

from sklearn.tree import DecisionTreeClassifier
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.losses import decoupled_kl
from skweak.utils import linear_ramp


class DKDClassifier(DistilledClassifier):
    """Network that imitates how its teacher ranks the wrong classes, however sure the teacher is.

    In plain distillation a sure teacher says nearly nothing about the wrong classes. Here what it says about the right
    one and how it ranks the others have a weight each. Take it for good teachers and many classes.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated; see `skweak.distill.base.DistilledClassifier`.
    temperature : float > 0, default=4.0
        Both sides' logits are divided by it; larger values show more of the small probabilities.
    target_weight : float >= 0, default=1.0
        Weight of the part about the given class (alpha).
    other_weight : float >= 0, default=8.0
        Weight of the part among the other classes (beta); smaller for teachers that are less sure.
    cross_entropy_weight : float >= 0, default=1.0
        Weight of the cross-entropy with the labels; 0 never looks at them.
    ramp_epochs : int >= 1, default=20
        Epochs over which both parts grow to their full weight; 1 is without a ramp.
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
    The ramp is ``min(1, epoch / ramp_epochs)`` with epochs counted from 1.

    References
    ----------
    Zhao et al., arXiv:2203.08679.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> forest = RandomForestClassifier(min_samples_leaf=5, random_state=0).fit(X, y)
    >>> student = DKDClassifier(teacher=forest, max_epochs=30, random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    _presets = presets.DKD
    _parameter_constraints = {
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "target_weight": [Interval(Real, 0, None, closed="left")],
        "other_weight": [Interval(Real, 0, None, closed="left")],
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, teacher=None, temperature=4.0, target_weight=1.0, other_weight=8.0,
        cross_entropy_weight=1.0, ramp_epochs=20, lr=0.005, **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, lr=lr, **training)
        self.temperature = temperature
        self.target_weight = target_weight
        self.other_weight = other_weight
        self.cross_entropy_weight = cross_entropy_weight
        self.ramp_epochs = ramp_epochs

    def _loss(self, run, batch):
        _, logits = self._student(run, batch.X)
        target_part, other_part = decoupled_kl(
            logits, self._lesson(run, batch).logits, batch.y, temperature=self.temperature
        )
        ramp = linear_ramp(run.epoch + 1, length=self.ramp_epochs)
        taught = self.target_weight * target_part + self.other_weight * other_part
        return self.cross_entropy_weight * F.cross_entropy(logits, batch.y, reduction="none") + ramp * taught

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"teacher": DecisionTreeClassifier(max_depth=4)}
