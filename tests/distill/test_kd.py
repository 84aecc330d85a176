"""Hinton's distillation: limits of its two weights."""

import numpy as np
import pytest
import torch

from skweak.distill import KDClassifier
from skweak.losses import distillation_kl
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
LOGITS = np.random.RandomState(0).randn(len(X), 3)
SMALL = {"module__hidden": (16,), "max_epochs": 4, "random_state": 0, "dtype": "float64", "lr": 0.02}


def test_without_the_teacher_it_is_cross_entropy():
    student = KDClassifier(**SMALL, cross_entropy_weight=1, distill_weight=0).fit(X, Y, teacher_logits=LOGITS)
    plain = CrossEntropyClassifier(**SMALL).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_without_the_labels_they_do_not_matter():
    first, second = (
        KDClassifier(**SMALL, cross_entropy_weight=0).fit(X, y, teacher_logits=LOGITS) for y in (Y, np.roll(Y, 7))
    )
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_a_constant_on_a_teachers_row_changes_nothing():
    shifted = LOGITS + np.linspace(-5, 5, len(X))[:, None]
    first, second = (KDClassifier(**SMALL).fit(X, Y, teacher_logits=logits) for logits in (LOGITS, shifted))
    np.testing.assert_allclose(first.predict_proba(X), second.predict_proba(X), rtol=1e-6)


def test_the_loss_is_the_weighted_sum_of_both():
    settings = SMALL | {"max_epochs": 1, "batch_size": 90, "lr": 1e-12}
    student = KDClassifier(**settings, temperature=2.0).fit(X, Y, teacher_logits=LOGITS)
    logits = student.net_.module_(torch.from_numpy(X).double()).detach()
    taught = distillation_kl(logits, torch.from_numpy(LOGITS), temperature=2.0).mean()
    expected = 0.1 * torch.nn.functional.cross_entropy(logits, torch.from_numpy(Y)) + 0.9 * taught
    assert student.history_[0]["train_loss"] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("wrong", [{"temperature": 0}, {"distill_weight": -1}, {"cross_entropy_weight": -1}], ids=str)
def test_errors(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of KDClassifier"):
        KDClassifier(**(SMALL | wrong)).fit(X, Y, teacher_logits=LOGITS)
