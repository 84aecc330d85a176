"""Decoupled distillation: two weights that make up Hinton's loss, and a ramp."""

import numpy as np
import pytest
import torch

from skweak.distill import DKDClassifier, KDClassifier
from skweak.losses import decoupled_kl
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
# Every row's teacher leaves the same share to the other classes.
LOGITS = 2.0 * np.eye(3)[Y] + 0.3 * np.eye(3)[(Y + 1) % 3]
REST = float(1 - torch.from_numpy(LOGITS / 2).softmax(1)[0, Y[0]])
SMALL = {"module__hidden": (16,), "max_epochs": 4, "random_state": 0, "dtype": "float64", "lr": 0.02}


def test_with_the_right_weights_it_is_hintons():
    """Where the teacher leaves the share r to the other classes, KD = target part + r * other part."""
    weights = {"temperature": 2.0, "cross_entropy_weight": 0.5}
    decoupled = DKDClassifier(**SMALL, **weights, other_weight=REST, ramp_epochs=1).fit(X, Y, teacher_logits=LOGITS)
    plain = KDClassifier(**SMALL, **weights, distill_weight=1.0).fit(X, Y, teacher_logits=LOGITS)
    np.testing.assert_allclose(decoupled.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_the_ramp_counts_epochs_from_one():
    settings = SMALL | {"max_epochs": 3, "batch_size": 90, "lr": 1e-12}
    student = DKDClassifier(**settings, cross_entropy_weight=0, ramp_epochs=2).fit(X, Y, teacher_logits=LOGITS)
    logits = student.net_.module_(torch.from_numpy(X).double()).detach()
    parts = decoupled_kl(logits, torch.from_numpy(LOGITS), torch.from_numpy(Y))
    whole = float((parts[0] + 8 * parts[1]).mean())
    losses = [row["train_loss"] for row in student.history_]
    np.testing.assert_allclose(losses, [0.5 * whole, whole, whole], rtol=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"target_weight": -1}, {"other_weight": -1}, {"ramp_epochs": 0}], ids=str
)
def test_errors(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of DKDClassifier"):
        DKDClassifier(**(SMALL | wrong)).fit(X, Y, teacher_logits=LOGITS)
