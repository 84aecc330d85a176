"""Hints from the teacher's embedding (arXiv:1412.6550)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn import functional as F

from skweak.distill import presets
from skweak.distill.base import DistilledClassifier
from skweak.distill.kd import KDClassifier
from skweak.fit import refuse_facts
from skweak.nn.build import embedding_width


class FitNetClassifier(DistilledClassifier):
    """Network whose embedding predicts the teacher's embedding through one linear map.

    The map is learned along and adapts the widths. It asks more than relations do: all that the teacher's embedding
    holds must be found in the student's.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The student's network.
    teacher : estimator of this package, skorch net or torch.nn.Module
        Who is imitated, a network; see `skweak.distill.base.DistilledClassifier`. Its embedding is the input of its
        last linear layer.
    feature_weight : float >= 0, default=100.0
        Weight of the squared difference, a mean over rows and features; smaller for embeddings of large entries.
    cross_entropy_weight : float >= 0, default=1.0
        Weight of the cross-entropy with the labels; 0 never looks at them.
    optimizer : "auto" or torch.optim class, default=torch.optim.Adam
        The size of the squared differences is the teacher's, which Adam does not feel.
    lr : float > 0, default=0.005
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the student, in [0, 1]; low means suspicious.

    Notes
    -----
    The paper trains on hints first and on labels afterwards; here both losses are added, as later work does.

    References
    ----------
    Romero et al., arXiv:1412.6550.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skweak.noisy import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> teacher = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> student = FitNetClassifier(teacher=teacher, module__hidden=(16,), random_state=0).fit(X, y)
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    # It needs the teacher itself, whose logits are not enough.
    _side_facts = {}
    _presets = presets.FITNET
    _parameter_constraints = {
        "feature_weight": [Interval(Real, 0, None, closed="left")],
        "cross_entropy_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, teacher=None, feature_weight=100.0, cross_entropy_weight=1.0,
        optimizer=torch.optim.Adam, lr=0.005, **training,
    ):  # fmt: skip
        super().__init__(module, teacher=teacher, optimizer=optimizer, lr=lr, **training)
        self.feature_weight = feature_weight
        self.cross_entropy_weight = cross_entropy_weight

    def fit(self, X, y, **facts):
        """Train on ``X`` and ``y``, as in `skweak.base.WeakClassifier`."""
        return self._fit(X, y, **refuse_facts(self, facts))

    def _wanted(self):
        return "features"

    def _networks(self, make):
        network = make()
        return {"module": network, "regressor": nn.Linear(embedding_width(network), self._open_teacher(make.run).width)}

    def _rebuild_networks(self, make, shapes):
        network = make()
        return {"module": network, "regressor": nn.Linear(*shapes["regressor"]["weight"][::-1])}

    def _loss(self, run, batch):
        z, logits = self._student(run, batch.X)
        guess = run.regressor_(z).to(run.dtype)
        hints = (guess - self._lesson(run, batch).features).square().mean(1)
        supervised = F.cross_entropy(logits, batch.y, reduction="none")
        return self.cross_entropy_weight * supervised + self.feature_weight * hints

    @classmethod
    def _test_params(cls):
        teacher = KDClassifier(**KDClassifier._test_params() | {"max_epochs": 5})
        return super()._test_params() | {"teacher": teacher}
