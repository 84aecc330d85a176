"""Knowledge distillation (arXiv:1503.02531)."""

from numbers import Real

from sklearn.tree import DecisionTreeClassifier
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.losses import distillation_kl


class KDClassifier(DistilledClassifier):
    """Network that imitates the softened class probabilities of a teacher.

    A teacher's probabilities tell which wrong classes are nearly right, and that is more than a label says. The
    classical method and the first to try, above all where labels are few.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network.
    teacher : estimator, skorch net, torch.nn.Module or None, default=None
        Who is imitated; see `skweak.distill.base.DistilledClassifier`.
    temperature : float > 0, default=4.0
        Both sides' logits are divided by it; larger values show more of the small probabilities.
    cross_entropy_weight : float >= 0, default=0.1
        Weight of the cross-entropy with the labels; 0 never looks at them.
    distill_weight : float >= 0, default=0.9
        Weight of the divergence from the teacher; 0 is plain training.
    lr : float > 0, default=0.02
        Learning rate. The factor ``temperature ** 2`` wants a smaller one than plain training.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the student, in [0, 1]; low means suspicious.

    Notes
    -----
    The loss of a row is ``cross_entropy_weight * CE + distill_weight * distillation_kl``.

    References
    ----------
    Hinton et al., arXiv:1503.02531.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> forest = RandomForestClassifier(min_samples_leaf=5, random_state=0).fit(X, y)
    >>> student = KDClassifier(teacher=forest, module__hidden=(16,), max_epochs=60, random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    _presets = presets.KD
    _parameter_constraints = {
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
        "distill_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, teacher=None, temperature=4.0, cross_entropy_weight=0.1, distill_weight=0.9,
        lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, lr=lr, **training)
        self.temperature = temperature
        self.cross_entropy_weight = cross_entropy_weight
        self.distill_weight = distill_weight

    def _loss(self, run, batch):
        _, logits = self._student(run, batch.X)
        taught = distillation_kl(logits, self._lesson(run, batch).logits, temperature=self.temperature)
        supervised = F.cross_entropy(logits, batch.y, reduction="none")
        return self.cross_entropy_weight * supervised + self.distill_weight * taught

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"teacher": DecisionTreeClassifier(max_depth=4)}
