"""Relations between rows."""

import numpy as np
import pytest
import torch
from torch import nn

from skweak.distill import RKDClassifier
from skweak.losses import relational_angle_loss, relational_huber_loss
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
SMALL = {"module__hidden": (16,), "max_epochs": 4, "random_state": 0, "dtype": "float64", "lr": 0.02}
with torch.random.fork_rng():
    torch.manual_seed(0)
    TEACHER = MLP(4, 3, hidden=(8,))


def test_without_weights_it_is_cross_entropy():
    student = RKDClassifier(teacher=TEACHER, **SMALL, distance_weight=0, angle_weight=0).fit(X, Y)
    plain = CrossEntropyClassifier(**SMALL).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("n", [90, 150])
def test_the_loss_is_the_weighted_sum(n):
    X, Y, _ = blobs(n)
    X = X.astype(np.float32)
    settings = SMALL | {"max_epochs": 1, "batch_size": n, "lr": 1e-12}
    student = RKDClassifier(teacher=TEACHER, **settings, cross_entropy_weight=0, angle_weight=50.0 * (n < 128))
    student.fit(X, Y)
    rows = torch.from_numpy(X)
    ours, theirs = student.net_.module_.features(rows.double()).detach(), TEACHER.features(rows).double().detach()
    expected = 25 * relational_huber_loss(ours, theirs) / n
    if n < 128:      # larger batches show the angles of 128 rows, in an order of the fit's own
        expected += 50 * relational_angle_loss(ours, theirs)
    assert student.history_[0]["train_loss"] == pytest.approx(float(expected), rel=1e-5)


def test_large_batches_train():
    X, Y, _ = blobs(150)
    RKDClassifier(teacher=TEACHER, **SMALL | {"batch_size": 150}).fit(X, Y)


def test_rotating_and_scaling_the_teachers_embedding_changes_nothing():
    class Turned(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.head = inner, inner.head

        def features(self, X):
            return 3 * self.inner.features(X).flip(1) + 1

        def forward(self, X):
            return self.head(self.features(X))

    first, second = (
        RKDClassifier(teacher=teacher, **SMALL).fit(X, Y).predict_proba(X) for teacher in (TEACHER, Turned(TEACHER))
    )
    np.testing.assert_allclose(first, second, rtol=1e-3)


def test_errors():
    with pytest.raises(TypeError, match="teacher_logits"):
        RKDClassifier(teacher=TEACHER).fit(X, Y, teacher_logits=np.zeros((90, 3)))
    with pytest.raises(ValueError, match="teacher is None"):
        RKDClassifier().fit(X, Y)
    with pytest.raises(ValueError, match="The 'angle_weight' parameter of RKDClassifier"):
        RKDClassifier(teacher=TEACHER, angle_weight=-1).fit(X, Y)
    with pytest.raises(ValueError, match="The 'batch_size' parameter of RKDClassifier"):
        RKDClassifier(teacher=TEACHER, batch_size=1).fit(X, Y)
